// From what the file says to what it means: a checked Graph of primitives.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "graph/graph.h"
#include "onnx/model.h"
#include "primitives/host.h"

namespace gossamer::onnx {

struct LowerOptions {
  std::map<std::string, Shape> shapes;       // fixes whole input shapes, by input name
  std::map<std::string, std::int64_t> dims;  // fixes symbols, by name
  // Values of inputs that structure (an axis, a rank, a mode) depends on: they become constants.
  // Types are fixed by them too.
  std::map<std::string, Tensor> bound;
  // Values of the outermost graph, by the file's names, that become the outputs in place of the
  // model's; empty: the model's.
  std::vector<std::string> outputs;
  // A branch that cannot run for these shapes is refused only when it is taken, unless neither
  // branch can run; false: the model is refused, and the condition's input asked for.
  bool refuse_late = false;
  // Operators that the host brings along; asked for those that nobody else knows. May be null.
  std::shared_ptr<const HostOperators> hosts;
};

// Lowers the model. When structure depends on graph inputs that are not bound, fails with
// Code::unsupported and fills `needs_binding` (if given) with those inputs' names. Inputs that were
// bound stay inputs of the Graph, unread.
Result<gossamer::Graph> lower(const std::shared_ptr<const Model>& model,
                              const LowerOptions& options = {},
                              std::vector<std::string>* needs_binding = nullptr);

}  // namespace gossamer::onnx
