// The contention guard on made-up runs.
#include "runtime/contention.h"

#include <gtest/gtest.h>

namespace gossamer::runtime {
namespace {

// A machine on which one and two threads take so long.
struct Machine {
  ContentionGuard guard;
  double now = 0;
  double alone = 1e6, two = 0.5e6;
  bool held_up = false;

  // The mean time of `runs` runs.
  double run(int runs) {
    const double begin = now;
    for (int k = 0; k < runs; ++k) {
      const bool one = guard.threads() == 1;
      const double ns = one ? alone : two;
      now += ns;
      guard.ran(now, ns, !one && held_up, 1e6);
    }
    return (now - begin) / runs;
  }
};

TEST(ContentionGuard, LeavesAQuietMachineAlone) {
  Machine m{.guard = ContentionGuard(2)};
  EXPECT_EQ(m.run(1000), m.two);
}

TEST(ContentionGuard, UsesFewerThreadsWhileNeighborsStealTheCores) {
  Machine m{.guard = ContentionGuard(2)};
  m.run(100);
  m.two = 3e6;
  m.held_up = true;
  m.run(20);
  EXPECT_EQ(m.guard.threads(), 1);
  EXPECT_LT(m.run(10000), 1.05 * m.alone);
  // And more again soon after they have gone.
  m.two = 0.5e6;
  m.held_up = false;
  m.run(4000);
  EXPECT_EQ(m.guard.threads(), 2);
  EXPECT_EQ(m.run(1000), m.two);
}

TEST(ContentionGuard, KeepsThreadsThatWaitButHelp) {
  Machine m{.guard = ContentionGuard(2)};
  m.two = 0.8e6;
  m.held_up = true;
  EXPECT_LT(m.run(20000), 1.01 * m.two);
}

TEST(ContentionGuard, GoesDownAndUpByHalves) {
  ContentionGuard guard(8);
  double now = 0;
  const auto run = [&](int runs, int best) {
    for (int k = 0; k < runs; ++k) {
      const int threads = guard.threads();
      const double ns = threads > best ? 5e5 * threads : 1e6 / threads;
      now += ns;
      guard.ran(now, ns, threads > best, 1e6);
    }
  };
  run(200, 2);
  EXPECT_EQ(guard.threads(), 2);
  run(20000, 8);
  EXPECT_EQ(guard.threads(), 8);
}

}  // namespace
}  // namespace gossamer::runtime
