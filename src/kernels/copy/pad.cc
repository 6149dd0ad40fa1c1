// Padding: for every axis a table of which element of x stands at each place of y; runs of the
// innermost one move together.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <vector>

#include "kernels/copy/copy.h"
#include "kernels/copy/copy_table.h"
#include "kernels/level.h"
#include "kernels/loops.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(CopyTable, copy_table)

std::span<const std::string_view> enum_names(PadFill) {
  static constexpr std::string_view kNames[] = {"constant", "edge", "reflect", "wrap"};
  return kNames;
}

namespace {

constexpr std::int64_t kBorder = -1;

// The element of x (of n) at place i of y; kBorder: none.
std::int64_t source(PadFill mode, std::int64_t i, std::int64_t n) {
  if (i >= 0 && i < n) return i;
  switch (mode) {
    case PadFill::edge:
      return i < 0 ? 0 : n - 1;
    case PadFill::wrap:
      return (i % n + n) % n;
    case PadFill::reflect: {
      const std::int64_t period = std::max<std::int64_t>(2 * (n - 1), 1);
      const std::int64_t k = (i % period + period) % period;
      return std::min(k, period - k) % n;
    }
    default:
      return kBorder;
  }
}

struct Axis {
  std::vector<std::int64_t> map;  // by place of y
  std::int64_t xs = 0, ys = 0, n = 0;
  bool whole = false;  // x and y alike
};

// A stretch of the innermost axis: elements of x one after the other, or border.
struct Run {
  std::int64_t y = 0, count = 0, x = kBorder;
};

class Pad final : public Prepared {
 public:
  Pad(std::vector<Axis> axes, bool has_value, std::size_t size, const Shapes& shapes)
      : axes_(std::move(axes)),
        has_value_(has_value),
        table_(copy_table(shapes.level)),
        size_(static_cast<std::int64_t>(size)),
        log_size_(static_cast<std::size_t>(std::countr_zero(size))) {
    for (std::size_t a = 0; a + 1 < axes_.size(); ++a)
      rows_ *= static_cast<std::int64_t>(axes_[a].map.size());
    const std::vector<std::int64_t>& map = axes_.back().map;
    for (std::size_t i = 0; i < map.size(); ++i) {
      const std::int64_t next = runs_.empty()        ? kBorder
                                : runs_.back().x < 0 ? kBorder
                                                     : runs_.back().x + runs_.back().count;
      if (!runs_.empty() && map[i] == next)
        ++runs_.back().count;
      else
        runs_.push_back({static_cast<std::int64_t>(i), 1, map[i]});
    }
    bytes = 2 * static_cast<double>(rows_) * static_cast<double>(map.size()) *
            static_cast<double>(size);
    parts = worthwhile_parts(0.1 * bytes + 10 * static_cast<double>(rows_), shapes.threads);
    if (map.empty()) rows_ = 0;
  }

  void run(const Addresses& at, int part, int of) const override {
    static constexpr std::byte kZeros[16] = {};
    const void* value = has_value_ && at.inputs[1] != nullptr ? at.inputs[1] : kZeros;
    const auto* x = static_cast<const std::byte*>(at.inputs[0]);
    auto* y = static_cast<std::byte*>(at.outputs[0]);
    const Range rows = share(rows_, part, of);
    for (std::int64_t r = rows.begin; r < rows.end; ++r) {
      std::int64_t from = 0, to = 0, rest = r;
      bool border = false;
      for (std::size_t a = axes_.size() - 1; a-- > 0;) {
        const auto n = static_cast<std::int64_t>(axes_[a].map.size());
        const std::int64_t i = rest % n, s = axes_[a].map[static_cast<std::size_t>(i)];
        rest /= n;
        to += i * axes_[a].ys;
        from += s * axes_[a].xs;
        border = border || s == kBorder;
      }
      row(border ? nullptr : x + from * size_, y + to * size_, value);
    }
  }

 private:
  // x: null where all is border.
  void row(const std::byte* x, std::byte* y, const void* value) const {
    const auto copy = table_.strided[log_size_];
    const Axis& inner = axes_.back();
    if (x == nullptr)
      return copy(value, 0, y, inner.ys, static_cast<std::ptrdiff_t>(inner.map.size()));
    for (const Run& r : runs_) {
      std::byte* to = y + r.y * inner.ys * size_;
      if (r.x == kBorder)
        copy(value, 0, to, inner.ys, r.count);
      else
        copy(x + r.x * inner.xs * size_, inner.xs, to, inner.ys, r.count);
    }
  }

  std::vector<Axis> axes_;  // outermost of y first
  std::vector<Run> runs_;
  bool has_value_;
  const CopyTable& table_;
  std::int64_t size_;
  std::size_t log_size_;
  std::int64_t rows_ = 1;
};

Result<Axis> make_axis(const PadStep& step, const View& x, const View& y, std::size_t a) {
  const std::int64_t n = x.extents[a];
  const std::int64_t gap = step.interior.empty() ? 0 : step.interior[a];
  constexpr std::int64_t kMost = std::int64_t{1} << 40, kMostGap = 1 << 20;
  const auto beyond = [](std::int64_t v) { return v < -kMost || v > kMost; };
  if (beyond(step.before[a]) || beyond(step.after[a]) || n > kMost || gap > kMostGap)
    return internal_error("a padding is beyond all extents");
  const std::int64_t spread = n == 0 ? 0 : n + (n - 1) * gap;
  if (gap < 0 || y.extents[a] != std::max<std::int64_t>(spread + step.before[a] + step.after[a], 0))
    return internal_error("a padding has other extents");
  if (step.mode != PadFill::constant && (gap != 0 || n == 0) && y.extents[a] > 0)
    return internal_error("a padding of this mode needs elements without gaps");
  Axis axis;
  axis.xs = x.strides[a];
  axis.ys = y.strides[a];
  axis.n = n;
  axis.whole = step.before[a] == 0 && step.after[a] == 0 && gap == 0;
  axis.map.resize(static_cast<std::size_t>(y.extents[a]));
  for (std::size_t i = 0; i < axis.map.size(); ++i) {
    const std::int64_t place = static_cast<std::int64_t>(i) - step.before[a];
    if (gap == 0)
      axis.map[i] = source(step.mode, place, n);
    else
      axis.map[i] =
          place >= 0 && place < spread && place % (gap + 1) == 0 ? place / (gap + 1) : kBorder;
  }
  return axis;
}

// Joins `inner`, which is copied whole, to the axis around it, where both sides allow.
bool join(Axis& outer, const Axis& inner) {
  if (!inner.whole || outer.xs != inner.xs * inner.n || outer.ys != inner.ys * inner.n)
    return false;
  std::vector<std::int64_t> map;
  map.reserve(outer.map.size() * inner.map.size());
  for (const std::int64_t s : outer.map)
    for (std::int64_t i = 0; i < inner.n; ++i) map.push_back(s == kBorder ? s : s * inner.n + i);
  outer.map = std::move(map);
  outer.whole = outer.whole && inner.whole;
  outer.n *= inner.n;
  outer.xs = inner.xs;
  outer.ys = inner.ys;
  return true;
}

}  // namespace

Result<PreparedPtr> prepare(const PadStep& step, const Shapes& shapes) {
  if (shapes.inputs.empty() || shapes.inputs.size() > 2 || shapes.outputs.size() != 1)
    return internal_error("a padding has one or two operands and one result");
  const View& x = shapes.inputs[0];
  const View& y = shapes.outputs[0];
  const bool has_value = shapes.inputs.size() == 2 && shapes.inputs[1].rank >= 0;
  const auto rank = static_cast<std::size_t>(std::max(x.rank, 0));
  if (x.dtype != y.dtype || x.dtype == DType::string || x.rank != y.rank || x.rank < 0 ||
      step.before.size() != rank || step.after.size() != rank ||
      (!step.interior.empty() && step.interior.size() != rank) ||
      (has_value && (shapes.inputs[1].dtype != x.dtype || shapes.inputs[1].count() != 1)))
    return internal_error("operands or result of a padding do not fit");
  std::vector<Axis> axes;
  for (std::size_t a = 0; a < rank; ++a) {
    ASSIGN(Axis axis, make_axis(step, x, y, a));
    if (axis.map.size() != 1 || axis.map[0] != 0) axes.push_back(std::move(axis));
  }
  if (axes.empty()) axes.push_back(Axis{{0}, 1, 1, 1, true});
  std::stable_sort(axes.begin(), axes.end(),
                   [](const Axis& a, const Axis& b) { return std::abs(a.ys) > std::abs(b.ys); });
  for (std::size_t a = axes.size() - 1; a > 0; --a)
    if (join(axes[a - 1], axes[a])) axes.erase(axes.begin() + static_cast<std::ptrdiff_t>(a));
  return PreparedPtr(
      std::make_unique<Pad>(std::move(axes), has_value, dtype_size(x.dtype), shapes));
}

}  // namespace gossamer::kernels
