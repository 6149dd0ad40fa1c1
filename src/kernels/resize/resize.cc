// Resize: the axis nearest in memory is resampled row by row, each row of x once; rows of y are
// weighted sums of such rows, which the workspace keeps as long as neighbors may need them.
#include "kernels/resize/resize.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <string>

#include "kernels/level.h"
#include "kernels/nest.h"
#include "kernels/resize/resize_axis.h"
#include "kernels/resize/resize_table.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(ResizeTable, resize_table)

namespace {

struct Plan {
  std::vector<ResizeAxis> outer;  // resized axes but the one nearest in memory, that one below
  ResizeAxis inner;               // its indices are offsets in x
  Nest<2> around;                 // axes that stay: offsets in x and y
  std::int64_t run = 1;           // neighboring elements that share all indices
  std::int64_t rows_each = 1;     // rows of y at one place around
  bool row_dense = false;         // a row of y lies without gaps
};

Status check(const ResizeStep& s, const Shapes& shapes) {
  if (shapes.inputs.size() != 1 || shapes.outputs.size() != 1)
    return internal_error("resize: expected one operand and one result");
  const View &x = shapes.inputs[0], &y = shapes.outputs[0];
  if (x.rank != y.rank || x.dtype != y.dtype ||
      (!s.scales.empty() && s.scales.size() != s.axes.size()))
    return internal_error("resize: x, y and scales do not fit");
  if (x.dtype == DType::string || (s.mode != ResizeMode::nearest && x.dtype != DType::f32))
    return unsupported("resize: no kernel for " + std::string(dtype_name(x.dtype)));
  std::array<bool, kMaxAxes> resized{};
  for (std::int64_t axis : s.axes) {
    if (axis < 0 || axis >= x.rank || resized[static_cast<std::size_t>(axis)])
      return internal_error("resize: axes out of range");
    resized[static_cast<std::size_t>(axis)] = true;
  }
  for (std::size_t d = 0; d < static_cast<std::size_t>(x.rank); ++d)
    if (!resized[d] && x.extents[d] != y.extents[d])
      return internal_error("resize: extents differ on an axis that is not resized");
  return {};
}

// Whether rounding the axis off leaves it as it is.
bool stays(const ResizeAxis& a, double scale) { return scale == 1 && a.input == a.output; }

Result<Plan> plan_of(const ResizeStep& s, const View& x, const View& y) {
  Plan p;
  std::array<bool, kMaxAxes> resized{};
  std::vector<ResizeAxis> axes;
  for (std::size_t i = 0; i < s.axes.size(); ++i) {
    const auto d = static_cast<std::size_t>(s.axes[i]);
    ResizeAxis a;
    a.input = x.extents[d];
    a.output = y.extents[d];
    a.x_stride = x.strides[d];
    a.y_stride = y.strides[d];
    double scale = 1;
    if (!s.scales.empty())
      scale = s.scales[i];
    else if (a.input > 0)
      scale = static_cast<double>(a.output) / static_cast<double>(a.input);
    if (a.input == 0 && a.output > 0) return malformed("resize: an empty axis cannot be resized");
    if (!(scale > 0) && a.output > 0)
      return malformed("resize: a scale of " + std::to_string(scale));
    if (stays(a, scale)) continue;
    TRY(fill_table(s, scale, a));
    resized[d] = true;
    axes.push_back(std::move(a));
  }
  std::vector<std::size_t> around;
  for (std::size_t d = 0; d < static_cast<std::size_t>(x.rank); ++d)
    if (!resized[d]) around.push_back(d);
  std::stable_sort(around.begin(), around.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(x.strides[a]) > std::abs(x.strides[b]);
  });
  for (std::size_t d : around) p.around.add(x.extents[d], {x.strides[d], y.strides[d]});
  p.run = p.around.take_inner({1, 1});
  std::stable_sort(axes.begin(), axes.end(), [](const ResizeAxis& a, const ResizeAxis& b) {
    return std::abs(a.x_stride) > std::abs(b.x_stride);
  });
  if (axes.empty()) {
    p.inner.input = p.inner.output = 1;
    p.inner.index = {0};
    p.inner.weight = {1};
  } else {
    p.inner = std::move(axes.back());
    axes.pop_back();
  }
  p.outer = std::move(axes);
  for (std::int64_t& i : p.inner.index) i *= p.inner.x_stride;
  for (const ResizeAxis& a : p.outer) p.rows_each *= a.output;
  p.row_dense = p.inner.output == 1 || p.inner.y_stride == p.run;
  return p;
}

// What both ways of resampling share: rows of y, shared among parts.
class Rows : public Prepared {
 public:
  Rows(Plan plan, const Shapes& shapes)
      : p_(std::move(plan)), size_(static_cast<std::int64_t>(dtype_size(shapes.outputs[0].dtype))) {
    const auto results = static_cast<double>(shapes.outputs[0].count());
    empty_ = results == 0;
    bytes = (static_cast<double>(shapes.inputs[0].count()) + results) * static_cast<double>(size_);
    double taps = static_cast<double>(p_.inner.taps);
    for (const ResizeAxis& a : p_.outer) taps += static_cast<double>(a.taps);
    flops = p_.inner.weight.empty() ? 0 : 2 * results * taps;
    parts = worthwhile_parts(bytes * 0.05 + flops * 0.05, shapes.threads);
  }

  void run(const Addresses& a, int part, int of) const final {
    if (empty_) return;
    const std::int64_t each = p_.rows_each;
    const Range rows = share(p_.around.count() * each, part, of);
    if (rows.begin >= rows.end) return;
    std::int64_t row = rows.begin;
    p_.around.each(rows.begin / each, (rows.end + each - 1) / each, [&](const auto& at) {
      const std::int64_t first = row % each, end = std::min(rows.end, row - first + each);
      run_rows(a, at[0], at[1], {first, end - row + first});
      row = end;
    });
  }

 protected:
  // Rows of y at one place around, given by its offsets.
  virtual void run_rows(const Addresses& a, std::int64_t x, std::int64_t y, Range rows) const = 0;

  Plan p_;
  std::int64_t size_;

 private:
  bool empty_ = false;
};

class Nearest final : public Rows {
 public:
  using Rows::Rows;

 private:
  void run_rows(const Addresses& a, std::int64_t x, std::int64_t y, Range rows) const override {
    const std::byte* last_from = nullptr;
    std::byte* last_to = nullptr;
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      std::int64_t from = x, to = y, rest = row;
      for (std::size_t i = p_.outer.size(); i-- > 0;) {
        const ResizeAxis& axis = p_.outer[i];
        const std::int64_t o = rest % axis.output;
        rest /= axis.output;
        from += axis.index[static_cast<std::size_t>(o)] * axis.x_stride;
        to += o * axis.y_stride;
      }
      const auto* source = static_cast<const std::byte*>(a.inputs[0]) + from * size_;
      auto* target = static_cast<std::byte*>(a.outputs[0]) + to * size_;
      if (source == last_from && p_.row_dense)
        std::memcpy(target, last_to, static_cast<std::size_t>(p_.inner.output * p_.run * size_));
      else
        copy_row(source, target);
      last_from = source;
      last_to = target;
    }
  }

  void copy_row(const std::byte* x, std::byte* y) const {
    const std::int64_t length = p_.run * size_;
    switch (length) {
      case 1:
        return copy_elements<std::uint8_t>(x, y);
      case 2:
        return copy_elements<std::uint16_t>(x, y);
      case 4:
        return copy_elements<std::uint32_t>(x, y);
      case 8:
        return copy_elements<std::uint64_t>(x, y);
      default:
        break;
    }
    for (std::int64_t o = 0; o < p_.inner.output; ++o) {
      const std::byte* from = x + p_.inner.index[static_cast<std::size_t>(o)] * size_;
      std::byte* to = y + o * p_.inner.y_stride * size_;
      std::int64_t i = 0;
      for (; i + 16 <= length; i += 16) std::memcpy(to + i, from + i, 16);
      if (i < length) std::memcpy(to + i, from + i, static_cast<std::size_t>(length - i));
    }
  }
  // Runs of one machine word; offsets count elements.
  template <class T>
  void copy_elements(const std::byte* x, std::byte* y) const {
    const std::int64_t* index = p_.inner.index.data();
    for (std::int64_t o = 0; o < p_.inner.output; ++o)
      std::memcpy(y + o * p_.inner.y_stride * size_, x + index[o] * size_, sizeof(T));
  }
};

class Blend final : public Rows {
 public:
  Blend(Plan plan, const Shapes& shapes)
      : Rows(std::move(plan), shapes), table_(resize_table(shapes.level)) {
    for (const ResizeAxis& a : p_.outer) slots_ *= a.taps;
    row_ = p_.inner.output * p_.run;
    const auto slots = static_cast<std::size_t>(slots_);
    workspace = slots * static_cast<std::size_t>(row_) * sizeof(float) +
                slots * (sizeof(std::int64_t) + sizeof(float*) + sizeof(float));
  }

 private:
  // The taps of a row of y, and the resampled rows of x that lie in slots.
  struct Work {
    std::int64_t* tags;  // the row of x in each slot
    const float** rows;
    float *weights, *room;
  };

  void run_rows(const Addresses& a, std::int64_t x, std::int64_t y, Range rows) const override {
    auto* tags = reinterpret_cast<std::int64_t*>(a.workspace);
    auto** pointers = reinterpret_cast<const float**>(tags + slots_);
    auto* weights = reinterpret_cast<float*>(pointers + slots_);
    const Work w{tags, pointers, weights, weights + slots_};
    std::fill_n(w.tags, slots_, std::int64_t{-1});
    const float* from = static_cast<const float*>(a.inputs[0]) + x;
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      float* to = static_cast<float*>(a.outputs[0]) + y;
      std::int64_t rest = row;
      for (std::size_t i = p_.outer.size(); i-- > 0;) {
        to += rest % p_.outer[i].output * p_.outer[i].y_stride;
        rest /= p_.outer[i].output;
      }
      if (p_.outer.empty() && p_.row_dense)
        resample(from, to);
      else
        combine(w, take_rows(w, from, row), to);
    }
  }

  void resample(const float* x, float* out) const {
    table_.blend(x, p_.inner.index.data(), p_.inner.weight.data(), p_.inner.taps, p_.inner.output,
                 p_.run, out);
  }

  // Lists the resampled rows of x that a row of y sums, and their weights; gives how many.
  std::int64_t take_rows(const Work& w, const float* x, std::int64_t row) const {
    std::int64_t count = 0;
    for (std::int64_t tap = 0; tap < slots_; ++tap) {
      // A tap of each axis; taps of one axis are neighbors, so that they fall into different slots.
      std::int64_t taps = tap, outputs = row, slot = 0, offset = 0, id = 0;
      float weight = 1;
      for (std::size_t i = p_.outer.size(); i-- > 0;) {
        const ResizeAxis& a = p_.outer[i];
        const auto at = static_cast<std::size_t>(outputs % a.output * a.taps + taps % a.taps);
        outputs /= a.output;
        taps /= a.taps;
        weight *= a.weight[at];
        offset += a.index[at] * a.x_stride;
        slot = slot * a.taps + a.index[at] % a.taps;
        id = id * a.input + a.index[at];
      }
      if (weight == 0) continue;
      float* resampled = w.room + slot * row_;
      if (w.tags[slot] != id) {
        resample(x + offset, resampled);
        w.tags[slot] = id;
      }
      w.rows[count] = resampled;
      w.weights[count++] = weight;
    }
    return count;
  }

  void combine(const Work& w, std::int64_t count, float* y) const {
    if (p_.row_dense) return table_.combine(w.rows, w.weights, count, row_, y);
    for (std::int64_t o = 0; o < p_.inner.output; ++o) {
      table_.combine(w.rows, w.weights, count, p_.run, y + o * p_.inner.y_stride);
      for (std::int64_t i = 0; i < count; ++i) w.rows[i] += p_.run;
    }
  }

  const ResizeTable& table_;
  std::int64_t slots_ = 1, row_ = 0;
};

}  // namespace

Result<PreparedPtr> prepare(const ResizeStep& step, const Shapes& shapes) {
  TRY(check(step, shapes));
  const View &x = shapes.inputs[0], &y = shapes.outputs[0];
  ASSIGN(Plan plan, plan_of(step, x, y));
  if (step.mode == ResizeMode::nearest)
    return PreparedPtr(std::make_unique<Nearest>(std::move(plan), shapes));
  double room = static_cast<double>(plan.inner.output) * static_cast<double>(plan.run);
  for (const ResizeAxis& a : plan.outer) room *= static_cast<double>(a.taps);
  if (room > 0x1p32) return limit_error("resize: rows that are too long for so wide a filter");
  return PreparedPtr(std::make_unique<Blend>(std::move(plan), shapes));
}

}  // namespace gossamer::kernels
