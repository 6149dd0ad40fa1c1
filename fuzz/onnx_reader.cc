// Feeds arbitrary bytes to the ONNX reader and touches every byte of what it accepts.
#include <cstdint>
#include <memory>
#include <vector>

#include "onnx/model.h"
#include "touch.h"

namespace {

using namespace gossamer;

void touch(const onnx::SparseTensor& sparse) {
  ::touch(sparse.values);
  ::touch(sparse.indices);
}

void touch(const onnx::Graph& graph);

void touch(const std::vector<onnx::Attribute>& attributes) {
  for (const onnx::Attribute& attribute : attributes) {
    for (const Tensor& t : attribute.tensors) ::touch(t);
    for (const onnx::SparseTensor& s : attribute.sparse_tensors) touch(s);
    for (const auto& g : attribute.graphs) touch(*g);
  }
}

void touch(const onnx::Graph& graph) {
  for (const onnx::Initializer& i : graph.initializers) ::touch(i.tensor);
  for (const onnx::SparseTensor& s : graph.sparse_initializers) touch(s);
  for (const onnx::Node& n : graph.nodes) touch(n.attributes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of exactly that size, so that reading past it is seen.
  auto held = std::make_shared<std::vector<std::uint8_t>>(data, data + size);
  const Result<onnx::Model> model =
      onnx::parse_model(std::as_bytes(std::span(*held)), held, std::nullopt);
  if (!model.ok()) return 0;
  touch(model->graph);
  for (const onnx::Function& f : model->functions) {
    touch(f.attribute_defaults);
    for (const onnx::Node& n : f.nodes) touch(n.attributes);
  }
  return 0;
}
