// Coding and decoding streams of bytes.
#include "package/rans.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace gossamer::package {
namespace {

constexpr int kBits = 12;                      // of probabilities
constexpr std::uint32_t kTotal = 1U << kBits;  // what frequencies sum up to
constexpr std::uint32_t kLeast = 1U << 16;     // states lie from here to 2^32
constexpr std::size_t kLanes = 32, kSymbols = 256;
constexpr std::uint8_t kPlain = 0, kCoded = 1;

using Frequencies = std::array<std::uint32_t, kSymbols>;

// Frequencies that sum up to kTotal, none of a symbol that occurs 0.
Frequencies frequencies_of(std::span<const std::byte> bytes) {
  std::array<std::uint64_t, kSymbols> counts{};
  for (const std::byte b : bytes) ++counts[std::to_integer<std::size_t>(b)];
  Frequencies out{};
  std::int64_t left = kTotal;
  for (std::size_t s = 0; s < kSymbols; ++s) {
    if (counts[s] == 0) continue;
    const std::uint64_t share = (counts[s] * kTotal + bytes.size() / 2) / bytes.size();
    out[s] = static_cast<std::uint32_t>(std::max<std::uint64_t>(share, 1));
    left -= out[s];
  }
  while (left != 0) {  // the most frequent ones bear what rounding left
    const auto most = std::max_element(out.begin(), out.end());
    const std::int64_t change =
        left > 0 ? left : std::max<std::int64_t>(left, -static_cast<std::int64_t>(*most / 2));
    *most = static_cast<std::uint32_t>(*most + change);
    left -= change;
  }
  return out;
}

void write_frequencies(ByteWriter& w, const Frequencies& frequencies) {
  for (std::size_t s = 0; s < kSymbols; s += 8) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 8; ++k) bits |= frequencies[s + k] != 0 ? 1U << k : 0U;
    w.u8(static_cast<std::uint8_t>(bits));
  }
  for (const std::uint32_t f : frequencies)
    if (f != 0) w.varint(f - 1);
}

// What a slot of the table says: a symbol, its frequency less one, and how far the slot is behind
// the symbol's first.
constexpr std::uint32_t entry_of(std::uint32_t symbol, std::uint32_t frequency,
                                 std::uint32_t place) {
  return symbol | (frequency - 1) << 8 | place << (8 + kBits);
}

void read_table(ByteReader& r, std::array<std::uint32_t, kTotal>& table) {
  const auto present = r.bytes(kSymbols / 8);
  std::uint32_t at = 0;
  for (std::uint32_t s = 0; s < kSymbols && r.ok(); ++s) {
    if ((std::to_integer<unsigned>(present[s / 8]) >> (s % 8) & 1U) == 0) continue;
    const std::uint64_t f = r.varint() + 1;
    if (f > kTotal - at) return r.fail("frequencies are beyond their sum");
    for (std::uint32_t k = 0; k < f; ++k)
      table[at++] = entry_of(s, static_cast<std::uint32_t>(f), k);
  }
  if (r.ok() && at != kTotal) r.fail("frequencies do not sum up");
}

// Words that are not read yet.
struct Words {
  const std::byte* at;
  std::size_t left;
};

inline std::uint32_t word_at(const std::byte* at) {
  std::uint16_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Whole rounds of all lanes for as long as the words cannot end within one; gives how many bytes
// were decoded.
std::size_t decode_rounds(std::array<std::uint32_t, kLanes>& states, const std::uint32_t* table,
                          Words& words, std::span<std::byte> out) {
  std::size_t done = 0;
  while (out.size() - done >= kLanes && words.left >= kLanes) {
    const std::byte* at = words.at;
    std::byte* to = out.data() + done;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::uint32_t x = states[lane], e = table[x & (kTotal - 1)];
      to[lane] = static_cast<std::byte>(e & 0xFF);
      const std::uint32_t y = ((e >> 8 & (kTotal - 1)) + 1) * (x >> kBits) + (e >> (8 + kBits));
      const std::uint32_t more = y << 16 | word_at(at);
      // Without a branch, which nobody could foretell.
      const std::uint32_t low = 0U - static_cast<std::uint32_t>(y < kLeast);
      states[lane] = y ^ ((y ^ more) & low);
      at += low & 2U;
    }
    words.left -= static_cast<std::size_t>(at - words.at) / 2;
    words.at = at;
    done += kLanes;
  }
  return done;
}

void decode(ByteReader& r, std::span<std::byte> out) {
  std::array<std::uint32_t, kTotal> table{};
  read_table(r, table);
  std::array<std::uint32_t, kLanes> states{};
  for (std::uint32_t& x : states) {
    x = r.u32();
    if (x < kLeast) r.fail("a state is below its least");
  }
  const std::size_t count = r.count(2);
  const auto bytes = r.bytes(count * 2);
  if (!r.ok()) return;
  Words words{bytes.data(), count};
  std::size_t i = decode_rounds(states, table.data(), words, out);
  for (; i < out.size(); ++i) {
    std::uint32_t& x = states[i % kLanes];
    const std::uint32_t e = table[x & (kTotal - 1)];
    out[i] = static_cast<std::byte>(e & 0xFF);
    x = ((e >> 8 & (kTotal - 1)) + 1) * (x >> kBits) + (e >> (8 + kBits));
    if (x >= kLeast) continue;
    if (words.left == 0) return r.fail("ends in the middle of coded bytes");
    x = x << 16 | word_at(words.at);
    words.at += 2;
    --words.left;
  }
  const bool whole = words.left == 0 && std::all_of(states.begin(), states.end(),
                                                    [](std::uint32_t x) { return x == kLeast; });
  if (!whole) r.fail("coded bytes do not end as they should");
}

void encode(ByteWriter& w, std::span<const std::byte> bytes) {
  const Frequencies frequencies = frequencies_of(bytes);
  Frequencies first{};
  for (std::size_t s = 1; s < kSymbols; ++s) first[s] = first[s - 1] + frequencies[s - 1];
  std::array<std::uint32_t, kLanes> states{};
  states.fill(kLeast);
  std::vector<std::uint16_t> words;  // the last one first
  for (std::size_t i = bytes.size(); i-- > 0;) {
    const auto s = std::to_integer<std::size_t>(bytes[i]);
    std::uint32_t& x = states[i % kLanes];
    const std::uint64_t f = frequencies[s];
    if (x >= f << (32 - kBits)) {
      words.push_back(static_cast<std::uint16_t>(x));
      x >>= 16;
    }
    x = static_cast<std::uint32_t>((x / f << kBits) + x % f + first[s]);
  }
  write_frequencies(w, frequencies);
  for (const std::uint32_t x : states) w.u32(x);
  w.count(words.size());
  for (auto it = words.rbegin(); it != words.rend(); ++it) w.u16(*it);
}

}  // namespace

void write_stream(ByteWriter& w, std::span<const std::byte> bytes) {
  if (!bytes.empty()) {
    ByteWriter coded;
    encode(coded, bytes);
    if (coded.size() < bytes.size()) {
      w.u8(kCoded);
      return w.bytes(coded.out());
    }
  }
  w.u8(kPlain);
  w.bytes(bytes);
}

void read_stream(ByteReader& r, std::span<std::byte> out) {
  const std::uint8_t kind = r.u8();
  if (kind == kCoded) return decode(r, out);
  if (kind != kPlain) r.fail("a stream is of a kind that is unknown");
  const auto bytes = r.bytes(out.size());
  if (r.ok() && !out.empty()) std::memcpy(out.data(), bytes.data(), out.size());
}

}  // namespace gossamer::package
