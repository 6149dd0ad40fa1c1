// Pool, row by row of results: every axis is given a window (of one element where none was asked
// for), and each tap is one loop along the last axis.
#include "reference/pool.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "reference/accumulate.h"

namespace gossamer {

std::span<const std::string_view> enum_names(PoolOp) {
  static constexpr std::array<std::string_view, 4> kNames = {"max", "sum", "mean", "lp"};
  return kNames;
}

namespace reference {
namespace {

// The taps [first, end) of output o that read inside the input.
struct TapRange {
  std::int64_t first = 0, end = 0;
};

TapRange inner_taps(const WindowAxis& a, std::int64_t o) {
  const std::int64_t start = o * a.stride - a.before;
  TapRange r;
  if (start < 0) r.first = (-start + a.dilation - 1) / a.dilation;
  r.end = std::min(a.kernel, (a.input - start + a.dilation - 1) / a.dilation);
  if (start >= a.input) r.end = 0;
  r.first = std::min(r.first, r.end);
  return r;
}

// How many taps of output o count for a mean.
std::int64_t counted_taps(const WindowAxis& a, std::int64_t o, bool count_pad) {
  if (!count_pad) {
    const TapRange r = inner_taps(a, o);
    return std::max<std::int64_t>(r.end - r.first, 0);
  }
  const std::int64_t start = o * a.stride - a.before, end = a.input + a.after;
  if (start >= end) return 0;
  return std::min(a.kernel, (end - start + a.dilation - 1) / a.dilation);
}

struct Plan {
  std::vector<WindowAxis> axes;  // one an axis of x
  Shape output;
  std::vector<std::int64_t> strides;  // of x
  std::int64_t rows = 0;              // of y
  std::int64_t outer_taps = 1;        // taps of all axes but the last
};

Result<Plan> plan_of(const PoolAttributes& a, const Shape& x) {
  std::vector<std::int64_t> input;
  for (int axis : a.axes) {
    if (axis < 0 || axis >= x.rank()) return malformed("axis out of range");
    input.push_back(x[axis]);
  }
  ASSIGN(std::vector<WindowAxis> windows, resolve_windows(a.windows(), input, a.kernel));
  Plan p;
  for (std::int64_t extent : x) {
    WindowAxis whole;
    whole.input = whole.output = extent;
    p.axes.push_back(whole);
  }
  for (std::size_t i = 0; i < windows.size(); ++i)
    p.axes[static_cast<std::size_t>(a.axes[i])] = windows[i];
  if (p.axes.empty()) p.axes.emplace_back();  // a scalar is one row of one
  p.output = x;
  for (int d = 0; d < x.rank(); ++d) p.output[d] = p.axes[static_cast<std::size_t>(d)].output;
  p.strides = x.strides();
  if (p.strides.empty()) p.strides.push_back(1);
  for (std::size_t d = 0; d + 1 < p.axes.size(); ++d) p.outer_taps *= p.axes[d].kernel;
  return p;
}

// A kernel longer than its axis has taps that read nothing: they count against the run's steps.
Status charge_idle_taps(const Plan& p, Context& c) {
  constexpr double kTapsAStep = 64;
  bool idle = false;
  double work = static_cast<double>(p.axes.back().kernel);
  for (std::size_t d = 0; d < p.axes.size(); ++d) {
    const WindowAxis& a = p.axes[d];
    idle = idle || a.kernel > a.input;
    if (d + 1 < p.axes.size())
      work *= static_cast<double>(a.output) * static_cast<double>(a.kernel);
  }
  return idle ? c.charge(static_cast<std::int64_t>(std::min(work / kTapsAStep, 1e18))) : Status{};
}

// Where in x the given outer tap of a row of results begins; -1 when it is padding.
std::int64_t input_row(const Plan& p, std::span<const std::int64_t> at, std::int64_t tap) {
  std::int64_t offset = 0;
  for (std::size_t d = p.axes.size() - 1; d-- > 0;) {
    const WindowAxis& a = p.axes[d];
    const std::int64_t i = at[d] * a.stride + tap % a.kernel * a.dilation - a.before;
    if (i < 0 || i >= a.input) return -1;
    offset += i * p.strides[d];
    tap /= a.kernel;
  }
  return offset;
}

// Results [first, end) of a row whose window's tap t of the last axis reads inside the input, and
// where the first of them reads.
struct Span {
  std::int64_t first = 0, end = 0, at = 0;
};
Span row_span(const WindowAxis& a, std::int64_t t) {
  const std::int64_t shift = t * a.dilation - a.before;  // output o reads o * stride + shift
  Span s;
  if (shift < 0) s.first = (-shift + a.stride - 1) / a.stride;
  s.end = shift >= a.input ? 0 : (a.input - shift + a.stride - 1) / a.stride;
  s.end = std::min(s.end, a.output);
  s.at = s.first * a.stride + shift;
  return s;
}

// Calls row(y_offset, coordinates) for each row of results.
template <class F>
Status for_rows(const Plan& p, Context& c, F&& row) {
  const std::size_t outer = p.axes.size() - 1;
  std::vector<std::int64_t> at(p.axes.size(), 0);
  std::int64_t rows = 1;
  for (std::size_t d = 0; d < outer; ++d) rows *= p.axes[d].output;
  for (std::int64_t r = 0; r < rows; ++r) {
    TRY(c.poll());
    row(r * p.axes.back().output, std::span<const std::int64_t>(at));
    for (std::size_t d = outer; d-- > 0;) {
      if (++at[d] < p.axes[d].output) break;
      at[d] = 0;
    }
  }
  return {};
}

template <class T>
T least() {
  return std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                              : std::numeric_limits<T>::lowest();
}

template <class T>
Status max_pool(const Plan& p, const Tensor& x, Tensor& y, std::span<std::int64_t> index,
                Context& c) {
  auto in = x.values<T>();
  auto out = y.mutable_values<T>();
  if (out.empty()) return {};
  const WindowAxis& last = p.axes.back();
  return for_rows(p, c, [&](std::int64_t y0, std::span<const std::int64_t> at) {
    T* best = out.data() + y0;
    std::int64_t* where = index.empty() ? nullptr : index.data() + y0;
    std::fill_n(best, last.output, least<T>());
    if (where) std::fill_n(where, last.output, std::int64_t{-1});
    for (std::int64_t tap = 0; tap < p.outer_taps; ++tap) {
      const std::int64_t row = input_row(p, at, tap);
      if (row < 0) continue;
      for (std::int64_t t = 0; t < last.kernel; ++t) {
        const Span s = row_span(last, t);
        std::int64_t from = row + s.at;
        for (std::int64_t o = s.first; o < s.end; ++o, from += last.stride) {
          const T v = in[static_cast<std::size_t>(from)];
          // The first element counts even if it is the least; a NaN wins, once.
          const bool better = v > best[o] || (v != v && best[o] == best[o]);
          if (better) best[o] = v;
          if (where && (better || where[o] < 0)) where[o] = from;
        }
      }
    }
  });
}

template <class T>
struct Square {
  T operator()(T v) const { return v * v; }
};
template <class T>
struct Power {
  T p;
  T operator()(T v) const { return std::pow(std::abs(v), p); }
};
template <class T>
struct Same {
  T operator()(T v) const { return v; }
};
template <class T>
struct Magnitude {
  T operator()(T v) const { return std::abs(v); }
};

// Sums of term(x): first along the last axis, then over the other taps.
template <class T, class Term>
Status sum_pool(const Plan& p, std::span<const T> in, std::span<T> out, Context& c, Term term) {
  if (out.empty()) return {};
  const WindowAxis& last = p.axes.back();
  ASSIGN(Tensor part, Tensor::make_uninitialized(dtype_of<T>, Shape{last.output}));
  T* const sums = part.mutable_values<T>().data();
  return for_rows(p, c, [&](std::int64_t y0, std::span<const std::int64_t> at) {
    T* y = out.data() + y0;
    std::fill_n(y, last.output, T{});
    for (std::int64_t tap = 0; tap < p.outer_taps; ++tap) {
      const std::int64_t row = input_row(p, at, tap);
      if (row < 0) continue;
      std::fill_n(sums, last.output, T{});
      for (std::int64_t t = 0; t < last.kernel; ++t) {
        const Span s = row_span(last, t);
        const T* from = in.data() + row + s.at;
        for (std::int64_t o = s.first; o < s.end; ++o, from += last.stride) sums[o] += term(*from);
      }
      for (std::int64_t o = 0; o < last.output; ++o) y[o] += sums[o];
    }
  });
}

template <class T>
Status divide_by_counts(const PoolAttributes& a, const Plan& p, std::span<T> out, Context& c) {
  if (out.empty()) return {};
  const WindowAxis& last = p.axes.back();
  return for_rows(p, c, [&](std::int64_t y0, std::span<const std::int64_t> at) {
    std::int64_t outer = 1;
    for (std::size_t d = 0; d + 1 < p.axes.size(); ++d)
      outer *= counted_taps(p.axes[d], at[d], a.count_pad);
    for (std::int64_t o = 0; o < last.output; ++o)
      out[static_cast<std::size_t>(y0 + o)] /=
          static_cast<T>(outer * counted_taps(last, o, a.count_pad));
  });
}

template <class T>
Status reduce_pool(const PoolAttributes& a, const Plan& p, std::span<const T> x, std::span<T> y,
                   Context& c) {
  if (a.op != PoolOp::lp) {
    TRY(sum_pool(p, x, y, c, Same<T>{}));
    return a.op == PoolOp::mean ? divide_by_counts(a, p, y, c) : Status{};
  }
  if (a.p == 1) return sum_pool(p, x, y, c, Magnitude<T>{});
  if (a.p == 2) {
    TRY(sum_pool(p, x, y, c, Square<T>{}));
    for (T& v : y) v = std::sqrt(v);
    return {};
  }
  TRY(sum_pool(p, x, y, c, Power<T>{static_cast<T>(a.p)}));
  for (T& v : y) v = std::pow(v, T{1} / static_cast<T>(a.p));
  return {};
}

// Flat positions renumbered so that the first pooled axis runs fastest.
void to_column_major(const PoolAttributes& a, const Shape& x, std::span<std::int64_t> index) {
  const std::vector<std::int64_t> strides = x.strides();
  std::int64_t inner = 1;
  for (int axis : a.axes) inner *= x[axis];
  for (std::int64_t& at : index) {
    if (at < 0) continue;
    std::int64_t step = 1, position = 0;
    for (int axis : a.axes) {
      position += at / strides[static_cast<std::size_t>(axis)] % x[axis] * step;
      step *= x[axis];
    }
    at = at / inner * inner + position;
  }
}

Status pool_max(const PoolAttributes& a, const Plan& p, Tensor& y, Context& c) {
  std::span<std::int64_t> index;
  if (c.wanted(1)) {
    ASSIGN(Tensor * i, c.make(1, DType::i64, p.output));
    index = i->mutable_values<std::int64_t>();
  }
  const Tensor& x = c.tensor(0);
  Status status = visit_dtype(x.dtype(), [&](auto tag) -> Status {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
      return max_pool<T>(p, x, y, index, c);
    } else if constexpr (std::is_same_v<T, F16> || std::is_same_v<T, BF16>) {
      ASSIGN(const Tensor wide, widened(x, DType::f32));
      ASSIGN(Tensor best, Tensor::make_uninitialized(DType::f32, p.output));
      TRY(max_pool<float>(p, wide, best, index, c));
      narrow(best, y);
      return {};
    } else {
      return malformed("cannot take maxima of " + std::string(dtype_name(x.dtype())));
    }
  });
  if (!status.ok()) return status;
  if (a.column_major) to_column_major(a, x.shape(), index);
  return {};
}

}  // namespace

Status pool(const PoolAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  ASSIGN(const Plan p, plan_of(a, x.shape()));
  TRY(charge_idle_taps(p, c));
  ASSIGN(Tensor * y, c.make(0, x.dtype(), p.output));
  if (a.op == PoolOp::max) return pool_max(a, p, *y, c);
  if (!is_arithmetic_float(x.dtype()))
    return malformed("cannot average " + std::string(dtype_name(x.dtype())));
  const DType accumulator = accumulator_of(x.dtype());
  ASSIGN(const Tensor wide, widened(x, accumulator));
  ASSIGN(Tensor sums, Tensor::make_uninitialized(accumulator, p.output));
  if (accumulator == DType::f64) {
    TRY(reduce_pool<double>(a, p, wide.values<double>(), sums.mutable_values<double>(), c));
  } else {
    TRY(reduce_pool<float>(a, p, wide.values<float>(), sums.mutable_values<float>(), c));
  }
  narrow(sums, *y);
  return {};
}

}  // namespace reference
}  // namespace gossamer
