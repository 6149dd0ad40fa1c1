// Stored test data: a TensorProto, SequenceProto or OptionalProto in a file of its own.
#include "base/mapped_file.h"
#include "onnx/file_kind.h"
#include "onnx/reader.h"

namespace gossamer::onnx {
namespace {

// SequenceProto and OptionalProto number their fields alike: 3 tensor, 4 sparse tensor, 5 sequence,
// 6 map, 7 optional; 2 says which of them, in the same order from 1.
constexpr std::uint32_t kElementType = 2, kFirstElement = 3, kLastElement = 7;

Status read_sequence(Reader& reader, Bytes bytes, std::size_t depth, Value& out);
Status read_optional(Reader& reader, Bytes bytes, std::size_t depth, Value& out);

Status read_tensor_value(Reader& reader, Bytes bytes, Value& out) {
  std::string unused;
  Tensor tensor;
  TRY(read_tensor(reader, bytes, unused, tensor));
  if (tensor.packed()) {
    TRY(reader.budget.take(static_cast<std::size_t>(tensor.count()), 1));
    ASSIGN(tensor, tensor.unpack());
  }
  out = Value(std::move(tensor));
  return {};
}

Status read_element(Reader& reader, std::uint32_t field, Bytes bytes, std::size_t depth,
                    Value& out) {
  switch (field) {
    case 3:
      return read_tensor_value(reader, bytes, out);
    case 4:
      return unsupported("sparse tensors in sequences and optionals are not supported");
    case 5:
      return read_sequence(reader, bytes, depth + 1, out);
    case 6:
      return unsupported("maps are not supported");
    default:
      return read_optional(reader, bytes, depth + 1, out);
  }
}

// The elements of either message; all are of the declared type.
Status read_elements(Reader& reader, Bytes bytes, std::size_t depth, std::vector<Value>& out) {
  TRY(reader.check_depth(depth));
  std::int64_t declared = 0;
  std::uint32_t found = 0;
  Fields fields(bytes);
  while (fields.next()) {
    const std::uint32_t number = fields.number();
    if (number == kElementType) {
      ASSIGN(declared, fields.int64());
    }
    if (number < kFirstElement || number > kLastElement) continue;
    if (found != 0 && found != number) return malformed("its elements are of several kinds");
    found = number;
    const std::size_t index = out.size();
    TRY(append_message(reader, fields, out, [&](Bytes element, Value& value) -> Status {
      Status status = read_element(reader, number, element, depth, value);
      return std::move(status).in("element #" + std::to_string(index));
    }));
  }
  TRY(fields.status());
  if (declared < 0 || declared > 5) {
    return malformed("element type " + std::to_string(declared) + " is unknown");
  }
  if (found != 0 && declared + 2 != found) {
    return malformed("its elements are not of the type that it declares");
  }
  return {};
}

Status read_sequence(Reader& reader, Bytes bytes, std::size_t depth, Value& out) {
  std::vector<Value> items;
  TRY(read_elements(reader, bytes, depth, items));
  out = Value::sequence(std::move(items));
  return {};
}

Status read_optional(Reader& reader, Bytes bytes, std::size_t depth, Value& out) {
  std::vector<Value> items;
  TRY(read_elements(reader, bytes, depth, items));
  if (items.size() > 1) return malformed("an optional holds several values");
  out = Value::optional(std::move(items));
  return {};
}

// An optional's value is stored as an OptionalProto, or plainly as what is inside. The element type
// tells, where the other message has one; a TensorProto has fields that an OptionalProto lacks.
bool is_plain(Bytes bytes, const Type& element) {
  if (element.kind == Type::Kind::optional) return false;
  const bool tensor = element.kind != Type::Kind::sequence;
  Fields fields(bytes);
  while (fields.next()) {
    const std::uint32_t number = fields.number();
    if (!tensor && number == kElementType) {
      constexpr std::uint64_t kSequence = 3;
      return fields.bits() != 0 && fields.bits() != kSequence;
    }
    if (tensor && (number > kLastElement || (number == 1 && fields.wire() == Wire::varint))) {
      return true;
    }
  }
  return false;
}

Status read_of_type(Reader& reader, Bytes bytes, const Type& type, Value& out) {
  switch (type.kind) {
    case Type::Kind::tensor:
    case Type::Kind::none:
      return read_tensor_value(reader, bytes, out);
    case Type::Kind::sequence:
      return read_sequence(reader, bytes, 1, out);
    case Type::Kind::optional: {
      const Type element = type.element == nullptr ? Type{} : *type.element;
      if (!is_plain(bytes, element)) return read_optional(reader, bytes, 1, out);
      Value inside;
      TRY(read_of_type(reader, bytes, element, inside));
      out = Value::optional({std::move(inside)});
      return {};
    }
    case Type::Kind::sparse_tensor:
    case Type::Kind::map:
    case Type::Kind::opaque:
      break;
  }
  return unsupported("only tensors, sequences and optionals can be read");
}

}  // namespace

Result<Value> parse_value(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                          const Type& type, const Limits& limits) {
  const Bytes file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Reader reader(file, std::move(owner), std::nullopt, limits);
  Value value;
  Status status = read_of_type(reader, file, type, value);
  if (status.ok()) return value;
  if (status.code() == Code::malformed) status = std::move(status).with_hint(guess_file_kind(file));
  return status;
}

Result<Value> read_value(const std::filesystem::path& path, const Type& type,
                         const Limits& limits) {
  ASSIGN(const MappedFile file, MappedFile::open(path.string()));
  Result<Value> value = parse_value(file.bytes(), file.owner(), type, limits);
  if (value.ok()) return value;
  return std::move(value).status().in(path.string());
}

}  // namespace gossamer::onnx
