// Levels, caches and the CPU's name.
#include "base/cpu.h"

#include <gtest/gtest.h>

namespace gossamer {
namespace {

TEST(Cpu, LevelsHaveNames) {
  for (int i = 0; i < kLevels; ++i) {
    const auto level = static_cast<Level>(i);
    EXPECT_EQ(level_of(level_name(level)), level);
  }
  EXPECT_FALSE(level_of("v5"));
}

TEST(Cpu, ActiveLevelIsOneThatTheCpuHas) { EXPECT_LE(active_level(), cpu_level()); }

TEST(Cpu, CachesArePlausible) {
  EXPECT_GE(cache_sizes().l1d, 8 << 10);
  EXPECT_GE(cache_sizes().l2, cache_sizes().l1d);
  EXPECT_FALSE(cpu_name().empty());
}

}  // namespace
}  // namespace gossamer
