// Pool: which windows there are, and how rows of results are shared. A window that is not inside
// the input gets a tap list of its own; those inside share one.
#include "kernels/pool/pool.h"

#include <algorithm>
#include <string>
#include <type_traits>

#include "kernels/level.h"
#include "kernels/nest.h"
#include "kernels/pool/pool_table.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(PoolTable, pool_table)

std::span<const std::string_view> enum_names(PoolOp) {
  static constexpr std::array<std::string_view, 4> kNames = {"max", "sum", "mean", "lp"};
  return kNames;
}
std::span<const std::string_view> enum_names(PoolPadding) {
  static constexpr std::array<std::string_view, 3> kNames = {"given", "same_upper", "same_lower"};
  return kNames;
}

namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 40;  // of any number, so that products fit

// One pooled axis.
struct Window {
  std::int64_t input = 1, output = 1;
  std::int64_t kernel = 1, stride = 1, dilation = 1, before = 0, after = 0;
  std::int64_t x_stride = 0, y_stride = 0;

  std::int64_t reach() const { return (kernel - 1) * dilation + 1; }
  std::int64_t start(std::int64_t o) const { return o * stride - before; }
  // The taps of output o that read inside the input.
  Range taps(std::int64_t o) const {
    const std::int64_t at = start(o);
    Range r;
    if (at < 0) r.begin = (-at + dilation - 1) / dilation;
    if (at < input) r.end = std::min(kernel, (input - at + dilation - 1) / dilation);
    r.begin = std::min(r.begin, r.end);
    return r;
  }
  // How many taps of output o count for a mean.
  std::int64_t counted(std::int64_t o, bool count_pad) const {
    if (!count_pad) {
      const Range r = taps(o);
      return r.end - r.begin;
    }
    const std::int64_t rest = input + after - start(o);
    return rest <= 0 ? 0 : std::min(kernel, (rest + dilation - 1) / dilation);
  }
  // The outputs whose windows lie inside the input.
  Range inside() const {
    Range r;
    r.begin = std::clamp<std::int64_t>((before + stride - 1) / stride, 0, output);
    const std::int64_t last = input - reach() + before;
    r.end = last < 0 ? 0 : std::min(output, last / stride + 1);
    r.end = std::max(r.end, r.begin);
    return r;
  }
  bool plain() const { return kernel == 1 && stride == 1 && before == 0 && input == output; }
};

// A number of a list that may be empty.
std::int64_t number(const std::vector<std::int64_t>& list, std::size_t i, std::int64_t otherwise) {
  return list.empty() ? otherwise : list[i];
}

Result<Window> window_of(const PoolStep& s, std::size_t i, const View& x, const View& y) {
  const auto axis = static_cast<std::size_t>(s.axes[i]);
  Window w;
  w.input = x.extents[axis];
  w.output = y.extents[axis];
  w.x_stride = x.strides[axis];
  w.y_stride = y.strides[axis];
  w.kernel = s.kernel[i];
  w.stride = number(s.strides, i, 1);
  w.dilation = number(s.dilations, i, 1);
  w.before = number(s.pads_begin, i, 0);
  w.after = number(s.pads_end, i, 0);
  if (w.kernel < 1 || w.stride < 1 || w.dilation < 1 || std::max(w.input, w.output) > kMost ||
      std::max({w.kernel, w.stride, w.dilation}) > (std::int64_t{1} << 30) ||
      std::max({w.before, w.after, -w.before, -w.after}) > kMost)
    return internal_error("pool: a window out of range");
  if (s.padding != PoolPadding::given) {
    const std::int64_t total =
        std::max<std::int64_t>((w.output - 1) * w.stride + w.reach() - w.input, 0);
    w.before = s.padding == PoolPadding::same_lower ? total - total / 2 : total / 2;
    w.after = total - w.before;
  }
  return w;
}

Status check(const PoolStep& s, const Shapes& shapes) {
  if (shapes.inputs.size() != 1 || shapes.outputs.size() != 1)
    return internal_error("pool: expected one operand and one result");
  const View &x = shapes.inputs[0], &y = shapes.outputs[0];
  const std::size_t n = s.axes.size();
  const auto fits = [&](const std::vector<std::int64_t>& list) {
    return list.empty() || list.size() == n;
  };
  if (s.kernel.size() != n || !fits(s.strides) || !fits(s.dilations) || !fits(s.pads_begin) ||
      !fits(s.pads_end))
    return internal_error("pool: lists differ in length");
  if (x.rank != y.rank || x.dtype != y.dtype) return internal_error("pool: x and y do not fit");
  std::array<bool, kMaxAxes> pooled{};
  for (std::int64_t axis : s.axes) {
    if (axis < 0 || axis >= x.rank || pooled[static_cast<std::size_t>(axis)])
      return internal_error("pool: axes out of range");
    pooled[static_cast<std::size_t>(axis)] = true;
  }
  for (std::size_t d = 0; d < static_cast<std::size_t>(x.rank); ++d)
    if (!pooled[d] && x.extents[d] != y.extents[d])
      return internal_error("pool: extents differ on an axis that is not pooled");
  const bool bytes = x.dtype == DType::u8 || x.dtype == DType::i8;
  if (!(x.dtype == DType::f32 || (bytes && s.op == PoolOp::max)))
    return unsupported("pool: no kernel for " + std::string(dtype_name(x.dtype)));
  if (s.op == PoolOp::lp && s.p != 1 && s.p != 2)
    return unsupported("pool: no kernel for p = " + std::to_string(s.p));
  return {};
}

// How the axes are walked.
struct Plan {
  std::vector<Window> windows;  // the last one runs along rows of results
  Nest<2> outer;                // axes that are not pooled: offsets in x and y
  std::int64_t columns = 1;     // neighboring elements taken together (channels last)
  bool planar = false;          // rows run through memory instead
  PoolCombine combine = PoolCombine::max;
  PoolFinish finish = PoolFinish::none;
  bool count_pad = false;
  std::int64_t rows = 0;        // of results: outer positions by outputs of all but the last
  std::int64_t taps = 1;        // most taps that a window has inside
  std::vector<float> divisors;  // planar mean: taps that count, along the last window
};

void set_operation(const PoolStep& s, Plan& p) {
  p.count_pad = s.count_pad;
  if (s.op == PoolOp::max) return;
  p.combine = PoolCombine::sum;
  if (s.op == PoolOp::mean) p.finish = PoolFinish::divide;
  if (s.op != PoolOp::lp) return;
  p.combine = s.p == 1 ? PoolCombine::sum_abs : PoolCombine::sum_square;
  if (s.p == 2) p.finish = PoolFinish::root;
}

Result<Plan> plan_of(const PoolStep& s, const View& x, const View& y) {
  Plan p;
  set_operation(s, p);
  std::array<int, kMaxAxes> window_at;
  window_at.fill(-1);
  for (std::size_t i = 0; i < s.axes.size(); ++i) {
    ASSIGN(const Window w, window_of(s, i, x, y));
    if (w.plain()) continue;
    window_at[static_cast<std::size_t>(s.axes[i])] = static_cast<int>(p.windows.size());
    p.windows.push_back(w);
  }
  if (p.windows.empty()) p.windows.emplace_back();
  // Windows in the order of memory, the nearest elements last.
  std::stable_sort(p.windows.begin(), p.windows.end(), [](const Window& a, const Window& b) {
    return std::abs(a.x_stride) > std::abs(b.x_stride);
  });
  bool columns = false;
  for (std::size_t d = 0; d < static_cast<std::size_t>(x.rank); ++d) {
    if (window_at[d] >= 0) continue;
    if (!columns && x.extents[d] > 1 && x.strides[d] == 1 && y.strides[d] == 1) {
      columns = true;
      p.columns = x.extents[d];
    } else {
      p.outer.add(x.extents[d], {x.strides[d], y.strides[d]});
    }
  }
  const Window& last = p.windows.back();
  p.planar = !columns && last.x_stride == 1 && last.y_stride == 1;
  p.rows = p.outer.count();
  for (std::size_t i = 0; i < p.windows.size(); ++i) {
    const Window& w = p.windows[i];
    const std::int64_t most = std::min(w.kernel, std::max<std::int64_t>(w.input, 0));
    p.taps *= most;
    if (i + 1 < p.windows.size()) p.rows *= w.output;
  }
  if (p.planar && p.finish == PoolFinish::divide)
    for (std::int64_t o = 0; o < last.output; ++o)
      p.divisors.push_back(static_cast<float>(last.counted(o, p.count_pad)));
  return p;
}

// Puts the taps of output o of a window under each of `count` offsets; gives how many there are
// now.
std::int64_t spread(const std::int64_t* from, std::int64_t count, const Window& w, std::int64_t o,
                    std::int64_t* to) {
  const Range r = w.taps(o);
  std::int64_t n = 0;
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t t = r.begin; t < r.end; ++t)
      to[n++] = from[i] + (w.start(o) + t * w.dilation) * w.x_stride;
  return n;
}

template <class T>
class Pooled final : public Prepared {
 public:
  Pooled(Plan plan, const Shapes& shapes) : p_(std::move(plan)), table_(pool_table(shapes.level)) {
    const double results = static_cast<double>(shapes.outputs[0].count());
    flops = results * static_cast<double>(p_.taps);
    bytes = (static_cast<double>(shapes.inputs[0].count()) + results) * sizeof(T);
    // Two lists of taps, then a row of sums.
    list_ = static_cast<std::size_t>(p_.taps + 1);
    row_at_ = (2 * list_ * sizeof(std::int64_t) + 63) / 64 * 64;
    workspace = row_at_;
    if (p_.planar) workspace += static_cast<std::size_t>(p_.windows.back().input) * sizeof(T);
    parts = worthwhile_parts(std::max(flops, bytes) * 0.03, shapes.threads);
    empty_ = results == 0;
    for (std::size_t i = 0; i + 1 < p_.windows.size(); ++i) each_ *= p_.windows[i].output;
  }

  void run(const Addresses& a, int part, int of) const override {
    if (empty_) return;
    const Range rows = share(p_.rows, part, of);
    if (rows.begin >= rows.end) return;
    std::int64_t row = rows.begin;
    p_.outer.each(rows.begin / each_, (rows.end + each_ - 1) / each_, [&](const auto& offsets) {
      const T* x = static_cast<const T*>(a.inputs[0]) + offsets[0];
      T* y = static_cast<T*>(a.outputs[0]) + offsets[1];
      const std::int64_t end = std::min(rows.end, (row / each_ + 1) * each_);
      for (; row < end; ++row) run_row(x, y, row % each_, a.workspace);
    });
  }

 private:
  // Row `index` of one outer position: the outputs of the last window at one place of the others.
  void run_row(const T* x, T* y, std::int64_t index, std::byte* room) const {
    auto* taps = reinterpret_cast<std::int64_t*>(room);
    std::int64_t* spare = taps + list_;
    taps[0] = 0;
    std::int64_t count = 1;
    double counted = 1;
    for (std::size_t i = p_.windows.size() - 1; i-- > 0;) {
      const Window& w = p_.windows[i];
      const std::int64_t o = index % w.output;
      index /= w.output;
      y += o * w.y_stride;
      counted *= static_cast<double>(w.counted(o, p_.count_pad));
      count = spread(taps, count, w, o, spare);
      std::swap(taps, spare);
    }
    if (p_.planar)
      run_planar(x, y, {taps, static_cast<std::size_t>(count)}, counted, room + row_at_);
    else
      run_columns(x, y, {taps, static_cast<std::size_t>(count)}, counted, spare);
  }

  void run_columns(const T* x, T* y, std::span<const std::int64_t> taps, double counted,
                   std::int64_t* all) const {
    const Window& last = p_.windows.back();
    const Range inside = last.inside();
    for (std::int64_t o = 0; o < last.output;) {
      // Windows inside the input have the same taps, each farther along.
      const std::int64_t pixels = o == inside.begin ? std::max<std::int64_t>(inside.end - o, 1) : 1;
      PoolPixels<T> p;
      p.x = x;
      p.x_step = last.stride * last.x_stride;
      p.y = y + o * last.y_stride;
      p.y_step = last.y_stride;
      p.pixels = pixels;
      p.columns = p_.columns;
      p.taps = all;
      p.tap_count = spread(taps.data(), static_cast<std::int64_t>(taps.size()), last, o, all);
      p.finish = p_.finish;
      p.divisor = static_cast<float>(counted * static_cast<double>(last.counted(o, p_.count_pad)));
      combine_pixels(p);
      o += pixels;
    }
  }

  void run_planar(const T* x, T* y, std::span<const std::int64_t> taps, double counted,
                  std::byte* room) const {
    const Window& last = p_.windows.back();
    const bool plain = p_.combine == PoolCombine::max || p_.combine == PoolCombine::sum;
    PoolRow<T> r{x,           y,           last.input,    last.output,
                 last.kernel, last.stride, last.dilation, last.before};
    if (taps.size() == 1 && plain) {
      r.row = x + taps[0];
    } else {
      T* sums = reinterpret_cast<T*>(room);
      combine_pixels({x, 0, sums, 0, 1, last.input, taps.data(),
                      static_cast<std::int64_t>(taps.size()), PoolFinish::none, 1});
      r.row = sums;
    }
    combine_row(r);
    if constexpr (std::is_same_v<T, float>) {
      if (p_.finish == PoolFinish::divide)
        table_.divide(y, p_.divisors.data(), static_cast<float>(counted), last.output);
      if (p_.finish == PoolFinish::root) table_.root(y, last.output);
    }
  }

  void combine_pixels(const PoolPixels<T>& p) const {
    if constexpr (std::is_same_v<T, float>)
      table_.pixels(p_.combine, p);
    else if constexpr (std::is_same_v<T, std::uint8_t>)
      table_.pixels_u8(p);
    else
      table_.pixels_i8(p);
  }
  void combine_row(const PoolRow<T>& r) const {
    if constexpr (std::is_same_v<T, float>)
      table_.row(p_.combine, r);
    else if constexpr (std::is_same_v<T, std::uint8_t>)
      table_.row_u8(r);
    else
      table_.row_i8(r);
  }

  Plan p_;
  const PoolTable& table_;
  std::int64_t each_ = 1;  // rows of one outer position
  std::size_t list_ = 0, row_at_ = 0;
  bool empty_ = false;
};

}  // namespace

Result<PreparedPtr> prepare(const PoolStep& step, const Shapes& shapes) {
  TRY(check(step, shapes));
  const View& x = shapes.inputs[0];
  ASSIGN(Plan plan, plan_of(step, x, shapes.outputs[0]));
  if (x.dtype == DType::u8)
    return PreparedPtr(std::make_unique<Pooled<std::uint8_t>>(std::move(plan), shapes));
  if (x.dtype == DType::i8)
    return PreparedPtr(std::make_unique<Pooled<std::int8_t>>(std::move(plan), shapes));
  return PreparedPtr(std::make_unique<Pooled<float>>(std::move(plan), shapes));
}

}  // namespace gossamer::kernels
