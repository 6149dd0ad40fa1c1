// Lookup in the table of operator versions.
#include "onnx/schemas.h"

#include <charconv>
#include <map>
#include <utility>

namespace gossamer::onnx {
namespace {

using Key = std::pair<std::string_view, std::string_view>;

const std::map<Key, std::string_view>& schemas() {
  static const std::map<Key, std::string_view> kSchemas = {
#define SCHEMA(domain, name, versions) {Key(domain, name), versions},
#include "onnx/schemas.def"
#undef SCHEMA
  };
  return kSchemas;
}

}  // namespace

std::int64_t ir_version_of(std::int64_t opset) {
  constexpr std::int64_t kIr[] = {3, 3, 3, 3, 3, 3, 3,  3,  3,  4,  5,  6,  7,  7, 7,
                                  8, 8, 8, 8, 9, 9, 10, 10, 11, 12, 13, 13, 13, 14};
  constexpr std::int64_t kCount = std::size(kIr);
  return kIr[opset < 0 ? 0 : opset < kCount ? opset : kCount - 1];
}

bool same_meaning(std::string_view domain, std::string_view name, std::int64_t from,
                  std::int64_t to) {
  if (from == to) return true;
  const auto it = schemas().find(Key(domain, name));
  if (it == schemas().end()) return false;
  const std::int64_t low = from < to ? from : to, high = from < to ? to : from;
  const char* at = it->second.data();
  const char* const end = at + it->second.size();
  std::int64_t first = 0;
  while (at < end) {
    std::int64_t version = 0;
    at = std::from_chars(at, end, version).ptr;
    const bool breaks = at < end && *at == '!';
    while (at < end && (*at == '!' || *at == ' ')) ++at;
    if (first == 0) first = version;
    if (version > low && version <= high && (breaks || to < from)) return false;
  }
  return first <= low;
}

std::int64_t bfloat16_opset(std::string_view name) {
  static const std::map<std::string_view, std::int64_t> kLate = {
#define BFLOAT16(name, opset) {name, opset},
#include "onnx/bfloat16.def"
#undef BFLOAT16
  };
  const auto it = kLate.find(name);
  return it == kLate.end() ? 13 : it->second;
}

}  // namespace gossamer::onnx
