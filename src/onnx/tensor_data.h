// The data of a TensorProto: which field carries which element type, and the decoding of raw bytes
// and of typed fields into a Tensor.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/tensor.h"
#include "onnx/reader.h"

namespace gossamer::onnx {

// A typed data field of TensorProto: float_data, int32_data, ...
struct DataField {
  std::uint32_t number;
  std::string_view name;
  Wire wire;  // of one element when not packed
};

// The data field of that number, or null.
const DataField* find_data_field(std::uint32_t number);
// The data field that carries elements of `dtype`.
const DataField& data_field_of(DType dtype);

// True for the element types that stay packed in memory as they are in a file: two and four bits.
bool is_packed(DType dtype);
// Bytes of `count` elements in raw data; `count` elements of the type must fit max_tensor_bytes.
std::uint64_t raw_size(DType dtype, std::int64_t count);

// A tensor of raw bytes, of which there must be exactly raw_size: borrowed from `owner` where their
// alignment allows, copied otherwise. `what` names the bytes in messages.
Result<Tensor> tensor_from_raw(Reader& reader, DType dtype, Shape shape,
                               std::span<const std::byte> bytes,
                               const std::shared_ptr<const void>& owner, std::string_view what);

// A tensor of what the typed field `data` holds in all its occurrences in `message`.
Result<Tensor> tensor_from_field(Reader& reader, DType dtype, Shape shape, Bytes message,
                                 const DataField& data);

}  // namespace gossamer::onnx
