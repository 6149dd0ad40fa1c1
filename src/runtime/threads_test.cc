// Threads: the same bits for any number, many sessions at once, workers of the caller's, no
// allocation in a steady run, memory shared through a pool.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "runtime/count_allocations.h"
#include "runtime/test_program.h"

namespace gossamer::runtime::testing {
namespace {

std::shared_ptr<const Program> wide_chain(std::int64_t parts, std::int64_t scratch = 0) {
  Maker m;
  const Register n = m.extent(0, 0);
  const SlotId x = m.input("x", {n});
  const SlotId a = m.arena({n}, 0, 1), b = m.arena({n}, 1, 3), c = m.arena({n}, 2, 3);
  m.scale(x, a, {.factor = 1.1F, .parts = parts, .scratch = scratch});
  m.scale(a, b, {.factor = 0.9F, .bias = 0.1F, .parts = 1});
  m.scale(b, c, {.factor = 3, .parts = parts, .scratch = 2 * scratch});
  m.add(b, c, m.output("y", {n}), {.factor = 0.3F, .parts = parts});
  return m.share();
}

TEST(Threads, GiveTheSameBits) {
  const auto program = wide_chain(8, 300);
  const Value x = iota({1001});
  Value expected;
  for (int threads = 1; threads <= 4; ++threads) {
    SessionOptions options;
    options.threads = threads;
    const auto session = open(program, options);
    for (int k = 0; k < 50; ++k) {
      auto y = session->run({&x, 1});
      ASSERT_TRUE(y.ok()) << y.status().message();
      if (threads == 1 && k == 0) expected = (*y)[0];
      ASSERT_TRUE((*y)[0].tensor.same_bits(expected.tensor));
    }
  }
}

TEST(Threads, RunManySessionsOfOneProgram) {
  const auto program = wide_chain(3, 100);
  const Value x = iota({500});
  const auto expected = open(program, {.threads = 1})->run({&x, 1});
  ASSERT_TRUE(expected.ok());
  const auto shared = open(program, {.threads = 3});
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&, c] {
      const auto own = open(program, {.threads = c + 1});
      for (int k = 0; k < 50; ++k)
        for (Session* session : {own.get(), shared.get()}) {
          auto y = session->run({&x, 1});
          ASSERT_TRUE(y.ok());
          ASSERT_TRUE((*y)[0].tensor.same_bits((*expected)[0].tensor));
        }
    });
  for (std::thread& caller : callers) caller.join();
}

class OwnWorkers final : public Workers {
 public:
  int threads() const override { return 3; }
  void parallel(int parts, ShareFunction share, void* context) override {
    ++calls;
    for (int p = parts; p-- > 0;) share(context, p, parts);
  }
  std::atomic<int> calls{0};
};

TEST(Threads, MayBeTheCallers) {
  const auto workers = std::make_shared<OwnWorkers>();
  const auto session = open(wide_chain(8), {.workers = workers});
  EXPECT_EQ(session->options().threads, 3);
  const Value x = iota({100});
  ASSERT_TRUE(session->run({&x, 1}).ok());
  EXPECT_EQ(workers->calls, 3);
}

TEST(Threads, LeaveTheCallersFloatModeAlone) {
  Maker m;
  const Register two = m.number(2);
  m.scale(m.input("x", {two}), m.output("y", {two}));
  const auto program = m.share();
  const Value x = floats({2}, {1e-40F, 1});
  volatile float tiny = 1e-40F;
  for (const bool flush : {true, false}) {
    const auto session = open(program, {.flush_denormals = flush});
    auto y = session->run({&x, 1});
    ASSERT_TRUE(y.ok());
    EXPECT_EQ(to_vector((*y)[0])[0] == 0, flush);
    EXPECT_NE(tiny * 1.0F, 0.0F);
  }
}

TEST(SteadyRun, AllocatesNothing) {
  for (const int threads : {1, 3}) {
    const auto session = open(wide_chain(8, 300), {.threads = threads});
    std::vector<float> x(2000, 1), y(2000);
    const auto run = [&](std::int64_t n) {
      const std::int64_t extents[] = {n};
      const RawInput in{DType::f32, extents, x.data()};
      RawOutput out{y.data(), 8000};
      return session->run_into({&in, 1}, {&out, 1});
    };
    for (const std::int64_t n : {2000, 100, 2000}) ASSERT_TRUE(run(n).ok());
    count_allocations(true);
    bool fine = true;
    for (int k = 0; k < 20; ++k) fine = fine && run(k % 2 ? 2000 : 100).ok();
    EXPECT_EQ(count_allocations(false), 0);
    EXPECT_TRUE(fine);
  }
}

TEST(Pool, CostsTheLargestOfSessionsThatTakeTurns) {
  const auto pool = std::make_shared<Pool>();
  std::vector<std::unique_ptr<Session>> sessions;
  for (int k = 0; k < 3; ++k) sessions.push_back(open(wide_chain(2), {.threads = 1, .pool = pool}));
  std::int64_t largest = 0;
  for (int round = 0; round < 2; ++round)
    for (std::size_t k = 0; k < 3; ++k) {
      const Value x = iota({static_cast<std::int64_t>(100000 * (k + 1))});
      ASSERT_TRUE(sessions[k]->run({&x, 1}).ok());
      EXPECT_EQ(sessions[k]->arena_bytes(), 0);
      largest = std::max(largest, sessions[k]->planned_bytes());
      EXPECT_LT(pool->bytes(), largest + 4096);
    }
  pool->trim();
  EXPECT_EQ(pool->bytes(), 0);
}

TEST(Pool, ServesSessionsThatRunAtOnce) {
  const auto pool = std::make_shared<Pool>();
  const auto program = wide_chain(2);
  std::vector<std::thread> callers;
  for (int c = 0; c < 3; ++c)
    callers.emplace_back([&, c] {
      const auto session = open(program, {.threads = 1, .pool = pool});
      for (int k = 0; k < 30; ++k) {
        const Value x = iota({100 + 700 * ((c + k) % 5)});
        ASSERT_TRUE(session->run({&x, 1}).ok());
      }
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_LE(pool->bytes(), 3 * 65536);
}

TEST(Block, IsLargeAlignedAndMovable) {
  EXPECT_EQ(Block::map(0)->bytes(), 0);
  EXPECT_EQ(Block::map(std::int64_t{1} << 60).status().code(), Code::limit);
  auto block = Block::map((5 << 20) + 3);
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block->data()) % (2 << 20), 0U);
  block->data()[block->bytes() - 1] = std::byte{1};
  const Block other = std::move(block).value();
  EXPECT_EQ(other.data()[(5 << 20) + 2], std::byte{0});
}

}  // namespace
}  // namespace gossamer::runtime::testing
