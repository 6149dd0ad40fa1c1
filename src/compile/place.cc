// Strided views with symbolic extents: what movement steps do to them.
#include "compile/place.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace gossamer::compile {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::optional<Place> after(Place p, const PermuteStep& s, const Number&) {
  Place out = p;
  for (std::size_t i = 0; i < s.axes.size(); ++i) {
    out.extents[i] = p.extents[at(s.axes[i])];
    out.strides[i] = p.strides[at(s.axes[i])];
  }
  return out;
}

// A bound of a slice, clamped to [low, high].
Dim clamped(const Dim& bound, const Dim& low, const Dim& high) {
  return max(low, min(bound, high));
}

std::optional<Place> after(Place p, const SliceStep& s, const Number& number) {
  const std::optional<Dim> start = number(s.start), end = number(s.end);
  if (!start || !end || !start->is_constant() || !end->is_constant()) return std::nullopt;
  const Dim n = p.extents[at(s.axis)];
  const auto place_of = [&](const Dim& bound) {
    const std::int64_t b = *bound.constant();
    return b < 0 && b > -(std::int64_t{1} << 40) ? n + bound : bound;
  };
  const bool forward = s.stride > 0;
  const Dim low = forward ? Dim(0) : Dim(-1), high = forward ? n : n - Dim(1);
  const Dim first = clamped(place_of(*start), forward ? Dim(0) : Dim(-1), forward ? n : high);
  const Dim last = clamped(place_of(*end), low, high);
  const std::int64_t step = forward ? s.stride : -s.stride;
  const Dim span = forward ? last - first : first - last;
  p.extents[at(s.axis)] = max(ceil_div(span, Dim(step)), Dim(0));
  p.offset = p.offset + first * p.strides[at(s.axis)];
  p.strides[at(s.axis)] = p.strides[at(s.axis)] * Dim(s.stride);
  return p;
}

std::optional<Place> after(Place p, const ExpandStep& s, const Number& number) {
  DimVector wanted;
  for (const Extent& e : s.dims) {
    const std::optional<Dim> d = number(e);
    if (!d) return std::nullopt;
    wanted.push_back(*d);
  }
  while (p.extents.size() < wanted.size()) {
    p.extents.insert(p.extents.begin(), Dim(1));
    p.strides.insert(p.strides.begin(), Dim(0));
  }
  const std::size_t lead = p.extents.size() - wanted.size();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == Dim(1) || wanted[i] == p.extents[lead + i]) continue;
    if (!(p.extents[lead + i] == Dim(1))) return std::nullopt;
    p.extents[lead + i] = wanted[i];
    p.strides[lead + i] = Dim(0);
  }
  return p;
}

std::optional<Place> after(Place p, const WindowStep& s, const Number&) {
  const Dim n = p.extents[at(s.axis)], stride = p.strides[at(s.axis)];
  const Dim reach((s.size - 1) * s.dilation + 1);
  p.extents[at(s.axis)] = max(floor_div(n - reach, Dim(s.stride)) + Dim(1), Dim(0));
  p.strides[at(s.axis)] = stride * Dim(s.stride);
  p.extents.insert(p.extents.begin() + s.axis + 1, Dim(s.size));
  p.strides.insert(p.strides.begin() + s.axis + 1, stride * Dim(s.dilation));
  return p;
}

std::optional<Place> after(Place p, const DiagonalStep& s, const Number&) {
  p.extents[at(s.a)] = min(p.extents[at(s.a)], p.extents[at(s.b)]);
  p.strides[at(s.a)] = p.strides[at(s.a)] + p.strides[at(s.b)];
  p.extents.erase(p.extents.begin() + s.b);
  p.strides.erase(p.strides.begin() + s.b);
  return p;
}

// The extents that a reshape asks for; nothing when only running can tell.
std::optional<DimVector> reshaped(const DimVector& from, const ReshapeStep& s,
                                  const Number& number) {
  DimVector out;
  Dim known(1);
  int open = -1;
  for (const ReshapeEntry& e : s.dims) {
    std::optional<Dim> d;
    if (e.kind == ReshapeEntry::Kind::keep) {
      d = from[at(e.first)];
    } else if (e.kind == ReshapeEntry::Kind::merge) {
      d = Dim(1);
      for (int i = e.first; i <= e.last; ++i) d = *d * from[at(i)];
    } else if (e.kind == ReshapeEntry::Kind::extent) {
      d = number(e.extent);
      if (!d) return std::nullopt;
      if (!e.extent.is_literal() && e.zero_copies) {
        if (*d == Dim(0))
          d = from[at(e.first)];
        else if (*d == Dim(-1))
          d.reset();
      }
    }
    if (!d) {
      if (open >= 0) return std::nullopt;
      open = static_cast<int>(out.size());
      out.emplace_back(1);
      continue;
    }
    known = known * *d;
    out.push_back(*d);
  }
  if (open >= 0) out[at(open)] = floor_div(count_of(from), known);
  return out;
}

std::optional<Place> after(Place p, const ReshapeStep& s, const Number& number) {
  const std::optional<DimVector> extents = reshaped(p.extents, s, number);
  return extents ? view_as(p, *extents) : std::nullopt;
}

std::optional<Place> after(const Place&, const PadStep&, const Number&) { return std::nullopt; }
std::optional<Place> after(const Place&, const RepeatStep&, const Number&) { return std::nullopt; }

}  // namespace

bool Place::dense() const {
  Dim step(1);
  for (std::size_t i = extents.size(); i-- > 0;) {
    if (!(extents[i] == Dim(1)) && !(strides[i] == step)) return false;
    step = step * extents[i];
  }
  return true;
}

DimVector strides_in_order(const DimVector& extents, const std::vector<int>& order) {
  DimVector strides(extents.size(), Dim(1));
  Dim step(1);
  for (std::size_t i = order.size(); i-- > 0;) {
    strides[at(order[i])] = step;
    step = step * extents[at(order[i])];
  }
  return strides;
}

std::vector<int> row_major(int rank) {
  std::vector<int> order(at(rank));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<int> channels_last(int rank) {
  std::vector<int> order = row_major(rank);
  if (rank > 2) std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  return order;
}

std::vector<int> order_of(const Place& place) {
  // Axis a lies outside b when its stride is b's times something: the strides of a gapless tensor
  // form a chain.
  std::vector<int> order, extended;
  for (int i = 0; i < place.rank(); ++i)
    (place.extents[at(i)] == Dim(1) || place.strides[at(i)] == Dim(0) ? extended : order)
        .push_back(i);
  const auto weight = [&](int axis) {
    // Symbols count as a large number: only chains of products occur.
    const auto value = place.strides[at(axis)].evaluate(
        [](std::string_view) { return std::optional<std::int64_t>(257); });
    return value.value_or(0);
  };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return weight(a) > weight(b); });
  // Axes of extent 1 stand where they stand in the shape.
  for (const int axis : extended) {
    const auto where = std::find_if(order.begin(), order.end(), [&](int o) { return o > axis; });
    order.insert(where, axis);
  }
  return order;
}

std::optional<Place> view_after(const Place& place, const Step& step, const Number& number) {
  return std::visit([&](const auto& s) { return after(place, s, number); }, step);
}

std::optional<Place> view_as(const Place& place, const DimVector& extents) {
  Place out = place;
  out.extents = extents;
  out.strides.assign(extents.size(), Dim(0));
  std::size_t i = 0, j = 0;  // axes of the place and of the result that are settled
  const std::size_t n = place.extents.size(), m = extents.size();
  while (i < n || j < m) {
    // The smallest groups of axes of equal counts.
    Dim from(1), to(1);
    std::size_t i1 = i, j1 = j;
    bool matched = false;
    for (std::size_t a = i; a <= n && !matched; ++a) {
      if (a > i) from = from * place.extents[a - 1];
      to = Dim(1);
      for (std::size_t b = j; b <= m; ++b) {
        if (b > j) to = to * extents[b - 1];
        if ((a > i || b > j) && from == to) {
          i1 = a;
          j1 = b;
          matched = true;
          break;
        }
      }
    }
    if (!matched) return std::nullopt;
    // The group must lie in one piece: each stride is the next times its extent, axes of extent 1
    // apart.
    std::optional<Dim> inner, step;
    for (std::size_t a = i1; a-- > i;) {
      if (place.extents[a] == Dim(1)) continue;
      if (step && !(place.strides[a] == *step)) return std::nullopt;
      if (!inner) inner = place.strides[a];
      step = place.strides[a] * place.extents[a];
    }
    Dim stride = inner.value_or(Dim(0));
    for (std::size_t b = j1; b-- > j;) {
      out.strides[b] = stride;
      stride = stride * extents[b];
    }
    i = i1;
    j = j1;
  }
  return out;
}

}  // namespace gossamer::compile
