// Recurrent, step by step: two products a step, then the gates of each sequence in turn.
#include "reference/recurrent.h"

#include <algorithm>
#include <cmath>

#include "reference/accumulate.h"
#include "reference/packed_matrix.h"

namespace gossamer {

std::span<const std::string_view> enum_names(RecurrentCell) {
  static constexpr std::string_view kNames[] = {"lstm", "gru", "rnn"};
  return kNames;
}

std::span<const std::string_view> enum_names(RecurrentDirection) {
  static constexpr std::string_view kNames[] = {"forward", "reverse", "both"};
  return kNames;
}

std::span<const std::string_view> enum_names(RecurrentActivation) {
  static constexpr std::string_view kNames[] = {
      "sigmoid",     "tanh",         "relu", "affine",   "leaky_relu", "thresholded_relu",
      "scaled_tanh", "hard_sigmoid", "elu",  "softsign", "softplus"};
  return kNames;
}

namespace reference {
namespace {

enum Operand : std::size_t { kX, kW, kR, kBias, kLengths, kH0, kC0, kPeepholes };

struct Extents {
  std::int64_t steps = 0, batch = 0, inputs = 0, hidden = 0;
};

// One function with its parameters, applied to a row in place.
template <class A>
struct Function {
  RecurrentActivation kind = RecurrentActivation::tanh;
  A alpha{}, beta{}, clip{};

  template <class F>
  void each(std::span<A> row, const F& f) const {
    if (clip > 0)
      for (A& v : row) v = v < -clip ? -clip : v > clip ? clip : v;
    for (A& v : row) v = f(v);
  }

  void operator()(std::span<A> row) const {
    const A a = alpha, b = beta;
    switch (kind) {
      case RecurrentActivation::sigmoid:
        return each(row, [](A v) { return 1 / (1 + std::exp(-v)); });
      case RecurrentActivation::tanh:
        return each(row, [](A v) { return std::tanh(v); });
      case RecurrentActivation::relu:
        return each(row, [](A v) { return v < 0 ? A{0} : v; });
      case RecurrentActivation::affine:
        return each(row, [=](A v) { return a * v + b; });
      case RecurrentActivation::leaky_relu:
        return each(row, [=](A v) { return v < 0 ? a * v : v; });
      case RecurrentActivation::thresholded_relu:
        return each(row, [=](A v) { return v < a ? A{0} : v; });
      case RecurrentActivation::scaled_tanh:
        return each(row, [=](A v) { return a * std::tanh(b * v); });
      case RecurrentActivation::hard_sigmoid:
        return each(row, [=](A v) { return std::min(std::max(a * v + b, A{0}), A{1}); });
      case RecurrentActivation::elu:
        return each(row, [=](A v) { return v < 0 ? a * std::expm1(v) : v; });
      case RecurrentActivation::softsign:
        return each(row, [](A v) { return v / (1 + std::abs(v)); });
      case RecurrentActivation::softplus:
        return each(row,
                    [](A v) { return std::max(v, A{0}) + std::log1p(std::exp(-std::abs(v))); });
    }
  }
};

// The operands widened to A, and room for one step.
template <class A>
struct Work {
  Extents n;
  Tensor operands[8];
  std::vector<std::int64_t> lengths;
  Tensor x_rows, packed, from_x, from_h, reset, gate, y, h, c;

  std::span<const A> operand(std::size_t i) const { return operands[i].values<A>(); }
  static std::span<A> row(Tensor& t, std::int64_t i, std::int64_t length) {
    return t.mutable_values<A>().subspan(static_cast<std::size_t>(i * length),
                                         static_cast<std::size_t>(length));
  }
};

// One direction of the layer.
template <class A>
class Pass {
 public:
  Pass(const RecurrentAttributes& a, Work<A>& w, int direction, bool reverse)
      : a_(a), w_(w), n_(w.n), direction_(direction), reverse_(reverse) {
    const auto count = static_cast<std::size_t>(a.functions());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at = static_cast<std::size_t>(direction) * count + i;
      // What an LSTM shows of its cell is not a gate, and is not clipped.
      const float clip = i < 2 ? a.clip : 0;
      functions_.push_back({a.activations[at], static_cast<A>(a.alpha[at]),
                            static_cast<A>(a.beta[at]), static_cast<A>(clip)});
    }
  }

  Status run(Context& c) {
    const std::int64_t hidden = n_.hidden, columns = a_.gates() * hidden;
    const A* w = w_.operand(kW).data() + direction_ * columns * n_.inputs;
    const A* r = w_.operand(kR).data() + direction_ * columns * hidden;
    // The last gate of a GRU is multiplied apart: its left operand may pass the reset gate first.
    const std::int64_t joint = late_product() ? 2 * hidden : columns;
    ASSIGN(weights_, PackedMatrix<A>::pack(w, n_.inputs, columns, 1, n_.inputs));
    ASSIGN(recurrence_, PackedMatrix<A>::pack(r, hidden, joint, 1, hidden));
    if (late_product()) {
      ASSIGN(late_, PackedMatrix<A>::pack(r + joint * hidden, hidden, hidden, 1, hidden));
    }
    for (std::int64_t step = 0; step < n_.steps; ++step) {
      TRY(c.poll());
      multiply_inputs(step);
      if (a_.cell == RecurrentCell::gru) reset_state();
      for (std::int64_t b = 0; b < n_.batch; ++b)
        if (step < length(b)) advance(step, b);
    }
    return {};
  }

 private:
  bool late_product() const { return a_.cell == RecurrentCell::gru && !a_.reset_after; }
  std::int64_t length(std::int64_t b) const { return w_.lengths[static_cast<std::size_t>(b)]; }
  std::int64_t time_of(std::int64_t step, std::int64_t b) const {
    return reverse_ ? length(b) - 1 - step : step;
  }
  A* state(Tensor& t) { return t.mutable_values<A>().data() + direction_ * n_.batch * n_.hidden; }
  std::span<A> state_row(Tensor& t, std::int64_t b) {
    return Work<A>::row(t, direction_ * n_.batch + b, n_.hidden);
  }
  // Gate g of sequence b in a buffer of all gates.
  std::span<A> gate(Tensor& t, std::int64_t b, int g) {
    return Work<A>::row(t, b * a_.gates() + g, n_.hidden);
  }
  // Element j of gate g's bias: 0 of the input's, 1 of the state's.
  A bias(int which, int g, std::int64_t j) const {
    const std::span<const A> all = w_.operand(kBias);
    if (all.empty()) return 0;
    const std::int64_t gates = a_.gates();
    return all[static_cast<std::size_t>(((direction_ * 2 + which) * gates + g) * n_.hidden + j)];
  }

  void multiply_inputs(std::int64_t step) {
    const std::span<const A> x = w_.operand(kX);
    std::span<A> rows = w_.x_rows.template mutable_values<A>();
    const auto width = static_cast<std::size_t>(n_.inputs);
    for (std::int64_t b = 0; b < n_.batch; ++b) {
      const std::int64_t time = step < length(b) ? time_of(step, b) : 0;
      const auto from = static_cast<std::size_t>((time * n_.batch + b)) * width;
      std::copy_n(x.begin() + static_cast<std::ptrdiff_t>(from), width,
                  rows.begin() + static_cast<std::ptrdiff_t>(b * n_.inputs));
    }
    const std::int64_t columns = a_.gates() * n_.hidden;
    std::span<A> packed = w_.packed.template mutable_values<A>();
    weights_.multiply(rows.data(), n_.batch, packed, w_.from_x.template mutable_values<A>().data(),
                      columns);
    recurrence_.multiply(state(w_.h), n_.batch, packed,
                         w_.from_h.template mutable_values<A>().data(), columns);
  }

  // The sum that goes into gate g, left in from_x.
  std::span<A> gate_sum(std::int64_t b, int g) {
    std::span<A> sum = gate(w_.from_x, b, g);
    const std::span<A> h = gate(w_.from_h, b, g);
    for (std::size_t j = 0; j < sum.size(); ++j) {
      const auto at = static_cast<std::int64_t>(j);
      sum[j] = (sum[j] + h[j]) + (bias(0, g, at) + bias(1, g, at));
    }
    return sum;
  }

  // GRU: the gates z and r of all sequences, then the product with the reset state.
  void reset_state() {
    for (std::int64_t b = 0; b < n_.batch; ++b) {
      functions_[0](gate_sum(b, 0));
      const std::span<A> r = gate_sum(b, 1);
      functions_[0](r);
      const std::span<A> h = state_row(w_.h, b), to = Work<A>::row(w_.reset, b, n_.hidden);
      for (std::size_t j = 0; j < h.size(); ++j) to[j] = r[j] * h[j];
    }
    if (late_product())
      late_.multiply(w_.reset.template values<A>().data(), n_.batch,
                     w_.packed.template mutable_values<A>(),
                     w_.from_h.template mutable_values<A>().data() + 2 * n_.hidden, 3 * n_.hidden);
  }

  void advance(std::int64_t step, std::int64_t b) {
    if (a_.cell == RecurrentCell::lstm)
      advance_lstm(b);
    else if (a_.cell == RecurrentCell::gru)
      advance_gru(b);
    else
      advance_rnn(b);
    const std::int64_t row = (time_of(step, b) * a_.directions() + direction_) * n_.batch + b;
    const std::span<A> h = state_row(w_.h, b);
    std::copy(h.begin(), h.end(), Work<A>::row(w_.y, row, n_.hidden).begin());
  }

  void advance_rnn(std::int64_t b) {
    const std::span<A> sum = gate_sum(b, 0), h = state_row(w_.h, b);
    functions_[0](sum);
    std::copy(sum.begin(), sum.end(), h.begin());
  }

  void advance_gru(std::int64_t b) {
    const std::span<A> z = gate(w_.from_x, b, 0), r = gate(w_.from_x, b, 1);
    const std::span<A> candidate = gate(w_.from_x, b, 2), product = gate(w_.from_h, b, 2);
    const std::span<A> h = state_row(w_.h, b);
    for (std::size_t j = 0; j < h.size(); ++j) {
      const auto at = static_cast<std::int64_t>(j);
      if (a_.reset_after)
        candidate[j] = candidate[j] + r[j] * (product[j] + bias(1, 2, at)) + bias(0, 2, at);
      else
        candidate[j] = (candidate[j] + product[j]) + (bias(0, 2, at) + bias(1, 2, at));
    }
    functions_[1](candidate);
    for (std::size_t j = 0; j < h.size(); ++j) h[j] = (1 - z[j]) * candidate[j] + z[j] * h[j];
  }

  // Adds the peepholes' share of the cell state to a gate.
  void peek(std::span<A> sum, int which, std::span<const A> cell) const {
    const std::span<const A> all = w_.operand(kPeepholes);
    if (all.empty()) return;
    const A* p = all.data() + (direction_ * 3 + which) * n_.hidden;
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += p[j] * cell[j];
  }

  void advance_lstm(std::int64_t b) {
    const std::span<A> input = gate_sum(b, 0), output = gate_sum(b, 1), forget = gate_sum(b, 2),
                       fresh = gate_sum(b, 3);
    const std::span<A> h = state_row(w_.h, b), cell = state_row(w_.c, b);
    peek(input, 0, cell);
    functions_[0](input);
    if (a_.coupled) {
      for (std::size_t j = 0; j < forget.size(); ++j) forget[j] = 1 - input[j];
    } else {
      peek(forget, 2, cell);
      functions_[0](forget);
    }
    functions_[1](fresh);
    for (std::size_t j = 0; j < cell.size(); ++j)
      cell[j] = forget[j] * cell[j] + input[j] * fresh[j];
    peek(output, 1, cell);
    functions_[0](output);
    const std::span<A> shown = Work<A>::row(w_.gate, 0, n_.hidden);
    std::copy(cell.begin(), cell.end(), shown.begin());
    functions_[2](shown);
    for (std::size_t j = 0; j < h.size(); ++j) h[j] = output[j] * shown[j];
  }

  const RecurrentAttributes& a_;
  Work<A>& w_;
  Extents n_;
  int direction_;
  bool reverse_;
  std::vector<Function<A>> functions_;
  PackedMatrix<A> weights_, recurrence_, late_;
};

Status expect_shape(Context& c, std::size_t i, std::string_view what, const Shape& shape) {
  if (!c.has(i) || c.tensor(i).shape() == shape) return {};
  return malformed(std::string(what) + ": expected " + shape.to_string() + ", got " +
                   c.tensor(i).shape().to_string());
}

Result<Extents> extents_of(const RecurrentAttributes& a, Context& c) {
  const Shape& x = c.tensor(kX).shape();
  const Shape& r = c.tensor(kR).shape();
  if (x.rank() != 3 || r.rank() != 3) return malformed("the input and the weights have three axes");
  const Extents n{x[0], x[1], x[2], r[2]};
  const std::int64_t d = a.directions(), columns = a.gates() * n.hidden;
  const auto functions = static_cast<std::size_t>(a.directions() * a.functions());
  if (a.activations.size() != functions || a.alpha.size() != functions ||
      a.beta.size() != functions)
    return malformed("expected " + std::to_string(functions) + " activations");
  TRY(expect_shape(c, kW, "the weights", Shape{d, columns, n.inputs}));
  TRY(expect_shape(c, kR, "the recurrence weights", Shape{d, columns, n.hidden}));
  TRY(expect_shape(c, kBias, "the bias", Shape{d, 2 * columns}));
  TRY(expect_shape(c, kLengths, "the lengths", Shape{n.batch}));
  TRY(expect_shape(c, kH0, "the initial state", Shape{d, n.batch, n.hidden}));
  TRY(expect_shape(c, kC0, "the initial cell", Shape{d, n.batch, n.hidden}));
  TRY(expect_shape(c, kPeepholes, "the peepholes", Shape{d, 3 * n.hidden}));
  return n;
}

Result<std::vector<std::int64_t>> lengths_of(Context& c, const Extents& n) {
  if (!c.has(kLengths))
    return std::vector<std::int64_t>(static_cast<std::size_t>(n.batch), n.steps);
  ASSIGN(std::vector<std::int64_t> lengths, to_int64s(c.tensor(kLengths)));
  for (std::int64_t length : lengths)
    if (length < 0 || length > n.steps)
      return malformed("a sequence length of " + std::to_string(length) + " in a sequence of " +
                       std::to_string(n.steps));
  return lengths;
}

// A copy of the initial state, or zeros.
template <class A>
Result<Tensor> initial_state(Context& c, std::size_t i, const Shape& shape) {
  ASSIGN(Tensor state, Tensor::make(dtype_of<A>, shape));
  if (!c.has(i)) return state;
  ASSIGN(Tensor given, widened(c.tensor(i), dtype_of<A>));
  const std::span<const A> from = given.values<A>();
  std::copy(from.begin(), from.end(), state.mutable_values<A>().begin());
  return state;
}

template <class A>
Status prepare(const RecurrentAttributes& a, const Extents& n, Context& c, Work<A>& w) {
  w.n = n;
  ASSIGN(w.lengths, lengths_of(c, n));
  const DType dtype = dtype_of<A>;
  for (std::size_t i : {kX, kW, kR, kBias, kPeepholes}) {
    if (!c.has(i)) continue;
    ASSIGN(w.operands[i], widened(c.tensor(i), dtype));
  }
  const std::int64_t columns = a.gates() * n.hidden, d = a.directions();
  const std::int64_t depth = std::max(n.inputs, n.hidden);
  ASSIGN(w.x_rows, Tensor::make_uninitialized(dtype, Shape{n.batch, n.inputs}));
  ASSIGN(w.packed, Tensor::make_uninitialized(dtype, Shape{packed_count(n.batch, depth)}));
  ASSIGN(w.from_x, Tensor::make(dtype, Shape{n.batch, columns}));
  ASSIGN(w.from_h, Tensor::make(dtype, Shape{n.batch, columns}));
  ASSIGN(w.reset, Tensor::make(dtype, Shape{n.batch, n.hidden}));
  ASSIGN(w.gate, Tensor::make(dtype, Shape{n.hidden}));
  ASSIGN(w.y, Tensor::make(dtype, Shape{n.steps, d, n.batch, n.hidden}));
  ASSIGN(w.h, initial_state<A>(c, kH0, Shape{d, n.batch, n.hidden}));
  ASSIGN(w.c, initial_state<A>(c, kC0, Shape{d, n.batch, n.hidden}));
  return {};
}

template <class A>
Status run_layer(const RecurrentAttributes& a, const Extents& n, Context& c) {
  Work<A> w;
  TRY(prepare(a, n, c, w));
  for (int d = 0; d < a.directions(); ++d) {
    const bool reverse = d == 1 || a.direction == RecurrentDirection::reverse;
    TRY(Pass<A>(a, w, d, reverse).run(c));
  }
  const Tensor* results[] = {&w.y, &w.h, &w.c};
  for (std::size_t i = 0; i < c.result_count(); ++i) {
    if (i > 0 && !c.wanted(i)) continue;
    ASSIGN(Tensor * out, c.make(i, c.tensor(kX).dtype(), results[i]->shape()));
    narrow(*results[i], *out);
  }
  return {};
}

}  // namespace

Status recurrent(const RecurrentAttributes& a, Context& c) {
  ASSIGN(const Extents n, extents_of(a, c));
  const DType dtype = c.tensor(kX).dtype();
  for (std::size_t i : {kW, kR, kBias, kH0, kC0, kPeepholes})
    if (c.has(i) && c.tensor(i).dtype() != dtype)
      return malformed("the operands must have one element type");
  return dtype == DType::f64 ? run_layer<double>(a, n, c) : run_layer<float>(a, n, c);
}

}  // namespace reference
}  // namespace gossamer
