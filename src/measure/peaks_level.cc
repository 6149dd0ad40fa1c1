// Loops without anything in the way: enough independent chains of one instruction to fill every
// pipe, and loads as wide as the level has them.
#include "kernels/level.h"
#include "kernels/vector.h"
#include "measure/peaks.h"

namespace gossamer::measure {
namespace {

using kernels::F32;

// Chains in flight: latency times pipes of today's cores is 8 to 10.
constexpr int kChains = 12;

float f32(const float* seed, std::int64_t rounds) {
  const F32 a = F32::load(seed), b = F32::load(seed + 16);
  F32 acc[kChains];
  for (int i = 0; i < kChains; ++i) acc[i] = F32::load(seed + i);
  for (std::int64_t r = 0; r < rounds; ++r)
    for (int i = 0; i < kChains; ++i) acc[i] = fma(acc[i], a, b);
  F32 all = F32::zero();
  for (int i = 0; i < kChains; ++i) all = all + acc[i];
  return sum(all);
}

float read(const float* from, std::int64_t count) {
  F32 acc[8];
  for (int i = 0; i < 8; ++i) acc[i] = F32::zero();
  for (std::int64_t at = 0; at < count; at += 8 * F32::kLanes)
    for (int i = 0; i < 8; ++i) acc[i] = acc[i] + F32::load(from + at + i * F32::kLanes);
  F32 all = F32::zero();
  for (int i = 0; i < 8; ++i) all = all + acc[i];
  return sum(all);
}

// As kChains variables: an array of them would be kept in memory.
#define EACH_CHAIN(DO, X) \
  DO(0, X)                \
  DO(1, X)                \
  DO(2, X) DO(3, X) DO(4, X) DO(5, X) DO(6, X) DO(7, X) DO(8, X) DO(9, X) DO(10, X) DO(11, X)
#define START_CHAIN(i, LOAD) auto acc##i = LOAD(seed + (i));
#define STEP_CHAIN(i, STEP) acc##i = STEP(acc##i, a, b);
#define ADD_CHAIN(i, ALL) ALL += acc##i;
// A loop over chains of STEP(chain, a, b): one instruction, or what serves as one. Their starts
// differ, or they would be seen to be one and the same.
#define LOOP_OVER_CHAINS(LOAD, STEP)          \
  EACH_CHAIN(START_CHAIN, LOAD)               \
  for (std::int64_t r = 0; r < rounds; ++r) { \
    EACH_CHAIN(STEP_CHAIN, STEP)              \
  }                                           \
  auto all = LOAD(seed);                      \
  EACH_CHAIN(ADD_CHAIN, all)                  \
  return static_cast<float>(all[0]);

#if defined(__AVX512F__)

INLINE __m512i load_bits(const float* p) { return _mm512_loadu_si512(p); }
INLINE __m512i madd(__m512i acc, __m512i a, __m512i b) {
  __asm__ volatile("" : "+v"(a));  // or all of it but the sum would move out of the loop
  return _mm512_add_epi32(acc, _mm512_madd_epi16(_mm512_maddubs_epi16(a, b), _mm512_set1_epi16(1)));
}
float i8(const float* seed, std::int64_t rounds) {
  const auto a = load_bits(seed), b = load_bits(seed + 16);
  LOOP_OVER_CHAINS(load_bits, madd)
}

__attribute__((target("avx512vnni"))) float i8_dot(const float* seed, std::int64_t rounds) {
  const auto a = load_bits(seed), b = load_bits(seed + 16);
  LOOP_OVER_CHAINS(load_bits, _mm512_dpbusd_epi32)
}

__attribute__((target("avx512bf16"))) float bf16_dot(const float* seed, std::int64_t rounds) {
  const __m512bh a = reinterpret_cast<__m512bh>(load_bits(seed));
  const __m512bh b = reinterpret_cast<__m512bh>(load_bits(seed + 16));
  LOOP_OVER_CHAINS(_mm512_loadu_ps, _mm512_dpbf16_ps)
}

#elif defined(__AVX2__)

INLINE __m256i load_bits(const float* p) { return _mm256_castps_si256(_mm256_loadu_ps(p)); }
INLINE __m256i madd(__m256i acc, __m256i a, __m256i b) {
  __asm__ volatile("" : "+x"(a));  // or all of it but the sum would move out of the loop
  return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), _mm256_set1_epi16(1)));
}
float i8(const float* seed, std::int64_t rounds) {
  const auto a = load_bits(seed), b = load_bits(seed + 16);
  LOOP_OVER_CHAINS(load_bits, madd)
}

__attribute__((target("avxvnni"))) float i8_dot(const float* seed, std::int64_t rounds) {
  const auto a = load_bits(seed), b = load_bits(seed + 16);
  LOOP_OVER_CHAINS(load_bits, _mm256_dpbusd_avx_epi32)
}

#else

INLINE __m128i load_bits(const float* p) { return _mm_castps_si128(_mm_loadu_ps(p)); }
INLINE __m128i madd(__m128i acc, __m128i a, __m128i b) {
  __asm__ volatile("" : "+x"(a));  // or all of it but the sum would move out of the loop
  return _mm_add_epi32(acc, _mm_madd_epi16(_mm_maddubs_epi16(a, b), _mm_set1_epi16(1)));
}
float i8(const float* seed, std::int64_t rounds) {
  const auto a = load_bits(seed), b = load_bits(seed + 16);
  LOOP_OVER_CHAINS(load_bits, madd)
}

#endif

constexpr double kRoundLanes = 1.0 * kChains * F32::kLanes;

}  // namespace

extern const PeakTable LEVEL_TABLE(peak_table) = {f32,      kRoundLanes * 2, i8, kRoundLanes * 8,
#if defined(__AVX2__)
                                                  i8_dot,   kRoundLanes * 8,
#else
                                                  nullptr, 0,
#endif
#if defined(__AVX512F__)
                                                  bf16_dot, kRoundLanes * 4,
#else
                                                  nullptr, 0,
#endif
                                                  read};

}  // namespace gossamer::measure
