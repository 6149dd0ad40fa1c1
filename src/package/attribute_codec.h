// The compact form of attributes, strings and element types in the section of the program.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "package/byte_reader.h"
#include "package/byte_writer.h"

namespace gossamer::package {

// Strings, each stored once; written ahead of what refers to them.
class StringTable {
 public:
  std::size_t add(std::string_view text);
  void write(ByteWriter& w) const;

 private:
  std::map<std::string, std::size_t, std::less<>> index_;
  std::vector<std::string_view> texts_;  // keys of index_
};

// The same when read. Names must be UTF-8; the strings of a model's data may be any bytes.
class Strings {
 public:
  static Strings read(ByteReader& r);
  // The string whose index comes next.
  std::string data(ByteReader& r) const;
  std::string name(ByteReader& r) const;

 private:
  std::vector<std::string_view> texts_;
  std::vector<bool> utf8_;
};

// What one step's attributes may hold, so that memory stays in proportion to the file.
inline constexpr int kMaxListDepth = 8;

void write_attribute(ByteWriter& w, StringTable& strings, const AttributeValue& value);
AttributeValue read_attribute(ByteReader& r, const Strings& strings, int depth = 0);

// Element type and shape; the bytes follow elsewhere.
struct TensorHead {
  DType dtype = DType::f32;
  bool packed = false;
  Shape shape;
  std::size_t count = 0;
  std::size_t bytes = 0;  // in the file; 0 for strings
};
void write_head(ByteWriter& w, const Tensor& tensor);
TensorHead read_head(ByteReader& r);

DType read_dtype(ByteReader& r);
void write_dtype(ByteWriter& w, DType dtype);

}  // namespace gossamer::package
