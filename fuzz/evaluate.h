// Running whatever graph a fuzzer made: inputs of zeros, small limits.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "primitives/evaluator.h"

// A zero tensor for a tensor type, open extents as 2; an empty sequence or optional otherwise.
inline gossamer::Value zeros(const gossamer::Type& type) {
  if (type.kind == gossamer::Type::Kind::sequence) return gossamer::Value::sequence({});
  if (type.kind == gossamer::Type::Kind::optional) return gossamer::Value::optional({});
  gossamer::Shape shape;
  if (type.shape)
    for (const gossamer::Dim& d : *type.shape) shape.dims().push_back(d.constant().value_or(2));
  const std::optional<std::int64_t> count = shape.checked_count();
  if (!count || *count > (1 << 16)) return {};
  gossamer::Result<gossamer::Tensor> t = gossamer::Tensor::make(type.dtype, shape);
  return t.ok() ? gossamer::Value(std::move(t).value()) : gossamer::Value();
}

// A refusal is fine; an internal error is a finding.
inline void evaluate_on_zeros(const gossamer::Graph& graph) {
  std::vector<gossamer::Value> inputs;
  for (gossamer::ValueId v : graph.inputs) inputs.push_back(zeros(graph.value(v).type));
  gossamer::EvaluateOptions options;
  options.max_bytes = 1 << 26;
  options.max_steps = 2000;
  const auto outputs = gossamer::evaluate(graph, inputs, options);
  if (!outputs.ok() && outputs.status().code() == gossamer::Code::internal) {
    std::fprintf(stderr, "%s\n", outputs.status().message().c_str());
    std::abort();
  }
}
