// Rates are measured for all that there is, and the roofline follows from them.
#include "measure/rates.h"

#include <gtest/gtest.h>

#include "measure/bench.h"

namespace gossamer::measure {
namespace {

TEST(Rates, AreMeasuredForEveryLevelWithinTwoSeconds) {
  const double begin = now_ms();
  const Rates rates = measure_rates(2);
  const double took = now_ms() - begin;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(took, 10000);  // two on a machine that does nothing else
#endif
  for (int l = 0; l <= static_cast<int>(cpu_level()); ++l) {
    EXPECT_GT(rates.giga_ops("f32", static_cast<Level>(l)), 0.1);
    EXPECT_GT(rates.giga_ops("i8", static_cast<Level>(l)), 0.1);
  }
  EXPECT_EQ(rates.giga_ops("no such", Level::v2), 0);
  for (const double gb : {rates.l2, rates.l3, rates.memory, rates.memory_all}) EXPECT_GT(gb, 0.1);
}

// The roofline is the slower of arithmetic and traffic; what fits a cache streams from it.
TEST(Rates, RooflineIsTheLargerOfWorkAndTraffic) {
  Rates rates;
  rates.arithmetic = {{"f32", "v2", 10}};
  rates.threads = 2;
  rates.l2 = 100, rates.l3 = 50, rates.memory = 10, rates.memory_all = 15;
  EXPECT_DOUBLE_EQ(rates.roofline_ns(1000, 0, Level::v2, 1), 100);
  EXPECT_DOUBLE_EQ(rates.roofline_ns(1000, 0, Level::v2, 2), 50);
  EXPECT_DOUBLE_EQ(rates.roofline_ns(0, 1000, Level::v2, 1), 10);
  const double beyond = 1e12;
  EXPECT_DOUBLE_EQ(rates.bandwidth(beyond, 1), 10);
  EXPECT_DOUBLE_EQ(rates.bandwidth(beyond, 2), 15);
  EXPECT_DOUBLE_EQ(rates.roofline_ns(1000, beyond, Level::v2, 1), beyond / 10);
  EXPECT_DOUBLE_EQ(rates.roofline_ns(1000, 0, Level::v4, 1), 0);  // not measured
}

}  // namespace
}  // namespace gossamer::measure
