// Recurrent: cells, directions and lengths, by hand.
#include "reference/recurrent.h"

#include <cmath>

#include "primitives/test_node.h"

namespace gossamer {
namespace {

using testing::expect_floats;
using testing::floats;
using testing::Operands;
using testing::tensor;

RecurrentAttributes cell_of(RecurrentCell cell,
                            RecurrentDirection direction = RecurrentDirection::forward) {
  RecurrentAttributes a;
  a.cell = cell;
  a.direction = direction;
  for (int d = 0; d < a.directions(); ++d)
    for (int f = 0; f < a.functions(); ++f)
      a.activations.push_back(cell != RecurrentCell::rnn && f == 0 ? RecurrentActivation::sigmoid
                                                                   : RecurrentActivation::tanh);
  a.alpha.resize(a.activations.size());
  a.beta.resize(a.activations.size());
  return a;
}

// A plain network whose state is the sum of what it saw.
RecurrentAttributes summing(RecurrentDirection direction) {
  RecurrentAttributes a = cell_of(RecurrentCell::rnn, direction);
  for (RecurrentActivation& f : a.activations) f = RecurrentActivation::affine;
  for (float& v : a.alpha) v = 1;
  return a;
}

std::vector<Tensor> run(const RecurrentAttributes& a, const Operands& operands,
                        std::size_t results = 2) {
  const auto r = testing::run_node(kRecurrent, a, operands, results);
  EXPECT_TRUE(r.ok()) << r.status().message();
  return r.ok() ? *r : std::vector<Tensor>(results);
}

const Tensor kOne = floats({1, 1, 1}, {1});

TEST(Recurrent, SumsForward) {
  const Tensor x = floats({3, 2, 1}, {1, 10, 2, 20, 3, 30});
  const auto r = run(summing(RecurrentDirection::forward), {x, kOne, kOne});
  expect_floats(r[0], {3, 1, 2, 1}, {1, 10, 3, 30, 6, 60});
  expect_floats(r[1], {1, 2, 1}, {6, 60});
}

TEST(Recurrent, StopsAtEachSequencesEnd) {
  const Tensor x = floats({3, 2, 1}, {1, 10, 2, 20, 3, 30});
  const Tensor lengths = tensor<std::int32_t>({2}, {2, 3});
  const Tensor start = floats({1, 2, 1}, {100, 200});
  const auto r =
      run(summing(RecurrentDirection::forward), {x, kOne, kOne, std::nullopt, lengths, start});
  expect_floats(r[0], {3, 1, 2, 1}, {101, 210, 103, 230, 0, 260});
  expect_floats(r[1], {1, 2, 1}, {103, 260});
  const auto back =
      run(summing(RecurrentDirection::reverse), {x, kOne, kOne, std::nullopt, lengths});
  expect_floats(back[0], {3, 1, 2, 1}, {3, 60, 2, 50, 0, 30});
  expect_floats(back[1], {1, 2, 1}, {3, 60});
}

TEST(Recurrent, BothDirections) {
  const Tensor two = floats({2, 1, 1}, {1, 1});
  const auto r = run(summing(RecurrentDirection::both), {floats({3, 1, 1}, {1, 2, 3}), two, two});
  expect_floats(r[0], {3, 2, 1, 1}, {1, 6, 3, 5, 6, 3});
  expect_floats(r[1], {2, 1, 1}, {6, 6});
}

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

TEST(Recurrent, LstmByHand) {
  const Tensor w = floats({1, 4, 1}, {0.1F, 0.2F, 0.3F, 0.4F});
  const Tensor r = floats({1, 4, 1}, {0.5F, 0.6F, 0.7F, 0.8F});
  const Tensor bias = floats({1, 8}, {0.1F, 0, 0, 0, 0, 0.2F, 0, 0});
  const Tensor h0 = floats({1, 1, 1}, {0.5F}), c0 = floats({1, 1, 1}, {-1});
  const Tensor peepholes = floats({1, 3}, {0.3F, 0.2F, 0.1F});
  const auto out = run(cell_of(RecurrentCell::lstm),
                       {floats({1, 1, 1}, {2}), w, r, bias, std::nullopt, h0, c0, peepholes}, 3);
  const double i = sigmoid(0.2 + 0.25 + 0.1 - 0.3), f = sigmoid(0.6 + 0.35 - 0.1);
  const double c = -f + i * std::tanh(0.8 + 0.4);
  const double o = sigmoid(0.4 + 0.3 + 0.2 + 0.2 * c);
  expect_floats(out[2], {1, 1, 1}, {c});
  expect_floats(out[1], {1, 1, 1}, {o * std::tanh(c)});
}

TEST(Recurrent, GruResetsBeforeOrAfter) {
  const Tensor w = floats({1, 3, 1}, {0.1F, 0.2F, 0.3F}), r = floats({1, 3, 1}, {0.4F, 0.5F, 0.6F});
  const Tensor bias = floats({1, 6}, {0, 0, 0.1F, 0, 0, 0.7F});
  const Tensor h0 = floats({1, 1, 1}, {-0.5F});
  RecurrentAttributes a = cell_of(RecurrentCell::gru);
  const Operands operands = {floats({1, 1, 1}, {2}), w, r, bias, std::nullopt, h0};
  const double z = sigmoid(0.2 - 0.2), reset = sigmoid(0.4 - 0.25);
  const auto mixed = [&](double candidate) { return (1 - z) * std::tanh(candidate) + z * -0.5; };
  expect_floats(run(a, operands)[1], {1, 1, 1}, {mixed(0.6 + 0.6 * reset * -0.5 + 0.8)});
  a.reset_after = true;
  expect_floats(run(a, operands)[1], {1, 1, 1}, {mixed(0.6 + 0.1 + reset * (-0.3 + 0.7))});
}

TEST(Recurrent, NothingToDo) {
  const auto r = run(summing(RecurrentDirection::forward), {floats({0, 2, 1}, {}), kOne, kOne});
  expect_floats(r[0], {0, 1, 2, 1}, {});
  expect_floats(r[1], {1, 2, 1}, {0, 0});
}

TEST(Recurrent, OperandsThatDoNotFitAreRefused) {
  const Tensor x = floats({3, 1, 1}, {1, 2, 3});
  const auto refused = [](const RecurrentAttributes& a, const Operands& operands) {
    return !testing::run_node(kRecurrent, a, operands, 2).ok();
  };
  const RecurrentAttributes a = summing(RecurrentDirection::forward);
  const Tensor four = tensor<std::int32_t>({1}, {4}), less = tensor<std::int32_t>({1}, {-1});
  EXPECT_TRUE(refused(a, {x, kOne, kOne, std::nullopt, four}));
  EXPECT_TRUE(refused(a, {x, kOne, kOne, std::nullopt, less}));
  EXPECT_TRUE(refused(a, {x, floats({1, 2, 1}, {1, 2}), kOne}));
  EXPECT_TRUE(refused(a, {x, kOne, kOne, floats({1, 1}, {1})}));
  EXPECT_TRUE(refused(summing(RecurrentDirection::both), {x, kOne, kOne}));
  RecurrentAttributes bare = a;
  bare.alpha.clear();
  EXPECT_TRUE(refused(bare, {x, kOne, kOne}));
}

}  // namespace
}  // namespace gossamer
