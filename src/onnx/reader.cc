// The account of what a file makes us hold, and the decoding of the smallest messages.
#include "onnx/reader.h"

#include <algorithm>

namespace gossamer::onnx {

Status Budget::take(std::size_t count, std::size_t size) {
  if (count == 0) return {};
  if (size > left_ / count) {
    return limit_error("decoding would take far more memory than the file's size justifies");
  }
  left_ -= count * size;
  return {};
}

Status Reader::count_nodes(std::size_t more) {
  if (more > limits.max_nodes - nodes) {
    return limit_error("more than " + std::to_string(limits.max_nodes) + " nodes");
  }
  nodes += more;
  return {};
}

Status Reader::count_values(std::size_t more) {
  if (more > limits.max_values - values) {
    return limit_error("more than " + std::to_string(limits.max_values) +
                       " inputs and outputs of nodes");
  }
  values += more;
  return {};
}

Status Reader::check_depth(std::size_t depth) const {
  if (depth <= limits.max_depth) return {};
  return limit_error("nested more than " + std::to_string(limits.max_depth) + " deep");
}

Status read_bytes(Reader& reader, const Fields& field, std::string& out) {
  ASSIGN(const Bytes text, field.bytes());
  constexpr std::size_t kInPlace = 15;     // what std::string holds without allocating
  constexpr std::size_t kAllocation = 32;  // allocator's overhead and rounding
  if (text.size() > kInPlace) TRY(reader.budget.take(1, text.size() + kAllocation));
  out.assign(text);
  return {};
}

Status read_text(Reader& reader, const Fields& field, std::string& out) {
  TRY(read_bytes(reader, field, out));
  if (!is_utf8(out)) return malformed("a text is not UTF-8: " + quote_name(out));
  if (out.find('\0') == std::string::npos) return {};
  return malformed("a text holds a NUL character: " + quote_name(out));
}

Status append_text(Reader& reader, const Fields& field, std::vector<std::string>& list) {
  TRY(make_room(reader, field, list));
  return read_text(reader, field, list.emplace_back());
}

Status read_entry(Reader& reader, Bytes bytes, std::pair<std::string, std::string>& out) {
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == 1) TRY(read_text(reader, fields, out.first));
    if (fields.number() == 2) TRY(read_text(reader, fields, out.second));
  }
  return fields.status();
}

Status append_int64s(Reader& reader, const Fields& field, std::vector<std::int64_t>& out) {
  if (out.empty()) {
    const std::size_t count = field.count_elements_left(Wire::varint);
    TRY(reader.budget.take(count, sizeof(std::int64_t)));
    out.reserve(count);
  }
  if (field.wire() == Wire::varint) {
    out.push_back(static_cast<std::int64_t>(field.bits()));
    return {};
  }
  ASSIGN(Bytes packed, field.bytes());
  while (!packed.empty()) {
    std::uint64_t value = 0;
    if (!take_varint(packed, value)) return malformed("the bytes are broken: a list cut short");
    out.push_back(static_cast<std::int64_t>(value));
  }
  return {};
}

void normalize_domain(std::string& domain) {
  if (domain == "ai.onnx") domain.clear();
}

std::optional<Bytes> find_duplicate(std::vector<Bytes> names) {
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return std::nullopt;
  return *twice;
}

Bytes peek_text(Bytes message, std::uint32_t number) {
  Bytes text;
  Fields fields(message);
  while (fields.next()) {
    if (fields.number() == number) text = fields.content();
  }
  return text;
}

std::string describe_node(Bytes bytes, std::size_t index) {
  const Bytes name = peek_text(bytes, 3);
  const Bytes op_type = peek_text(bytes, 4);
  std::string text = "node " + (name.empty() ? "#" + std::to_string(index) : quote_name(name));
  if (op_type.empty()) return text;
  const std::string op = quote_name(op_type);
  return text + " (" + op.substr(1, op.size() - 2) + ")";
}

}  // namespace gossamer::onnx
