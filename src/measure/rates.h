// What this machine can give: arithmetic of one core by instructions, and bytes a second from each
// cache and from memory. Measured, since neither a name nor a flag tells it; the yardstick of
// profiles and of bench/kernels.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu.h"

namespace gossamer::measure {

// Operations on registers of one core, in 10^9 a second; a multiplication and an addition are two.
struct ArithmeticRate {
  std::string_view dtype;         // "f32", "i8" (summed in i32), "bf16" (summed in f32)
  std::string_view instructions;  // "v2" to "v4", or "avx_vnni", "avx512_vnni", "avx512_bf16"
  double giga_ops = 0;
};

struct Rates {
  std::vector<ArithmeticRate> arithmetic;
  int threads = 1;  // of memory_all
  // Reading, in 10^9 bytes a second: one core from its L2 and from the last cache, one core and all
  // threads from memory.
  double l2 = 0, l3 = 0, memory = 0, memory_all = 0;

  // Of that dtype by the plain instructions of the level, of one core; 0 when not measured.
  double giga_ops(std::string_view dtype, Level level) const;
  // What `threads` threads can read of `bytes` bytes that are used again and again: from the
  // smallest cache that holds them, else from memory. In 10^9 bytes a second.
  double bandwidth(double bytes, int threads) const;
  // The least nanoseconds that work of so many float operations and bytes takes `threads` threads.
  double roofline_ns(double flops, double bytes, Level level, int threads) const;
};

// Measures every rate that this CPU has, in about half a second and as much memory as four last
// caches (64 to 256 MB; less where that cannot be had, then memory's figures are those of a cache).
Rates measure_rates(int threads);
// Names of instruction sets that matter to networks and that this CPU has, "avx2 avx512f ...".
std::vector<std::string_view> instruction_sets();

}  // namespace gossamer::measure
