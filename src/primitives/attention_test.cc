// Attention: masks, windows, empty rows and heads, by hand.
#include "reference/attention.h"

#include <cmath>
#include <limits>

#include "primitives/test_node.h"

namespace gossamer {
namespace {

using testing::expect_floats;
using testing::floats;
using testing::Operands;
using testing::tensor;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// With queries of 0 every open key counts the same: y is the mean of the open values.
const Tensor kQueries = floats({1, 1, 3, 1}, {0, 0, 0});
const Tensor kKeys = floats({1, 1, 4, 1}, {1, 2, 3, 4});
const Tensor kValues = floats({1, 1, 4, 1}, {1, 10, 100, 1000});

std::vector<Tensor> run(const AttentionAttributes& a, const Operands& operands) {
  const auto r = testing::run_node(kAttention, a, operands, 2);
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? *r : std::vector<Tensor>(2);
}

void expect_means(const AttentionAttributes& a, const Operands& rest,
                  const std::vector<double>& want) {
  Operands operands = {kQueries, kKeys, kValues};
  operands.insert(operands.end(), rest.begin(), rest.end());
  expect_floats(run(a, operands)[0], {1, 1, 3, 1}, want, 1e-4);
}

TEST(Attention, WeighsByProducts) {
  AttentionAttributes a;
  a.scale = 0.5F;
  const Tensor q = floats({1, 1, 1, 1}, {2 * std::log(3.0F)});
  const Tensor k = floats({1, 1, 2, 1}, {0, 1});
  const auto r = run(a, {q, k, floats({1, 1, 2, 1}, {4, 8})});
  expect_floats(r[0], {1, 1, 1, 1}, {7});
  expect_floats(r[1], {1, 1, 1, 2}, {0, std::log(3.0)});
}

TEST(Attention, CausalFromAnOffset) {
  AttentionAttributes a;
  a.causal = true;
  expect_means(a, {}, {1, 5.5, 37});
  const Tensor one = tensor<std::int64_t>({}, {1}), before = tensor<std::int64_t>({1}, {-1});
  expect_means(a, {std::nullopt, std::nullopt, one}, {5.5, 37, 277.75});
  expect_means(a, {std::nullopt, std::nullopt, before}, {0, 1, 5.5});
}

TEST(Attention, Windows) {
  AttentionAttributes a;
  a.left = 0;
  a.right = 1;
  expect_means(a, {}, {5.5, 55, 550});
  a.right = -1;
  expect_means(a, {}, {277.75, 370, 550});
  a.left = std::numeric_limits<std::int64_t>::max();
  expect_means(a, {}, {277.75, 277.75, 277.75});
}

TEST(Attention, LengthsOfKeys) {
  AttentionAttributes a;
  expect_means(a, {std::nullopt, tensor<std::int64_t>({1}, {2})}, {5.5, 5.5, 5.5});
  expect_means(a, {std::nullopt, tensor<std::int64_t>({1}, {0})}, {0, 0, 0});
  a.empty_row = EmptyRow::nan;
  expect_means(a, {std::nullopt, tensor<std::int64_t>({1}, {0})}, {kNan, kNan, kNan});
}

TEST(Attention, MasksBroadcastAndMayBeShort) {
  const AttentionAttributes a;
  expect_means(a, {tensor<bool>({4}, {true, false, true, false})}, {50.5, 50.5, 50.5});
  expect_means(a, {tensor<bool>({2}, {true, true})}, {5.5, 5.5, 5.5});
  const Tensor column = floats({3, 1}, {0, -kInfinity, 0});
  expect_means(a, {column}, {1, 0, 1});
  const Tensor added = floats({1, 1, 1, 4}, {0, 0, -kInfinity, std::log(2.0F)});
  expect_means(a, {added}, {502.75, 502.75, 502.75});
}

TEST(Attention, AClosedKeyNeverCounts) {
  const AttentionAttributes a;
  const Tensor q = floats({1, 1, 1, 1}, {1}), k = floats({1, 1, 2, 1}, {kInfinity, 0});
  const auto r = run(a, {q, k, floats({1, 1, 2, 1}, {5, 7}), tensor<bool>({2}, {false, true})});
  expect_floats(r[0], {1, 1, 1, 1}, {7});
}

TEST(Attention, HeadsShareKeysInRuns) {
  const AttentionAttributes a;
  const Tensor q = floats({1, 4, 1, 1}, {0, 0, 0, 0});
  const Tensor kv = floats({1, 2, 1, 1}, {3, 8});
  expect_floats(run(a, {q, kv, kv})[0], {1, 4, 1, 1}, {3, 3, 8, 8});
  const Tensor three = floats({1, 3, 1, 1}, {1, 2, 3});
  EXPECT_FALSE(testing::run_node(kAttention, a, {q, three, three}).ok());
}

TEST(Attention, ShowsEachStage) {
  AttentionAttributes a;
  a.softcap = 1;
  const Tensor q = floats({1, 1, 1, 1}, {1}), k = floats({1, 1, 2, 1}, {1, -1});
  const Tensor mask = floats({2}, {0, 1});
  const double t = std::tanh(1.0), e = std::exp(t), f = std::exp(1 - t);
  const std::vector<std::vector<double>> want = {
      {1, -1}, {t, -t}, {t, 1 - t}, {e / (e + f), f / (e + f)}};
  for (std::size_t i = 0; i < want.size(); ++i) {
    a.scores = static_cast<AttentionScores>(i);
    expect_floats(run(a, {q, k, k, mask})[1], {1, 1, 1, 2}, want[i]);
  }
}

TEST(Attention, NothingToDo) {
  const AttentionAttributes a;
  const Tensor none = floats({1, 1, 0, 2}, {});
  expect_floats(run(a, {none, none, none})[0], {1, 1, 0, 2}, {});
  expect_floats(run(a, {floats({1, 1, 1, 2}, {1, 2}), none, none})[0], {1, 1, 1, 2}, {0, 0});
}

TEST(Attention, OperandsThatDoNotFitAreRefused) {
  const auto refused = [](const Operands& operands) {
    return !testing::run_node(kAttention, AttentionAttributes{}, operands).ok();
  };
  EXPECT_TRUE(refused({kQueries, kKeys, kQueries}));
  EXPECT_TRUE(refused({kQueries, kKeys, kValues, floats({2, 4}, std::vector<float>(8))}));
  EXPECT_TRUE(refused({kQueries, kKeys, kValues, floats({5}, std::vector<float>(5))}));
  const Tensor two = tensor<std::int64_t>({2}, {1, 1});
  EXPECT_TRUE(refused({kQueries, kKeys, kValues, std::nullopt, two}));
  const Tensor far = tensor<std::int64_t>({}, {std::numeric_limits<std::int64_t>::min()});
  EXPECT_TRUE(refused({kQueries, kKeys, kValues, std::nullopt, std::nullopt, far}));
}

}  // namespace
}  // namespace gossamer
