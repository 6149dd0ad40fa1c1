// Tests Fourier against the sum that defines it, for lengths of every kind, and its inverses.
#include <cmath>
#include <complex>
#include <numbers>

#include "primitives/test_node.h"
#include "reference/fourier.h"

namespace gossamer {
namespace {

using testing::expect_floats;
using testing::floats;
using testing::run_node;
using testing::tensor;

std::vector<double> signal_of(std::int64_t n) {
  std::vector<double> x;
  for (std::int64_t i = 0; i < 2 * n; ++i) x.push_back(std::sin(static_cast<double>(i * i)) * 3);
  return x;
}

std::vector<double> direct(const std::vector<double>& x) {
  const std::size_t n = x.size() / 2;
  std::vector<double> y;
  for (std::size_t k = 0; k < n; ++k) {
    std::complex<double> sum;
    for (std::size_t i = 0; i < n; ++i) {
      const double turn = static_cast<double>(i * k % n) / static_cast<double>(n);
      sum += std::complex<double>(x[2 * i], x[2 * i + 1]) *
             std::polar(1.0, -2 * std::numbers::pi * turn);
    }
    y.push_back(sum.real());
    y.push_back(sum.imag());
  }
  return y;
}

TEST(Fourier, AnyLengthAndBack) {
  for (std::int64_t n : {1, 2, 3, 5, 8, 10, 17, 64, 97, 100, 257}) {
    const std::vector<double> x = signal_of(n);
    FourierAttributes a;
    const auto y = run_node(kFourier, a, {tensor<double>({n, 2}, x)});
    ASSERT_TRUE(y.ok()) << y.status().message();
    expect_floats((*y)[0], {n, 2}, direct(x), 1e-9);
    a.inverse = true;
    const auto z = run_node(kFourier, a, {(*y)[0]});
    ASSERT_TRUE(z.ok());
    expect_floats((*z)[0], {n, 2}, x, 1e-11);
  }
}

TEST(Fourier, OnesidedAndBack) {
  FourierAttributes forward, backward;
  forward.onesided = backward.onesided = backward.inverse = true;
  for (std::int64_t n : {4, 7}) {
    std::vector<float> x;
    for (std::int64_t i = 0; i < n; ++i) x.push_back(static_cast<float>(i * i % 5));
    const auto y = run_node(kFourier, forward, {tensor<float>({n, 1}, x)});
    ASSERT_TRUE(y.ok());
    EXPECT_EQ((*y)[0].shape(), (Shape{n / 2 + 1, 2}));
    const auto z = run_node(kFourier, backward, {(*y)[0], tensor<std::int64_t>({1}, {n})});
    ASSERT_TRUE(z.ok());
    expect_floats((*z)[0], {n, 1}, std::vector<double>(x.begin(), x.end()), 1e-5);
  }
}

TEST(Fourier, CutsAndPads) {
  const Tensor x = floats({2, 1}, {1, 2});
  auto y = run_node(kFourier, FourierAttributes{}, {x, tensor<std::int64_t>({1}, {1})});
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {1, 2}, {1, 0});
  y = run_node(kFourier, FourierAttributes{}, {x, tensor<std::int64_t>({1}, {4})});
  ASSERT_TRUE(y.ok());
  expect_floats((*y)[0], {4, 2}, {3, 0, 1, -2, -1, 0, 1, 2});
}

TEST(Fourier, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(run_node(kFourier, FourierAttributes{}, {floats({1, 3}, {1, 2, 3})}).ok());
  EXPECT_FALSE(run_node(kFourier, FourierAttributes{}, {floats({2}, {1, 2})}).ok());
  EXPECT_FALSE(run_node(kFourier, FourierAttributes{},
                        {floats({2, 1}, {1, 2}), tensor<std::int64_t>({1}, {0})})
                   .ok());
}

}  // namespace
}  // namespace gossamer
