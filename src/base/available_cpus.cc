// How many CPUs this process may use: its affinity mask and its cgroup's quota.
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "base/thread_pool.h"

namespace gossamer {
namespace {

int affinity_cpus() {
  for (int most = 1024; most <= 1 << 20; most *= 2) {
    cpu_set_t* set = CPU_ALLOC(most);
    if (!set) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(most);
    const bool fine = ::sched_getaffinity(0, bytes, set) == 0;
    const int count = fine ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (fine) return std::max(count, 1);
  }
  return static_cast<int>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

// CPUs that `quota` microseconds in every `period` amount to, rounded up; 0: no quota.
int cpus_of(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return 0;
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, 65536.0));
}

int least(int a, int b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

int quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");  // "max 100000" or "150000 100000"
  double quota = 0, period = 0;
  return file >> quota >> period ? cpus_of(quota, period) : 0;
}

int quota_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");  // -1: none
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period ? cpus_of(quota, period) : 0;
}

// The least quota of the group at `path` below `mount` and of all groups above it. In a container
// the path may be the host's, and only the mount's own group be there.
int least_quota(const std::string& mount, std::string path, int (*quota)(const std::string&)) {
  int found = quota(mount);
  while (path.size() > 1) {
    found = least(found, quota(mount + path));
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) break;
    path.resize(slash);
  }
  return found;
}

bool has_cpu_controller(const std::string& controllers) {
  std::istringstream list(controllers);
  for (std::string one; std::getline(list, one, ',');)
    if (one == "cpu") return true;
  return false;
}

}  // namespace

int cgroup_cpus(const char* root) {
  const std::string base = root;
  const std::string mount = base + "/sys/fs/cgroup";
  std::ifstream file(base + "/proc/self/cgroup");
  int found = 0;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      found = least(found, least_quota(mount, path, quota_v2));
      found = least(found, least_quota(mount + "/unified", path, quota_v2));
    } else if (has_cpu_controller(controllers)) {
      found = least(found, least_quota(mount + "/" + controllers, path, quota_v1));
      found = least(found, least_quota(mount + "/cpu", path, quota_v1));
    }
  }
  return found;
}

int available_cpus() {
  static const int cpus = least(affinity_cpus(), cgroup_cpus("/"));
  return cpus;
}

}  // namespace gossamer
