// Where buffers lie in the arena: those that live at the same time never overlap, and the whole is
// small.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gossamer::runtime {

inline constexpr std::int64_t kArenaAlignment = 64;

// A buffer and the steps, first to last, both included, during which it must keep its bytes.
struct Lifetime {
  std::int64_t bytes = 0;
  std::int32_t first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<std::int64_t> offsets;  // one a lifetime, multiples of kArenaAlignment
  std::int64_t total = 0;
  std::int64_t lower_bound = 0;  // largest sum, over the steps, of the (aligned) sizes alive
};

// Greedy by size with best fit (Pisarchyk & Lee: Efficient memory management for deep neural net
// inference, 2020). `thorough` tries several orders and improves the best for a while, for use when
// a model is compiled; otherwise one order, under a millisecond for 500 lifetimes. The sum of sizes
// must fit 2^62; deterministic.
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, bool thorough);

// The largest sum, over the steps, of the aligned sizes alive.
std::int64_t largest_live_set(std::span<const Lifetime> lifetimes);

}  // namespace gossamer::runtime
