// A parser of exactly the Python literals that .npy headers hold, and the descr's element types.
#include "base/npy_header.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace gossamer {
namespace {

// Reads tokens from the front of the text.
class Literal {
 public:
  explicit Literal(std::string_view text) : rest_(text) {}

  // Takes `token` if it is next, after white space.
  bool take(std::string_view token) {
    skip_space();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  bool at_end() {
    skip_space();
    return rest_.empty();
  }
  // A string without escapes.
  std::optional<std::string_view> string() {
    skip_space();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest_.substr(1, end - 1);
    if (text.find_first_of("\\\n") != std::string_view::npos) return std::nullopt;
    rest_.remove_prefix(end + 1);
    return text;
  }
  // A decimal number; Python 2 wrote an L behind some.
  std::optional<std::int64_t> extent() {
    skip_space();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < 0 || rest_[0] == '-') return std::nullopt;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    if (rest_.starts_with('L')) rest_.remove_prefix(1);
    return value;
  }

 private:
  void skip_space() {
    const std::size_t begin = rest_.find_first_not_of(" \t\n");
    rest_.remove_prefix(std::min(begin, rest_.size()));
  }

  std::string_view rest_;
};

Result<Shape> parse_shape(Literal& in) {
  Status bad = malformed("the header's 'shape' is not a tuple of extents");
  if (!in.take("(")) return bad;
  std::vector<std::int64_t> dims;
  bool comma = true;  // may an extent follow
  while (!in.take(")")) {
    const std::optional<std::int64_t> extent = comma ? in.extent() : std::nullopt;
    if (!extent) return bad;
    if (dims.size() == kMaxRank) {
      return limit_error(fmt::format("the array's rank is beyond the greatest, {}", kMaxRank));
    }
    dims.push_back(*extent);
    comma = in.take(",");
  }
  // "(3)" is a number in Python, "(,)" is nothing.
  if (dims.size() == 1 && !comma) return bad;
  return Shape(std::move(dims));
}

struct Kind {
  char kind;
  std::size_t size;
  DType dtype;
};
constexpr Kind kKinds[] = {{'b', 1, DType::boolean}, {'i', 1, DType::i8},   {'i', 2, DType::i16},
                           {'i', 4, DType::i32},     {'i', 8, DType::i64},  {'u', 1, DType::u8},
                           {'u', 2, DType::u16},     {'u', 4, DType::u32},  {'u', 8, DType::u64},
                           {'f', 2, DType::f16},     {'f', 4, DType::f32},  {'f', 8, DType::f64},
                           {'c', 8, DType::c64},     {'c', 16, DType::c128}};

Status unsupported_descr(std::string_view descr, char kind) {
  std::string message = fmt::format("elements of type '{}' are not supported", descr);
  switch (kind) {
    case 'O':
      return unsupported(std::move(message), "arrays of Python objects are pickles: never read");
    case 'V':
      return unsupported(std::move(message),
                         "NumPy does not know bfloat16, float8 and their kin: save the array as "
                         "float32 (x.astype('float32')), int4 as int8");
    default:
      return unsupported(std::move(message), "convert the array with astype() before saving it");
  }
}

Status parse_descr(std::string_view descr, NpyHeader& header) {
  Status bad = malformed(fmt::format("the header's 'descr' is no element type: '{}'", descr));
  if (descr.size() < 2 || std::string_view("<>|=").find(descr[0]) == std::string_view::npos) {
    return bad;
  }
  const char kind = descr[1];
  if (std::string_view("biufcSUOVMmat").find(kind) == std::string_view::npos) return bad;
  std::size_t size = 0;
  const char* end = descr.data() + descr.size();
  const auto [number_end, error] = std::from_chars(descr.data() + 2, end, size);
  if (error != std::errc() || number_end != end) {
    return kind == 'O' || kind == 'M' || kind == 'm' ? unsupported_descr(descr, kind) : bad;
  }
  header.big_endian = descr[0] == '>';
  header.item_size = size;
  for (const Kind& k : kKinds) {
    if (k.kind == kind && k.size == size) {
      header.dtype = k.dtype;
      return {};
    }
  }
  if (kind != 'S' && kind != 'U') return unsupported_descr(descr, kind);
  header.dtype = DType::string;
  header.utf32 = kind == 'U';
  const auto bytes = checked_mul(static_cast<std::int64_t>(size), header.utf32 ? 4 : 1);
  // Items of no bytes would let a short file ask for any number of strings.
  if (size == 0 || size > (std::size_t{1} << 40) || !bytes) return bad;
  header.item_size = static_cast<std::size_t>(*bytes);
  return {};
}

}  // namespace

Result<NpyHeader> parse_npy_header(std::string_view text) {
  Literal in(text);
  NpyHeader header;
  if (!in.take("{")) return malformed("the header is not a dictionary");
  bool has_descr = false;
  bool has_order = false;
  bool has_shape = false;
  bool comma = true;  // may an entry follow
  while (!in.take("}")) {
    const std::optional<std::string_view> key = comma ? in.string() : std::nullopt;
    if (!key || !in.take(":")) return malformed("the header is not a dictionary");
    if (*key == "descr" && !has_descr) {
      has_descr = true;
      if (in.take("[") || in.take("(")) {
        return unsupported("structured arrays are not supported", "save each field by itself");
      }
      const std::optional<std::string_view> descr = in.string();
      if (!descr) return malformed("the header's 'descr' is not a string");
      TRY(parse_descr(*descr, header));
    } else if (*key == "fortran_order" && !has_order) {
      has_order = true;
      header.fortran_order = in.take("True");
      if (!header.fortran_order && !in.take("False")) {
        return malformed("the header's 'fortran_order' is neither True nor False");
      }
    } else if (*key == "shape" && !has_shape) {
      has_shape = true;
      ASSIGN(header.shape, parse_shape(in));
    } else {
      return malformed(fmt::format("the header's key '{}' is unknown or repeated", *key));
    }
    comma = in.take(",");
  }
  if (!in.at_end()) return malformed("the header goes on behind its dictionary");
  if (!has_descr || !has_order || !has_shape) {
    return malformed("the header lacks 'descr', 'fortran_order' or 'shape'");
  }
  return header;
}

std::string format_npy_header(std::string_view descr, const Shape& shape) {
  const std::string_view comma = shape.rank() == 1 ? "," : "";
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                 descr, fmt::join(shape, ", "), comma);
  // NumPy leaves room for the first extent to grow to 21 digits.
  if (shape.rank() > 0) text.append(21 - fmt::formatted_size("{}", shape[0]), ' ');
  constexpr std::size_t kBefore = 10;  // magic, version, length
  const std::size_t padded = (kBefore + text.size() + 1 + 63) / 64 * 64;
  text.append(padded - kBefore - text.size() - 1, ' ');
  text.push_back('\n');
  std::string result("\x93NUMPY\x01\x00", 8);
  result.push_back(static_cast<char>(text.size() & 0xFF));
  result.push_back(static_cast<char>(text.size() >> 8));
  return result + text;
}

}  // namespace gossamer
