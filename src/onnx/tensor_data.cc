// Raw and typed tensor data. Both are checked against the shape before anything is allocated.
#include "onnx/tensor_data.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/mapped_file.h"

namespace gossamer::onnx {
namespace {

constexpr DataField kDataFields[] = {
    {4, "float_data", Wire::fixed32},   {5, "int32_data", Wire::varint},
    {6, "string_data", Wire::bytes},    {7, "int64_data", Wire::varint},
    {10, "double_data", Wire::fixed64}, {11, "uint64_data", Wire::varint},
};

std::span<const std::byte> as_span(Bytes bytes) {
  return std::as_bytes(std::span(bytes.data(), bytes.size()));
}

// Bounds of what one entry of a typed integer field may be.
struct Range {
  std::int64_t low, high;
};

template <class T>
constexpr Range range_of() {
  return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}

Range entry_range(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return {0, 1};
    case DType::i8:
      return range_of<std::int8_t>();
    case DType::i16:
      return range_of<std::int16_t>();
    case DType::i32:
      return range_of<std::int32_t>();
    case DType::i64:
    case DType::u64:  // all 64 bits are its own
      return range_of<std::int64_t>();
    case DType::u32:
      return range_of<std::uint32_t>();
    case DType::u16:
    case DType::f16:
    case DType::bf16:
      return range_of<std::uint16_t>();
    case DType::f6e2m3:
    case DType::f6e3m2:
      return {0, 63};
    default:  // u8, the fp8 kinds, and bytes that pack several elements
      return range_of<std::uint8_t>();
  }
}

Status wrong_count(std::string_view what, std::uint64_t found, std::uint64_t expected,
                   const Shape& shape, DType dtype, std::string_view unit) {
  return malformed(std::string(what) + " holds " + std::to_string(found) + " " + std::string(unit) +
                   ", but " + std::string(dtype_name(dtype)) + shape.to_string() + " needs " +
                   std::to_string(expected));
}

// Six-bit elements lie in a bit stream, lowest bits first, four in three bytes.
Result<Tensor> unpack_six_bits(DType dtype, Shape shape, std::span<const std::byte> bytes) {
  ASSIGN(Tensor out, Tensor::make_uninitialized(dtype, std::move(shape)));
  const std::span<std::uint8_t> values = out.mutable_values<std::uint8_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t bit = i * 6, at = bit / 8;
    unsigned pair = std::to_integer<unsigned>(bytes[at]);
    if (at + 1 < bytes.size()) pair |= std::to_integer<unsigned>(bytes[at + 1]) << 8U;
    values[i] = static_cast<std::uint8_t>((pair >> (bit % 8)) & 0x3FU);
  }
  return out;
}

std::size_t alignment_of(DType dtype) {
  return visit_dtype(dtype, [](auto tag) { return alignof(typename decltype(tag)::type); });
}

// The entries of the data field in file order: walks all its occurrences in a message.
template <class OnField>
Status for_each_occurrence(Bytes message, const DataField& data, OnField&& on_field) {
  Fields fields(message);
  while (fields.next()) {
    if (fields.number() == data.number) TRY(on_field(fields));
  }
  return fields.status();
}

Result<Tensor> tensor_from_strings(Reader& reader, Shape shape, Bytes message,
                                   const DataField& data) {
  const auto count = static_cast<std::size_t>(shape.count());
  TRY(reader.budget.take(count, sizeof(std::string)));
  ASSIGN(Tensor out, Tensor::make(DType::string, std::move(shape)));
  const std::span<std::string> values = out.mutable_values<std::string>();
  std::size_t next = 0;
  const auto read_next = [&](const Fields& field) -> Status {
    std::string& value = values[next++];
    TRY(read_bytes(reader, field, value));
    return is_utf8(value) ? Status{} : malformed("a string is not UTF-8: " + quote_name(value));
  };
  TRY(for_each_occurrence(message, data, read_next));
  return out;
}

// Floats and doubles, or pairs of them for the complex types: little-endian bytes as they are.
Result<Tensor> tensor_from_fixed(Reader& reader, DType dtype, Shape shape, Bytes message,
                                 const DataField& data) {
  const auto size = static_cast<std::size_t>(raw_size(dtype, shape.count()));
  Bytes whole;
  TRY(for_each_occurrence(message, data, [&](const Fields& field) {
    if (field.content().size() == size) whole = field.content();
    return Status{};
  }));
  if (whole.size() == size) {
    return tensor_from_raw(reader, dtype, std::move(shape), as_span(whole), reader.owner,
                           data.name);
  }
  TRY(reader.budget.take(1, size));
  ASSIGN(Tensor out, Tensor::make_uninitialized(dtype, std::move(shape)));
  auto* at = static_cast<std::byte*>(out.mutable_data());
  TRY(for_each_occurrence(message, data, [&](const Fields& field) {
    at = std::copy_n(as_span(field.content()).data(), field.content().size(), at);
    return Status{};
  }));
  return out;
}

// Calls on_value(value) with each integer of the field's occurrences, packed or not.
template <class OnValue>
Status for_each_varint(Bytes message, const DataField& data, OnValue&& on_value) {
  return for_each_occurrence(message, data, [&](const Fields& field) -> Status {
    if (field.wire() == Wire::varint) return on_value(field.bits());
    Bytes packed = field.content();
    while (!packed.empty()) {
      std::uint64_t value = 0;
      if (!take_varint(packed, value)) return malformed("the bytes are broken: a list cut short");
      TRY(on_value(value));
    }
    return {};
  });
}

Result<Tensor> tensor_from_integers(Reader& reader, DType dtype, Shape shape, Bytes message,
                                    const DataField& data) {
  const bool packed = is_packed(dtype);
  const std::size_t size = packed ? 1 : dtype_size(dtype);
  const auto bytes = static_cast<std::size_t>(
      packed ? raw_size(dtype, shape.count()) : static_cast<std::uint64_t>(shape.count()) * size);
  TRY(reader.budget.take(1, bytes));
  // Packed bytes are made as u8 and borrowed from there.
  const Shape made = packed ? Shape{static_cast<std::int64_t>(bytes)} : shape;
  ASSIGN(Tensor out, Tensor::make_uninitialized(packed ? DType::u8 : dtype, made));
  auto* at = static_cast<std::byte*>(out.mutable_data());
  const Range range = entry_range(dtype);
  TRY(for_each_varint(message, data, [&](std::uint64_t bits) -> Status {
    const auto value = static_cast<std::int64_t>(bits);
    if (value < range.low || value > range.high) {
      return malformed(std::string(data.name) + " holds " + std::to_string(value) +
                       ", which does not fit " + std::string(dtype_name(dtype)));
    }
    std::memcpy(at, &bits, size);  // little endian
    at += size;
    return {};
  }));
  if (!packed) return out;
  auto owner = std::make_shared<const Tensor>(std::move(out));
  const auto held = std::as_bytes(owner->values<std::uint8_t>());
  return Tensor::borrow(dtype, std::move(shape), held, owner, true);
}

}  // namespace

const DataField* find_data_field(std::uint32_t number) {
  const auto* found = std::find_if(std::begin(kDataFields), std::end(kDataFields),
                                   [&](const DataField& f) { return f.number == number; });
  return found == std::end(kDataFields) ? nullptr : found;
}

const DataField& data_field_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::c64:
      return *find_data_field(4);
    case DType::string:
      return *find_data_field(6);
    case DType::i64:
      return *find_data_field(7);
    case DType::f64:
    case DType::c128:
      return *find_data_field(10);
    case DType::u32:
    case DType::u64:
      return *find_data_field(11);
    default:
      return *find_data_field(5);
  }
}

bool is_packed(DType dtype) {
  const int bits = dtype_info(dtype).file_bits;
  return bits == 2 || bits == 4;
}

std::uint64_t raw_size(DType dtype, std::int64_t count) {
  const auto bits = static_cast<std::uint64_t>(dtype_info(dtype).file_bits);
  const auto n = static_cast<std::uint64_t>(count);
  return bits < 8 ? (n * bits + 7) / 8 : n * (bits / 8);
}

Result<Tensor> tensor_from_raw(Reader& reader, DType dtype, Shape shape,
                               std::span<const std::byte> bytes,
                               const std::shared_ptr<const void>& owner, std::string_view what) {
  if (dtype == DType::string) return malformed(std::string(what) + " cannot hold strings");
  const std::uint64_t expected = raw_size(dtype, shape.count());
  if (bytes.size() != expected) {
    return wrong_count(what, bytes.size(), expected, shape, dtype, "bytes");
  }
  if (bytes.empty()) return Tensor::make(dtype, std::move(shape));
  if (dtype == DType::boolean) {
    const bool clean = std::all_of(bytes.begin(), bytes.end(),
                                   [](std::byte b) { return std::to_integer<unsigned>(b) <= 1; });
    if (!clean) return malformed(std::string(what) + " holds a byte that is neither 0 nor 1");
  }
  if (dtype_info(dtype).file_bits == 6) {
    TRY(reader.budget.take(1, static_cast<std::size_t>(shape.count())));
    return unpack_six_bits(dtype, std::move(shape), bytes);
  }
  // Large tensors give their pages of the file back once nobody needs them.
  constexpr std::size_t kLarge = 65536;
  const std::shared_ptr<const void> keeps =
      bytes.size() < kLarge ? owner : MappedFile::own_part(owner, bytes);
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (address % alignment_of(dtype) == 0) {
    return Tensor::borrow(dtype, std::move(shape), bytes, keeps, is_packed(dtype));
  }
  TRY(reader.budget.take(1, bytes.size()));
  ASSIGN(Tensor out, Tensor::make_uninitialized(dtype, std::move(shape)));
  std::memcpy(out.mutable_data(), bytes.data(), bytes.size());
  return out;
}

Result<Tensor> tensor_from_field(Reader& reader, DType dtype, Shape shape, Bytes message,
                                 const DataField& data) {
  if (data.number != data_field_of(dtype).number) {
    return malformed(std::string(data.name) + " cannot hold " + std::string(dtype_name(dtype)));
  }
  std::uint64_t expected = static_cast<std::uint64_t>(shape.count());
  if (is_packed(dtype)) expected = raw_size(dtype, shape.count());
  if (dtype == DType::c64 || dtype == DType::c128) expected *= 2;
  std::uint64_t found = 0;
  TRY(for_each_occurrence(message, data, [&](const Fields& field) -> Status {
    ASSIGN(const std::size_t more, count_elements(field, data.wire));
    found += more;
    return {};
  }));
  if (found != expected) {
    return wrong_count(data.name, found, expected, shape, dtype, "entries");
  }
  if (dtype == DType::string) return tensor_from_strings(reader, std::move(shape), message, data);
  if (data.wire == Wire::varint) {
    return tensor_from_integers(reader, dtype, std::move(shape), message, data);
  }
  return tensor_from_fixed(reader, dtype, std::move(shape), message, data);
}

}  // namespace gossamer::onnx
