// Products with weights of few bits against naive sums, on every level.
#include "kernels/block_product/block_product.h"

#include <cmath>

#include "kernels/test_tools.h"

namespace gossamer::kernels {
namespace {

struct Case {
  std::int64_t m, k, n, block, bits;
  bool zeros;
};

TEST(BlockProduct, EqualsNaiveSums) {
  const Case cases[] = {{1, 64, 100, 32, 4, false}, {1, 72, 16, 32, 4, true},
                        {2, 8, 1, 8, 4, true},      {3, 256, 65, 256, 8, false},
                        {8, 40, 33, 16, 8, true},   {17, 128, 130, 64, 4, false},
                        {9, 96, 70, 16, 4, true},   {0, 32, 16, 32, 4, false}};
  for (const Case& c : cases) {
    const BlockProductStep step{c.k, c.n, c.block, c.bits, c.zeros};
    ASSERT_TRUE(fits_block_product(step));
    std::mt19937 random(7);
    const int most = 1 << c.bits;
    const std::int64_t blocks = (c.k + c.block - 1) / c.block;
    std::vector<int> q(static_cast<std::size_t>(c.k * c.n));
    std::vector<int> zero(static_cast<std::size_t>(blocks * c.n), most / 2);
    std::vector<float> scale(zero.size());
    for (int& v : q) v = static_cast<int>(random() % static_cast<unsigned>(most));
    if (c.zeros)
      for (int& v : zero) v = static_cast<int>(random() % static_cast<unsigned>(most));
    fill_uniform(scale, 5, 0.1F, 1);
    const auto at = [&](std::int64_t i, std::int64_t n) {
      return static_cast<std::size_t>(i * c.n + n);
    };
    std::vector<std::uint32_t> packed(packed_block_product_size(step) / 4 + 1);
    pack_block_product(step,
                       {[&](std::int64_t k, std::int64_t n) { return q[at(k, n)]; },
                        [&](std::int64_t b, std::int64_t n) { return scale[at(b, n)]; },
                        [&](std::int64_t b, std::int64_t n) { return zero[at(b, n)]; }},
                       reinterpret_cast<std::byte*>(packed.data()));
    Box<float> x({c.m, c.k}), y({c.m, c.n});
    fill_uniform(x.data, 3, -1, 1);
    const std::int64_t words[] = {static_cast<std::int64_t>(packed.size())};
    for (const Level level : levels())
      for (const int parts : {1, 2}) {
        std::fill(y.data.begin(), y.data.end(), NAN);
        run_step(step, {x.view, View::row_major(DType::u32, words)}, {y.view},
                 {x.address(), packed.data()}, {y.address()}, level, parts);
        for (std::int64_t i = 0; i < c.m * c.n; ++i) {
          double sum = 0, size = 0;
          for (std::int64_t k = 0; k < c.k; ++k) {
            const std::size_t b = at(k / c.block, i % c.n);
            const double term =
                double{x[i / c.n * c.k + k]} * scale[b] * (q[at(k, i % c.n)] - zero[b]);
            sum += term;
            size += std::fabs(term);
          }
          ASSERT_NEAR(y[i], sum, 1e-6 * (size + 1)) << i << " of " << c.n;
        }
      }
  }
}

TEST(BlockProduct, RefusesWhatItCannotRead) {
  EXPECT_FALSE(fits_block_product({12, 16, 32, 4, false}));
  EXPECT_FALSE(fits_block_product({16, 16, 32, 3, false}));
  EXPECT_FALSE(fits_block_product({16, 16, 12, 4, false}));
  EXPECT_FALSE(fits_block_product({0, 16, 32, 4, false}));
}

}  // namespace
}  // namespace gossamer::kernels
