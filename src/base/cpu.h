// The CPU that runs this: the highest instruction set level that kernels are built for, and the
// sizes of its caches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gossamer {

// Instruction set levels that kernels are compiled for, lowest first. v2 to v4 are the levels of
// the x86-64 psABI.
enum class Level : std::uint8_t { v2, v3, v4 };
inline constexpr int kLevels = 3;

std::string_view level_name(Level level);  // "v2", "v3", "v4"
std::optional<Level> level_of(std::string_view name);

// The highest level that this CPU has, whatever the environment says.
Level cpu_level();
// The level to use: GOSSAMER_ISA names a lower one; an unknown or higher name is ignored. Read once
// a process.
Level active_level();

struct CacheSizes {
  std::int64_t l1d = 32 << 10, l2 = 512 << 10, l3 = 8 << 20;  // bytes; l1d and l2 a core
};
// As the system reports them; the defaults above for what it does not.
const CacheSizes& cache_sizes();

// The CPU's own name, "unknown" where it has none.
std::string cpu_name();

}  // namespace gossamer
