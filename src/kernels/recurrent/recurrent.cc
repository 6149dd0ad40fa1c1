// Recurrent: for some steps at a time the products of all inputs, then step by step the products
// with the state and the gates, block of units by block of units. Directions and sequences are
// shared; each share runs through all steps by itself.
#include "kernels/recurrent/recurrent.h"

#include <algorithm>
#include <limits>

#include "kernels/indices.h"
#include "kernels/level.h"
#include "kernels/panel/panel_table.h"
#include "kernels/recurrent/recurrent_layout.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(PanelTable, panel_table)
DECLARE_LEVEL_TABLES(RecurrentTable, recurrent_table)

namespace {

enum Operand : std::size_t { kX, kPacked, kLengths, kH0, kC0, kOperands };
enum ResultIndex : std::size_t { kY, kH, kC, kResults };

constexpr std::int64_t kRowsAhead = 48;  // inputs multiplied at a time, at least one step's

// Places in the workspace of one share.
struct Room {
  std::size_t sums, h, fresh, c, extra, product, x, a, out, active, size;
};

class Layer final : public Prepared {
 public:
  Layer(const RecurrentStep& step, const Shapes& shapes)
      : s_(step),
        l_(step),
        panel_(panel_table(shapes.level)),
        table_(recurrent_table(shapes.level)) {
    std::copy(shapes.inputs.begin(), shapes.inputs.end(), in_.begin());
    std::copy(shapes.outputs.begin(), shapes.outputs.end(), out_.begin());
    for (std::size_t i = shapes.outputs.size(); i < kResults; ++i) out_[i].rank = -1;
    steps_ = in_[kX].extents[0];
    batch_ = in_[kX].extents[1];
    clip_ = s_.clip > 0 ? s_.clip : std::numeric_limits<float>::infinity();
    needs_verify = in_[kLengths].rank >= 0;
    const double rows = static_cast<double>(steps_ * batch_ * s_.directions());
    const auto columns = static_cast<double>(l_.blocks * l_.width());
    flops = rows * columns * 2 * static_cast<double>(l_.inputs + l_.hidden);
    bytes = 4 * columns * static_cast<double>(l_.inputs + l_.hidden) * s_.directions() +
            4 * rows * static_cast<double>(l_.inputs + l_.hidden);
    const auto most = static_cast<int>(
        std::min<std::int64_t>(batch_ * s_.directions(), std::max(shapes.threads, 1)));
    parts = std::max(std::min(worthwhile_parts(flops / 60, shapes.threads), most), 1);
    // A share never holds more sequences than there are.
    ahead_ = std::clamp<std::int64_t>(kRowsAhead / std::max<std::int64_t>(batch_, 1), 1,
                                      std::max<std::int64_t>(steps_, 1));
    room_ = room();
    workspace = room_.size;
  }

  Status verify(const Addresses& a) const override {
    if (in_[kLengths].rank < 0) return {};
    for (std::int64_t b = 0; b < batch_; ++b) {
      const std::int64_t n =
          index_at(a.inputs[kLengths], in_[kLengths].dtype, b * in_[kLengths].strides[0]);
      if (n < 0 || n > steps_)
        return malformed("a sequence length of " + std::to_string(n) + " in a sequence of " +
                         std::to_string(steps_));
    }
    return {};
  }

  void run(const Addresses& a, int part, int of) const override {
    const Range r = share(batch_ * s_.directions(), part, of);
    for (int d = 0; d < s_.directions(); ++d) {
      const std::int64_t begin = std::max(r.begin, d * batch_);
      const std::int64_t end = std::min(r.end, (d + 1) * batch_);
      if (begin < end) run_direction(a, d, {begin - d * batch_, end - d * batch_});
    }
  }

 private:
  // What one share works on.
  struct Work {
    const Addresses& a;
    int direction;
    Range batch;
    const float* weights;
    float *sums, *extra, *product, *x;
    float **h, **fresh;  // each sequence's state, and the one being formed
    float* c;
    const float** rows;       // left operands of a product
    float** out;              // and its results
    std::int64_t* sequences;  // whose they are
  };

  std::int64_t padded() const { return l_.blocks * kUnits; }

  Room room() const {
    Room r{};
    std::size_t size = 0;
    const auto add = [&](std::int64_t count, std::size_t each) {
      const std::size_t at = size;
      size += (static_cast<std::size_t>(count) * each + 63) / 64 * 64;
      return at;
    };
    const std::int64_t rows = ahead_ * batch_, states = batch_ * padded();
    r.sums = add(rows * l_.blocks * l_.width(), 4);
    r.h = add(2 * states, 4);
    r.c = add(states, 4);
    r.extra = add(s_.cell == RecurrentCell::gru ? states : 0, 4);
    r.product = add(batch_ * kUnits, 4);
    r.x = add(in_[kX].strides[2] == 1 ? 0 : rows * l_.inputs, 4);
    r.fresh = add(2 * batch_, sizeof(float*));
    r.a = add(rows, sizeof(float*));
    r.out = add(rows, sizeof(float*));
    r.active = add(batch_, sizeof(std::int64_t));
    r.size = size;
    return r;
  }

  std::int64_t length(const Addresses& a, std::int64_t b) const {
    if (in_[kLengths].rank < 0) return steps_;
    return std::clamp<std::int64_t>(
        index_at(a.inputs[kLengths], in_[kLengths].dtype, b * in_[kLengths].strides[0]), 0, steps_);
  }
  bool backward(int d) const { return d == 1 || s_.direction == RecurrentDirection::reverse; }
  std::int64_t time_of(const Work& w, std::int64_t step, std::int64_t b) const {
    return backward(w.direction) ? length(w.a, b) - 1 - step : step;
  }
  float* sums_row(const Work& w, std::int64_t step, std::int64_t i) const {
    return w.sums + (step % ahead_ * (w.batch.end - w.batch.begin) + i) * l_.blocks * l_.width();
  }

  void run_direction(const Addresses& a, int d, Range batch) const {
    const auto floats = [&](std::size_t at) { return reinterpret_cast<float*>(a.workspace + at); };
    auto** states = reinterpret_cast<float**>(a.workspace + room_.fresh);
    Work w{a,
           d,
           batch,
           static_cast<const float*>(a.inputs[kPacked]) + d * l_.count,
           floats(room_.sums),
           floats(room_.extra),
           floats(room_.product),
           floats(room_.x),
           states,
           states + batch_,
           floats(room_.c),
           reinterpret_cast<const float**>(a.workspace + room_.a),
           reinterpret_cast<float**>(a.workspace + room_.out),
           reinterpret_cast<std::int64_t*>(a.workspace + room_.active)};
    const std::int64_t n = batch.end - batch.begin;
    for (std::int64_t i = 0; i < n; ++i) {
      w.h[i] = floats(room_.h) + i * padded();
      w.fresh[i] = floats(room_.h) + (batch_ + i) * padded();
      load_state(w, kH0, i, w.h[i]);
      load_state(w, kC0, i, w.c + i * padded());
    }
    for (std::int64_t first = 0; first < steps_; first += ahead_) {
      const std::int64_t last = std::min(steps_, first + ahead_);
      multiply_inputs(w, first, last);
      for (std::int64_t step = first; step < last; ++step) advance(w, step);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t t = length(a, batch.begin + i); t < steps_; ++t)
        store_output(w, t, i, nullptr);
      store_state(w, kH, i, w.h[i]);
      store_state(w, kC, i, w.c + i * padded());
    }
  }

  void load_state(const Work& w, std::size_t operand, std::int64_t i, float* to) const {
    std::fill_n(to, padded(), 0.0F);
    const View& v = in_[operand];
    if (v.rank < 0) return;
    const float* from = static_cast<const float*>(w.a.inputs[operand]) +
                        w.direction * v.strides[0] + (w.batch.begin + i) * v.strides[1];
    for (std::int64_t j = 0; j < l_.hidden; ++j) to[j] = from[j * v.strides[2]];
  }
  void store_state(const Work& w, std::size_t result, std::int64_t i, const float* from) const {
    const View& v = out_[result];
    if (v.rank < 0) return;
    float* to = static_cast<float*>(w.a.outputs[result]) + w.direction * v.strides[0] +
                (w.batch.begin + i) * v.strides[1];
    for (std::int64_t j = 0; j < l_.hidden; ++j) to[j * v.strides[2]] = from[j];
  }
  // A row of y; zeros where `from` is null.
  void store_output(const Work& w, std::int64_t t, std::int64_t i, const float* from) const {
    const View& v = out_[kY];
    if (v.rank < 0) return;
    float* to = static_cast<float*>(w.a.outputs[kY]) + t * v.strides[0] +
                w.direction * v.strides[1] + (w.batch.begin + i) * v.strides[2];
    if (v.strides[3] == 1 && from) {
      std::copy_n(from, l_.hidden, to);
      return;
    }
    for (std::int64_t j = 0; j < l_.hidden; ++j) to[j * v.strides[3]] = from ? from[j] : 0;
  }

  // The sums of steps [first, last): biases and products of the inputs.
  void multiply_inputs(const Work& w, std::int64_t first, std::int64_t last) const {
    const View& v = in_[kX];
    std::int64_t rows = 0;
    for (std::int64_t step = first; step < last; ++step)
      for (std::int64_t b = w.batch.begin; b < w.batch.end; ++b) {
        if (step >= length(w.a, b)) continue;
        const float* from = static_cast<const float*>(w.a.inputs[kX]) +
                            time_of(w, step, b) * v.strides[0] + b * v.strides[1];
        if (v.strides[2] != 1) {
          float* to = w.x + rows * l_.inputs;
          for (std::int64_t k = 0; k < l_.inputs; ++k) to[k] = from[k * v.strides[2]];
          from = to;
        }
        w.rows[rows] = from;
        w.out[rows++] = sums_row(w, step, b - w.batch.begin);
      }
    for (std::int64_t block = 0; block < l_.blocks; ++block) {
      const std::int64_t width = l_.width();
      panel_.multiply({w.rows, w.out, rows, l_.inputs, w.weights + l_.w + block * l_.inputs * width,
                       width, static_cast<int>(width), false, w.weights + l_.bias + block * width});
      for (std::int64_t i = 0; i < rows; ++i) w.out[i] += width;
    }
  }

  // One step of every sequence that is not at its end.
  void advance(Work& w, std::int64_t step) const {
    std::int64_t active = 0;
    for (std::int64_t i = 0; i < w.batch.end - w.batch.begin; ++i)
      if (step < length(w.a, w.batch.begin + i)) w.sequences[active++] = i;
    if (active == 0) return;
    for (std::int64_t n = 0; n < active; ++n) {
      w.rows[n] = w.h[w.sequences[n]];
      w.out[n] = sums_row(w, step, w.sequences[n]);
    }
    for (std::int64_t block = 0; block < l_.blocks; ++block) {
      const std::int64_t width = l_.early * kUnits;
      panel_.multiply({w.rows, w.out, active, l_.hidden,
                       w.weights + l_.r + block * l_.hidden * width, width, static_cast<int>(width),
                       true, nullptr});
      for (std::int64_t n = 0; n < active; ++n) {
        open_gates(w, block, w.sequences[n], w.out[n]);
        w.out[n] += l_.width();
      }
    }
    if (s_.cell == RecurrentCell::gru) finish_gru(w, step, active);
    for (std::int64_t n = 0; n < active; ++n) {
      const std::int64_t i = w.sequences[n];
      std::swap(w.h[i], w.fresh[i]);
      store_output(w, time_of(w, step, w.batch.begin + i), i, w.h[i]);
    }
  }

  void open_gates(const Work& w, std::int64_t block, std::int64_t i, float* sums) const {
    const std::int64_t at = block * kUnits, state = i * padded() + at;
    if (s_.cell == RecurrentCell::rnn) {
      table_.rnn(sums, s_.relu, clip_, w.fresh[i] + at);
    } else if (s_.cell == RecurrentCell::gru) {
      table_.gru_open({sums, nullptr, w.h[i] + at, w.extra + state, clip_});
    } else {
      const float* peep = w.weights + l_.peep + at;
      table_.lstm({sums, peep, peep + padded(), peep + 2 * padded(), w.c + state, w.fresh[i] + at,
                   clip_, s_.coupled});
    }
  }

  // The product of the last gate with the state, which the reset gate meets before or after it.
  void finish_gru(const Work& w, std::int64_t step, std::int64_t active) const {
    for (std::int64_t n = 0; n < active; ++n)
      w.rows[n] = s_.reset_after ? w.h[w.sequences[n]] : w.extra + w.sequences[n] * padded();
    for (std::int64_t block = 0; block < l_.blocks; ++block) {
      for (std::int64_t n = 0; n < active; ++n)
        w.out[n] = s_.reset_after
                       ? w.product + n * kUnits
                       : sums_row(w, step, w.sequences[n]) + block * l_.width() + 2 * kUnits;
      panel_.multiply({w.rows, w.out, active, l_.hidden,
                       w.weights + l_.r_late + block * l_.hidden * kUnits, kUnits, kUnits,
                       !s_.reset_after, w.weights + l_.bias_late + block * kUnits});
      for (std::int64_t n = 0; n < active; ++n) {
        const std::int64_t i = w.sequences[n], at = block * kUnits;
        table_.gru_close({sums_row(w, step, i) + block * l_.width(),
                          s_.reset_after ? w.product + n * kUnits : nullptr, w.h[i] + at,
                          w.fresh[i] + at, clip_});
      }
    }
  }

  RecurrentStep s_;
  RecurrentLayout l_;
  const PanelTable& panel_;
  const RecurrentTable& table_;
  std::array<View, kOperands> in_;
  std::array<View, kResults> out_;
  std::int64_t steps_ = 0, batch_ = 0, ahead_ = 1;
  float clip_ = 0;
  Room room_{};
};

Status expect(const View& v, std::initializer_list<std::int64_t> extents, const char* what) {
  bool fits = v.rank == static_cast<int>(extents.size());
  std::size_t d = 0;
  for (std::int64_t e : extents) fits = fits && v.extents[d++] == e;
  return fits ? Status{} : internal_error(std::string("recurrent: ") + what + " does not fit");
}

Status check(const RecurrentStep& s, const Shapes& shapes) {
  if (shapes.inputs.size() != kOperands || shapes.outputs.empty() ||
      shapes.outputs.size() > kResults)
    return internal_error("recurrent: a wrong number of operands or results");
  for (std::size_t i = 0; i < kOperands; ++i) {
    const View& v = shapes.inputs[i];
    if (v.rank < 0 && i != kX && i != kPacked) continue;
    const bool lengths = i == kLengths && (v.dtype == DType::i32 || v.dtype == DType::i64);
    if (v.dtype != DType::f32 && !lengths)
      return unsupported("recurrent: no kernel for " + std::string(dtype_name(v.dtype)));
  }
  const View& x = shapes.inputs[kX];
  if (x.rank != 3) return internal_error("recurrent: x has not three axes");
  const std::int64_t t = x.extents[0], b = x.extents[1], d = s.directions(), h = s.hidden;
  TRY(expect(x, {t, b, s.inputs}, "x"));
  TRY(expect(shapes.inputs[kPacked], {packed_recurrent_count(s)}, "the packed weights"));
  if (!shapes.inputs[kPacked].dense())
    return internal_error("recurrent: the packed weights have gaps");
  const auto optional = [](const View& v, std::initializer_list<std::int64_t> extents,
                           const char* what) {
    return v.rank < 0 ? Status{} : expect(v, extents, what);
  };
  TRY(optional(shapes.inputs[kLengths], {b}, "the lengths"));
  TRY(optional(shapes.inputs[kH0], {d, b, h}, "the initial state"));
  TRY(optional(shapes.inputs[kC0], {d, b, h}, "the initial cell"));
  TRY(optional(shapes.outputs[kY], {t, d, b, h}, "y"));
  for (std::size_t i = kH; i < shapes.outputs.size(); ++i)
    TRY(optional(shapes.outputs[i], {d, b, h}, "a final state"));
  return {};
}

}  // namespace

Result<PreparedPtr> prepare(const RecurrentStep& step, const Shapes& shapes) {
  TRY(check(step, shapes));
  return PreparedPtr(std::make_unique<Layer>(step, shapes));
}

}  // namespace gossamer::kernels
