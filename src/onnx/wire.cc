// The walk over a message's fields. protozero decodes the varints; it throws, and this file is
// where that ends. Its own reader is not used since it cuts lengths to 32 bits.
#include "onnx/wire.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <protozero/varint.hpp>

namespace gossamer::onnx {

bool take_varint(Bytes& bytes, std::uint64_t& value) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  try {
    value = protozero::decode_varint(&at, end);
  } catch (const protozero::exception&) {
    return false;
  }
  bytes.remove_prefix(static_cast<std::size_t>(at - bytes.data()));
  return true;
}

std::size_t count_varints(Bytes bytes) {
  return static_cast<std::size_t>(std::count_if(bytes.begin(), bytes.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0x80U) == 0;
  }));
}

namespace {

// Length of the UTF-8 sequence that `text` starts with, or 0 when it starts with none.
std::size_t utf8_length(Bytes text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  const bool overlong = (lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xF0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xED && byte(1) > 0x9F;
  const bool too_large = lead == 0xF4 && byte(1) > 0x8F;
  return overlong || surrogate || too_large ? 0 : length;
}

}  // namespace

bool is_utf8(Bytes text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string quote_name(Bytes name) {
  constexpr std::size_t kLongest = 120;
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "'";
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    if (i >= kLongest && (byte & 0xC0U) != 0x80) {
      out += "...";
      break;
    }
    if (byte < 0x20 || byte == 0x7F || utf8_length(name.substr(i)) == 0) {
      // A continuation byte of a good sequence was taken together with its lead byte.
      out += "\\x";
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
      continue;
    }
    const std::size_t length = utf8_length(name.substr(i));
    out += name.substr(i, length);
    i += length - 1;
  }
  return out + "'";
}

bool Fields::next() {
  if (rest_.empty() || problem_ != nullptr) return false;
  const auto fail = [&](const char* problem) {
    problem_ = problem;
    return false;
  };
  std::uint64_t tag = 0;
  if (!take_varint(rest_, tag) || tag > UINT32_MAX) return fail("a broken field tag");
  number_ = static_cast<std::uint32_t>(tag >> 3U);
  wire_ = static_cast<Wire>(tag & 7U);
  if (number_ == 0) return fail("a field numbered 0");
  content_ = {};
  bits_ = 0;
  std::size_t size = 0;
  switch (wire_) {
    case Wire::varint:
      return take_varint(rest_, bits_) || fail("a number cut short or too long");
    case Wire::fixed32:
      size = 4;
      break;
    case Wire::fixed64:
      size = 8;
      break;
    case Wire::bytes: {
      std::uint64_t length = 0;
      if (!take_varint(rest_, length)) return fail("a length cut short or too long");
      if (length > rest_.size()) return fail("a field that is longer than what is left");
      size = static_cast<std::size_t>(length);
      break;
    }
    default:
      return fail("an unknown wire type");
  }
  if (size > rest_.size()) return fail("a number cut short");
  content_ = rest_.substr(0, size);
  rest_.remove_prefix(size);
  if (wire_ != Wire::bytes) std::memcpy(&bits_, content_.data(), size);  // little endian
  return true;
}

Status Fields::status() const {
  if (problem_ == nullptr) return {};
  return malformed(std::string("the bytes are broken: ") + problem_);
}

Status Fields::wrong_wire(Wire expected) const {
  return malformed("the bytes are broken: field " + std::to_string(number_) + " has wire type " +
                   std::to_string(static_cast<int>(wire_)) + " instead of " +
                   std::to_string(static_cast<int>(expected)));
}

Result<Bytes> Fields::bytes() const {
  if (wire_ != Wire::bytes) return wrong_wire(Wire::bytes);
  return content_;
}

Result<std::uint64_t> Fields::varint() const {
  if (wire_ != Wire::varint) return wrong_wire(Wire::varint);
  return bits_;
}

Result<std::int64_t> Fields::int64() const {
  if (wire_ != Wire::varint) return wrong_wire(Wire::varint);
  return static_cast<std::int64_t>(bits_);
}

Result<float> Fields::float32() const {
  if (wire_ != Wire::fixed32) return wrong_wire(Wire::fixed32);
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits_));
}

std::size_t Fields::count_left() const {
  std::size_t count = 1;
  Fields ahead(rest_);
  while (ahead.next()) count += ahead.number() == number_;
  return count;
}

std::size_t Fields::count_elements_left(Wire wire) const {
  Result<std::size_t> here = count_elements(*this, wire);
  std::size_t count = here.ok() ? *here : 0;
  Fields ahead(rest_);
  while (ahead.next()) {
    if (ahead.number() != number_) continue;
    Result<std::size_t> more = count_elements(ahead, wire);
    if (more.ok()) count += *more;
  }
  return count;
}

Result<std::size_t> count_elements(const Fields& field, Wire wire) {
  if (field.wire() == wire) return std::size_t{1};
  ASSIGN(const Bytes packed, field.bytes());
  if (wire == Wire::varint) return count_varints(packed);
  const std::size_t size = wire == Wire::fixed64 ? 8 : 4;
  if (packed.size() % size == 0) return packed.size() / size;
  return malformed("the bytes are broken: field " + std::to_string(field.number()) +
                   " does not hold whole numbers of " + std::to_string(size) + " bytes");
}

}  // namespace gossamer::onnx
