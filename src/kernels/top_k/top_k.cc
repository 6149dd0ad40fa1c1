// TopK by a partial sort of each line's indices, which the workspace holds.
#include "kernels/top_k/top_k.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "kernels/nest.h"
#include "kernels/numbers.h"

namespace gossamer::kernels {
namespace {

// A total order in which a NaN stands above every number and equals any other NaN.
template <class T>
bool ordered_before(T a, T b) {
  return a < b || (is_nan(b) && !is_nan(a));
}

class Best final : public Prepared {
 public:
  Best(const TopKStep& step, const Shapes& shapes, std::int64_t k, Nest<3> lines)
      : s_(step), dtype_(shapes.inputs[0].dtype), lines_(lines), k_(k) {
    const View& x = shapes.inputs[0];
    const auto axis = static_cast<std::size_t>(s_.axis);
    n_ = x.extents[axis];
    x_stride_ = x.strides[axis];
    if (shapes.outputs[0].rank >= 0) value_stride_ = shapes.outputs[0].strides[axis];
    if (shapes.outputs[1].rank >= 0) index_stride_ = shapes.outputs[1].strides[axis];
    values_ = shapes.outputs[0].rank >= 0;
    indices_ = shapes.outputs[1].rank >= 0;
    workspace = static_cast<std::size_t>(n_) * sizeof(std::int64_t);
    const auto count = static_cast<double>(x.count());
    bytes = count * static_cast<double>(dtype_size(dtype_));
    parts = worthwhile_parts(3 * count, shapes.threads);
  }

  void run(const Addresses& a, int part, int of) const override {
    visit_loops(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const Range r = share(lines_.count(), part, of);
      lines_.each(r.begin, r.end, [&](const auto& at) {
        run_line(static_cast<const T*>(a.inputs[0]) + at[0],
                 values_ ? static_cast<T*>(a.outputs[0]) + at[1] : nullptr,
                 indices_ ? static_cast<std::int64_t*>(a.outputs[1]) + at[2] : nullptr,
                 reinterpret_cast<std::int64_t*>(a.workspace));
      });
    });
  }

 private:
  template <class T>
  void run_line(const T* x, T* values, std::int64_t* indices, std::int64_t* order) const {
    std::iota(order, order + n_, std::int64_t{0});
    std::partial_sort(order, order + k_, order + n_, [&](std::int64_t i, std::int64_t j) {
      const T a = x[i * x_stride_], b = x[j * x_stride_];
      if (s_.largest ? ordered_before(b, a) : ordered_before(a, b)) return true;
      if (s_.largest ? ordered_before(a, b) : ordered_before(b, a)) return false;
      return i < j;
    });
    for (std::int64_t j = 0; j < k_; ++j) {
      if (values) values[j * value_stride_] = x[order[j] * x_stride_];
      if (indices) indices[j * index_stride_] = order[j];
    }
  }

  TopKStep s_;
  DType dtype_;
  Nest<3> lines_;
  std::int64_t k_, n_ = 0, x_stride_ = 0, value_stride_ = 0, index_stride_ = 0;
  bool values_ = false, indices_ = false;
};

}  // namespace

Result<PreparedPtr> prepare(const TopKStep& step, const Shapes& shapes) {
  if (shapes.inputs.size() != 1 || shapes.outputs.size() != 2)
    return internal_error("top_k: expected one operand and two results");
  const View &x = shapes.inputs[0], &values = shapes.outputs[0], &indices = shapes.outputs[1];
  if (!has_loops(x.dtype))
    return unsupported("top_k: no kernel for " + std::string(dtype_name(x.dtype)));
  const View& shown = values.rank >= 0 ? values : indices;
  bool fits = step.axis >= 0 && step.axis < x.rank && shown.rank == x.rank;
  fits = fits && (values.rank < 0 || values.dtype == x.dtype);
  fits = fits && (indices.rank < 0 || (indices.rank == x.rank && indices.dtype == DType::i64));
  if (!fits) return internal_error("top_k: x and the results do not fit");
  const auto axis = static_cast<std::size_t>(step.axis);
  const std::int64_t k = shown.extents[axis];
  if (k > x.extents[axis])
    return Status(Code::malformed, "top_k: " + std::to_string(k) + " of " +
                                       std::to_string(x.extents[axis]) + " elements are wanted");
  Nest<3> lines;
  for (std::size_t d = 0; d < static_cast<std::size_t>(x.rank); ++d) {
    const std::int64_t extent = d == axis ? k : x.extents[d];
    fits = fits && (values.rank < 0 || values.extents[d] == extent) &&
           (indices.rank < 0 || indices.extents[d] == extent);
    if (d == axis) continue;
    lines.add(extent, {x.strides[d], values.rank < 0 ? 0 : values.strides[d],
                       indices.rank < 0 ? 0 : indices.strides[d]});
  }
  if (!fits) return internal_error("top_k: x and the results do not fit");
  return PreparedPtr(std::make_unique<Best>(step, shapes, k, lines));
}

}  // namespace gossamer::kernels
