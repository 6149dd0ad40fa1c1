// CPU features by the compiler's own probe; caches and name from the system's files.
#include "base/cpu.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

namespace gossamer {
namespace {

constexpr std::array<std::string_view, kLevels> kNames = {"v2", "v3", "v4"};

bool has_v3() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
  return false;
#endif
}

bool has_v4() {
#if defined(__x86_64__)
  return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

void set_if_known(int name, std::int64_t& size) {
  const long value = sysconf(name);
  if (value > 0) size = value;
}

}  // namespace

std::string_view level_name(Level level) { return kNames[static_cast<std::size_t>(level)]; }

std::optional<Level> level_of(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Level>(i);
  return std::nullopt;
}

Level cpu_level() {
  static const Level level = has_v4() ? Level::v4 : has_v3() ? Level::v3 : Level::v2;
  return level;
}

Level active_level() {
  static const Level level = [] {
    const char* asked = std::getenv("GOSSAMER_ISA");
    const std::optional<Level> wanted = asked ? level_of(asked) : std::nullopt;
    return wanted && *wanted < cpu_level() ? *wanted : cpu_level();
  }();
  return level;
}

const CacheSizes& cache_sizes() {
  static const CacheSizes sizes = [] {
    CacheSizes s;
    set_if_known(_SC_LEVEL1_DCACHE_SIZE, s.l1d);
    set_if_known(_SC_LEVEL2_CACHE_SIZE, s.l2);
    set_if_known(_SC_LEVEL3_CACHE_SIZE, s.l3);
    // Where a package has several last caches, the C library adds them up; this core has one.
    std::ifstream level("/sys/devices/system/cpu/cpu0/cache/index3/level");
    std::ifstream size("/sys/devices/system/cpu/cpu0/cache/index3/size");
    int number = 0;
    std::int64_t kibibytes = 0;
    char unit = 0;
    if (level >> number && number == 3 && size >> kibibytes >> unit && unit == 'K' && kibibytes > 0)
      s.l3 = kibibytes << 10;
    return s;
  }();
  return sizes;
}

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      if (const std::size_t colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "unknown";
}

}  // namespace gossamer
