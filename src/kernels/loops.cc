// Sorting and joining the axes of several views.
#include "kernels/loops.h"

#include <algorithm>
#include <cstdlib>

namespace gossamer::kernels {

std::int64_t Loops::count() const { return count(rank); }

std::int64_t Loops::count(int loops) const {
  std::int64_t n = 1;
  for (int i = 0; i < loops; ++i) n *= extents[static_cast<std::size_t>(i)];
  return n;
}

void Loops::move(int from, int to) {
  const auto rotate = [=](std::array<std::int64_t, kMaxAxes>& values) {
    const auto at = [&](int i) { return values.begin() + i; };
    if (from < to)
      std::rotate(at(from), at(from + 1), at(to + 1));
    else
      std::rotate(at(to), at(from), at(from + 1));
  };
  rotate(extents);
  for (auto& s : strides) rotate(s);
}

std::int64_t Loops::offset(std::size_t view, int loops, std::int64_t i) const {
  std::int64_t at = 0;
  for (int l = loops; l-- > 0;) {
    const std::int64_t n = extents[static_cast<std::size_t>(l)];
    at += i % n * stride(view, l);
    i /= n;
  }
  return at;
}

Result<Loops> make_loops(std::span<const View> first, std::span<const View> second) {
  const std::size_t count = first.size() + second.size();
  const auto view = [&](std::size_t v) -> const View& {
    return v < first.size() ? first[v] : second[v - first.size()];
  };
  const View& lead = view(0);
  for (std::size_t v = 1; v < count; ++v)
    if (view(v).rank != lead.rank ||
        !std::equal(lead.extents.begin(), lead.extents.begin() + lead.rank,
                    view(v).extents.begin()))
      return internal_error("views of one step have different extents");

  // Insertion sort: there are few axes, mostly in order.
  std::array<std::size_t, kMaxAxes> order{};
  std::size_t axes = 0;
  for (std::size_t a = 0; a < static_cast<std::size_t>(lead.rank); ++a) {
    if (lead.extents[a] == 1) continue;
    std::size_t at = axes++;
    for (; at > 0 && std::abs(lead.strides[order[at - 1]]) < std::abs(lead.strides[a]); --at)
      order[at] = order[at - 1];
    order[at] = a;
  }

  Loops loops;
  loops.strides.resize(count);
  for (std::size_t i = 0; i < axes; ++i) {
    const std::size_t a = order[i];
    const std::int64_t extent = lead.extents[a];
    const auto last = static_cast<std::size_t>(std::max(loops.rank - 1, 0));
    bool joins = loops.rank > 0;
    for (std::size_t v = 0; v < count && joins; ++v)
      joins = loops.strides[v][last] == view(v).strides[a] * extent;
    const std::size_t to = joins ? last : static_cast<std::size_t>(loops.rank++);
    loops.extents[to] = joins ? loops.extents[to] * extent : extent;
    for (std::size_t v = 0; v < count; ++v) loops.strides[v][to] = view(v).strides[a];
  }
  if (loops.rank == 0) {
    loops.rank = 1;
    loops.extents[0] = 1;
  }
  return loops;
}

View split_axis(View v, std::size_t axis, std::int64_t inner) {
  const auto rank = static_cast<std::size_t>(v.rank++);
  for (std::size_t a = rank; a > axis; --a) {
    v.extents[a] = v.extents[a - 1];
    v.strides[a] = v.strides[a - 1];
  }
  v.extents[axis] = inner == 0 ? 0 : v.extents[axis + 1] / inner;
  v.strides[axis] = v.strides[axis + 1] * inner;
  v.extents[axis + 1] = inner;
  return v;
}

}  // namespace gossamer::kernels
