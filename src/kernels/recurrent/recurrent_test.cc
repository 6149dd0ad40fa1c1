// The kernels of recurrent on every level that this machine has, against plain loops.
#include "kernels/recurrent/recurrent.h"

#include "kernels/strided_test.h"

namespace gossamer::kernels {
namespace {

double sigmoid(double v) { return 1 / (1 + std::exp(-v)); }

struct Case {
  RecurrentStep step;
  std::int64_t steps = 1, batch = 1;
  bool bias = true, lengths = false, initial = true, peepholes = false;
  bool strange = false;  // strange layouts
};

struct Operands {
  Strided<float> x, w, r, bias, h0, c0, peepholes, packed;
  Strided<std::int64_t> lengths;
  Strided<float> y, h, c;
};

Operands make(const Case& k) {
  const RecurrentStep& s = k.step;
  const std::int64_t d = s.directions(), g = s.gates(), n = s.hidden;
  Operands o;
  o.x = Strided<float>({k.steps, k.batch, s.inputs},
                       k.strange ? std::vector<int>{2, 1, 0} : std::vector<int>{});
  o.w = Strided<float>({d, g * n, s.inputs});
  o.r = Strided<float>({d, g * n, n});
  fill_uniform(o.x, 1);
  fill_uniform(o.w, 2, -0.5, 0.5);
  fill_uniform(o.r, 3, -0.4, 0.4);
  if (k.bias) o.bias = Strided<float>({d, 2 * g * n});
  if (k.initial) o.h0 = o.c0 = Strided<float>({d, k.batch, n});
  if (k.peepholes) o.peepholes = Strided<float>({d, 3 * n});
  fill_uniform(o.bias, 4);
  fill_uniform(o.h0, 5);
  fill_uniform(o.c0, 6);
  fill_uniform(o.peepholes, 7);
  if (k.lengths) {
    o.lengths = Strided<std::int64_t>({k.batch});
    for (std::int64_t b = 0; b < k.batch; ++b) o.lengths[{b}] = (k.steps + b * 2) % (k.steps + 1);
  }
  o.y = Strided<float>({k.steps, d, k.batch, n},
                       k.strange ? std::vector<int>{3, 1, 0, 2} : std::vector<int>{});
  o.h = o.c = Strided<float>({d, k.batch, n});
  o.packed = Strided<float>({packed_recurrent_count(s)});
  pack_recurrent(s, {o.w.address(), o.r.address(), o.bias.address(), o.peepholes.address()},
                 {o.packed.address(), static_cast<std::size_t>(o.packed.view.extents[0])});
  return o;
}

// One sequence in one direction by definition, in f64.
class Naive {
 public:
  Naive(const Case& k, Operands& o, std::int64_t d, std::int64_t b)
      : s_(k.step), o_(o), d_(d), b_(b), n_(static_cast<std::size_t>(s_.hidden)), h_(n_), c_(n_) {
    for (std::size_t j = 0; j < n_ && k.initial; ++j) {
      h_[j] = o.h0[{d, b, static_cast<std::int64_t>(j)}];
      c_[j] = o.c0[{d, b, static_cast<std::int64_t>(j)}];
    }
    const std::int64_t length = k.lengths ? o.lengths[{b}] : k.steps;
    const bool backward = d == 1 || s_.direction == RecurrentDirection::reverse;
    for (std::int64_t step = 0; step < k.steps; ++step) {
      if (step < length) advance(backward ? length - 1 - step : step);
      const std::int64_t t = step < length && backward ? length - 1 - step : step;
      for (std::size_t j = 0; j < n_; ++j)
        o.y[{t, d, b, static_cast<std::int64_t>(j)}] = step < length ? float(h_[j]) : 0;
    }
    for (std::size_t j = 0; j < n_; ++j) {
      o.h[{d, b, static_cast<std::int64_t>(j)}] = static_cast<float>(h_[j]);
      o.c[{d, b, static_cast<std::int64_t>(j)}] = static_cast<float>(c_[j]);
    }
  }

 private:
  double clip(double v) const { return s_.clip > 0 ? std::clamp<double>(v, -s_.clip, s_.clip) : v; }
  double bias(int which, int g, std::size_t j) const {
    if (o_.bias.view.rank < 0) return 0;
    return o_.bias[{d_, (which * s_.gates() + g) * s_.hidden + static_cast<std::int64_t>(j)}];
  }
  double of_x(int g, std::size_t j, std::int64_t t) const {
    double sum = bias(0, g, j);
    for (std::int64_t i = 0; i < s_.inputs; ++i)
      sum += double{o_.x[{t, b_, i}]} * o_.w[{d_, g * s_.hidden + static_cast<std::int64_t>(j), i}];
    return sum;
  }
  double of_h(int g, std::size_t j, const std::vector<double>& h) const {
    double sum = bias(1, g, j);
    for (std::size_t i = 0; i < n_; ++i)
      sum += h[i] *
             o_.r[{d_, g * s_.hidden + static_cast<std::int64_t>(j), static_cast<std::int64_t>(i)}];
    return sum;
  }
  double peek(int which, std::size_t j, double cell) const {
    if (o_.peepholes.view.rank < 0) return 0;
    return cell * o_.peepholes[{d_, which * s_.hidden + static_cast<std::int64_t>(j)}];
  }

  void advance(std::int64_t t) {
    std::vector<double> next(n_), reset(n_);
    if (s_.cell == RecurrentCell::gru)
      for (std::size_t j = 0; j < n_; ++j)
        reset[j] = sigmoid(clip(of_x(1, j, t) + of_h(1, j, h_))) * (s_.reset_after ? 1 : h_[j]);
    for (std::size_t j = 0; j < n_; ++j) {
      const auto sum = [&](int g) { return of_x(g, j, t) + of_h(g, j, h_); };
      if (s_.cell == RecurrentCell::rnn) {
        const double v = clip(sum(0));
        next[j] = s_.relu ? std::max(v, 0.0) : std::tanh(v);
      } else if (s_.cell == RecurrentCell::gru) {
        const double z = sigmoid(clip(sum(0)));
        const double late = s_.reset_after ? reset[j] * of_h(2, j, h_) : of_h(2, j, reset);
        next[j] = (1 - z) * std::tanh(clip(of_x(2, j, t) + late)) + z * h_[j];
      } else {
        const double in = sigmoid(clip(sum(0) + peek(0, j, c_[j])));
        const double forget = s_.coupled ? 1 - in : sigmoid(clip(sum(2) + peek(2, j, c_[j])));
        c_[j] = forget * c_[j] + in * std::tanh(clip(sum(3)));
        next[j] = sigmoid(clip(sum(1) + peek(1, j, c_[j]))) * std::tanh(c_[j]);
      }
    }
    h_ = next;
  }

  const RecurrentStep& s_;
  Operands& o_;
  std::int64_t d_, b_;
  std::size_t n_;
  std::vector<double> h_, c_;
};

void check(const Case& k) {
  Operands want = make(k), got = want;
  for (std::int64_t d = 0; d < k.step.directions(); ++d)
    for (std::int64_t b = 0; b < k.batch; ++b) Naive(k, want, d, b);
  const bool lstm = k.step.cell == RecurrentCell::lstm;
  const View in[] = {got.x.view, got.packed.view, got.lengths.view, got.h0.view,
                     lstm ? got.c0.view : Strided<float>().view};
  const View out[] = {got.y.view, got.h.view, got.c.view};
  for (Level level : levels_here())
    for (int parts = 1; parts <= 3; ++parts) {
      SCOPED_TRACE(std::string(level_name(level)) + " in " + std::to_string(parts));
      const auto p = prepare(k.step, {in, {out, lstm ? 3U : 2U}, level, parts});
      ASSERT_TRUE(p.ok()) << p.status().message();
      for (Strided<float>* t : {&got.y, &got.h, &got.c})
        std::fill(t->memory.begin(), t->memory.end(), 9.0F);
      run_shares(**p,
                 {got.x.address(), got.packed.address(), got.lengths.address(), got.h0.address(),
                  got.c0.address()},
                 {got.y.address(), got.h.address(), got.c.address()}, parts);
      expect_near(got.y, want.y, 1e-5);
      expect_near(got.h, want.h, 1e-5);
      if (lstm) expect_near(got.c, want.c, 1e-5);
    }
}

constexpr RecurrentCell kCells[] = {RecurrentCell::lstm, RecurrentCell::gru, RecurrentCell::rnn};

TEST(Recurrent, EveryCellAndDirection) {
  for (RecurrentCell cell : kCells)
    for (RecurrentDirection direction :
         {RecurrentDirection::forward, RecurrentDirection::reverse, RecurrentDirection::both})
      for (bool reset_after : {false, true})
        for (std::int64_t batch : {1, 3, 13}) {
          Case k;
          k.step = {cell, direction, 9, 21};
          k.step.reset_after = reset_after;
          k.steps = 5;
          k.batch = batch;
          check(k);
          k.lengths = true;
          k.strange = true;
          check(k);
        }
}

TEST(Recurrent, SizesAroundBlocks) {
  for (RecurrentCell cell : kCells)
    for (std::int64_t hidden : {1, 15, 16, 17, 64})
      for (std::int64_t inputs : {1, 16, 40}) {
        Case k;
        k.step = {cell, RecurrentDirection::forward, inputs, hidden};
        k.steps = 2;
        k.batch = 2;
        k.initial = hidden % 2 == 0;
        k.bias = inputs != 1;
        check(k);
      }
}

TEST(Recurrent, OptionsOfGates) {
  for (RecurrentCell cell : kCells) {
    Case k;
    k.step = {cell, RecurrentDirection::both, 6, 10};
    k.step.clip = 0.3F;
    k.step.coupled = true;
    k.step.relu = true;
    k.steps = 4;
    k.batch = 2;
    check(k);
    k.step.coupled = false;
    k.peepholes = cell == RecurrentCell::lstm;
    check(k);
  }
}

TEST(Recurrent, LongSequences) {
  Case k;
  k.step = {RecurrentCell::lstm, RecurrentDirection::both, 8, 16};
  k.steps = 150;
  check(k);
}

TEST(Recurrent, LengthsAreVerified) {
  Case k;
  k.step = {RecurrentCell::gru, RecurrentDirection::forward, 3, 4};
  k.steps = 4;
  k.batch = 2;
  k.lengths = true;
  Operands o = make(k);
  const View in[] = {o.x.view, o.packed.view, o.lengths.view, o.h0.view, Strided<float>().view};
  const auto p = prepare(k.step, {in, {&o.y.view, 1}, Level::v2, 1});
  ASSERT_TRUE(p.ok());
  const void* inputs[] = {o.x.address(), o.packed.address(), o.lengths.address(), o.h0.address(),
                          nullptr};
  EXPECT_TRUE((*p)->verify({inputs, nullptr, nullptr}).ok());
  o.lengths[{1}] = 5;
  EXPECT_EQ((*p)->verify({inputs, nullptr, nullptr}).code(), Code::malformed);
  run_shares(**p, std::vector<const void*>(inputs, inputs + 5), {o.y.address()}, 1);
}

TEST(Recurrent, RefusesContradictions) {
  Case k;
  k.step = {RecurrentCell::gru, RecurrentDirection::forward, 3, 4};
  Operands o = make(k);
  View in[] = {o.x.view, o.packed.view, o.lengths.view, o.h0.view, Strided<float>().view};
  in[1].extents[0] += 1;
  EXPECT_EQ(prepare(k.step, {in, {&o.y.view, 1}, Level::v2, 1}).status().code(), Code::internal);
}

}  // namespace
}  // namespace gossamer::kernels
