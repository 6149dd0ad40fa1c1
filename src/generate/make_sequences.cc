// Random Attention and Recurrent.
#include <algorithm>
#include <cmath>

#include "generate/maker.h"
#include "reference/attention.h"
#include "reference/recurrent.h"

namespace gossamer::generate {

Status make_attention(Maker& m) {
  Dice& dice = m.dice();
  const auto usable = [&](const Known& v) {
    return m.is_float(v) && m.rank(v) == 4 && m.is_static(v) && v.range.magnitude() <= 8 &&
           v.range.error <= m.max_error() / 64;
  };
  std::optional<Known> q = dice.chance(60) ? m.find(usable) : std::nullopt;
  if (!q) q = m.fresh(m.float_dtype(), m.random_shape(4, 4));
  const Shape s = *m.type(q->id).static_shape();
  const DType dtype = m.dtype(*q);
  const std::int64_t heads = s[1], keys = dice.between(1, 5), width = dice.between(1, 4);
  const std::int64_t groups = heads % 2 == 0 && dice.chance(40) ? heads / 2 : heads;
  const Known k = m.weights(dtype, Shape{s[0], groups, keys, s[3]}, 1);
  const Known v = m.fresh(dtype, Shape{s[0], groups, keys, width});
  AttentionAttributes a;
  a.scale = 1 / std::sqrt(static_cast<float>(s[3]));
  a.causal = dice.chance(35);
  if (dice.chance(20)) a.softcap = 4;
  if (dtype == DType::f64) a.acc = DType::f64;
  std::vector<ValueId> operands{q->id, k.id, v.id};
  if (dice.chance(40)) {
    const Shape mask = dice.chance(50) ? Shape{s[2], keys} : Shape{s[0], 1, s[2], keys};
    operands.push_back(m.weights(dtype, mask, 2).id);
  }
  // Products of q with keys in [-1, 1], scaled.
  const double depth = std::sqrt(static_cast<double>(s[3])), top = depth * q->range.magnitude();
  const double scores_error = depth * q->range.error + 4 * half_ulp(dtype) * (top + 2);
  const Range range{std::min(v.range.low, 0.0), std::max(v.range.high, 0.0),
                    4 * scores_error + 8 * half_ulp(dtype)};
  if (!m.allowed(dtype, range)) return {};
  ASSIGN(const ValueId y, m.build().one(kAttention, a, operands));
  m.offer(y, range);
  return {};
}

namespace {

using Act = RecurrentActivation;

// The standard's activations of a cell, or others whose values stay bounded.
std::vector<Act> random_activations(Dice& dice, RecurrentCell cell) {
  static const std::vector<Act> kBounded = {Act::sigmoid, Act::tanh, Act::hard_sigmoid,
                                            Act::softsign};
  std::vector<Act> usual = {Act::sigmoid, Act::tanh, Act::tanh};
  if (cell == RecurrentCell::gru) usual.pop_back();
  if (cell == RecurrentCell::rnn) usual = {Act::tanh};
  if (dice.chance(30))
    for (Act& act : usual) act = dice.pick(kBounded);
  return usual;
}

}  // namespace

Status make_recurrent(Maker& m) {
  Dice& dice = m.dice();
  static const std::vector<RecurrentCell> kCells = {RecurrentCell::lstm, RecurrentCell::gru,
                                                    RecurrentCell::rnn};
  static const std::vector<RecurrentDirection> kDirections = {
      RecurrentDirection::forward, RecurrentDirection::reverse, RecurrentDirection::both};
  RecurrentAttributes a;
  a.cell = dice.pick(kCells);
  a.direction = dice.pick(kDirections);
  for (int d = 0; d < a.directions(); ++d)
    for (Act act : random_activations(dice, a.cell)) {
      a.activations.push_back(act);
      a.alpha.push_back(act == Act::hard_sigmoid ? 0.25F : 0);
      a.beta.push_back(act == Act::hard_sigmoid ? 0.5F : 0);
    }
  if (a.cell == RecurrentCell::lstm) a.coupled = dice.chance(20);
  if (a.cell == RecurrentCell::gru) a.reset_after = dice.chance(50);
  if (dice.chance(15)) a.clip = 1;
  const auto usable = [&](const Known& v) {
    return m.is_float(v) && m.rank(v) == 3 && m.is_static(v) && v.range.magnitude() <= 8 &&
           v.range.error <= m.max_error() / 64;
  };
  std::optional<Known> x = dice.chance(60) ? m.find(usable) : std::nullopt;
  if (!x) x = m.fresh(m.float_dtype(), m.random_shape(3, 4));
  const Shape s = *m.type(x->id).static_shape();
  const DType dtype = m.dtype(*x);
  const std::int64_t d = a.directions(), h = dice.between(1, 3), rows = a.gates() * h;
  std::vector<ValueId> operands{x->id, m.weights(dtype, Shape{d, rows, s[2]}, 0.25).id,
                                m.weights(dtype, Shape{d, rows, h}, 0.25).id};
  const auto more = [&](std::size_t place, const Shape& shape, double amplitude) {
    operands.resize(std::max(operands.size(), place), kNoValue);
    operands.push_back(m.weights(dtype, shape, amplitude).id);
  };
  if (dice.chance(60)) more(3, Shape{d, 2 * rows}, 0.5);
  if (dice.chance(30)) {
    operands.resize(std::max<std::size_t>(operands.size(), 4), kNoValue);
    std::vector<std::int64_t> lengths;
    for (std::int64_t i = 0; i < s[1]; ++i) lengths.push_back(dice.between(1, s[0]));
    operands.push_back(m.ints(DType::i32, Shape{s[1]}, lengths).id);
  }
  if (dice.chance(40)) more(5, Shape{d, s[1], h}, 0.5);
  if (a.cell == RecurrentCell::lstm && dice.chance(40)) more(6, Shape{d, s[1], h}, 0.5);
  if (a.cell == RecurrentCell::lstm && dice.chance(25)) more(7, Shape{d, 3 * h}, 0.25);
  const auto steps = static_cast<double>(s[0]);
  const double error = steps * (static_cast<double>(s[2]) * x->range.error +
                                64 * half_ulp(dtype) * (1 + static_cast<double>(s[2])));
  const double top = a.cell == RecurrentCell::lstm ? 1 : 1.5;
  if (!m.allowed(dtype, {-top, top, error})) return {};
  const std::size_t results = a.cell == RecurrentCell::lstm ? 3 : 2;
  ASSIGN(std::vector<ValueId> y, m.build().add(kRecurrent, a, operands, results));
  m.offer(y[0], {-top, top, error});
  m.offer(y[1], {-top, top, error});
  return {};
}

}  // namespace gossamer::generate
