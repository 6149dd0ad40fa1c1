// Step: one thing that a recipe does to a graph.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "compress/fields.h"
#include "compress/observe.h"
#include "graph/graph.h"

namespace gossamer::compress {

// What a step may use, and where it says what it did.
struct StepContext {
  const samples::Samples* samples = nullptr;  // null: the recipe runs without
  RunControl control;
  std::vector<std::string>* notes = nullptr;  // for the report: layers left out and why

  void note(std::string text) const {
    if (notes != nullptr) notes->push_back(std::move(text));
  }
};

class Step {
 public:
  virtual ~Step() = default;
  // Whether it must see samples.
  virtual bool needs_samples() const = 0;
  virtual Result<Graph> apply(const Graph& graph, const StepContext& context) const = 0;
};

using StepPtr = std::unique_ptr<const Step>;

struct StepInfo {
  std::string_view name, summary;
  Result<StepPtr> (*parse)(Fields& fields);
};
std::span<const StepInfo> all_steps();

#define STEP(name, summary) Result<StepPtr> parse_##name(Fields& fields);
#include "compress/steps.def"
#undef STEP

// Whether a layer is chosen: by shell patterns on its name, `include` empty for all.
struct LayerFilter {
  std::vector<std::string> include, exclude;
  void read(Fields& fields);
  bool chooses(const std::string& name) const;
};

}  // namespace gossamer::compress
