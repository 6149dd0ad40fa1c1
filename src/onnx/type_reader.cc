// TypeProto, its shapes, and ValueInfoProto.
#include "onnx/reader.h"

namespace gossamer::onnx {
namespace {

Status read_dimension(Reader& reader, Bytes bytes, Dimension& out) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == 1) {
      ASSIGN(out.value, fields.int64());
    } else if (fields.number() == 2) {
      TRY(read_text(reader, fields, out.param));
    }
  }
  TRY(fields.status());
  // Some exporters write an open dimension as -1.
  if (out.value == -1) out.value.reset();
  if (out.value && *out.value < 0) {
    return malformed("dimension " + std::to_string(*out.value) + " is negative");
  }
  if (out.value) out.param.clear();
  return {};
}

Status read_shape(Reader& reader, Bytes bytes, std::vector<Dimension>& out) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() != 1) continue;
    if (out.size() == kMaxRank) {
      return limit_error("a shape has more than " + std::to_string(kMaxRank) + " dimensions");
    }
    TRY(append_message(reader, fields, out, [&](Bytes b, Dimension& dimension) {
      return read_dimension(reader, b, dimension);
    }));
  }
  return fields.status();
}

// TypeProto.Tensor and TypeProto.SparseTensor. An element type left open leaves the type unknown.
Status read_tensor_type(Reader& reader, Bytes bytes, Type::Kind kind, Type& out) {
  std::int64_t code = 0;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == 1) {
      ASSIGN(code, fields.int64());
    } else if (fields.number() == 2) {
      ASSIGN(const Bytes shape, fields.bytes());
      if (out.shape) return malformed("a type has two shapes");
      TRY(read_shape(reader, shape, out.shape.emplace()));
    }
  }
  TRY(fields.status());
  if (code == 0) return {};
  const std::optional<DType> dtype = dtype_from_onnx(code);
  if (!dtype) return malformed("element type " + std::to_string(code) + " is unknown");
  out.kind = kind;
  out.dtype = *dtype;
  return {};
}

// TypeProto.Sequence and TypeProto.Optional.
Status read_nested_type(Reader& reader, Bytes bytes, std::size_t depth, Type::Kind kind,
                        Type& out) {
  auto element = std::make_shared<Type>();
  Fields fields(bytes);
  bool found = false;
  while (fields.next()) {
    if (fields.number() != 1) continue;
    ASSIGN(const Bytes type, fields.bytes());
    if (found) return malformed("a type has two element types");
    found = true;
    TRY(reader.budget.take(1, sizeof(Type) + 32));
    TRY(read_type(reader, type, depth + 1, *element));
  }
  TRY(fields.status());
  out.kind = kind;
  out.element = std::move(element);
  return {};
}

Status read_type_field(Reader& reader, const Fields& fields, std::size_t depth, Type& out) {
  ASSIGN(const Bytes bytes, fields.bytes());
  switch (fields.number()) {
    case 1:
      return read_tensor_type(reader, bytes, Type::Kind::tensor, out);
    case 4:
      return read_nested_type(reader, bytes, depth, Type::Kind::sequence, out);
    case 5:
      out.kind = Type::Kind::map;
      return {};
    case 7:
      out.kind = Type::Kind::opaque;
      return {};
    case 8:
      return read_tensor_type(reader, bytes, Type::Kind::sparse_tensor, out);
    default:
      return read_nested_type(reader, bytes, depth, Type::Kind::optional, out);
  }
}

bool is_type_field(std::uint32_t number) {
  return number == 1 || number == 4 || number == 5 || (number >= 7 && number <= 9);
}

}  // namespace

Status read_type(Reader& reader, Bytes bytes, std::size_t depth, Type& out) {
  TRY(reader.check_depth(depth));
  Fields fields(bytes);
  bool found = false;
  while (fields.next()) {
    if (!is_type_field(fields.number())) continue;
    if (found) return malformed("a type is of two kinds at once");
    found = true;
    TRY(read_type_field(reader, fields, depth, out));
  }
  return fields.status();
}

Status read_value_info(Reader& reader, Bytes bytes, ValueInfo& out) {
  Fields fields(bytes);
  bool typed = false;
  while (fields.next()) {
    if (fields.number() == 1) {
      TRY(read_text(reader, fields, out.name));
    } else if (fields.number() == 2) {
      ASSIGN(const Bytes type, fields.bytes());
      if (typed) return malformed("it has two types");
      typed = true;
      Status status = read_type(reader, type, 1, out.type);
      if (!status.ok()) return std::move(status).in("type");
    }
  }
  return fields.status();
}

}  // namespace gossamer::onnx
