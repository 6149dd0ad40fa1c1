// The best of several short tries each: what else runs on the machine only ever makes it slower.
#include "measure/rates.h"

#include <time.h>

#include <algorithm>
#include <memory>
#include <new>

#include "base/thread_pool.h"
#include "kernels/kernel.h"
#include "kernels/level.h"
#include "measure/bench.h"
#include "measure/peaks.h"

namespace gossamer::measure {

DECLARE_LEVEL_TABLES(PeakTable, peak_table)

namespace {

constexpr double kTryMs = 4;
constexpr int kTries = 5;

// Where results go, so that nothing is left out as unused.
volatile float g_sink = 0;

// Time that this thread has spent on a core: what others do there in between does not count.
double thread_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) / 1e6;
}

// Most rounds a second of `once(rounds)` by that clock.
template <class F>
double best_rate(double (*now)(), std::int64_t rounds, F&& once) {
  double begin = now(), took = 0;
  for (once(rounds); (took = now() - begin) < kTryMs / 4; begin = now(), once(rounds)) rounds *= 2;
  rounds = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(static_cast<double>(rounds) * kTryMs / took));
  double least = 0;
  for (int i = 0; i < kTries; ++i) {
    begin = now();
    once(rounds);
    took = now() - begin;
    least = i == 0 ? took : std::min(least, took);
  }
  return static_cast<double>(rounds) / std::max(least, 1e-6) * 1e3;
}

double giga_ops(PeakLoop loop, double ops) {
  float seed[kPeakSeed];
  for (int i = 0; i < kPeakSeed; ++i) seed[i] = 0.5f + static_cast<float>(i) / 256;
  const auto once = [&](std::int64_t rounds) { g_sink = loop(seed, rounds); };
  return best_rate(thread_ms, 1 << 14, once) * ops / 1e9;
}

// Uninitialized floats at a multiple of 64; null when there is no memory.
class Buffer {
 public:
  explicit Buffer(std::int64_t floats)
      : memory_(new(std::nothrow) float[static_cast<std::size_t>(floats) + 16]) {
    if (!memory_) return;
    const auto at = reinterpret_cast<std::uintptr_t>(memory_.get());
    data_ = memory_.get() + (64 - at % 64) % 64 / sizeof(float);
    std::fill_n(data_, floats, 1.0f);
  }
  float* data() const { return data_; }

 private:
  std::unique_ptr<float[]> memory_;
  float* data_ = nullptr;
};

struct Reading {
  const PeakTable* table;
  const float* from;
  std::int64_t floats;

  static void run(void* context, int part, int parts) {
    const Reading& r = *static_cast<const Reading*>(context);
    const kernels::Range range = kernels::share(r.floats, part, parts, 128);
    g_sink = r.table->read(r.from + range.begin, range.end - range.begin);
  }
};

// GB/s of reading `bytes` bytes over and over.
double reading(const PeakTable& table, const float* from, std::int64_t bytes, int threads) {
  Reading r{&table, from, bytes / 4 / 128 * 128};
  Crew crew(ThreadPool::shared());
  crew.enter(threads);
  const auto once = [&](std::int64_t rounds) {
    for (std::int64_t i = 0; i < rounds; ++i) crew.run(crew.size(), Reading::run, &r);
  };
  return best_rate(threads == 1 ? thread_ms : now_ms, 1, once) * static_cast<double>(r.floats) * 4 /
         1e9;
}

void add(std::vector<ArithmeticRate>& out, std::string_view dtype, std::string_view instructions,
         PeakLoop loop, double ops) {
  if (loop) out.push_back({dtype, instructions, giga_ops(loop, ops)});
}

bool has(std::string_view name) {
  for (const std::string_view s : instruction_sets())
    if (s == name) return true;
  return false;
}

}  // namespace

std::vector<std::string_view> instruction_sets() {
  std::vector<std::string_view> out;
#if defined(__x86_64__)
#define INSTRUCTIONS(name, probe) \
  if (__builtin_cpu_supports(probe)) out.push_back(name);
  INSTRUCTIONS("sse4.2", "sse4.2")
  INSTRUCTIONS("avx2", "avx2")
  INSTRUCTIONS("fma", "fma")
  INSTRUCTIONS("avx_vnni", "avxvnni")
  INSTRUCTIONS("avx512f", "avx512f")
  INSTRUCTIONS("avx512_vnni", "avx512vnni")
  INSTRUCTIONS("avx512_bf16", "avx512bf16")
  INSTRUCTIONS("amx_tile", "amx-tile")
  INSTRUCTIONS("amx_bf16", "amx-bf16")
  INSTRUCTIONS("amx_int8", "amx-int8")
#undef INSTRUCTIONS
#endif
  return out;
}

Rates measure_rates(int threads) {
  Rates out;
  out.threads = std::max(threads, 1);
  for (int l = 0; l <= static_cast<int>(cpu_level()); ++l) {
    const auto level = static_cast<Level>(l);
    const PeakTable& t = peak_table(level);
    add(out.arithmetic, "f32", level_name(level), t.f32, t.f32_ops);
    add(out.arithmetic, "i8", level_name(level), t.i8, t.i8_ops);
  }
  if (has("avx_vnni") && cpu_level() >= Level::v3)
    add(out.arithmetic, "i8", "avx_vnni", peak_table__v3.i8_dot, peak_table__v3.i8_dot_ops);
  if (cpu_level() >= Level::v4) {
    const PeakTable& t = peak_table__v4;
    if (has("avx512_vnni")) add(out.arithmetic, "i8", "avx512_vnni", t.i8_dot, t.i8_dot_ops);
    if (has("avx512_bf16")) add(out.arithmetic, "bf16", "avx512_bf16", t.bf16_dot, t.bf16_dot_ops);
  }
  const CacheSizes& caches = cache_sizes();
  const PeakTable& table = peak_table(cpu_level());
  std::int64_t most = std::clamp<std::int64_t>(4 * caches.l3, 64 << 20, 256 << 20);
  std::unique_ptr<Buffer> buffer = std::make_unique<Buffer>(most / 4);
  while (!buffer->data() && most > caches.l2) {
    most /= 2;
    buffer = std::make_unique<Buffer>(most / 4);
  }
  if (!buffer->data()) return out;
  out.l2 = reading(table, buffer->data(), std::min(caches.l2 / 2, most), 1);
  out.l3 = reading(table, buffer->data(), std::min(caches.l3 / 2, most), 1);
  out.memory = reading(table, buffer->data(), most, 1);
  out.memory_all = reading(table, buffer->data(), most, out.threads);
  return out;
}

double Rates::giga_ops(std::string_view dtype, Level level) const {
  for (const ArithmeticRate& a : arithmetic)
    if (a.dtype == dtype && a.instructions == level_name(level)) return a.giga_ops;
  return 0;
}

double Rates::bandwidth(double bytes, int used) const {
  const CacheSizes& caches = cache_sizes();
  const double many = std::max(used, 1);
  if (bytes <= static_cast<double>(caches.l2) * many) return l2 * many;
  if (bytes <= static_cast<double>(caches.l3)) return l3 * many;
  if (used <= 1) return memory;
  return used >= threads ? memory_all : std::min(memory * many, memory_all);
}

double Rates::roofline_ns(double flops, double bytes, Level level, int used) const {
  const double ops = giga_ops("f32", level) * std::max(used, 1);
  const double from = bandwidth(bytes, used);
  return std::max(ops > 0 ? flops / ops : 0, from > 0 ? bytes / from : 0);
}

}  // namespace gossamer::measure
