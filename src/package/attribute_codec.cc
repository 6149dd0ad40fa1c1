// Writing and reading attributes: a tag, then the value.
#include "package/attribute_codec.h"

#include <algorithm>
#include <cstring>

#include "base/elements.h"
#include "base/utf8.h"

namespace gossamer::package {
namespace {

enum Tag : std::uint8_t { kInt, kReal, kWord, kBlock, kString, kList, kInts, kReals, kTensor };

template <class T>
bool all_of_type(const AttributeValue::List& list) {
  return !list.empty() && std::all_of(list.begin(), list.end(), [](const AttributeValue& v) {
    return std::holds_alternative<T>(v.value);
  });
}

void write_list(ByteWriter& w, StringTable& strings, const AttributeValue::List& list) {
  if (all_of_type<std::int64_t>(list)) {
    w.u8(kInts);
    w.count(list.size());
    for (const AttributeValue& v : list) w.signed_varint(std::get<std::int64_t>(v.value));
  } else if (all_of_type<double>(list)) {
    w.u8(kReals);
    w.count(list.size());
    for (const AttributeValue& v : list) w.f64(std::get<double>(v.value));
  } else {
    w.u8(kList);
    w.count(list.size());
    for (const AttributeValue& v : list) write_attribute(w, strings, v);
  }
}

void write_tensor(ByteWriter& w, StringTable& strings, const Tensor& t) {
  w.u8(kTensor);
  write_head(w, t);
  if (t.dtype() == DType::string) {
    for (const std::string& s : t.values<std::string>()) w.count(strings.add(s));
  } else {
    w.bytes({static_cast<const std::byte*>(t.data()), t.byte_size()});
  }
}

Tensor read_tensor(ByteReader& r, const Strings& strings) {
  const TensorHead head = read_head(r);
  if (!r.ok()) return {};
  Result<Tensor> made = Tensor::make_uninitialized(head.dtype, head.shape);
  if (head.dtype == DType::string) {
    if (!made.ok() || head.count > r.left()) r.fail("a tensor is larger than the file");
    if (!r.ok()) return {};
    for (std::string& s : made->mutable_values<std::string>()) s = strings.data(r);
    return std::move(made).value();
  }
  const auto bytes = r.bytes(head.bytes);
  if (!r.ok()) return {};
  if (!head.packed && !valid_elements(head.dtype, bytes)) r.fail("an element is beyond its type");
  if (!made.ok()) r.fail(made.status().message());
  if (!r.ok()) return {};
  if (head.packed) {  // whoever reads an attribute takes its elements as they are
    Result<Tensor> plain = Tensor::borrow(head.dtype, head.shape, bytes, nullptr, true).unpack();
    if (!plain.ok()) r.fail(plain.status().message());
    return r.ok() ? std::move(plain).value() : Tensor();
  }
  if (!bytes.empty()) std::memcpy(made->mutable_data(), bytes.data(), bytes.size());
  return std::move(made).value();
}

AttributeValue::List read_list(ByteReader& r, const Strings& strings, Tag tag, int depth) {
  AttributeValue::List list(r.count(tag == kReals ? 8 : 1));
  for (AttributeValue& v : list) {
    if (!r.ok()) break;
    if (tag == kInts)
      v.value = r.signed_varint();
    else if (tag == kReals)
      v.value = r.f64();
    else
      v = read_attribute(r, strings, depth + 1);
  }
  return list;
}

}  // namespace

std::size_t StringTable::add(std::string_view text) {
  const auto found = index_.find(text);
  if (found != index_.end()) return found->second;
  const auto added = index_.emplace(std::string(text), texts_.size()).first;
  texts_.push_back(added->first);
  return added->second;
}

void StringTable::write(ByteWriter& w) const {
  w.count(texts_.size());
  for (const std::string_view t : texts_) w.text(t);
}

Strings Strings::read(ByteReader& r) {
  Strings s;
  const std::size_t count = r.count();
  s.texts_.reserve(count);
  s.utf8_.reserve(count);
  for (std::size_t i = 0; i < count && r.ok(); ++i) {
    const auto bytes = r.bytes(r.count());
    s.texts_.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    s.utf8_.push_back(is_utf8(s.texts_.back()));
  }
  return s;
}

std::string Strings::data(ByteReader& r) const {
  const std::size_t i = r.index(texts_.size());
  return r.ok() ? std::string(texts_[i]) : std::string();
}

std::string Strings::name(ByteReader& r) const {
  const std::size_t i = r.index(texts_.size());
  if (r.ok() && !utf8_[i]) r.fail("a name is not UTF-8");
  return r.ok() ? std::string(texts_[i]) : std::string();
}

void write_attribute(ByteWriter& w, StringTable& strings, const AttributeValue& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value.value)) {
    w.u8(kInt);
    w.signed_varint(*i);
  } else if (const auto* d = std::get_if<double>(&value.value)) {
    w.u8(kReal);
    w.f64(*d);
  } else if (const auto* word = std::get_if<Word>(&value.value)) {
    w.u8(kWord);
    w.count(strings.add(word->text));
  } else if (const auto* block = std::get_if<Block>(&value.value)) {
    w.u8(kBlock);
    w.count(strings.add(block->text));
  } else if (const auto* s = std::get_if<std::string>(&value.value)) {
    w.u8(kString);
    w.count(strings.add(*s));
  } else if (const auto* list = std::get_if<AttributeValue::List>(&value.value)) {
    write_list(w, strings, *list);
  } else {
    write_tensor(w, strings, std::get<Tensor>(value.value));
  }
}

AttributeValue read_attribute(ByteReader& r, const Strings& strings, int depth) {
  if (depth > kMaxListDepth) r.fail("lists are nested too deeply");
  const std::uint8_t tag = r.u8();
  if (!r.ok()) return {};
  switch (tag) {
    case kInt:
      return {r.signed_varint()};
    case kReal:
      return {r.f64()};
    case kWord:
      return {Word{strings.name(r)}};
    case kBlock:
      return {Block{strings.name(r)}};
    case kString:
      return {strings.data(r)};
    case kList:
    case kInts:
    case kReals:
      return {read_list(r, strings, static_cast<Tag>(tag), depth)};
    case kTensor:
      return {read_tensor(r, strings)};
    default:
      r.fail("an attribute is of unknown kind " + std::to_string(tag));
      return {};
  }
}

void write_dtype(ByteWriter& w, DType dtype) {
  w.u8(static_cast<std::uint8_t>(dtype_info(dtype).onnx_code));
}

DType read_dtype(ByteReader& r) {
  const std::uint8_t code = r.u8();
  const std::optional<DType> dtype = dtype_from_onnx(code);
  if (!dtype) r.fail("unknown element type " + std::to_string(code));
  return dtype.value_or(DType::f32);
}

void write_head(ByteWriter& w, const Tensor& tensor) {
  write_dtype(w, tensor.dtype());
  w.u8(tensor.packed() ? 1 : 0);
  w.count(static_cast<std::size_t>(tensor.rank()));
  for (const std::int64_t d : tensor.shape()) w.varint(static_cast<std::uint64_t>(d));
}

TensorHead read_head(ByteReader& r) {
  TensorHead head;
  head.dtype = read_dtype(r);
  head.packed = r.boolean();
  std::vector<std::int64_t> dims(r.index(kMaxRank + 1));
  for (std::int64_t& d : dims) d = static_cast<std::int64_t>(r.varint() & (~std::uint64_t{0} >> 1));
  head.shape = Shape(std::move(dims));
  const DTypeInfo& info = dtype_info(head.dtype);
  if (head.packed && info.file_bits % 8 == 0) r.fail("a tensor is packed whose type does not pack");
  const auto count = head.shape.checked_count();
  const std::int64_t unit = head.packed ? info.file_bits : static_cast<std::int64_t>(info.size) * 8;
  const auto bits = count ? checked_mul(*count, unit) : std::nullopt;
  if (!bits || !checked_add(*bits, 7)) r.fail("a tensor's size is beyond 64 bits");
  if (!r.ok()) return {};
  head.count = static_cast<std::size_t>(*count);
  if (head.dtype != DType::string) head.bytes = static_cast<std::size_t>((*bits + 7) / 8);
  if (head.dtype == DType::string && head.count > r.left()) r.fail("more strings than bytes");
  return head;
}

}  // namespace gossamer::package
