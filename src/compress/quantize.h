// The step quantize: how each layer's weights, and what it reads, become integers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compress/observe.h"
#include "compress/quantize_weights.h"
#include "compress/step.h"

namespace gossamer::compress {

struct ActivationScheme {
  bool none = false;  // weights only
  RangeOptions range;
};

struct LayerScheme {
  bool keep = false;  // the layer stays as it is
  WeightScheme weights;
  ActivationScheme activations;
};

// Layers that are quantized by a scheme of their own.
struct SchemeOverride {
  std::vector<std::string> layers;  // shell patterns on names
  LayerScheme scheme;
};

struct QuantizeOptions {
  LayerFilter filter;
  LayerScheme scheme;
  std::vector<SchemeOverride> overrides;  // the last that names a layer holds
  bool correct_bias = true;
  bool tables = true;  // embeddings and recurrent layers, too

  const LayerScheme& scheme_of(const std::string& layer) const;
  bool needs_samples() const;
};

// A graph, and what samples tell of its layers: quantized by one set of options after another
// without running the samples again.
class Quantizer {
 public:
  // Looks at the samples as far as any of `options` (or, with `all`, any options whatever) asks.
  static Result<Quantizer> open(const Graph& graph, const QuantizeOptions& options,
                                const StepContext& context, bool all = false);
  // The layers that the filter of `options` chooses; fails with usage when there are none.
  Result<Graph> apply(const QuantizeOptions& options, const StepContext& context) const;

  const std::vector<Layer>& layers() const { return layers_; }

 private:
  Graph graph_;
  std::vector<Layer> layers_;
  std::map<ValueId, Observation> seen_;
  std::map<std::size_t, Moments> moments_;  // by index in layers_
};

class QuantizeStep : public Step {
 public:
  explicit QuantizeStep(QuantizeOptions options) : options_(std::move(options)) {}

  bool needs_samples() const override { return options_.needs_samples(); }
  Result<Graph> apply(const Graph& graph, const StepContext& context) const override;
  const QuantizeOptions& options() const { return options_; }

 private:
  QuantizeOptions options_;
};

}  // namespace gossamer::compress
