// Feeds arbitrary bytes to the reader of stored values, as each kind of type that such a file can
// hold, and touches every byte of what it accepts.
#include <cstdint>
#include <memory>
#include <vector>

#include "onnx/model.h"
#include "touch.h"

namespace {

using namespace gossamer;
using Kind = onnx::Type::Kind;

onnx::Type wrapped(Kind kind, const onnx::Type& element) {
  onnx::Type type;
  type.kind = kind;
  type.element = std::make_shared<const onnx::Type>(element);
  return type;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of exactly that size, so that reading past it is seen.
  auto held = std::make_shared<std::vector<std::uint8_t>>(data, data + size);
  const auto bytes = std::as_bytes(std::span(*held));
  onnx::Type tensor;
  tensor.kind = Kind::tensor;
  const onnx::Type sequence = wrapped(Kind::sequence, tensor);
  for (const onnx::Type& type :
       {tensor, sequence, wrapped(Kind::sequence, sequence), wrapped(Kind::optional, tensor),
        wrapped(Kind::optional, sequence)}) {
    const Result<Value> value = onnx::parse_value(bytes, held, type);
    if (value.ok()) touch(*value);
  }
  return 0;
}
