// Gather: one walk over the results serves all modes. At each position a vector of indices (one but
// for nd) names where in x a run of elements begins.
#include "kernels/gather/gather.h"

#include <algorithm>
#include <array>
#include <complex>
#include <cstring>
#include <vector>

#include "kernels/indices.h"
#include "kernels/nest.h"

namespace gossamer::kernels {

std::span<const std::string_view> enum_names(GatherMode) {
  static constexpr std::array<std::string_view, 3> kNames = {"take", "along", "nd"};
  return kNames;
}

namespace {

enum : std::size_t { kY, kIndex, kX };

// An axis of x that an index chooses on.
struct Chosen {
  std::int64_t extent = 0, stride = 0;
};

struct Plan {
  Nest<3> positions;      // offsets in y, indices and x
  std::int64_t run = 1;   // elements copied at each
  Nest<1> vectors;        // of indices, each read once
  std::int64_t step = 0;  // between the numbers of a vector
  std::vector<Chosen> chosen;
};

class Planner {
 public:
  Planner(const View& x, const View& indices, const View& y) : x_(x), indices_(indices), y_(y) {}

  Result<Plan> plan(const GatherStep& s) {
    const bool axis_fits = s.axis >= 0 && s.axis < x_.rank;
    if (s.mode != GatherMode::nd && !axis_fits) return misfit();
    if (s.mode == GatherMode::take) {
      choose(s.axis);
      inner_axes(0, s.axis);
      index_axes(indices_.rank);
      inner_axes(s.axis + 1, x_.rank);
    } else if (s.mode == GatherMode::along) {
      if (x_.rank != indices_.rank) return misfit();
      choose(s.axis);
      for (int d = 0; d < x_.rank; ++d) {
        if (d != s.axis && extent(indices_, d) > extent(x_, d)) return misfit();
        add(extent(indices_, d), stride(indices_, d), d == s.axis ? 0 : stride(x_, d));
      }
    } else {
      TRY(plan_nd(s.batch));
    }
    if (!fits_ || next_ != y_.rank) return misfit();
    for (int d = 0; d < indices_.rank - (s.mode == GatherMode::nd ? 1 : 0); ++d)
      p_.vectors.add(extent(indices_, d), {stride(indices_, d)});
    p_.run = p_.positions.take_inner({1, 0, 1});
    return std::move(p_);
  }

 private:
  static Status misfit() { return internal_error("gather: x, indices and y do not fit"); }
  static std::int64_t extent(const View& v, int d) {
    return v.extents[static_cast<std::size_t>(d)];
  }
  static std::int64_t stride(const View& v, int d) {
    return v.strides[static_cast<std::size_t>(d)];
  }

  Status plan_nd(int batch) {
    const int last = indices_.rank - 1;
    if (batch < 0 || last < batch || x_.rank < batch) return misfit();
    const std::int64_t k = extent(indices_, last);
    if (k > x_.rank - batch) return misfit();
    p_.step = stride(indices_, last);
    for (int d = 0; d < k; ++d) choose(batch + d);
    for (int d = 0; d < last; ++d) {
      if (d < batch && extent(x_, d) != extent(indices_, d)) return misfit();
      add(extent(indices_, d), stride(indices_, d), d < batch ? stride(x_, d) : 0);
    }
    inner_axes(batch + static_cast<int>(k), x_.rank);
    return {};
  }

  void choose(int axis) { p_.chosen.push_back({extent(x_, axis), stride(x_, axis)}); }
  void inner_axes(int begin, int end) {
    for (int d = begin; d < end; ++d) add(extent(x_, d), 0, stride(x_, d));
  }
  void index_axes(int end) {
    for (int d = 0; d < end; ++d) add(extent(indices_, d), stride(indices_, d), 0);
  }
  // The next axis of y.
  void add(std::int64_t count, std::int64_t index_stride, std::int64_t x_stride) {
    if (next_ >= y_.rank || extent(y_, next_) != count) {
      fits_ = false;
      return;
    }
    p_.positions.add(count, {stride(y_, next_++), index_stride, x_stride});
  }

  const View &x_, &indices_, &y_;
  Plan p_;
  int next_ = 0;
  bool fits_ = true;
};

class Gathered final : public Prepared {
 public:
  Gathered(Plan plan, const Shapes& shapes)
      : p_(std::move(plan)),
        size_(static_cast<std::int64_t>(dtype_size(shapes.outputs[0].dtype))),
        index_dtype_(shapes.inputs[1].dtype) {
    needs_verify = true;
    const auto positions = static_cast<double>(p_.positions.count());
    bytes = positions * (2 * static_cast<double>(p_.run * size_) + 8);
    parts = worthwhile_parts(positions * 4 + bytes * 0.03, shapes.threads);
    for (const Chosen& c : p_.chosen) empty_ = empty_ || c.extent == 0;
  }

  Status verify(const Addresses& a) const override {
    Status status;
    p_.vectors.each([&](const auto& at) {
      for (std::size_t i = 0; i < p_.chosen.size() && status.ok(); ++i)
        status = check_index(number(a, at[0], i), p_.chosen[i].extent);
    });
    return status;
  }

  void run(const Addresses& a, int part, int of) const override {
    if (empty_) return;
    if (p_.run > 1) return copy_runs(a, part, of);
    switch (size_) {
      case 1:
        return copy_elements<std::uint8_t>(a, part, of);
      case 2:
        return copy_elements<std::uint16_t>(a, part, of);
      case 4:
        return copy_elements<std::uint32_t>(a, part, of);
      case 8:
        return copy_elements<std::uint64_t>(a, part, of);
      default:
        return copy_elements<C128>(a, part, of);
    }
  }

 private:
  std::int64_t number(const Addresses& a, std::int64_t at, std::size_t i) const {
    return index_at(a.inputs[1], index_dtype_, at + static_cast<std::int64_t>(i) * p_.step);
  }
  // Where in x, in elements, a position's run begins.
  std::int64_t source(const Addresses& a, const Nest<3>::Offsets& at) const {
    std::int64_t from = at[kX];
    for (std::size_t i = 0; i < p_.chosen.size(); ++i)
      from += safe_index(number(a, at[kIndex], i), p_.chosen[i].extent) * p_.chosen[i].stride;
    return from;
  }

  void copy_runs(const Addresses& a, int part, int of) const {
    const Range r = share(p_.positions.count(), part, of);
    const auto* x = static_cast<const std::byte*>(a.inputs[0]);
    auto* y = static_cast<std::byte*>(a.outputs[0]);
    const auto length = static_cast<std::size_t>(p_.run * size_);
    p_.positions.each(r.begin, r.end, [&](const Nest<3>::Offsets& at) {
      std::memcpy(y + at[kY] * size_, x + source(a, at) * size_, length);
    });
  }

  template <class T>
  void copy_elements(const Addresses& a, int part, int of) const {
    const Range r = share(p_.positions.count(), part, of);
    const T* x = static_cast<const T*>(a.inputs[0]);
    T* y = static_cast<T*>(a.outputs[0]);
    p_.positions.each(r.begin, r.end,
                      [&](const Nest<3>::Offsets& at) { y[at[kY]] = x[source(a, at)]; });
  }

  Plan p_;
  std::int64_t size_;
  DType index_dtype_;
  bool empty_ = false;
};

}  // namespace

Result<PreparedPtr> prepare(const GatherStep& step, const Shapes& shapes) {
  if (shapes.inputs.size() != 2 || shapes.outputs.size() != 1)
    return internal_error("gather: expected two operands and one result");
  const View &x = shapes.inputs[0], &indices = shapes.inputs[1], &y = shapes.outputs[0];
  if (indices.dtype != DType::i32 && indices.dtype != DType::i64)
    return internal_error("gather: indices are neither i32 nor i64");
  if (x.dtype != y.dtype) return internal_error("gather: x and y differ in element type");
  if (x.dtype == DType::string) return unsupported("gather: no kernel for strings");
  ASSIGN(Plan plan, Planner(x, indices, y).plan(step));
  return PreparedPtr(std::make_unique<Gathered>(std::move(plan), shapes));
}

}  // namespace gossamer::kernels
