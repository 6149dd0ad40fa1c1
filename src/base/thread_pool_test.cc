// Crews: every share once, whoever does it; pools after a fork; workers that sleep; CPU quotas.
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/test_folder.h"

namespace gossamer {
namespace {

struct Counts {
  std::vector<int> done;
  static void add(void* context, int part, int parts) {
    auto& c = *static_cast<Counts*>(context);
    EXPECT_EQ(static_cast<std::size_t>(parts), c.done.size());
    ++c.done[static_cast<std::size_t>(part)];
  }
};

TEST(Crew, RunsEveryShareOnce) {
  ThreadPool pool;
  for (int threads = 1; threads <= 4; ++threads) {
    Crew crew(pool);
    crew.enter(threads);
    ASSERT_LE(crew.size(), threads);
    for (int parts = 1; parts <= crew.size(); ++parts) {
      Counts counts{std::vector<int>(static_cast<std::size_t>(parts), 0)};
      for (int k = 0; k < 1000; ++k) crew.run(parts, Counts::add, &counts);
      for (const int n : counts.done) EXPECT_EQ(n, 1000);
    }
  }
  EXPECT_LE(pool.workers(), std::max(3, available_cpus() - 1));
}

TEST(Crew, AloneRunsAllShares) {
  ThreadPool pool;
  Crew crew(pool);
  Counts counts{std::vector<int>(3, 0)};
  crew.run(3, Counts::add, &counts);
  EXPECT_EQ(counts.done, (std::vector<int>{1, 1, 1}));
  EXPECT_EQ(pool.workers(), 0);
}

TEST(Crew, SharesWorkersWithOthersByTurns) {
  ThreadPool pool;
  Crew first(pool), second(pool);
  const int most = std::max(2, available_cpus());
  first.enter(most);
  second.enter(2);
  EXPECT_EQ(first.size() + second.size(), most + 1);
  EXPECT_EQ(second.size(), 1);
  first.leave();
  second.enter(2);
  EXPECT_EQ(second.size(), 2);
}

TEST(Crew, WorksForManyCallersAtOnce) {
  ThreadPool pool;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&pool] {
      for (int k = 0; k < 200; ++k) {
        Crew crew(pool);
        crew.enter(3);
        Counts counts{std::vector<int>(3, 0)};
        crew.run(3, Counts::add, &counts);
        EXPECT_EQ(counts.done, (std::vector<int>{1, 1, 1}));
      }
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_LE(pool.workers(), std::max(2, available_cpus() - 1));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(Crew, BurnsNothingWhenIdle) {
  ThreadPool pool;
  Crew crew(pool);
  crew.enter(4);
  Counts counts{std::vector<int>(static_cast<std::size_t>(crew.size()), 0)};
  crew.run(crew.size(), Counts::add, &counts);
  crew.leave();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(cpu_seconds() - before, 0.02);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NO_THREADS_AFTER_FORK
#endif
#endif

TEST(Crew, IsMadeAnewAfterAFork) {
#ifdef NO_THREADS_AFTER_FORK
  GTEST_SKIP() << "ThreadSanitizer has no threads in the child of a process with threads";
#endif
  ThreadPool pool;
  Crew crew(pool);
  crew.enter(3);
  Counts counts{std::vector<int>(static_cast<std::size_t>(crew.size()), 0)};
  crew.run(crew.size(), Counts::add, &counts);
  crew.leave();
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool fine = pool.workers() == 0;
    crew.enter(3);
    fine = fine && crew.size() > 1;
    Counts mine{std::vector<int>(static_cast<std::size_t>(crew.size()), 0)};
    for (int k = 0; k < 100; ++k) crew.run(crew.size(), Counts::add, &mine);
    for (const int n : mine.done) fine = fine && n == 100;
    ::_exit(fine ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  crew.enter(3);
  crew.run(crew.size(), Counts::add, &counts);
  EXPECT_EQ(counts.done.back(), 2);
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST(Cpus, FollowTheQuotaOfTheGroupAndThoseAbove) {
  const TestFolder folder;
  const std::filesystem::path root = folder.path();
  EXPECT_EQ(cgroup_cpus(root.c_str()), 0);
  write(root / "proc/self/cgroup", "0::/a/b\n");
  write(root / "sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(cgroup_cpus(root.c_str()), 0);
  write(root / "sys/fs/cgroup/a/cpu.max", "250000 100000\n");
  EXPECT_EQ(cgroup_cpus(root.c_str()), 3);
  write(root / "sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroup_cpus(root.c_str()), 1);
}

TEST(Cpus, FollowTheQuotaOfTheFirstVersionOfGroups) {
  const TestFolder folder;
  const std::filesystem::path root = folder.path();
  write(root / "proc/self/cgroup", "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n");
  // In a container the path is the host's and the group stands at the mount.
  write(root / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write(root / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(cgroup_cpus(root.c_str()), 0);
  write(root / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000\n");
  EXPECT_EQ(cgroup_cpus(root.c_str()), 2);
}

TEST(Cpus, AreAtLeastOne) { EXPECT_GE(available_cpus(), 1); }

}  // namespace
}  // namespace gossamer
