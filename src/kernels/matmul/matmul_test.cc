// Matrix products against plain loops: sizes around the edges of tiles, packed and not, every kind
// of stride, shares, epilogues.
#include "kernels/matmul/matmul.h"

#include "kernels/gemm/product_test.h"

namespace gossamer::kernels {
namespace {

using Dims = std::vector<std::int64_t>;

struct Case {
  Dims batch;  // of y
  std::int64_t m = 1, k = 1, n = 1;
  TestLayout a, b, y;
  Dims a_batch, b_batch;  // extents; empty: as y's
  bool bias = false, clamp = false;
  int epilogue = -1;  // operands of it; -1: none
  bool in_place = false;
};

Dims join(const Dims& batch, std::int64_t rows, std::int64_t columns) {
  Dims out = batch;
  out.push_back(rows);
  out.push_back(columns);
  return out;
}

// The view with batch axes of extent 1 repeated.
View broadcast(const TestTensor& t, const Dims& batch) {
  View v = t.view;
  for (std::size_t i = 0; i < batch.size(); ++i)
    if (v.extents[i] != batch[i]) {
      v.extents[i] = batch[i];
      v.strides[i] = 0;
    }
  return v;
}

std::int64_t at(const View& v, std::int64_t batch, const Dims& extents, std::int64_t row,
                std::int64_t column) {
  std::int64_t offset = 0;
  for (std::size_t i = extents.size(); i-- > 0;) {
    offset += batch % extents[i] * v.strides[i];
    batch /= extents[i];
  }
  return offset + row * v.strides[extents.size()] + column * v.strides[extents.size() + 1];
}

void check(const Case& c, bool packed) {
  TestTensor a(join(c.a_batch.empty() ? c.batch : c.a_batch, c.m, c.k), c.a);
  TestTensor b(packed ? Dims{c.k, c.n} : join(c.b_batch.empty() ? c.batch : c.b_batch, c.k, c.n),
               packed ? TestLayout{} : c.b);
  TestTensor y(join(c.batch, c.m, c.n), c.y), bias({c.n}), scale(join(c.batch, c.m, c.n), c.y),
      shift(Dims{c.n});
  a.fill(1), b.fill(2), bias.fill(3), scale.fill(4), shift.fill(5);
  MatMulStep step;
  step.bias = c.bias;
  if (c.clamp) step.low = -0.5f, step.high = 0.75f;
  std::vector<View> inputs = {broadcast(a, c.batch), broadcast(b, packed ? Dims{} : c.batch)};
  std::vector<const void*> addresses = {a.data(), b.data()};
  std::vector<float> pack;
  if (packed) {
    step.packed = true;
    step.k = c.k;
    step.n = c.n;
    pack.resize(packed_matmul_size(c.k, c.n) / 4);
    pack_matmul(b.data(), c.k, c.n, c.n, 1, pack.data());
    const Dims size = {static_cast<std::int64_t>(pack.size())};
    inputs[1] = View::row_major(DType::f32, size);
    addresses[1] = pack.data();
  }
  if (c.bias) {
    inputs.push_back(bias.view);
    addresses.push_back(bias.data());
  }
  View shift_view = y.view;
  for (auto& stride : shift_view.strides) stride = 0;
  shift_view.strides[c.batch.size() + 1] = 1;
  if (c.epilogue >= 0) {
    const bool sum = c.epilogue >= kSum;
    step.epilogue = sum ? sum_epilogue(c.epilogue) : test_epilogue(c.epilogue);
    if (c.epilogue >= 2) {
      inputs.push_back(scale.view);
      addresses.push_back(c.in_place ? y.data() : scale.data());
    }
    if (c.epilogue == 1 || c.epilogue == 2) {
      inputs.push_back(shift_view);
      addresses.push_back(shift.data());
    }
  }
  std::vector<double> expected;
  const std::int64_t batches = std::accumulate(c.batch.begin(), c.batch.end(), std::int64_t{1},
                                               std::multiplies<std::int64_t>());
  const View b_view = broadcast(b, packed ? Dims{} : c.batch);
  for (std::int64_t i = 0; i < batches * c.m * c.n; ++i) {
    const std::int64_t batch = i / (c.m * c.n), row = i / c.n % c.m, column = i % c.n;
    double sum = c.bias ? bias.at(column) : 0;
    for (std::int64_t k = 0; k < c.k; ++k)
      sum += static_cast<double>(a.data()[at(inputs[0], batch, c.batch, row, k)]) *
             b.data()[at(b_view, batch, packed ? Dims{} : c.batch, k, column)];
    if (c.clamp) sum = std::min(std::max(sum, -0.5), 0.75);
    if (c.epilogue >= kSum) sum += scale.at(i);
    if (c.epilogue == kBoundedSum) sum = std::max(sum, 0.25);
    if (c.epilogue >= 0 && c.epilogue < kSum) sum *= c.epilogue == 2 ? scale.at(i) : 2;
    if (c.epilogue == 1 || c.epilogue == 2) sum += shift.at(column);
    expected.push_back(sum);
  }

  for (const Level level : levels_here())
    for (const int threads : {1, 3}) {
      for (std::int64_t i = 0; i < y.view.count(); ++i) y.at(i) = c.in_place ? scale.at(i) : NAN;
      Result<PreparedPtr> made = prepare(step, Shapes{inputs, {&y.view, 1}, level, threads});
      ASSERT_TRUE(made.ok()) << made.status().message();
      run_shares(**made, addresses, y.data(), threads);
      expect_near(y, expected, 1e-6 * static_cast<double>(c.k) + 1e-5,
                  std::string(level_name(level)) + (packed ? " packed " : " ") +
                      std::to_string(c.m) + "x" + std::to_string(c.k) + "x" + std::to_string(c.n) +
                      " on " + std::to_string(threads));
    }
}

void check_all(const Case& c, bool packable = true) {
  check(c, false);
  if (packable) check(c, true);
}

Case sized(std::int64_t m, std::int64_t k, std::int64_t n) {
  Case c;
  c.m = m, c.k = k, c.n = n;
  return c;
}

TEST(MatMul, EdgesOfTiles) {
  for (const std::int64_t m : {1, 2, 3, 5, 6, 7, 12, 13, 25})
    for (const std::int64_t n : {1, 8, 15, 16, 17, 33, 63, 64, 65, 100, 160})
      for (const std::int64_t k : {1, 3, 16, 21}) check_all(sized(m, k, n));
}

TEST(MatMul, NothingToDo) {
  check_all(sized(0, 4, 5));
  check_all(sized(3, 4, 0));
  check_all(sized(3, 0, 5));
  Case c = sized(3, 0, 5);
  c.bias = c.clamp = true;
  check_all(c);
}

TEST(MatMul, ManyBlocksAndShares) {
  check_all(sized(700, 40, 48));
  check_all(sized(64, 300, 700));
  check_all(sized(1, 900, 1100));
  check_all(sized(4, 500, 1100));
}

TEST(MatMul, Transposed) {
  for (const std::int64_t m : {1, 4, 9, 40})
    for (const std::int64_t n : {1, 16, 37, 130}) {
      Case c = sized(m, 35, n);
      c.a.order = {1, 0};
      check_all(c);
      c.a.gap = 3;
      c.b.order = {1, 0};
      check_all(c);
      c.b.gap = 5;
      c.y.order = {1, 0};
      check_all(c);
      c.y.gap = 2;
      c.bias = c.clamp = true;
      check_all(c);
    }
}

TEST(MatMul, Batches) {
  Case c = sized(7, 20, 33);
  c.batch = {3, 2};
  check_all(c, false);
  c.b_batch = {1, 2};  // b repeats along the outer axis
  check_all(c, false);
  c.b_batch = {3, 1};  // along the inner one: its batches are rows
  check_all(c, false);
  c.b_batch = {1, 1};
  check_all(c);
  c.a_batch = {3, 1};
  check_all(c);
}

TEST(MatMul, HeadsOfAttention) {
  // [batch, heads, s, d] views of [batch, s, heads, d].
  Case c = sized(40, 24, 40);
  c.batch = {2, 3};
  c.a.order = {0, 2, 1, 3};
  c.b.order = {0, 3, 1, 2};
  check_all(c, false);
  c.b.order = {0, 2, 1, 3};
  c.y.order = {0, 2, 1, 3};
  check_all(c, false);
  c.m = 1;
  check_all(c, false);
}

TEST(MatMul, Epilogues) {
  for (const int operands : {0, 1, 2, kSum, kBoundedSum})
    for (const std::int64_t m : {1, 3, 50})
      for (const std::int64_t n : {5, 64, 300}) {
        Case c = sized(m, 30, n);
        c.epilogue = operands;
        c.bias = m > 1;
        check_all(c);
        c.clamp = m > 1;
        check_all(c);
        c.in_place = operands >= 2;
        c.batch = {2};
        c.b_batch = {1};
        c.y.order = {1, 0, 2};
        c.y.gap = 3;
        check_all(c);
        c.y.order = {0, 2, 1};
        check_all(c);
        c.b_batch = {};
        c.b.order = {0, 2, 1};
        check_all(c, false);
      }
}

TEST(MatMul, NanStaysThroughClamp) {
  for (const Level level : levels_here()) {
    Case c = sized(2, 2, 3);
    TestTensor a({2, 2}), b({2, 3}), y({2, 3});
    a.fill(1), b.fill(2);
    a.at(0) = NAN;
    MatMulStep step;
    step.low = 0, step.high = 6;
    const View inputs[] = {a.view, b.view};
    Result<PreparedPtr> made = prepare(step, Shapes{inputs, {&y.view, 1}, level, 1});
    ASSERT_TRUE(made.ok());
    run_shares(**made, {a.data(), b.data()}, y.data(), 1);
    EXPECT_TRUE(std::isnan(y.at(0)) && std::isnan(y.at(2)));
    EXPECT_FALSE(std::isnan(y.at(3)));
  }
}

TEST(MatMul, SharesGiveTheSameBits) {
  for (const Level level : levels_here())
    for (const auto& [m, k, n] : {std::tuple<int, int, int>{1, 700, 900}, {50, 300, 500}}) {
      TestTensor a({m, k}), b({k, n}), one({m, n}), three({m, n});
      a.fill(1), b.fill(2);
      const View inputs[] = {a.view, b.view};
      for (TestTensor* y : {&one, &three}) {
        Result<PreparedPtr> made =
            prepare(MatMulStep(), Shapes{inputs, {&y->view, 1}, level, y == &one ? 1 : 3});
        ASSERT_TRUE(made.ok());
        run_shares(**made, {a.data(), b.data()}, y->data(), 3);
      }
      EXPECT_EQ(one.memory, three.memory);
    }
}

TEST(MatMul, RefusesWhatDoesNotFit) {
  TestTensor a({2, 3}), b({4, 5}), y({2, 5});
  const View inputs[] = {a.view, b.view};
  EXPECT_EQ(prepare(MatMulStep(), Shapes{inputs, {&y.view, 1}, Level::v2, 1}).status().code(),
            Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
