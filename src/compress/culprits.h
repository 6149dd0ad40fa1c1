// Culprits: where inside a model's answers begin to differ from those of the model that it came
// from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compress/runner.h"
#include "measure/difference.h"

namespace gossamer::compress {

// A value that both models have by name.
struct TensorDifference {
  std::string name;
  // As its readers see it: both models have the name, and B rounds the value before it is read.
  bool dequantized = false;
  measure::Difference difference;
};

// The nodes of A between values that both models have, and what B has in their place.
struct LayerDifference {
  std::string name;    // of the product with constant weights in it, else of its last node
  std::string result;  // the value that it ends with
  bool has_weights = false;
  double input_snr = 0;   // dB, of the least alike of its inputs; infinite: they are equal
  double output_snr = 0;  // dB, of its result
  // What it adds itself: B's result by A's layer on B's inputs. Nothing where A's cannot run there.
  std::optional<measure::Difference> own;
  // dB, of the models' outputs when B has A's layer in this one place. Only of the worst ones.
  std::optional<double> mended_snr;
};

struct Culprits {
  std::size_t samples = 0;
  double output_snr = 0;                  // dB, of the outputs of both models
  std::vector<TensorDifference> tensors;  // by signal-to-noise ratio, the worst first
  std::vector<LayerDifference> layers;    // by their own noise, the greatest first
  // Of `layers`: the one whose mending brings the outputs most; where none was tried the first.
  // Nothing when no layer adds noise.
  std::optional<std::size_t> worst;
};

struct CulpritOptions {
  RunControl control;
  std::size_t samples = 16;  // at most so many are looked at
  std::size_t mend = 3;      // so many of the worst layers are tried in B's place
};

// `a` is what the answers are judged by, `b` came from it. Values are matched by name, with `a`
// as it is or optimized by the portable passes, which is what compressing starts from: whichever
// shares more with `b`. Values inside branches and loops are none.
Result<Culprits> find_culprits(const Graph& a, const Graph& b, const samples::Samples& samples,
                               const CulpritOptions& options);

// Signal-to-noise ratio in dB of B's outputs by A's, over those of a name that both have (what goes
// into their softmax, where both end with one); their noise is summed. Infinite: they are equal.
Result<double> outputs_snr(const Graph& a, const Graph& b, const samples::Samples& samples,
                           std::size_t most_samples, const RunControl& control);

}  // namespace gossamer::compress
