// Softmax in every layout against plain code in double.
#include "kernels/softmax/softmax.h"

#include <cmath>
#include <limits>

#include "base/float_bits.h"
#include "kernels/test_tools.h"

namespace gossamer::kernels {
namespace {

// What element i should be.
template <class T>
double expected(Box<T>& x, std::int64_t i, std::size_t axis, bool log) {
  std::int64_t inner = 1;
  for (int a = x.view.rank; a-- > static_cast<int>(axis) + 1;)
    inner *= x.view.extents[static_cast<std::size_t>(a)];
  const std::int64_t n = x.view.extents[axis];
  const std::int64_t first = i - i / inner % n * inner;
  double top = -INFINITY, sum = 0;
  for (std::int64_t k = 0; k < n; ++k) top = std::max<double>(top, to_float(x[first + k * inner]));
  for (std::int64_t k = 0; k < n; ++k) sum += std::exp(to_float(x[first + k * inner]) - top);
  const double d = to_float(x[i]) - top;
  return log ? d - std::log(sum) : std::exp(d) / sum;
}

template <class T>
void check(double tolerance) {
  const std::vector<std::vector<int>> orders = {{0, 1, 2}, {0, 2, 1}, {2, 1, 0}};
  for (const std::vector<std::int64_t>& extents : std::vector<std::vector<std::int64_t>>{
           {2, 3, 128}, {2, 7, 37}, {1, 1, 1}, {3, 0, 5}, {2, 130, 5}, {1, 2, 1100}})
    for (int axis = 0; axis < 3; ++axis)
      for (const auto& order : orders)
        for (const bool log : {false, true})
          for (const Level level : levels()) {
            Box<T> x(extents, order), y(extents, order);
            std::vector<float> wide(x.data.size());
            fill_uniform(wide, 5, -20, 20);
            for (std::size_t i = 0; i < wide.size(); ++i) x.data[i] = round_to<T>(wide[i]);
            run_step(SoftmaxStep{axis, log}, {x.view}, {y.view}, {x.address()}, {y.address()},
                     level, 1 + axis);
            Box<T> z = x;
            run_step(SoftmaxStep{axis, log}, {z.view}, {z.view}, {z.address()}, {z.address()},
                     level);
            for (std::int64_t i = 0; i < x.count(); i += 1 + x.count() / 100) {
              const double want = expected(x, i, static_cast<std::size_t>(axis), log);
              ASSERT_NEAR(to_float(y[i]), want,
                          tolerance * std::abs(want) + (log              ? 1.2e-7
                                                        : sizeof(T) == 2 ? 6e-8
                                                                         : 1e-9))
                  << i << " of " << x.count();
              ASSERT_EQ(to_float(z[i]), to_float(y[i]));
            }
          }
}

TEST(Softmax, RowsColumnsAndGathered) {
  check<float>(2e-6);
  check<F16>(1.1e-3);
  check<BF16>(8e-3);
}

TEST(Softmax, InfinitiesAndNans) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const Level level : levels())
    for (const std::int64_t n : {3, 16, 40}) {
      // Rows: masked but for one; all masked; an infinity; a NaN. As rows and as columns.
      for (const std::vector<int>& order : {std::vector<int>{0, 1}, std::vector<int>{1, 0}}) {
        Box<float> x({4, n}, order), y({4, n}, order);
        for (std::int64_t i = 0; i < 4 * n; ++i) x[i] = i / n < 2 ? -kInf : 1.0F;
        x[1] = -3;
        x[2 * n] = kInf;
        x[4 * n - 1] = NAN;
        run_step(SoftmaxStep{1, false}, {x.view}, {y.view}, {x.address()}, {y.address()}, level);
        for (std::int64_t i = 0; i < n; ++i) {
          EXPECT_EQ(y[i], i == 1 ? 1.0F : 0.0F);
          for (std::int64_t r = 1; r < 4; ++r) EXPECT_TRUE(std::isnan(y[r * n + i])) << r;
        }
      }
    }
}

}  // namespace
}  // namespace gossamer::kernels
