// Streams and coded sections: what is written comes back; damage is seen; sizes stay bounded.
#include "package/coded.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "package/rans.h"

namespace gossamer::package {
namespace {

using Bytes = std::vector<std::byte>;

Bytes decoded(std::span<const std::byte> section, int threads = 2) {
  const Result<Tensor> t = decode_section(section, threads);
  EXPECT_TRUE(t.ok()) << t.status().message();
  if (!t.ok()) return {};
  const auto* data = static_cast<const std::byte*>(t->data());
  return {data, data + t->byte_size()};
}

// Integers of `bits` for normal weights whose largest of `group` is the largest integer; those of
// four bits two a byte. A share of the least ones is zero.
Bytes weights(std::size_t count, int bits, std::size_t group, double zeros = 0) {
  std::mt19937 random(4);
  std::normal_distribution<double> normal;
  std::vector<int> codes;
  const int most = (1 << (bits - 1)) - 1;
  for (std::size_t i = 0; i < count; i += group) {
    std::vector<double> w(group);
    for (double& v : w) v = normal(random);
    std::vector<double> sizes;
    for (const double v : w) sizes.push_back(std::abs(v));
    std::sort(sizes.begin(), sizes.end());
    const double least = sizes[static_cast<std::size_t>(zeros * static_cast<double>(group))];
    for (const double v : w)
      codes.push_back(zeros > 0 && std::abs(v) < least
                          ? 0
                          : static_cast<int>(std::lround(v / sizes.back() * most)));
  }
  Bytes out;
  for (std::size_t i = 0; i < codes.size(); i += bits == 4 ? 2 : 1)
    out.push_back(static_cast<std::byte>(bits == 4 ? (codes[i] & 15) | (codes[i + 1] & 15) << 4
                                                   : codes[i] & 255));
  return out;
}

double share(const Bytes& bytes) {
  const Bytes coded = encode_section(bytes, {});
  EXPECT_EQ(decoded(coded), bytes);
  return static_cast<double>(coded.size()) / static_cast<double>(bytes.size());
}

TEST(Coded, AnyBytesComeBack) {
  std::mt19937 random(1);
  for (const std::size_t n : {1U, 2U, 31U, 32U, 33U, 1000U, 131072U, 131073U, 400001U}) {
    Bytes noise(n), one(n, std::byte{7}), few(n);
    for (std::byte& b : noise) b = static_cast<std::byte>(random());
    for (std::byte& b : few) b = static_cast<std::byte>(random() % 50 == 0 ? random() : 3);
    for (const Bytes* bytes : {&noise, &one, &few}) {
      const Bytes coded = encode_section(*bytes, {});
      EXPECT_EQ(decoded(coded), *bytes) << n;
      EXPECT_LE(coded.size(), n + 16 + n / 4096);
    }
  }
  EXPECT_TRUE(decoded(encode_section({}, {})).empty());
}

TEST(Coded, ChunksBeginAtCuts) {
  Bytes bytes(300000);
  std::mt19937 random(2);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i < 100001 ? random() % 3 : 128 + random() % 5);
  const std::vector<std::uint64_t> cuts = {0, 100001, 100001, 250000};
  EXPECT_EQ(decoded(encode_section(bytes, cuts)), bytes);
  EXPECT_EQ(decoded(encode_section(bytes, cuts), 1), bytes);
  EXPECT_LT(encode_section(bytes, cuts).size(), encode_section(bytes, {}).size());
}

TEST(Coded, IsShorterWhereItMatters) {
  EXPECT_LE(share(weights(1 << 18, 4, 1152)), 0.85);      // 4 bits, a scale a channel
  EXPECT_LE(share(weights(1 << 18, 4, 32)), 0.94);        // 4 bits, blocks of 32
  EXPECT_LE(share(weights(1 << 18, 8, 1152, 0.5)), 0.7);  // half of the weights zero
}

TEST(Coded, KnowsFloatsAndTables) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> floats(60000), few(60000);
  for (float& v : floats) v = normal(random);
  for (float& v : few) v = floats[random() % 16];
  Bytes a(240000), b(240000);
  std::memcpy(a.data(), floats.data(), a.size());
  std::memcpy(b.data(), few.data(), b.size());
  EXPECT_LT(share(a), 0.9);
  EXPECT_LT(share(b), 0.13);  // four bits of 32
}

TEST(Coded, DamageIsSeenAndNeverFollowed) {
  const Bytes bytes = weights(40000, 8, 512);
  const Bytes coded = encode_section(bytes, {});
  for (std::size_t i = 0; i < coded.size(); i += 37) {
    Bytes bad = coded;
    bad[i] ^= std::byte{0x10};
    const Result<Tensor> t = decode_section(bad);
    if (!t.ok()) {
      EXPECT_EQ(t.status().code(), Code::malformed);
    }
  }
  for (std::size_t n = 0; n < coded.size(); n += 101)
    EXPECT_EQ(decode_section(std::span(coded).first(n)).status().code(), Code::malformed);
  // A word that is wrong spoils how the states end.
  Bytes bad = coded;
  bad[coded.size() - 9] ^= std::byte{1};
  EXPECT_EQ(decode_section(bad).status().code(), Code::malformed);
}

TEST(Coded, NothingGrowsByTheWordOfAFile) {
  ByteWriter w;
  w.count(1);
  w.varint(kChunkBytes);  // of three bytes
  w.varint(3);
  for (int i = 0; i < 3; ++i) w.u8(0);
  EXPECT_EQ(decode_section(w.out()).status().code(), Code::malformed);
  ByteWriter many;
  many.varint(std::uint64_t{1} << 60);
  EXPECT_EQ(decode_section(many.out()).status().code(), Code::malformed);
}

}  // namespace
}  // namespace gossamer::package
