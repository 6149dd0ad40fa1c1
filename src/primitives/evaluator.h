// The reference evaluator: runs a Graph by each primitive's scalar code, freeing values after their
// last use.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace gossamer {

struct EvaluateOptions {
  std::uint64_t seed = 0;
  // Total bytes that live values may hold; exceeded: Code::limit, naming the node.
  std::int64_t max_bytes = std::int64_t{1} << 40;
  // Node executions and iterations over all graphs; exceeded: Code::limit. So many take seconds.
  std::int64_t max_steps = std::int64_t{1} << 24;
  const std::atomic<bool>* cancelled = nullptr;  // true: stop with Code::interrupted
  // Called for each value of the outermost graph as it is computed (for taps and comparisons); may
  // be empty.
  std::function<void(ValueId, const Value&)> on_value;
};

// Runs the graph on one Value an input, in order; gives one Value an output. Checks inputs against
// the graph's types (usage errors name the input and what was expected).
Result<std::vector<Value>> evaluate(const Graph& graph, std::span<const Value> inputs,
                                    const EvaluateOptions& options = {});

// Runs one primitive on given operands (null: left out); `results` values come back. For constant
// folding and tests.
Result<std::vector<Value>> evaluate_node(const Primitive& primitive, const void* attributes,
                                         std::span<const Value* const> operands,
                                         std::size_t results,
                                         std::int64_t max_bytes = std::int64_t{1} << 40);

}  // namespace gossamer
