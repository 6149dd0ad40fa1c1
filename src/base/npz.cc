// Zip archives: the directory at the end, then each entry's bytes, inflated and checked.
#include "base/npz.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "base/mapped_file.h"
#include "base/npy.h"

namespace gossamer {
namespace {

using Bytes = std::span<const std::byte>;

// The little-endian number of `width` bytes at `offset`, which must be there.
std::uint32_t number(Bytes bytes, std::size_t offset, std::size_t width) {
  std::uint32_t value = 0;
  for (std::size_t i = width; i-- > 0;) {
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[offset + i]);
  }
  return value;
}

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The `size` bytes at `offset`, or nothing when they are not all there.
std::optional<Bytes> slice(Bytes bytes, std::uint64_t offset, std::uint64_t size) {
  if (offset > bytes.size() || size > bytes.size() - offset) return std::nullopt;
  return bytes.subspan(offset, size);
}

constexpr std::uint32_t kUnknown32 = 0xFFFFFFFF;  // "see the zip64 record"

struct Directory {
  std::size_t entries = 0;
  Bytes records;
};

Result<Directory> find_directory(Bytes archive) {
  constexpr std::size_t kSize = 22;
  constexpr std::size_t kMaxComment = 0xFFFF;
  constexpr std::uint32_t kSignature = 0x06054B50;
  for (std::size_t comment = 0; comment <= kMaxComment && comment + kSize <= archive.size();
       ++comment) {
    const Bytes end = archive.last(comment + kSize);
    if (number(end, 0, 4) != kSignature || number(end, 20, 2) != comment) continue;
    const std::uint32_t entries = number(end, 10, 2);
    const std::uint32_t size = number(end, 12, 4);
    const std::uint32_t offset = number(end, 16, 4);
    if (entries == 0xFFFF || size == kUnknown32 || offset == kUnknown32) {
      return unsupported("archives beyond 4 GiB or 65534 entries (zip64) are not supported");
    }
    if (number(end, 4, 4) != 0 || number(end, 8, 2) != entries) {
      return unsupported("archives of several parts are not supported");
    }
    const std::optional<Bytes> records = slice(archive, offset, size);
    if (!records) return malformed("the archive's directory lies outside the file");
    return Directory{entries, *records};
  }
  return malformed("not a .npz file: it has no zip directory", "the file may be cut off");
}

struct Entry {
  std::string name;
  std::uint32_t flags = 0;
  std::uint32_t method = 0;
  std::uint32_t crc = 0;
  std::uint32_t packed_size = 0;
  std::uint32_t size = 0;
  std::uint32_t offset = 0;
};

// Takes one entry's record off the front of the directory.
Result<Entry> take_entry(Bytes& records) {
  constexpr std::size_t kSize = 46;
  constexpr std::uint32_t kSignature = 0x02014B50;
  if (records.size() < kSize || number(records, 0, 4) != kSignature) {
    return malformed("the archive's directory is broken");
  }
  const std::size_t name_size = number(records, 28, 2);
  const std::size_t behind = number(records, 30, 2) + number(records, 32, 2);
  if (records.size() - kSize < name_size + behind) {
    return malformed("the archive's directory is broken");
  }
  Entry entry;
  entry.flags = number(records, 8, 2);
  entry.method = number(records, 10, 2);
  entry.crc = number(records, 16, 4);
  entry.packed_size = number(records, 20, 4);
  entry.size = number(records, 24, 4);
  entry.offset = number(records, 42, 4);
  entry.name = text_of(records.subspan(kSize, name_size));
  records = records.subspan(kSize + name_size + behind);
  if (entry.packed_size == kUnknown32 || entry.size == kUnknown32 || entry.offset == kUnknown32) {
    return unsupported("entries beyond 4 GiB (zip64) are not supported");
  }
  return entry;
}

// The entry's bytes as they lie in the archive.
Result<Bytes> packed_bytes(Bytes archive, const Entry& entry) {
  constexpr std::size_t kSize = 30;
  constexpr std::uint32_t kSignature = 0x04034B50;
  const std::optional<Bytes> local = slice(archive, entry.offset, kSize);
  if (!local || number(*local, 0, 4) != kSignature) {
    return malformed("it is not where the archive's directory says");
  }
  const std::uint64_t begin =
      std::uint64_t{entry.offset} + kSize + number(*local, 26, 2) + number(*local, 28, 2);
  const std::optional<Bytes> bytes = slice(archive, begin, entry.packed_size);
  if (!bytes) return malformed("it goes on beyond the end of the file");
  return *bytes;
}

struct InflateEnd {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

// Inflates to exactly `size` bytes.
Result<Tensor> inflate_bytes(Bytes packed, std::uint32_t size) {
  // Deflate cannot do better than 1032 to 1: what promises more is refused before it gets memory.
  if (size / 1032 > packed.size()) return malformed("it promises more bytes than it can hold");
  ASSIGN(Tensor plain, Tensor::make_uninitialized(DType::u8, Shape{std::int64_t{size}}));
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return limit_error("no memory to inflate");
  const std::unique_ptr<z_stream, InflateEnd> end(&stream);
  // zlib's interface does not say const, but it does not write to its input.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = plain.mutable_values<std::uint8_t>().data();
  stream.avail_out = size;
  const int code = inflate(&stream, Z_FINISH);
  if (code == Z_MEM_ERROR) return limit_error("no memory to inflate");
  if (code != Z_STREAM_END || stream.avail_in != 0 || stream.avail_out != 0) {
    return malformed("its compressed bytes are broken");
  }
  return plain;
}

Result<Tensor> read_entry(Bytes archive, const Entry& entry) {
  if ((entry.flags & 1) != 0) return unsupported("it is encrypted");
  ASSIGN(Bytes bytes, packed_bytes(archive, entry));
  Tensor plain;
  if (entry.method == 8) {
    ASSIGN(plain, inflate_bytes(bytes, entry.size));
    bytes = std::as_bytes(std::as_const(plain).values<std::uint8_t>());
  } else if (entry.method != 0) {
    return unsupported(fmt::format("zip compression method {} is not supported", entry.method),
                       "save with numpy.savez or numpy.savez_compressed");
  } else if (entry.size != entry.packed_size) {
    return malformed("it is stored, but its two sizes differ");
  }
  const auto* data = reinterpret_cast<const Bytef*>(bytes.data());
  if (crc32_z(0, data, bytes.size()) != entry.crc) {
    return malformed("its checksum does not fit its bytes");
  }
  return parse_npy(bytes);
}

}  // namespace

Result<std::vector<NamedTensor>> parse_npz(std::span<const std::byte> bytes) {
  ASSIGN(Directory directory, find_directory(bytes));
  std::vector<NamedTensor> tensors;
  std::uint64_t packed = 0;
  for (std::size_t i = 0; i < directory.entries; ++i) {
    ASSIGN(Entry entry, take_entry(directory.records));
    const std::string where = fmt::format("entry '{}'", entry.name);
    // Entries that share bytes would let a small file unfold without end.
    packed += entry.packed_size;
    if (packed > bytes.size()) return malformed("overlaps with other entries").in(where);
    if (!entry.name.ends_with(".npy")) return malformed("is not a .npy file").in(where);
    entry.name.resize(entry.name.size() - 4);
    const auto same = [&](const NamedTensor& t) { return t.name == entry.name; };
    if (std::any_of(tensors.begin(), tensors.end(), same)) {
      return malformed("is there twice").in(where);
    }
    Result<Tensor> tensor = read_entry(bytes, entry);
    if (!tensor.ok()) return std::move(tensor).status().in(where);
    tensors.push_back({std::move(entry.name), std::move(tensor).value()});
  }
  return tensors;
}

Result<std::vector<NamedTensor>> read_npz(const std::string& path) {
  ASSIGN(const MappedFile file, MappedFile::open(path));
  Result<std::vector<NamedTensor>> tensors = parse_npz(file.bytes());
  if (!tensors.ok()) return std::move(tensors).status().in(fmt::format("'{}'", path));
  return tensors;
}

}  // namespace gossamer
