// ArgReduce, one line along the axis at a time. A line of floats of stride 1 is first searched for
// its extreme in a loop that the compiler can widen, then for where that stands.
#include "kernels/arg_reduce/arg_reduce.h"

#include <array>
#include <string>

#include "kernels/nest.h"
#include "kernels/numbers.h"

namespace gossamer::kernels {

std::span<const std::string_view> enum_names(ArgReduceOp) {
  static constexpr std::array<std::string_view, 2> kNames = {"max", "min"};
  return kNames;
}

namespace {

// Whether v takes the place of `best` in a line read from front to back.
template <class T>
bool better(const ArgReduceStep& s, T v, T best) {
  if (is_nan(v) || is_nan(best)) return is_nan(v) && (s.last || !is_nan(best));
  if (v == best) return s.last;
  return s.op == ArgReduceOp::max ? v > best : v < best;
}

// The first largest of a line without gaps; -1 when the line is short or a NaN is in it.
std::int64_t first_largest(const float* x, std::int64_t n) {
  constexpr std::int64_t kLanes = 16;
  if (n < 2 * kLanes) return -1;
  std::array<float, kLanes> top{};
  std::copy_n(x, kLanes, top.begin());
  std::int64_t i = kLanes;
  for (; i + kLanes <= n; i += kLanes)
    for (std::size_t j = 0; j < kLanes; ++j) {
      const float v = x[static_cast<std::size_t>(i) + j];
      top[j] = v > top[j] ? v : top[j];
    }
  float best = top[0];
  for (float v : top) best = v > best ? v : best;
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  std::int64_t first = -1, nans = 0;
  for (i = 0; i < n; ++i) nans += x[i] != x[i];
  if (nans > 0) return -1;
  for (i = 0; i < n && first < 0; ++i)
    if (x[i] == best) first = i;
  return first;
}

class Chosen final : public Prepared {
 public:
  Chosen(const ArgReduceStep& step, const Shapes& shapes, Nest<2> lines)
      : s_(step), x_(shapes.inputs[0]), lines_(lines) {
    const auto axis = static_cast<std::size_t>(s_.axis);
    n_ = x_.extents[axis];
    stride_ = x_.strides[axis];
    bytes = static_cast<double>(x_.count()) * static_cast<double>(dtype_size(x_.dtype));
    parts = worthwhile_parts(static_cast<double>(x_.count()), shapes.threads);
  }

  void run(const Addresses& a, int part, int of) const override {
    if (n_ == 0) return;
    visit_loops(x_.dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const Range r = share(lines_.count(), part, of);
      auto* y = static_cast<std::int64_t*>(a.outputs[0]);
      lines_.each(r.begin, r.end, [&](const auto& at) {
        y[at[1]] = choose(static_cast<const T*>(a.inputs[0]) + at[0]);
      });
    });
  }

 private:
  template <class T>
  std::int64_t choose(const T* line) const {
    if constexpr (std::is_same_v<T, float>) {
      if (stride_ == 1 && s_.op == ArgReduceOp::max && !s_.last) {
        const std::int64_t first = first_largest(line, n_);
        if (first >= 0) return first;
      }
    }
    std::int64_t best = 0;
    for (std::int64_t j = 1; j < n_; ++j)
      if (better(s_, line[j * stride_], line[best * stride_])) best = j;
    return best;
  }

  ArgReduceStep s_;
  View x_;
  Nest<2> lines_;
  std::int64_t n_ = 0, stride_ = 0;
};

}  // namespace

Result<PreparedPtr> prepare(const ArgReduceStep& step, const Shapes& shapes) {
  if (shapes.inputs.size() != 1 || shapes.outputs.size() != 1)
    return internal_error("arg_reduce: expected one operand and one result");
  const View &x = shapes.inputs[0], &y = shapes.outputs[0];
  if (!has_loops(x.dtype))
    return unsupported("arg_reduce: no kernel for " + std::string(dtype_name(x.dtype)));
  const bool kept = y.rank == x.rank;
  if (y.dtype != DType::i64 || step.axis < 0 || step.axis >= x.rank ||
      (!kept && y.rank + 1 != x.rank))
    return internal_error("arg_reduce: x and y do not fit");
  Nest<2> lines;
  for (int d = 0, to = 0; d < x.rank; ++d) {
    const auto from = static_cast<std::size_t>(d), at = static_cast<std::size_t>(to);
    if (d == step.axis) {
      if (kept && y.extents[at] != 1) return internal_error("arg_reduce: x and y do not fit");
      to += kept;
      continue;
    }
    if (x.extents[from] != y.extents[at]) return internal_error("arg_reduce: x and y do not fit");
    lines.add(x.extents[from], {x.strides[from], y.strides[at]});
    ++to;
  }
  if (x.extents[static_cast<std::size_t>(step.axis)] == 0 && lines.count() > 0)
    return malformed("arg_reduce: nothing to choose from on an axis of 0");
  return PreparedPtr(std::make_unique<Chosen>(step, shapes, lines));
}

}  // namespace gossamer::kernels
