// GraphProto and FunctionProto.
#include "onnx/reader.h"

namespace gossamer::onnx {
namespace {

// Appends the node of the current field to `nodes`.
Status append_node(Reader& reader, const Fields& fields, std::size_t depth,
                   std::vector<Node>& nodes) {
  if (nodes.empty()) TRY(reader.count_nodes(fields.count_left()));
  const std::size_t index = nodes.size();
  return append_message(reader, fields, nodes, [&](Bytes bytes, Node& node) -> Status {
    Status status = read_node(reader, bytes, depth, node);
    if (status.ok() || !names_place(depth)) return status;
    return std::move(status).in(describe_node(bytes, index));
  });
}

Status append_initializer(Reader& reader, const Fields& fields, std::vector<Initializer>& list) {
  return append_message(reader, fields, list, [&](Bytes bytes, Initializer& out) -> Status {
    Status status = read_tensor(reader, bytes, out.name, out.tensor);
    if (status.ok() && !out.name.empty()) return status;
    if (status.ok()) status = malformed("it has no name");
    const Bytes name = peek_text(bytes, 8);
    return std::move(status).in(
        "initializer " + (name.empty() ? "#" + std::to_string(list.size() - 1) : quote_name(name)));
  });
}

Status append_sparse_initializer(Reader& reader, const Fields& fields,
                                 std::vector<SparseTensor>& list) {
  return append_message(reader, fields, list, [&](Bytes bytes, SparseTensor& out) -> Status {
    Status status = read_sparse_tensor(reader, bytes, out);
    if (status.ok() && out.name.empty()) status = malformed("it has no name");
    if (status.ok()) return status;
    return std::move(status).in("sparse initializer " + (out.name.empty()
                                                             ? "#" + std::to_string(list.size() - 1)
                                                             : quote_name(out.name)));
  });
}

Status append_value_info(Reader& reader, const Fields& fields, std::string_view what,
                         std::vector<ValueInfo>& list) {
  return append_message(reader, fields, list, [&](Bytes bytes, ValueInfo& out) -> Status {
    Status status = read_value_info(reader, bytes, out);
    if (status.ok()) return status;
    return std::move(status).in(
        std::string(what) + " " +
        (out.name.empty() ? "#" + std::to_string(list.size() - 1) : quote_name(out.name)));
  });
}

Status read_graph_field(Reader& reader, const Fields& fields, std::size_t depth, Graph& out) {
  switch (fields.number()) {
    case 1:
      return append_node(reader, fields, depth, out.nodes);
    case 2:
      return read_text(reader, fields, out.name);
    case 5:
      return append_initializer(reader, fields, out.initializers);
    case 11:
      return append_value_info(reader, fields, "input", out.inputs);
    case 12:
      return append_value_info(reader, fields, "output", out.outputs);
    case 13:
      return append_value_info(reader, fields, "value", out.value_infos);
    case 15:
      return append_sparse_initializer(reader, fields, out.sparse_initializers);
    default:
      return {};
  }
}

// Each name is given once, and each input and output has one.
Status check_names(const Graph& graph) {
  std::vector<Bytes> names;
  for (const Initializer& initializer : graph.initializers) names.emplace_back(initializer.name);
  for (const SparseTensor& sparse : graph.sparse_initializers) names.emplace_back(sparse.name);
  if (const auto twice = find_duplicate(std::move(names))) {
    return malformed("initializer " + quote_name(*twice) + " is given twice");
  }
  names.clear();
  for (const ValueInfo& input : graph.inputs) names.emplace_back(input.name);
  if (const auto twice = find_duplicate(std::move(names))) {
    return malformed("input " + quote_name(*twice) + " is given twice");
  }
  for (const ValueInfo& input : graph.inputs) {
    if (input.name.empty()) return malformed("an input has no name");
  }
  for (const ValueInfo& output : graph.outputs) {
    if (output.name.empty()) return malformed("an output has no name");
  }
  return {};
}

Status read_graph_fields(Reader& reader, Bytes bytes, std::size_t depth, Graph& out) {
  TRY(reader.check_depth(depth));
  Fields fields(bytes);
  while (fields.next()) TRY(read_graph_field(reader, fields, depth, out));
  TRY(fields.status());
  return check_names(out);
}

Status read_function_field(Reader& reader, const Fields& fields, Function& out) {
  switch (fields.number()) {
    case 1:
      return read_text(reader, fields, out.name);
    case 4:
      return append_text(reader, fields, out.inputs);
    case 5:
      return append_text(reader, fields, out.outputs);
    case 6:
      return append_text(reader, fields, out.attributes);
    case 7:
      return append_node(reader, fields, 1, out.nodes);
    case 9: {
      ASSIGN(const Bytes bytes, fields.bytes());
      return read_opset(reader, bytes, out.opsets);
    }
    case 10:
      return read_text(reader, fields, out.domain);
    case 11:
      return append_message(
          reader, fields, out.attribute_defaults,
          [&](Bytes bytes, Attribute& out_) { return read_attribute(reader, bytes, 1, out_); });
    case 13:
      return read_text(reader, fields, out.overload);
    default:
      return {};
  }
}

Status read_function_fields(Reader& reader, Bytes bytes, Function& out) {
  Fields fields(bytes);
  while (fields.next()) TRY(read_function_field(reader, fields, out));
  TRY(fields.status());
  if (out.name.empty()) return malformed("it has no name");
  normalize_domain(out.domain);
  if (const auto twice = find_duplicate({out.inputs.begin(), out.inputs.end()})) {
    return malformed("input " + quote_name(*twice) + " is given twice");
  }
  std::vector<Bytes> names(out.attributes.begin(), out.attributes.end());
  for (const Attribute& attribute : out.attribute_defaults) names.emplace_back(attribute.name);
  if (const auto twice = find_duplicate(std::move(names))) {
    return malformed("attribute " + quote_name(*twice) + " is given twice");
  }
  return {};
}

}  // namespace

Status read_graph(Reader& reader, Bytes bytes, std::size_t depth, Graph& out) {
  Status status = read_graph_fields(reader, bytes, depth, out);
  if (status.ok() || depth == 1 || !names_place(depth)) return status;
  const Bytes name = peek_text(bytes, 2);
  return std::move(status).in(name.empty() ? "its graph" : "graph " + quote_name(name));
}

Status read_function(Reader& reader, Bytes bytes, Function& out) {
  reader.in_function = true;
  Status status = read_function_fields(reader, bytes, out);
  reader.in_function = false;
  if (status.ok()) return status;
  const Bytes name = peek_text(bytes, 1);
  return std::move(status).in(name.empty() ? "a function" : "function " + quote_name(name));
}

}  // namespace gossamer::onnx
