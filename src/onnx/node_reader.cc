// AttributeProto and NodeProto.
#include <algorithm>

#include "onnx/reader.h"

namespace gossamer::onnx {
namespace {

using Kind = Attribute::Kind;

// Where an attribute of each kind lies: the field of its value and its code in AttributeProto.type.
struct Slot {
  Kind kind;
  std::uint32_t field;
  std::int64_t code;
  std::string_view name;
};
constexpr Slot kSlots[] = {
    {Kind::f, 2, 1, "FLOAT"},
    {Kind::i, 3, 2, "INT"},
    {Kind::s, 4, 3, "STRING"},
    {Kind::t, 5, 4, "TENSOR"},
    {Kind::g, 6, 5, "GRAPH"},
    {Kind::floats, 7, 6, "FLOATS"},
    {Kind::ints, 8, 7, "INTS"},
    {Kind::strings, 9, 8, "STRINGS"},
    {Kind::tensors, 10, 9, "TENSORS"},
    {Kind::graphs, 11, 10, "GRAPHS"},
    {Kind::sparse_tensor, 22, 11, "SPARSE_TENSOR"},
    {Kind::sparse_tensors, 23, 12, "SPARSE_TENSORS"},
    {Kind::type, 14, 13, "TYPE_PROTO"},
    {Kind::types, 15, 14, "TYPE_PROTOS"},
};

template <class Match>
const Slot* find_slot(Match&& match) {
  const auto* found = std::find_if(std::begin(kSlots), std::end(kSlots), match);
  return found == std::end(kSlots) ? nullptr : found;
}

// Kinds of which an attribute holds exactly one message.
bool is_single_message(Kind kind) {
  return kind == Kind::t || kind == Kind::g || kind == Kind::sparse_tensor || kind == Kind::type;
}

Status append_floats(Reader& reader, const Fields& field, std::vector<float>& out) {
  if (out.empty()) {
    const std::size_t count = field.count_elements_left(Wire::fixed32);
    TRY(reader.budget.take(count, sizeof(float)));
    out.reserve(count);
  }
  TRY(count_elements(field, Wire::fixed32).status());
  for (Bytes rest = field.content(); !rest.empty(); rest.remove_prefix(sizeof(float))) {
    std::copy_n(rest.data(), sizeof(float), reinterpret_cast<char*>(&out.emplace_back()));
  }
  return {};
}

Status append_graph(Reader& reader, Bytes bytes, std::size_t depth,
                    std::shared_ptr<const Graph>& out) {
  TRY(reader.budget.take(1, sizeof(Graph) + 32));
  auto graph = std::make_shared<Graph>();
  TRY(read_graph(reader, bytes, depth + 1, *graph));
  out = std::move(graph);
  return {};
}

// The value of an attribute from the field that `kind` lies in.
Status read_attribute_value(Reader& reader, const Fields& fields, std::size_t depth, Kind kind,
                            Attribute& out) {
  switch (kind) {
    case Kind::f: {
      ASSIGN(out.f, fields.float32());
      return {};
    }
    case Kind::i: {
      ASSIGN(out.i, fields.int64());
      return {};
    }
    case Kind::s:
      return read_bytes(reader, fields, out.s);
    case Kind::floats:
      return append_floats(reader, fields, out.floats);
    case Kind::ints:
      return append_int64s(reader, fields, out.ints);
    case Kind::strings:
      TRY(make_room(reader, fields, out.strings));
      return read_bytes(reader, fields, out.strings.emplace_back());
    case Kind::t:
    case Kind::tensors:
      return append_message(reader, fields, out.tensors, [&](Bytes bytes, Tensor& tensor) {
        std::string unused;
        return read_tensor(reader, bytes, unused, tensor);
      });
    case Kind::g:
    case Kind::graphs:
      return append_message(reader, fields, out.graphs, [&](Bytes bytes, auto& graph) {
        return append_graph(reader, bytes, depth, graph);
      });
    case Kind::sparse_tensor:
    case Kind::sparse_tensors:
      return append_message(reader, fields, out.sparse_tensors,
                            [&](Bytes bytes, SparseTensor& sparse) {
                              return read_sparse_tensor(reader, bytes, sparse);
                            });
    case Kind::type:
    case Kind::types:
      return append_message(reader, fields, out.types, [&](Bytes bytes, Type& type) {
        return read_type(reader, bytes, 1, type);
      });
    case Kind::undefined:
      break;
  }
  return {};
}

// Settles the kind from the declared type and the one field that is set, and checks that they
// agree. A type without a value means the value 0, "" or [], as proto3 writers leave those out.
Status settle_kind(const Reader& reader, std::int64_t code, const Slot* set, Attribute& out) {
  const Slot* declared = find_slot([&](const Slot& s) { return s.code == code; });
  if (code != 0 && declared == nullptr) {
    return malformed("type " + std::to_string(code) + " is unknown");
  }
  const bool reference = !out.ref_attr_name.empty();
  if (reference && !reader.in_function) {
    return malformed("it refers to an attribute of a function, but is in none");
  }
  if (reference && set != nullptr) return malformed("it has both a value and a reference");
  if (code == 0 && !reference) {
    if (set == nullptr) return malformed("it has neither a type nor a value");
    if (reader.ir_version >= 4) return malformed("it has no type");
    declared = set;
  }
  if (declared != nullptr && set != nullptr && declared != set) {
    return malformed("its type is " + std::string(declared->name) + ", but it holds " +
                     std::string(set->name));
  }
  out.kind = declared == nullptr ? Kind::undefined : declared->kind;
  if (set == nullptr && !reference && is_single_message(out.kind)) {
    return malformed("its type is " + std::string(declared->name) + ", but it holds none");
  }
  return {};
}

Status read_attribute_fields(Reader& reader, Bytes bytes, std::size_t depth, Attribute& out) {
  std::int64_t code = 0;
  const Slot* set = nullptr;
  Fields fields(bytes);
  while (fields.next()) {
    const std::uint32_t number = fields.number();
    if (number == 1) {
      TRY(read_text(reader, fields, out.name));
    } else if (number == 20) {
      ASSIGN(code, fields.int64());
    } else if (number == 21) {
      TRY(read_text(reader, fields, out.ref_attr_name));
    }
    const Slot* slot = find_slot([&](const Slot& s) { return s.field == number; });
    if (slot == nullptr) continue;
    if (set != nullptr && set != slot) {
      return malformed("it holds both " + std::string(set->name) + " and " +
                       std::string(slot->name));
    }
    if (set == slot && is_single_message(slot->kind)) return malformed("it has two values");
    set = slot;
    TRY(read_attribute_value(reader, fields, depth, slot->kind, out));
  }
  TRY(fields.status());
  if (out.name.empty()) return malformed("it has no name");
  return settle_kind(reader, code, set, out);
}

Status append_names(Reader& reader, const Fields& fields, std::vector<std::string>& list) {
  if (list.empty()) TRY(reader.count_values(fields.count_left()));
  return append_text(reader, fields, list);
}

Status read_node_field(Reader& reader, const Fields& fields, std::size_t depth, Node& out) {
  switch (fields.number()) {
    case 1:
      return append_names(reader, fields, out.inputs);
    case 2:
      return append_names(reader, fields, out.outputs);
    case 3:
      return read_text(reader, fields, out.name);
    case 4:
      return read_text(reader, fields, out.op_type);
    case 5:
      return append_message(reader, fields, out.attributes, [&](Bytes bytes, Attribute& attribute) {
        return read_attribute(reader, bytes, depth, attribute);
      });
    case 7:
      return read_text(reader, fields, out.domain);
    case 8:
      return read_text(reader, fields, out.overload);
    case 9:
      return append_message(reader, fields, out.metadata, [&](Bytes bytes, auto& entry) {
        return read_entry(reader, bytes, entry);
      });
    default:
      return {};
  }
}

}  // namespace

Status read_attribute(Reader& reader, Bytes bytes, std::size_t depth, Attribute& out) {
  Status status = read_attribute_fields(reader, bytes, depth, out);
  if (status.ok() || !names_place(depth)) return status;
  const Bytes name = peek_text(bytes, 1);
  return std::move(status).in(name.empty() ? "an attribute" : "attribute " + quote_name(name));
}

Status read_node(Reader& reader, Bytes bytes, std::size_t depth, Node& out) {
  Fields fields(bytes);
  while (fields.next()) TRY(read_node_field(reader, fields, depth, out));
  TRY(fields.status());
  if (out.op_type.empty()) return malformed("it has no op_type");
  normalize_domain(out.domain);
  if (out.attributes.size() < 2) return {};
  std::vector<Bytes> names;
  for (const Attribute& attribute : out.attributes) names.emplace_back(attribute.name);
  if (const auto twice = find_duplicate(std::move(names))) {
    return malformed("attribute " + quote_name(*twice) + " is given twice");
  }
  return {};
}

}  // namespace gossamer::onnx
