// Fuzz target: a model from bytes, through lowering, shape inference and evaluation.
#include <cstddef>
#include <cstdint>
#include <memory>

#include "evaluate.h"
#include "graph/graph.h"
#include "onnx/lower.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gossamer;
  const auto bytes = std::as_bytes(std::span<const std::uint8_t>(data, size));
  Result<onnx::Model> model = onnx::parse_model(bytes, nullptr, std::nullopt);
  if (!model.ok()) return 0;
  const Result<Graph> graph =
      onnx::lower(std::make_shared<const onnx::Model>(std::move(model).value()));
  if (!graph.ok()) {
    if (graph.status().code() == Code::internal) {
      std::fprintf(stderr, "%s\n", graph.status().message().c_str());
      std::abort();
    }
    return 0;
  }
  if (!verify(*graph).ok()) std::abort();
  evaluate_on_zeros(*graph);
  return 0;
}
