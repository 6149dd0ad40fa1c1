// Chunks: how bytes become streams, and back.
#include "package/coded.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <optional>

#include "base/thread_pool.h"
#include "package/rans.h"

namespace gossamer::package {
namespace {

using Bytes = std::span<const std::byte>;

// How a chunk's bytes became streams.
enum class Form : std::uint8_t {
  bytes,    // one stream
  planes2,  // elements of two bytes: a stream of the first ones, one of the second
  planes4,  // elements of four bytes
  table2,   // a table of elements of two bytes, and a stream of their places in it
  table4
};
constexpr std::uint8_t kForms = 5;

constexpr bool is_table(Form f) { return f == Form::table2 || f == Form::table4; }
constexpr std::size_t width_of(Form f) {
  return f == Form::bytes ? 1 : f == Form::planes2 || f == Form::table2 ? 2 : 4;
}

// --- writing ---

void write_planes(ByteWriter& w, Bytes bytes, std::size_t width) {
  std::vector<std::byte> plane(bytes.size() / width);
  for (std::size_t k = 0; k < width; ++k) {
    for (std::size_t i = 0; i < plane.size(); ++i) plane[i] = bytes[i * width + k];
    write_stream(w, plane);
  }
}

// False when there are more than 256 elements that differ.
bool write_elements(ByteWriter& w, Bytes bytes, std::size_t width) {
  constexpr std::size_t kMost = 256;
  std::map<std::uint32_t, std::uint8_t> places;
  std::vector<std::uint32_t> elements;
  std::vector<std::byte> stream;
  for (std::size_t i = 0; i < bytes.size(); i += width) {
    std::uint32_t e = 0;
    std::memcpy(&e, &bytes[i], width);
    auto found = places.find(e);
    if (found == places.end()) {
      if (elements.size() == kMost) return false;
      found = places.emplace(e, static_cast<std::uint8_t>(elements.size())).first;
      elements.push_back(e);
    }
    stream.push_back(std::byte{found->second});
  }
  w.u8(static_cast<std::uint8_t>(elements.size() - 1));
  for (const std::uint32_t e : elements)
    for (std::size_t k = 0; k < width; ++k) w.u8(static_cast<std::uint8_t>(e >> (8 * k)));
  write_stream(w, stream);
  return true;
}

// The shortest of all forms.
std::vector<std::byte> encode_chunk(Bytes bytes) {
  std::vector<std::byte> best;
  for (std::uint8_t f = 0; f < kForms; ++f) {
    const Form form{f};
    if (bytes.size() % width_of(form) != 0) continue;
    ByteWriter w;
    w.u8(f);
    if (is_table(form)) {
      if (!write_elements(w, bytes, width_of(form))) continue;
    } else {
      write_planes(w, bytes, width_of(form));
    }
    if (best.empty() || w.size() < best.size()) best = std::move(w.out());
  }
  return best;
}

// --- reading ---

template <std::size_t Width>
void join_planes(const std::byte* planes, std::size_t count, std::byte* out) {
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k < Width; ++k) out[i * Width + k] = planes[k * count + i];
}

void read_planes(ByteReader& r, std::size_t width, std::span<std::byte> out,
                 std::vector<std::byte>& scratch) {
  if (width == 1) return read_stream(r, out);
  scratch.resize(out.size());
  const std::size_t count = out.size() / width;
  for (std::size_t k = 0; k < width; ++k)
    read_stream(r, std::span(scratch).subspan(k * count, count));
  if (width == 2)
    join_planes<2>(scratch.data(), count, out.data());
  else
    join_planes<4>(scratch.data(), count, out.data());
}

void read_elements(ByteReader& r, std::size_t width, std::span<std::byte> out,
                   std::vector<std::byte>& scratch) {
  const std::size_t count = std::size_t{r.u8()} + 1;
  const Bytes elements = r.bytes(count * width);
  scratch.resize(out.size() / width);
  read_stream(r, scratch);
  if (!r.ok()) return;
  std::size_t most = 0;
  for (const std::byte b : scratch) most = std::max(most, std::to_integer<std::size_t>(b));
  if (most >= count) return r.fail("an element is beyond its table");
  for (std::size_t i = 0; i < scratch.size(); ++i)
    std::memcpy(&out[i * width], &elements[std::to_integer<std::size_t>(scratch[i]) * width],
                width);
}

Status decode_chunk(Bytes chunk, std::span<std::byte> out, std::vector<std::byte>& scratch) {
  ByteReader r(chunk);
  const Form form{static_cast<std::uint8_t>(r.index(kForms))};
  if (r.ok() && out.size() % width_of(form) != 0) r.fail("a chunk is no whole elements");
  if (r.ok() && is_table(form)) read_elements(r, width_of(form), out, scratch);
  if (r.ok() && !is_table(form)) read_planes(r, width_of(form), out, scratch);
  if (r.ok() && !r.at_end()) r.fail("bytes follow a chunk");
  return r.status("a chunk of coded constants");
}

struct Chunk {
  Bytes coded;
  std::size_t at = 0, size = 0;  // decoded
};

Result<std::vector<Chunk>> read_chunks(Bytes section) {
  ByteReader r(section);
  std::vector<Chunk> out(r.count(3));
  std::vector<std::size_t> lengths;
  std::size_t at = 0;
  for (Chunk& c : out) {
    if (!r.ok()) break;
    c.at = at;
    c.size = r.varint();
    const std::uint64_t length = r.varint();
    if (c.size == 0 || c.size > kChunkBytes || length == 0 || length > section.size() ||
        c.size > length * kMaxExpansion)
      r.fail("a chunk's size cannot be");
    at += c.size;
    lengths.push_back(length);
  }
  for (std::size_t i = 0; i < out.size() && r.ok(); ++i) out[i].coded = r.bytes(lengths[i]);
  if (r.ok() && !r.at_end()) r.fail("bytes follow the last chunk");
  TRY(r.status("coded constants"));
  return out;
}

// Chunks are taken one after another by whoever is free.
struct Work {
  std::span<const Chunk> chunks;
  std::byte* out = nullptr;
  std::atomic<std::size_t> next{0};
  std::mutex guard;
  std::optional<Status> failed;

  void share() {
    std::vector<std::byte> scratch;
    for (std::size_t i = next++; i < chunks.size(); i = next++) {
      const Chunk& c = chunks[i];
      Status s = decode_chunk(c.coded, {out + c.at, c.size}, scratch);
      if (s.ok()) continue;
      const std::lock_guard lock(guard);
      if (!failed) failed = std::move(s);
      next = chunks.size();
    }
  }
};

}  // namespace

std::vector<std::byte> encode_section(Bytes bytes, std::span<const std::uint64_t> cuts) {
  std::vector<std::vector<std::byte>> chunks;
  std::vector<std::size_t> sizes;
  auto cut = cuts.begin();
  for (std::size_t at = 0; at < bytes.size();) {
    while (cut != cuts.end() && *cut <= at) ++cut;
    const std::size_t end = std::min<std::uint64_t>(
        {at + kChunkBytes, bytes.size(), cut == cuts.end() ? bytes.size() : *cut});
    chunks.push_back(encode_chunk(bytes.subspan(at, end - at)));
    sizes.push_back(end - at);
    at = end;
  }
  ByteWriter w;
  w.count(chunks.size());
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    w.varint(sizes[i]);
    w.varint(chunks[i].size());
  }
  for (const std::vector<std::byte>& c : chunks) w.bytes(c);
  return std::move(w.out());
}

Result<Tensor> decode_section(Bytes section, int threads) {
  ASSIGN(const std::vector<Chunk> chunks, read_chunks(section));
  const std::size_t size = chunks.empty() ? 0 : chunks.back().at + chunks.back().size;
  ASSIGN(Tensor out, Tensor::make_uninitialized(DType::u8, Shape{static_cast<std::int64_t>(size)}));
  Work work;
  work.chunks = chunks;
  work.out = static_cast<std::byte*>(out.mutable_data());
  Crew crew(ThreadPool::shared());
  constexpr std::size_t kMostThreads = 16;
  crew.enter(static_cast<int>(
      std::min({chunks.size(), kMostThreads,
                static_cast<std::size_t>(threads > 0 ? threads : available_cpus())})));
  crew.run(
      crew.size(), [](void* context, int, int) { static_cast<Work*>(context)->share(); }, &work);
  crew.leave();
  if (work.failed) return *std::move(work.failed);
  return out;
}

}  // namespace gossamer::package
