// Lowering a model for given inputs: shapes are fixed by them, and inputs that structure depends on
// are bound by value.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include "base/tensor.h"
#include "onnx/lower.h"

namespace gossamer::onnx {

struct NamedValue {
  std::string name;
  Value value;
};

// The names and types of the model's inputs that a caller gives: those without an initializer, in
// the graph's order.
std::vector<const ValueInfo*> free_inputs(const Model& model);

// A type as the text form spells it: "f32[1,3,h,w]", "seq(f32[*])".
std::string to_text(const Type& type);

// Checks the inputs against the model (a missing, unknown or misfitting one is a usage error that
// lists what is expected) and lowers for them.
Result<gossamer::Graph> lower_for(const std::shared_ptr<const Model>& model,
                                  const std::map<std::string, Value>& inputs,
                                  LowerOptions options = {});

// How one run of the reference behaves.
struct RunOptions {
  std::uint64_t seed = 0;
  const std::atomic<bool>* cancelled = nullptr;
};

// Runs a graph that lower_for made by the reference evaluator; gives its outputs by name, in order.
Result<std::vector<NamedValue>> run_graph(const gossamer::Graph& graph,
                                          const std::map<std::string, Value>& inputs,
                                          const RunOptions& run);

// lower_for, then run_graph.
Result<std::vector<NamedValue>> run_reference(const std::shared_ptr<const Model>& model,
                                              const std::map<std::string, Value>& inputs,
                                              LowerOptions options, const RunOptions& run);

}  // namespace gossamer::onnx
