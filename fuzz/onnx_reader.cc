// Feeds arbitrary bytes to the ONNX reader, as a model and as stored values, and touches every byte
// of what it accepts.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "onnx/model.h"

namespace {

using namespace gossamer;

unsigned touched = 0;

void touch(const Tensor& tensor) {
  const Result<Tensor> plain = tensor.packed() ? tensor.unpack() : Result<Tensor>(tensor);
  if (!plain.ok()) return;
  if (plain->dtype() == DType::string) {
    for (const std::string& s : plain->values<std::string>()) {
      for (const char c : s) touched += static_cast<unsigned char>(c);
    }
    return;
  }
  if (plain->byte_size() != static_cast<std::size_t>(plain->count()) * dtype_size(plain->dtype())) {
    std::abort();
  }
  const auto* bytes = static_cast<const unsigned char*>(plain->data());
  for (std::size_t i = 0; i < plain->byte_size(); ++i) touched += bytes[i];
}

void touch(const onnx::SparseTensor& sparse) {
  touch(sparse.values);
  touch(sparse.indices);
}

void touch(const onnx::Graph& graph);

void touch(const std::vector<onnx::Attribute>& attributes) {
  for (const onnx::Attribute& attribute : attributes) {
    for (const Tensor& t : attribute.tensors) touch(t);
    for (const onnx::SparseTensor& s : attribute.sparse_tensors) touch(s);
    for (const auto& g : attribute.graphs) touch(*g);
  }
}

void touch(const onnx::Graph& graph) {
  for (const onnx::Initializer& i : graph.initializers) touch(i.tensor);
  for (const onnx::SparseTensor& s : graph.sparse_initializers) touch(s);
  for (const onnx::Node& n : graph.nodes) touch(n.attributes);
}

void touch(const Value& value) {
  if (value.is_tensor()) touch(value.tensor);
  for (const Value& item : value.list()) touch(item);
}

onnx::Type wrapped(onnx::Type::Kind kind, const onnx::Type& element) {
  onnx::Type type;
  type.kind = kind;
  type.element = std::make_shared<const onnx::Type>(element);
  return type;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Kind = onnx::Type::Kind;
  // A copy of exactly that size, so that reading past it is seen.
  auto held = std::make_shared<std::vector<std::uint8_t>>(data, data + size);
  const auto bytes = std::as_bytes(std::span(*held));
  const Result<onnx::Model> model = onnx::parse_model(bytes, held, std::nullopt);
  if (model.ok()) {
    touch(model->graph);
    for (const onnx::Function& f : model->functions) {
      touch(f.attribute_defaults);
      for (const onnx::Node& n : f.nodes) touch(n.attributes);
    }
  }
  const onnx::Type tensor = wrapped(Kind::tensor, {});
  const onnx::Type sequence = wrapped(Kind::sequence, tensor);
  for (const onnx::Type& type :
       {tensor, sequence, wrapped(Kind::optional, tensor), wrapped(Kind::optional, sequence)}) {
    const Result<Value> value = onnx::parse_value(bytes, held, type);
    if (value.ok()) touch(*value);
  }
  return touched == 0xFFFFFFFFU ? 1 : 0;  // so that the reads are not dropped
}
