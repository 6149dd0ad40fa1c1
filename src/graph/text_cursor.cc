// The pieces of a graph's text: white space, names, types, tensors and attribute values.
#include "graph/text_cursor.h"

#include <algorithm>
#include <charconv>

#include "graph/element_text.h"

namespace gossamer {
namespace {

constexpr int kMaxListNesting = 16;

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

Status TextCursor::locate(Status status, std::size_t offset) const {
  const std::string_view before = text_.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t last = before.rfind('\n');
  const std::size_t column = last == std::string_view::npos ? offset + 1 : offset - last;
  return std::move(status).in("line " + std::to_string(lines + 1) + ", column " +
                              std::to_string(column));
}

void TextCursor::skip_blanks() {
  while (peek() == ' ' || peek() == '\t' || peek() == '\r') ++at_;
}

void TextCursor::skip_lines() {
  while (!at_end()) {
    skip_blanks();
    if (peek() == '#') at_ = std::min(text_.find('\n', at_), text_.size());
    if (peek() != '\n') return;
    ++at_;
  }
}

bool TextCursor::take(char c) {
  skip_lines();
  if (at_end() || peek() != c) return false;
  ++at_;
  return true;
}

Status TextCursor::expect(std::string_view token) {
  skip_lines();
  if (!text_.substr(at_).starts_with(token)) return fail("expected '" + std::string(token) + "'");
  at_ += token.size();
  return {};
}

Status TextCursor::expect_line_end() {
  skip_blanks();
  if (at_end() || peek() == '\n' || peek() == '#' || peek() == '}') return {};
  return fail("expected the end of the line");
}

Result<std::string> TextCursor::take_name(std::string_view what) {
  skip_lines();
  if (peek() == '"') {
    std::string_view rest = text_.substr(at_);
    Result<std::string> name = take_quoted(rest);
    if (!name.ok()) return locate(std::move(name).status(), at_);
    at_ = text_.size() - rest.size();
    return name;
  }
  const std::size_t length = bare_name_length(text_.substr(at_));
  if (length == 0) return fail("expected " + std::string(what));
  std::string name(text_.substr(at_, length));
  at_ += length;
  return name;
}

std::string_view TextCursor::take_word() {
  const std::size_t start = at_;
  while (is_word_character(peek())) ++at_;
  return text_.substr(start, at_ - start);
}

Result<Type> TextCursor::take_type() {
  skip_lines();
  const std::size_t start = at_;
  for (int nesting = 0; !at_end(); ++at_) {
    const char c = peek();
    const bool closing = c == ')' || c == ']';
    if (nesting == 0 && (closing || c == ' ' || c == ',' || c == '=' || c == '{')) break;
    if (c == '\n' || c == '\r' || c == '\t') break;
    if (c == '(' || c == '[') ++nesting;
    if (closing) --nesting;
  }
  Result<Type> type = Type::parse(text_.substr(start, at_ - start));
  if (!type.ok()) return locate(std::move(type).status(), start);
  return type;
}

Result<Tensor> TextCursor::take_tensor(const Type& type) {
  const std::optional<Shape> shape = type.static_shape();
  if (!shape) return fail("a constant's type must have a shape of numbers");
  TRY(expect("{"));
  std::string_view rest = text_.substr(at_);
  Result<Tensor> tensor = take_elements(type.dtype, *shape, rest);
  at_ = text_.size() - rest.size();
  if (!tensor.ok()) return locate(std::move(tensor).status(), at_);
  TRY(expect("}"));
  return tensor;
}

Result<AttributeValue> TextCursor::take_attribute(int nesting) {
  skip_lines();
  if (nesting > kMaxListNesting) return fail("lists nested too deeply");
  if (peek() == '[') return take_list(nesting);
  if (peek() == '{') return take_block();
  if (peek() == '"') {
    ASSIGN(std::string text, take_name("a string"));
    return AttributeValue{std::move(text)};
  }
  return take_number_or_word();
}

Result<AttributeValue> TextCursor::take_list(int nesting) {
  TRY(expect("["));
  AttributeValue::List items;
  if (take(']')) return AttributeValue{std::move(items)};
  do {
    ASSIGN(AttributeValue item, take_attribute(nesting + 1));
    items.push_back(std::move(item));
  } while (take(','));
  if (!take(']')) return fail("expected ',' or ']'");
  return AttributeValue{std::move(items)};
}

Result<AttributeValue> TextCursor::take_block() {
  const std::size_t start = at_;
  int nesting = 0;
  do {
    if (at_end()) return locate(malformed("a block without its closing brace"), start);
    if (peek() == '{') ++nesting;
    if (peek() == '}') --nesting;
    ++at_;
  } while (nesting > 0);
  return AttributeValue{Block{std::string(text_.substr(start + 1, at_ - start - 2))}};
}

Result<AttributeValue> TextCursor::take_number_or_word() {
  const std::size_t start = at_;
  auto in_token = [](char c) { return is_word_character(c) || c == '.' || c == '-' || c == '+'; };
  while (in_token(peek())) ++at_;
  const std::string_view token = text_.substr(start, at_ - start);
  if (token.empty()) return fail("expected an attribute's value");
  const char first = token[0];
  const bool number = (first >= '0' && first <= '9') || first == '-' || first == '.';
  if (number && token != "-inf") {
    const char* end = token.data() + token.size();
    std::int64_t integer = 0;
    auto whole = std::from_chars(token.data(), end, integer);
    if (whole.ec == std::errc{} && whole.ptr == end) return AttributeValue{integer};
    double real = 0;
    auto decimal = std::from_chars(token.data(), end, real);
    const bool is_real = token.find_first_of(".eE") != std::string_view::npos;
    if (is_real && decimal.ec == std::errc{} && decimal.ptr == end) return AttributeValue{real};
    return locate(malformed("'" + std::string(token.substr(0, 40)) + "' is not a number"), start);
  }
  if (peek() == '[' && dtype_from_name(token)) {
    at_ = start;
    ASSIGN(Type type, take_type());
    ASSIGN(Tensor tensor, take_tensor(type));
    return AttributeValue{std::move(tensor)};
  }
  return AttributeValue{Word{std::string(token)}};
}

}  // namespace gossamer
