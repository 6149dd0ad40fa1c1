// Scatter: a copy of the data, then one update after the other in row-major order.
#include "kernels/scatter/scatter.h"

#include <algorithm>
#include <array>
#include <complex>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/indices.h"
#include "kernels/nest.h"
#include "kernels/numbers.h"

namespace gossamer::kernels {

std::span<const std::string_view> enum_names(ScatterMode) {
  static constexpr std::array<std::string_view, 2> kNames = {"along", "nd"};
  return kNames;
}
std::span<const std::string_view> enum_names(ScatterCombine) {
  static constexpr std::array<std::string_view, 5> kNames = {"none", "add", "mul", "max", "min"};
  return kNames;
}

namespace {

enum Operand : std::size_t { kData, kIndices, kUpdates };

// An axis of the data that an index chooses on.
struct Chosen {
  std::int64_t extent = 0, stride = 0;
};

struct Plan {
  Nest<2> copied;         // offsets in y and data
  std::int64_t run = 1;   // elements copied at each
  bool in_place = false;  // where y is data, nothing is
  Nest<3> updates;        // offsets in y, indices and updates
  Nest<1> vectors;        // of indices, each read once
  std::int64_t step = 0;  // between the numbers of a vector
  std::vector<Chosen> chosen;
};

Status misfit() { return internal_error("scatter: data, indices and updates do not fit"); }

Status plan_along(int axis, const View& y, const View& indices, const View& updates, Plan& p) {
  if (axis < 0 || axis >= y.rank || indices.rank != y.rank || updates.rank != y.rank)
    return misfit();
  const auto a = static_cast<std::size_t>(axis);
  p.chosen.push_back({y.extents[a], y.strides[a]});
  for (std::size_t d = 0; d < static_cast<std::size_t>(y.rank); ++d) {
    if (updates.extents[d] != indices.extents[d] || (d != a && indices.extents[d] > y.extents[d]))
      return misfit();
    p.updates.add(indices.extents[d],
                  {d == a ? 0 : y.strides[d], indices.strides[d], updates.strides[d]});
    p.vectors.add(indices.extents[d], {indices.strides[d]});
  }
  return {};
}

Status plan_nd(const View& y, const View& indices, const View& updates, Plan& p) {
  if (indices.rank < 1) return misfit();
  const auto last = static_cast<std::size_t>(indices.rank - 1);
  const std::int64_t k = indices.extents[last];
  if (k > y.rank || updates.rank != indices.rank - 1 + y.rank - static_cast<int>(k))
    return misfit();
  p.step = indices.strides[last];
  for (std::size_t d = 0; d < static_cast<std::size_t>(k); ++d)
    p.chosen.push_back({y.extents[d], y.strides[d]});
  for (std::size_t d = 0; d < last; ++d) {
    if (updates.extents[d] != indices.extents[d]) return misfit();
    p.updates.add(indices.extents[d], {0, indices.strides[d], updates.strides[d]});
    p.vectors.add(indices.extents[d], {indices.strides[d]});
  }
  for (std::size_t d = static_cast<std::size_t>(k); d < static_cast<std::size_t>(y.rank); ++d) {
    const std::size_t u = last + d - static_cast<std::size_t>(k);
    if (updates.extents[u] != y.extents[d]) return misfit();
    p.updates.add(y.extents[d], {y.strides[d], 0, updates.strides[u]});
  }
  return {};
}

class Scattered final : public Prepared {
 public:
  Scattered(const ScatterStep& step, Plan plan, const Shapes& shapes)
      : s_(step),
        p_(std::move(plan)),
        dtype_(shapes.outputs[0].dtype),
        index_dtype_(shapes.inputs[kIndices].dtype) {
    needs_verify = true;
    const auto size = static_cast<double>(dtype_size(dtype_));
    bytes = 2 * static_cast<double>(shapes.outputs[0].count()) * size +
            static_cast<double>(p_.updates.count()) * (2 * size + 8);
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

  void run(const Addresses& a, int part, int) const override {
    if (part > 0) return;
    copy(a);
    if (empty_) return;
    if (s_.combine == ScatterCombine::none) {
      visit_bytes([&](auto tag) {
        using T = typename decltype(tag)::type;
        update<T>(a, [](const T&, const T& u) { return u; });
      });
    } else if (dtype_ == DType::boolean) {
      const bool either = s_.combine == ScatterCombine::add || s_.combine == ScatterCombine::max;
      update<bool>(a, [either](bool x, bool u) { return either ? x || u : x && u; });
    } else {
      visit_loops(dtype_, [&](auto tag) { combine<typename decltype(tag)::type>(a); });
    }
  }

 private:
  std::int64_t number(const Addresses& a, std::int64_t at, std::size_t i) const {
    return index_at(a.inputs[kIndices], index_dtype_, at + static_cast<std::int64_t>(i) * p_.step);
  }

  void copy(const Addresses& a) const {
    if (p_.in_place && a.outputs[0] == a.inputs[kData]) return;
    const auto size = static_cast<std::int64_t>(dtype_size(dtype_));
    const auto* x = static_cast<const std::byte*>(a.inputs[kData]);
    auto* y = static_cast<std::byte*>(a.outputs[0]);
    p_.copied.each([&](const auto& at) {
      std::memcpy(y + at[0] * size, x + at[1] * size, static_cast<std::size_t>(p_.run * size));
    });
  }

  template <class F>
  void visit_bytes(F&& f) const {
    switch (dtype_size(dtype_)) {
      case 1:
        return f(TypeTag<std::uint8_t>{});
      case 2:
        return f(TypeTag<std::uint16_t>{});
      case 4:
        return f(TypeTag<std::uint32_t>{});
      case 8:
        return f(TypeTag<std::uint64_t>{});
      default:
        return f(TypeTag<C128>{});
    }
  }

  template <class T, class F>
  void update(const Addresses& a, F f) const {
    T* y = static_cast<T*>(a.outputs[0]);
    const T* updates = static_cast<const T*>(a.inputs[kUpdates]);
    p_.updates.each([&](const auto& at) {
      std::int64_t to = at[0];
      for (std::size_t i = 0; i < p_.chosen.size(); ++i)
        to += safe_index(number(a, at[1], i), p_.chosen[i].extent) * p_.chosen[i].stride;
      y[to] = f(y[to], updates[at[2]]);
    });
  }

  template <class T>
  void combine(const Addresses& a) const {
    if (s_.combine == ScatterCombine::add) update<T>(a, sum_of<T>);
    if (s_.combine == ScatterCombine::mul) update<T>(a, product_of<T>);
    // A NaN passes on.
    if (s_.combine == ScatterCombine::max)
      update<T>(a, [](T x, T u) { return is_nan(x) || x > u ? x : u; });
    if (s_.combine == ScatterCombine::min)
      update<T>(a, [](T x, T u) { return is_nan(x) || x < u ? x : u; });
  }

  ScatterStep s_;
  Plan p_;
  DType dtype_, index_dtype_;
  bool empty_ = false;
};

}  // namespace

Result<PreparedPtr> prepare(const ScatterStep& step, const Shapes& shapes) {
  if (shapes.inputs.size() != 3 || shapes.outputs.size() != 1)
    return internal_error("scatter: expected three operands and one result");
  const View &data = shapes.inputs[kData], &indices = shapes.inputs[kIndices];
  const View &updates = shapes.inputs[kUpdates], &y = shapes.outputs[0];
  if (data.dtype == DType::string || (step.combine != ScatterCombine::none &&
                                      data.dtype != DType::boolean && !has_loops(data.dtype)))
    return unsupported("scatter: no kernel for " + std::string(dtype_name(data.dtype)));
  if ((indices.dtype != DType::i32 && indices.dtype != DType::i64) || data.dtype != y.dtype ||
      updates.dtype != y.dtype || data.rank != y.rank)
    return misfit();
  Plan p;
  p.in_place = true;
  for (std::size_t d = 0; d < static_cast<std::size_t>(y.rank); ++d) {
    if (data.extents[d] != y.extents[d]) return misfit();
    p.copied.add(y.extents[d], {y.strides[d], data.strides[d]});
    p.in_place = p.in_place && (y.extents[d] == 1 || y.strides[d] == data.strides[d]);
  }
  p.run = p.copied.take_inner({1, 1});
  if (step.mode == ScatterMode::along) {
    TRY(plan_along(step.axis, y, indices, updates, p));
  } else {
    TRY(plan_nd(y, indices, updates, p));
  }
  return PreparedPtr(std::make_unique<Scattered>(step, std::move(p), shapes));
}

}  // namespace gossamer::kernels
