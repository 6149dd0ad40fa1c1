// Copy, step by step over a strided view: permutes, slices, expansions, windows and diagonals only
// change the view; reshapes and paddings write it out first where they must.
#include "reference/copy.h"

#include <algorithm>
#include <limits>

#include "reference/strided.h"

namespace gossamer::reference {
namespace {

// Elements of `base` seen through strides (in elements, any sign, 0 repeats) from `offset` on.
struct View {
  Tensor base;
  std::vector<std::int64_t> dims, strides;
  std::int64_t offset = 0;

  explicit View(Tensor t)
      : base(std::move(t)), dims(base.shape().dims()), strides(base.shape().strides()) {}

  int rank() const { return static_cast<int>(dims.size()); }
  std::int64_t count() const { return Shape(dims).count(); }
  bool contiguous() const {
    std::int64_t step = 1;
    for (std::size_t i = dims.size(); i-- > 0;) {
      if (dims[i] == 0) return true;
      if (dims[i] != 1 && strides[i] != step) return false;
      step *= dims[i];
    }
    return true;
  }
  // The view's elements are all of the base's, in order.
  bool whole() const { return offset == 0 && contiguous() && count() == base.count(); }
};

std::size_t at(int axis) { return static_cast<std::size_t>(axis); }

class Run {
 public:
  explicit Run(Context& c) : c_(c), v_(c.tensor(0)) {}

  Status step(const Step& s) {
    TRY(std::visit([&](const auto& x) { return apply(x); }, s));
    if (v_.rank() > kMaxRank) return limit_error("more than 32 axes");
    if (!Shape(v_.dims).checked_count())
      return limit_error("shape " + Shape(v_.dims).to_string() + " has too many elements");
    return {};
  }

  Status finish() {
    if (v_.whole()) {
      c_.set(0, Value(v_.base.reshaped(Shape(v_.dims))));
      return {};
    }
    return write_out();
  }

 private:
  Result<std::int64_t> number(const Extent& e) const {
    if (e.is_literal()) return e.value;
    const auto i = static_cast<std::size_t>(e.operand);
    if (i == 0 || !c_.has(i))
      return malformed("no operand " + std::to_string(e.operand) + " to take an extent from");
    const Tensor& t = c_.tensor(i);
    if (t.dtype() != DType::i64 || t.rank() > 1)
      return malformed("operand " + std::to_string(e.operand) + " is not an i64 vector");
    if (e.element < 0 || e.element >= t.count())
      return malformed("operand " + std::to_string(e.operand) + " has no element " +
                       std::to_string(e.element));
    return t.values<std::int64_t>()[at(e.element)];
  }

  Status check_axis(int axis) const {
    if (axis < 0 || axis >= v_.rank())
      return malformed("axis " + std::to_string(axis) + " of a tensor of rank " +
                       std::to_string(v_.rank()));
    return {};
  }

  // Leaves the view's elements, in order, as result 0.
  Status write_out() {
    TRY(c_.poll());
    ASSIGN(Tensor * out, c_.make(0, v_.base.dtype(), Shape(v_.dims)));
    copy_into(*out, 0, out->shape().strides());
    return {};
  }

  void copy_into(Tensor& out, std::int64_t offset, const std::vector<std::int64_t>& strides) const {
    if (v_.count() == 0) return;
    std::vector<StridedAxis> axes;
    for (std::size_t i = 0; i < v_.dims.size(); ++i)
      axes.push_back({v_.dims[i], v_.strides[i], strides[i]});
    visit_storage(out.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      copy_strided<T>(axes, v_.base.values<T>().data() + v_.offset,
                      out.mutable_values<T>().data() + offset);
    });
  }

  // Result 0, where intermediate tensors are made too so that they count against memory limits,
  // becomes what the following steps look at.
  void look_at_result() { v_ = View(std::move(c_.result(0).tensor)); }

  Status flatten() {
    if (v_.contiguous()) return {};
    TRY(write_out());
    look_at_result();
    return {};
  }

  Status apply(const PermuteStep& s) {
    std::vector<std::int64_t> dims, strides;
    std::vector<bool> seen(v_.dims.size(), false);
    if (s.axes.size() != v_.dims.size())
      return malformed("permutes " + std::to_string(s.axes.size()) + " axes of a tensor of rank " +
                       std::to_string(v_.rank()));
    for (int axis : s.axes) {
      TRY(check_axis(axis));
      if (seen[at(axis)]) return malformed("axis " + std::to_string(axis) + " comes twice");
      seen[at(axis)] = true;
      dims.push_back(v_.dims[at(axis)]);
      strides.push_back(v_.strides[at(axis)]);
    }
    v_.dims = std::move(dims);
    v_.strides = std::move(strides);
    return {};
  }

  Status apply(const ReshapeStep& s) {
    ASSIGN(Shape shape, reshaped(s));
    TRY(flatten());
    v_.strides = shape.strides();
    v_.dims = std::move(shape.dims());
    return {};
  }

  Status fail_reshape(const Shape& wanted) const {
    return malformed("cannot reshape " + Shape(v_.dims).to_string() + " to " + wanted.to_string());
  }

  // The extents of a reshape. Kept and merged axes cancel against the input's before the rest is
  // compared or divided, so that an extent of 0 elsewhere leaves an inferred one well defined.
  Result<Shape> reshaped(const ReshapeStep& s) const {
    Shape out;
    int inferred = -1;
    std::vector<std::int64_t> left = v_.dims;  // extents of the input not yet accounted for
    std::vector<std::int64_t> given;           // of the result, to be found among them
    auto keep = [&](int axis) {
      out.dims().push_back(v_.dims[at(axis)]);
      if (left[at(axis)] >= 0)
        left[at(axis)] = -1;
      else
        given.push_back(v_.dims[at(axis)]);
    };
    for (const ReshapeEntry& e : s.dims) {
      std::int64_t extent = -1;
      if (e.kind == ReshapeEntry::Kind::extent) {
        ASSIGN(extent, number(e.extent));
        if (extent < 0 && (e.extent.is_literal() || extent != -1))
          return malformed("an extent of " + std::to_string(extent));
      }
      if (e.kind == ReshapeEntry::Kind::keep || (extent == 0 && e.zero_copies)) {
        TRY(check_axis(e.first));
        keep(e.first);
      } else if (e.kind == ReshapeEntry::Kind::merge) {
        TRY(merge(e, out, left, given));
      } else if (extent >= 0) {
        out.dims().push_back(extent);
        given.push_back(extent);
      } else {
        if (inferred >= 0) return malformed("more than one extent to infer");
        inferred = out.rank();
        out.dims().push_back(-1);
      }
    }
    return settle(std::move(out), inferred, std::move(left), std::move(given));
  }

  Status merge(const ReshapeEntry& e, Shape& out, std::vector<std::int64_t>& left,
               std::vector<std::int64_t>& given) const {
    TRY(check_axis(e.first));
    TRY(check_axis(e.last));
    std::int64_t product = 1;
    for (int i = e.first; i <= e.last; ++i) {
      const std::optional<std::int64_t> p = checked_mul(product, v_.dims[at(i)]);
      if (!p) return limit_error("a merged axis is too long");
      product = *p;
      if (left[at(i)] < 0) given.push_back(v_.dims[at(i)]);
      left[at(i)] = -1;
    }
    out.dims().push_back(product);
    return {};
  }

  Result<Shape> settle(Shape out, int inferred, std::vector<std::int64_t> left,
                       std::vector<std::int64_t> given) const {
    std::erase(left, -1);
    for (std::size_t i = given.size(); i-- > 0;)
      if (auto found = std::find(left.begin(), left.end(), given[i]); found != left.end()) {
        left.erase(found);
        given.erase(given.begin() + static_cast<std::ptrdiff_t>(i));
      }
    const std::optional<std::int64_t> have = Shape(left).checked_count();
    const std::optional<std::int64_t> want = Shape(given).checked_count();
    if (!have || !want) return fail_reshape(out);
    if (inferred < 0) {
      if (*have != *want) return fail_reshape(out);
    } else {
      if (*want == 0 || *have % *want != 0) return fail_reshape(out);
      out[inferred] = *have / *want;
    }
    return out;
  }

  // Narrows an axis of the view to n elements from `start`, `stride` apart.
  void narrow(int axis, std::int64_t start, std::int64_t n, std::int64_t stride) {
    if (n > 0) v_.offset += start * v_.strides[at(axis)];
    if (n > 1) v_.strides[at(axis)] *= stride;
    v_.dims[at(axis)] = n;
  }

  Status apply(const SliceStep& s) {
    TRY(check_axis(s.axis));
    if (s.stride == 0) return malformed("a slice with stride 0");
    const std::int64_t n = v_.dims[at(s.axis)];
    ASSIGN(std::int64_t start, number(s.start));
    ASSIGN(std::int64_t end, number(s.end));
    const bool up = s.stride > 0;
    const std::int64_t low = up ? 0 : -1;
    const std::int64_t high = up ? n : n - 1;
    start = std::clamp(start < 0 ? start + n : start, low, high);
    end = std::clamp(end < 0 ? end + n : end, low, high);
    std::int64_t count = 0;
    if (up && end > start) count = 1 + (end - start - 1) / s.stride;
    if (!up && start > end)
      count =
          1 + (start - end - 1) / -std::max(s.stride, -std::numeric_limits<std::int64_t>::max());
    narrow(s.axis, start, count, s.stride);
    return {};
  }

  Status apply(const PadStep& s) {
    TRY(check_axis(s.axis));
    if (s.interior < 0) return malformed("negative interior padding");
    if (s.interior > 0 && s.mode != PadMode::constant)
      return malformed("interior padding takes a constant");
    ASSIGN(std::int64_t before, number(s.before));
    ASSIGN(std::int64_t after, number(s.after));
    const std::int64_t n = v_.dims[at(s.axis)];
    const std::int64_t crop_before = before < 0 ? -std::max(before, -n - 1) : 0;
    const std::int64_t crop_after = after < 0 ? -std::max(after, -n - 1) : 0;
    if (crop_before + crop_after > n)
      return malformed("pads of " + std::to_string(before) + " and " + std::to_string(after) +
                       " remove more than the " + std::to_string(n) + " elements of axis " +
                       std::to_string(s.axis));
    narrow(s.axis, crop_before, n - crop_before - crop_after, 1);
    before = std::max<std::int64_t>(before, 0);
    after = std::max<std::int64_t>(after, 0);
    if (before == 0 && after == 0 && s.interior == 0) return {};
    return s.mode == PadMode::constant ? pad_constant(s, before, after)
                                       : pad_table(s, before, after);
  }

  // The shape after padding, or a limit.
  Result<Shape> padded(const PadStep& s, std::int64_t before, std::int64_t after) const {
    Shape shape(v_.dims);
    const std::int64_t n = shape[s.axis];
    std::optional<std::int64_t> total = n;
    if (n > 0 && s.interior > 0) {
      total = checked_mul(n - 1, s.interior);
      if (total) total = checked_add(*total, n);
    }
    if (total) total = checked_add(*total, before);
    if (total) total = checked_add(*total, after);
    if (!total) return limit_error("a padded axis is too long");
    shape[s.axis] = *total;
    return shape;
  }

  Status pad_constant(const PadStep& s, std::int64_t before, std::int64_t after) {
    ASSIGN(Shape shape, padded(s, before, after));
    const DType dtype = v_.base.dtype();
    const Tensor* fill = nullptr;
    if (s.value_operand >= 0) {
      const auto i = static_cast<std::size_t>(s.value_operand);
      if (!c_.has(i) || c_.tensor(i).dtype() != dtype || c_.tensor(i).count() != 1)
        return malformed("the value to pad with is not one element of the input's type");
      fill = &c_.tensor(i);
    }
    TRY(c_.poll());
    ASSIGN(Tensor * out, c_.make(0, dtype, shape));
    visit_storage(dtype, [&](auto tag) {
      using T = typename decltype(tag)::type;
      auto y = out->mutable_values<T>();
      std::fill(y.begin(), y.end(), fill ? fill->values<T>()[0] : T{});
    });
    std::vector<std::int64_t> strides = shape.strides();
    const std::int64_t offset = before * strides[at(s.axis)];
    if (v_.dims[at(s.axis)] > 1) strides[at(s.axis)] *= s.interior + 1;
    copy_into(*out, offset, strides);
    look_at_result();
    return {};
  }

  // Where element i of the padded axis comes from; n is not 0.
  static std::int64_t source(PadMode mode, std::int64_t i, std::int64_t n) {
    if (mode == PadMode::edge) return std::clamp<std::int64_t>(i, 0, n - 1);
    const std::int64_t period = mode == PadMode::wrap ? n : std::max<std::int64_t>(2 * (n - 1), 1);
    const std::int64_t j = ((i % period) + period) % period;
    return j < n ? j : period - j;
  }

  Status pad_table(const PadStep& s, std::int64_t before, std::int64_t after) {
    ASSIGN(Shape shape, padded(s, before, after));
    const std::int64_t n = v_.dims[at(s.axis)];
    if (n == 0) return malformed("nothing to pad axis " + std::to_string(s.axis) + " with");
    TRY(flatten());
    TRY(c_.poll());
    ASSIGN(Tensor * out, c_.make(0, v_.base.dtype(), shape));
    const std::int64_t outer = shape.count(0, s.axis);
    const std::int64_t inner = shape.count(s.axis + 1, shape.rank());
    visit_storage(out->dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      const T* x = v_.base.values<T>().data() + v_.offset;
      T* y = out->mutable_values<T>().data();
      for (std::int64_t o = 0; o < outer; ++o, x += n * inner)
        for (std::int64_t i = 0; i < shape[s.axis]; ++i, y += inner)
          std::copy_n(x + source(s.mode, i - before, n) * inner, inner, y);
    });
    look_at_result();
    return {};
  }

  Status apply(const ExpandStep& s) {
    Shape wanted;
    for (const Extent& e : s.dims) {
      ASSIGN(std::int64_t d, number(e));
      if (d < 0) return malformed("expands to an extent of " + std::to_string(d));
      wanted.dims().push_back(d);
    }
    if (wanted.rank() > kMaxRank) return limit_error("more than 32 axes");
    Result<Shape> shape = broadcast(Shape(v_.dims), wanted);
    if (!shape.ok())
      return malformed("cannot expand " + Shape(v_.dims).to_string() + " to " + wanted.to_string());
    const std::size_t lead = shape->dims().size() - v_.dims.size();
    v_.dims.insert(v_.dims.begin(), lead, 1);
    v_.strides.insert(v_.strides.begin(), lead, 0);
    for (std::size_t i = 0; i < v_.dims.size(); ++i)
      if (v_.dims[i] != shape->dims()[i]) v_.strides[i] = 0;
    v_.dims = std::move(shape->dims());
    return {};
  }

  Status apply(const RepeatStep& s) {
    TRY(check_axis(s.axis));
    ASSIGN(std::int64_t times, number(s.times));
    if (times < 0) return malformed("repeats " + std::to_string(times) + " times");
    const std::size_t a = at(s.axis);
    const std::optional<std::int64_t> total = checked_mul(v_.dims[a], times);
    if (!total) return limit_error("a repeated axis is too long");
    if (v_.dims[a] == 1 || *total == 0) {
      v_.dims[a] = *total;
      v_.strides[a] = 0;
      return {};
    }
    if (times == 1) return {};
    const std::size_t where = a + (s.each ? 1 : 0);
    v_.dims.insert(v_.dims.begin() + static_cast<std::ptrdiff_t>(where), times);
    v_.strides.insert(v_.strides.begin() + static_cast<std::ptrdiff_t>(where), 0);
    if (!Shape(v_.dims).checked_count()) return limit_error("a repeated tensor is too large");
    TRY(flatten());
    v_.dims[a] = *total;
    v_.dims.erase(v_.dims.begin() + s.axis + 1);
    v_.strides = Shape(v_.dims).strides();
    return {};
  }

  Status apply(const WindowStep& s) {
    TRY(check_axis(s.axis));
    if (s.size < 1 || s.stride < 1 || s.dilation < 1)
      return malformed("a window's size, stride and dilation are positive");
    const std::size_t a = at(s.axis);
    const std::optional<std::int64_t> reach = checked_mul(s.size - 1, s.dilation);
    const bool fits = reach && *reach < v_.dims[a];
    const std::int64_t count = fits ? (v_.dims[a] - *reach - 1) / s.stride + 1 : 0;
    const std::int64_t step = v_.strides[a];
    v_.dims[a] = count;
    v_.strides[a] = count > 1 ? step * s.stride : 0;
    v_.dims.insert(v_.dims.begin() + s.axis + 1, s.size);
    v_.strides.insert(v_.strides.begin() + s.axis + 1, fits && s.size > 1 ? step * s.dilation : 0);
    return {};
  }

  Status apply(const DiagonalStep& s) {
    TRY(check_axis(s.a));
    TRY(check_axis(s.b));
    if (s.a == s.b) return malformed("the diagonal of an axis with itself");
    if (v_.dims[at(s.a)] != v_.dims[at(s.b)])
      return malformed("the diagonal of axes of " + std::to_string(v_.dims[at(s.a)]) + " and " +
                       std::to_string(v_.dims[at(s.b)]));
    v_.strides[at(s.a)] += v_.strides[at(s.b)];
    v_.dims.erase(v_.dims.begin() + s.b);
    v_.strides.erase(v_.strides.begin() + s.b);
    return {};
  }

  Context& c_;
  View v_;
};

}  // namespace

Status copy(const CopyAttributes& a, Context& c) {
  if (a.steps.empty()) {
    c.set(0, c.value(0));
    return {};
  }
  Run run(c);
  for (const Step& s : a.steps) TRY(run.step(s));
  return run.finish();
}

}  // namespace gossamer::reference
