// The protocol buffer wire format as the readers of this room see it: a walk over one message's
// fields that fails instead of throwing. Lengths are checked against the bytes that are there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace gossamer::onnx {

// Bytes of the file; they live as long as the file does.
using Bytes = std::string_view;

enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

// Decodes one varint and moves `bytes` past it; false when it is cut short or longer than ten
// bytes.
bool take_varint(Bytes& bytes, std::uint64_t& value);

// How many varints begin in `bytes`, the packed form of a repeated integer.
std::size_t count_varints(Bytes bytes);

bool is_utf8(Bytes text);

// A name from the file fit for a message: in single quotes, cut when long, control bytes escaped.
std::string quote_name(Bytes name);

// Walks the fields of one message: while (fields.next()) ...; then status().
class Fields {
 public:
  explicit Fields(Bytes message) : rest_(message) {}

  // Moves to the next field; false at the end and at broken bytes, which status() then reports.
  bool next();
  Status status() const;

  std::uint32_t number() const { return number_; }
  Wire wire() const { return wire_; }

  // The current field's content; malformed when it is of another wire type.
  Result<Bytes> bytes() const;
  Result<std::uint64_t> varint() const;
  Result<std::int64_t> int64() const;
  Result<float> float32() const;

  // What the current field holds, whatever its wire type: the value of a number, the bytes of
  // anything but a varint.
  std::uint64_t bits() const { return bits_; }
  Bytes content() const { return content_; }

  // How often the current field's number occurs from here to the end of the message.
  std::size_t count_left() const;
  // The same in elements of a repeated scalar, packed or not, whose packed form is of `wire`.
  std::size_t count_elements_left(Wire wire) const;

 private:
  Status wrong_wire(Wire expected) const;

  Bytes rest_;  // after the current field
  Bytes content_;
  std::uint64_t bits_ = 0;
  std::uint32_t number_ = 0;
  Wire wire_ = Wire::varint;
  const char* problem_ = nullptr;
};

// Elements of one occurrence of a repeated scalar; malformed when its wire type cannot be one.
Result<std::size_t> count_elements(const Fields& field, Wire wire);

}  // namespace gossamer::onnx
