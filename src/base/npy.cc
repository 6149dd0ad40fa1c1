// The elements of .npy files: byte order, Fortran order, strings, narrow types.
#include "base/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/atomic_file.h"
#include "base/float_bits.h"
#include "base/mapped_file.h"
#include "base/npy_header.h"
#include "base/utf8.h"

namespace gossamer {
namespace {

static_assert(std::endian::native == std::endian::little);

// A little-endian number of `bytes`.
std::size_t little_endian(std::span<const std::byte> bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | std::to_integer<std::size_t>(bytes[i]);
  }
  return value;
}

// Parses all that is before the items and takes it off the front of `bytes`.
Result<NpyHeader> take_header(std::span<const std::byte>& bytes) {
  constexpr std::size_t kMaxHeader = 65536;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with("\x93NUMPY")) return malformed("not a .npy file: it has another signature");
  if (text.size() < 8) return malformed("the file ends within its header");
  const int version = static_cast<unsigned char>(text[6]);
  if (version < 1 || version > 3 || text[7] != 0) {
    return unsupported(fmt::format("version {}.{} of the .npy format is unknown", version,
                                   static_cast<unsigned char>(text[7])));
  }
  const std::size_t field = version == 1 ? 2 : 4;
  if (text.size() < 8 + field) return malformed("the file ends within its header");
  const std::size_t length = little_endian(bytes.subspan(8, field));
  if (length > kMaxHeader) {
    return limit_error(fmt::format("a header of {} bytes is too long", length));
  }
  if (length > text.size() - 8 - field) return malformed("the file ends within its header");
  bytes = bytes.subspan(8 + field + length);
  return parse_npy_header(text.substr(8 + field, length));
}

// Items of a Fortran-order array, moved to C order.
Result<Tensor> in_c_order(std::span<const std::byte> items, const NpyHeader& header) {
  ASSIGN(Tensor moved,
         Tensor::make_uninitialized(DType::u8, Shape{static_cast<std::int64_t>(items.size())}));
  auto* to = static_cast<std::byte*>(moved.mutable_data());
  const auto rank = static_cast<std::size_t>(header.shape.rank());
  std::vector<std::int64_t> at(rank, 0);
  std::size_t offset = 0;  // of the item at `at`
  for (std::size_t done = 0; done < items.size(); done += header.item_size) {
    std::memcpy(to + done, items.data() + offset, header.item_size);
    // The next index, last axis fastest; `stride` is of axis `axis` in Fortran order.
    std::size_t stride = items.size();
    for (std::size_t axis = rank; axis-- > 0;) {
      const auto extent = static_cast<std::size_t>(header.shape.dims()[axis]);
      stride /= extent;
      offset += stride;
      if (++at[axis] < header.shape.dims()[axis]) break;
      at[axis] = 0;
      offset -= stride * extent;
    }
  }
  return moved;
}

// The string in one item; padding is cut off.
Result<std::string> read_string(std::span<const std::byte> item, const NpyHeader& header) {
  if (!header.utf32) {
    const std::string_view text(reinterpret_cast<const char*>(item.data()), item.size());
    return std::string(text.substr(0, text.find_last_not_of('\0') + 1));
  }
  std::string text;
  std::size_t end = 0;  // behind the last character that is not NUL
  for (std::size_t i = 0; i < item.size(); i += 4) {
    std::uint32_t c = 0;
    std::memcpy(&c, item.data() + i, 4);
    if (header.big_endian) c = __builtin_bswap32(c);
    if (!is_scalar_value(c)) return malformed(fmt::format("U+{:04X} is no character", c));
    append_utf8(text, c);
    if (c != 0) end = text.size();
  }
  text.resize(end);
  return text;
}

Result<Tensor> read_strings(std::span<const std::byte> items, const NpyHeader& header) {
  ASSIGN(Tensor result, Tensor::make(DType::string, header.shape));
  std::size_t offset = 0;
  for (std::string& s : result.mutable_values<std::string>()) {
    ASSIGN(s, read_string(items.subspan(offset, header.item_size), header));
    offset += header.item_size;
  }
  return result;
}

Result<Tensor> read_numbers(std::span<const std::byte> items, const NpyHeader& header) {
  ASSIGN(Tensor result, Tensor::make_uninitialized(header.dtype, header.shape));
  auto* bytes = static_cast<std::uint8_t*>(result.mutable_data());
  if (!items.empty()) std::memcpy(bytes, items.data(), items.size());
  if (header.dtype == DType::boolean) {
    // Any other byte than 0 is true to NumPy; a bool here must be 0 or 1.
    for (std::size_t i = 0; i < items.size(); ++i) bytes[i] = bytes[i] != 0 ? 1 : 0;
  }
  if (header.big_endian) {
    const bool complex = header.dtype == DType::c64 || header.dtype == DType::c128;
    const std::size_t width = header.item_size / (complex ? 2 : 1);
    for (std::size_t i = 0; i < items.size(); i += width) {
      std::reverse(bytes + i, bytes + i + width);
    }
  }
  return result;
}

}  // namespace

Result<Tensor> parse_npy(std::span<const std::byte> bytes) {
  ASSIGN(const NpyHeader header, take_header(bytes));
  const std::optional<std::int64_t> count = header.shape.checked_count();
  const std::optional<std::int64_t> wanted =
      count ? checked_mul(*count, static_cast<std::int64_t>(header.item_size)) : std::nullopt;
  if (!wanted) {
    return malformed(fmt::format("the shape {} has too many elements", header.shape.to_string()));
  }
  if (static_cast<std::size_t>(*wanted) != bytes.size()) {
    return malformed(fmt::format("the shape {} takes {} bytes of elements, but the file holds {}",
                                 header.shape.to_string(), *wanted, bytes.size()));
  }
  Tensor moved;
  if (header.fortran_order && header.shape.rank() > 1 && !bytes.empty()) {
    ASSIGN(moved, in_c_order(bytes, header));
    bytes = std::as_bytes(std::as_const(moved).values<std::uint8_t>());
  }
  return header.dtype == DType::string ? read_strings(bytes, header) : read_numbers(bytes, header);
}

Result<Tensor> read_npy(const std::string& path) {
  ASSIGN(const MappedFile file, MappedFile::open(path));
  Result<Tensor> tensor = parse_npy(file.bytes());
  if (!tensor.ok()) return std::move(tensor).status().in(fmt::format("'{}'", path));
  return tensor;
}

namespace {

// What goes into a file: a tensor whose bytes are the items', and their descr.
struct Items {
  std::string descr;
  Tensor tensor;
};

// The number of characters of string `i`, which must be fit for a file.
Result<std::int64_t> checked_length(std::string_view text, std::int64_t i) {
  if (text.ends_with('\0')) {
    return unsupported(fmt::format("string {} ends in a NUL character, which .npy drops", i));
  }
  char32_t c = 0;
  std::int64_t length = 0;
  for (; !text.empty(); ++length) {
    const std::size_t size = decode_utf8(text, c);
    if (size == 0) {
      return unsupported(fmt::format("string {} is not valid UTF-8, which .npy needs", i));
    }
    text.remove_prefix(size);
  }
  return length;
}

Result<Items> string_items(const Tensor& tensor) {
  const auto texts = tensor.values<std::string>();
  std::int64_t width = 1;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSIGN(const std::int64_t length, checked_length(texts[i], static_cast<std::int64_t>(i)));
    width = std::max(width, length);
  }
  ASSIGN(Tensor padded, Tensor::make(DType::u32, {tensor.count(), width}));
  auto to = padded.mutable_values<std::uint32_t>();
  for (std::string_view text : texts) {
    for (std::size_t i = 0; !text.empty(); ++i) {
      char32_t c = 0;
      text.remove_prefix(decode_utf8(text, c));
      to[i] = c;
    }
    to = to.subspan(static_cast<std::size_t>(width));
  }
  return Items{fmt::format("<U{}", width), std::move(padded)};
}

// Elements of a type that NumPy lacks, as f32.
template <class T>
Result<Items> widened(const Tensor& tensor) {
  ASSIGN(Tensor wide, Tensor::make_uninitialized(DType::f32, tensor.shape()));
  const auto from = tensor.values<T>();
  std::transform(from.begin(), from.end(), wide.mutable_values<float>().begin(),
                 [](T value) { return to_float(value); });
  return Items{"<f4", std::move(wide)};
}

// `tensor` must not be packed.
Result<Items> number_items(const Tensor& tensor) {
  const DTypeInfo& info = dtype_info(tensor.dtype());
  if (is_floating(info.dtype) && (info.file_bits <= 8 || info.dtype == DType::bf16)) {
    return visit_dtype(info.dtype, [&](auto tag) -> Result<Items> {
      using T = typename decltype(tag)::type;
      if constexpr (requires(T value) { value.bits; }) {
        return widened<T>(tensor);
      } else {
        return internal_error("a narrow float has no bits");
      }
    });
  }
  char kind = is_signed_integer(info.dtype) ? 'i' : 'u';
  if (info.cls == DTypeClass::boolean) kind = 'b';
  if (info.cls == DTypeClass::floating) kind = 'f';
  if (info.cls == DTypeClass::complex) kind = 'c';
  return Items{fmt::format("{}{}{}", info.size == 1 ? '|' : '<', kind, info.size), tensor};
}

// Calls put(std::string_view) with the file's parts in order.
template <class Put>
Status write_parts(const Tensor& tensor, Put put) {
  ASSIGN(const Tensor plain, tensor.unpack());
  ASSIGN(const Items items,
         plain.dtype() == DType::string ? string_items(plain) : number_items(plain));
  TRY(put(format_npy_header(items.descr, plain.shape())));
  return put({static_cast<const char*>(items.tensor.data()), items.tensor.byte_size()});
}

}  // namespace

Result<std::string> to_npy(const Tensor& tensor) {
  std::string file;
  TRY(write_parts(tensor, [&](std::string_view part) {
    file.append(part);
    return Status();
  }));
  return file;
}

Status write_npy(const std::string& path, const Tensor& tensor) {
  ASSIGN(AtomicFile file, AtomicFile::create(path));
  TRY(write_parts(tensor, [&](std::string_view part) { return file.write(part); }));
  return file.commit();
}

}  // namespace gossamer
