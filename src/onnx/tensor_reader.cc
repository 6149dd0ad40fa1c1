// TensorProto: shape, element type and the one place that holds the data.
#include <charconv>

#include "onnx/tensor_data.h"

namespace gossamer::onnx {
namespace {

// The fields of a TensorProto before its data is decoded.
struct TensorFields {
  std::vector<std::int64_t> dims;
  std::int64_t code = 0;
  std::int64_t location = 0;  // 1: external
  Bytes raw;
  const DataField* typed = nullptr;  // the typed field that is not empty
  ExternalRange external;
};

Result<std::uint64_t> parse_number(Bytes text, std::string_view what) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && at == end) return value;
  return malformed("external data has " + std::string(what) + " " + quote_name(text) +
                   ", which is not a number of bytes");
}

// One entry of TensorProto.external_data; what it does not know (a checksum) it skips.
Status read_external_entry(Reader& reader, const Fields& field, ExternalRange& out) {
  ASSIGN(const Bytes bytes, field.bytes());
  std::pair<std::string, std::string> entry;
  TRY(read_entry(reader, bytes, entry));
  if (entry.first == "location") {
    out.location = std::move(entry.second);
  } else if (entry.first == "offset") {
    ASSIGN(out.offset, parse_number(entry.second, "an offset of"));
  } else if (entry.first == "length") {
    ASSIGN(out.length, parse_number(entry.second, "a length of"));
  }
  return {};
}

Status note_data_field(const Fields& field, TensorFields& out) {
  const DataField* data = find_data_field(field.number());
  if (data == nullptr) return {};
  ASSIGN(const std::size_t count, count_elements(field, data->wire));
  if (count == 0) return {};
  if (out.typed != nullptr && out.typed != data) {
    return malformed("its data is given twice, in " + std::string(out.typed->name) + " and in " +
                     std::string(data->name));
  }
  out.typed = data;
  return {};
}

Status read_field(Reader& reader, const Fields& fields, std::string& name, TensorFields& out) {
  switch (fields.number()) {
    case 1:
      TRY(append_int64s(reader, fields, out.dims));
      return {};
    case 2: {
      ASSIGN(out.code, fields.int64());
      return {};
    }
    case 3:
      return unsupported("it is stored in segments");
    case 8:
      return read_text(reader, fields, name);
    case 9: {
      ASSIGN(out.raw, fields.bytes());
      return {};
    }
    case 13:
      return read_external_entry(reader, fields, out.external);
    case 14: {
      ASSIGN(out.location, fields.int64());
      return {};
    }
    default:
      return note_data_field(fields, out);
  }
}

Result<DType> checked_dtype(const TensorFields& fields) {
  if (fields.code == 0) return malformed("its element type is undefined");
  const std::optional<DType> dtype = dtype_from_onnx(fields.code);
  if (!dtype) return malformed("element type " + std::to_string(fields.code) + " is unknown");
  return *dtype;
}

// Checks the extents, and that the elements fit what the limits allow and 64-bit arithmetic.
Result<Shape> checked_shape(const Reader& reader, std::vector<std::int64_t> dims, DType dtype) {
  if (dims.size() > kMaxRank) {
    return limit_error("it has " + std::to_string(dims.size()) + " dimensions, more than " +
                       std::to_string(kMaxRank));
  }
  Shape shape(std::move(dims));
  for (const std::int64_t extent : shape) {
    if (extent < 0) return malformed("dimension " + std::to_string(extent) + " is negative");
  }
  const std::optional<std::int64_t> count = shape.checked_count();
  if (!count) return malformed("shape " + shape.to_string() + " has too many elements to count");
  const auto bytes = checked_mul(*count, static_cast<std::int64_t>(dtype_size(dtype)));
  if (!bytes || *bytes > reader.limits.max_tensor_bytes) {
    return limit_error("shape " + shape.to_string() + " of " + std::string(dtype_name(dtype)) +
                       " takes more than " + std::to_string(reader.limits.max_tensor_bytes) +
                       " bytes");
  }
  return shape;
}

Result<Tensor> tensor_from_external(Reader& reader, DType dtype, Shape shape,
                                    const ExternalRange& range) {
  if (dtype == DType::string) return malformed("external data cannot hold strings");
  ASSIGN(const ExternalData::File file, reader.external.open(range.location));
  if (file.opened_now) reader.budget.add_file(file.bytes.size());
  ASSIGN(const std::span<const std::byte> bytes,
         cut_range(file.bytes, range, raw_size(dtype, shape.count())));
  return tensor_from_raw(reader, dtype, std::move(shape), bytes, file.owner, "external data");
}

Result<Tensor> read_data(Reader& reader, Bytes message, TensorFields fields) {
  ASSIGN(const DType dtype, checked_dtype(fields));
  ASSIGN(Shape shape, checked_shape(reader, std::move(fields.dims), dtype));
  if (fields.location != 0 && fields.location != 1) {
    return malformed("data location " + std::to_string(fields.location) + " is unknown");
  }
  const bool external = fields.location == 1;
  const int sources = (fields.raw.empty() ? 0 : 1) + (fields.typed != nullptr ? 1 : 0) + external;
  if (sources > 1) return malformed("its data is given more than once: raw, typed or external");
  if (external) return tensor_from_external(reader, dtype, std::move(shape), fields.external);
  if (fields.typed != nullptr) {
    return tensor_from_field(reader, dtype, std::move(shape), message, *fields.typed);
  }
  if (!fields.raw.empty()) {
    const auto raw = std::as_bytes(std::span(fields.raw.data(), fields.raw.size()));
    return tensor_from_raw(reader, dtype, std::move(shape), raw, reader.owner, "raw_data");
  }
  if (shape.count() == 0) return Tensor::make(dtype, std::move(shape));
  return malformed("it holds no data, but its shape is " + shape.to_string());
}

}  // namespace

Status read_tensor(Reader& reader, Bytes bytes, std::string& name, Tensor& out) {
  constexpr std::size_t kOverhead = 192;  // allocated beside the elements: extents, owner's count
  TRY(reader.budget.take(1, kOverhead));
  TensorFields found;
  Fields fields(bytes);
  while (fields.next()) TRY(read_field(reader, fields, name, found));
  TRY(fields.status());
  ASSIGN(out, read_data(reader, bytes, std::move(found)));
  return {};
}

}  // namespace gossamer::onnx
