// Cumulate, one line along the axis at a time.
#include "kernels/cumulate/cumulate.h"

#include <array>
#include <string>

#include "kernels/nest.h"
#include "kernels/numbers.h"

namespace gossamer::kernels {

std::span<const std::string_view> enum_names(CumulateOp) {
  static constexpr std::array<std::string_view, 2> kNames = {"sum", "prod"};
  return kNames;
}

namespace {

class Running final : public Prepared {
 public:
  Running(const CumulateStep& step, const Shapes& shapes) : s_(step) {
    const View &x = shapes.inputs[0], &y = shapes.outputs[0];
    const auto axis = static_cast<std::size_t>(s_.axis);
    dtype_ = x.dtype;
    n_ = x.extents[axis];
    x_stride_ = x.strides[axis];
    y_stride_ = y.strides[axis];
    for (std::size_t d = 0; d < static_cast<std::size_t>(x.rank); ++d)
      if (d != axis) lines_.add(x.extents[d], {x.strides[d], y.strides[d]});
    bytes = 2 * static_cast<double>(x.count()) * static_cast<double>(dtype_size(dtype_));
    parts = worthwhile_parts(static_cast<double>(x.count()), shapes.threads);
  }

  void run(const Addresses& a, int part, int of) const override {
    visit_loops(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::type;
      const Range r = share(lines_.count(), part, of);
      lines_.each(r.begin, r.end, [&](const auto& at) {
        run_line(static_cast<const T*>(a.inputs[0]) + at[0], static_cast<T*>(a.outputs[0]) + at[1]);
      });
    });
  }

 private:
  template <class T>
  void run_line(const T* x, T* y) const {
    T total = s_.op == CumulateOp::sum ? T{0} : T{1};
    for (std::int64_t j = 0; j < n_; ++j) {
      const std::int64_t at = s_.reverse ? n_ - 1 - j : j;
      const T v = x[at * x_stride_];
      const T next = s_.op == CumulateOp::sum ? sum_of(total, v) : product_of(total, v);
      y[at * y_stride_] = s_.exclusive ? total : next;
      total = next;
    }
  }

  CumulateStep s_;
  DType dtype_;
  Nest<2> lines_;
  std::int64_t n_ = 0, x_stride_ = 0, y_stride_ = 0;
};

}  // namespace

Result<PreparedPtr> prepare(const CumulateStep& step, const Shapes& shapes) {
  if (shapes.inputs.size() != 1 || shapes.outputs.size() != 1)
    return internal_error("cumulate: expected one operand and one result");
  const View &x = shapes.inputs[0], &y = shapes.outputs[0];
  if (!has_loops(x.dtype))
    return unsupported("cumulate: no kernel for " + std::string(dtype_name(x.dtype)));
  bool fits = x.rank == y.rank && x.dtype == y.dtype && step.axis >= 0 && step.axis < x.rank;
  for (std::size_t d = 0; fits && d < static_cast<std::size_t>(x.rank); ++d)
    fits = x.extents[d] == y.extents[d];
  if (!fits) return internal_error("cumulate: x and y do not fit");
  return PreparedPtr(std::make_unique<Running>(step, shapes));
}

}  // namespace gossamer::kernels
