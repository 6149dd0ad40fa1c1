// Sequences and optionals, by sharing their items.
#include "reference/sequence.h"

#include <algorithm>

namespace gossamer::reference {
namespace {

constexpr std::int64_t kItemsAStep = 16;  // items copied for the price of one node execution

Result<std::int64_t> position_of(const Tensor& t, std::int64_t least, std::int64_t length,
                                 std::int64_t most) {
  ASSIGN(std::vector<std::int64_t> p, to_int64s(t));
  if (p.size() != 1) return malformed("the position must hold one number");
  if (p[0] < least || p[0] > most)
    return malformed("position " + std::to_string(p[0]) + " is out of range for a sequence of " +
                     std::to_string(length));
  return p[0] < 0 ? p[0] + length : p[0];
}

Result<std::span<const Value>> items_of(Context& c) {
  if (c.value(0).kind != Value::Kind::sequence) return malformed("expected a sequence");
  return c.value(0).list();
}

std::int64_t length_of(std::span<const Value> items) {
  return static_cast<std::int64_t>(items.size());
}

// Elements [start, start+length) of x along `axis`.
Result<Tensor> part_of(const Tensor& x, int axis, std::int64_t start, std::int64_t length) {
  Shape shape = x.shape();
  const std::int64_t outer = shape.count(0, axis);
  const std::int64_t inner = shape.count(axis + 1, shape.rank());
  const std::int64_t row = shape[axis] * inner;
  shape[axis] = length;
  ASSIGN(Tensor out, Tensor::make_uninitialized(x.dtype(), std::move(shape)));
  visit_storage(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto from = x.values<T>();
    auto to = out.mutable_values<T>();
    for (std::int64_t o = 0; o < outer; ++o)
      std::copy_n(from.begin() + o * row + start * inner, length * inner,
                  to.begin() + o * length * inner);
  });
  return out;
}

// How long each part of an axis of `extent` is.
Result<std::vector<std::int64_t>> part_lengths(Context& c, std::int64_t extent) {
  if (!c.has(1)) {
    TRY(c.charge(extent / kItemsAStep));
    return std::vector<std::int64_t>(static_cast<std::size_t>(extent), 1);
  }
  ASSIGN(std::vector<std::int64_t> lengths, to_int64s(c.tensor(1)));
  if (c.tensor(1).rank() == 0) {
    const std::int64_t chunk = lengths[0];
    if (chunk < 1) return malformed("parts must have at least length 1");
    const std::int64_t parts = extent / chunk + (extent % chunk != 0 ? 1 : 0);
    TRY(c.charge(parts / kItemsAStep));
    lengths.assign(static_cast<std::size_t>(parts), chunk);
    if (extent % chunk != 0) lengths.back() = extent % chunk;
    return lengths;
  }
  std::int64_t left = extent;
  for (std::int64_t n : lengths) {
    if (n < 0 || n > left) return malformed("the parts do not add up to the axis' length");
    left -= n;
  }
  if (left != 0) return malformed("the parts do not add up to the axis' length");
  return lengths;
}

}  // namespace

Status sequence_make(const SequenceMakeAttributes&, Context& c) {
  std::vector<Value> items;
  for (std::size_t i = 0; i < c.operand_count(); ++i) items.push_back(c.value(i));
  c.set(0, Value::sequence(std::move(items)));
  return {};
}

Status sequence_at(const NoAttributes&, Context& c) {
  ASSIGN(std::span<const Value> items, items_of(c));
  const std::int64_t n = length_of(items);
  ASSIGN(std::int64_t at, position_of(c.tensor(1), -n, n, n - 1));
  c.set(0, items[static_cast<std::size_t>(at)]);
  return {};
}

Status sequence_insert(const NoAttributes&, Context& c) {
  ASSIGN(std::span<const Value> items, items_of(c));
  const std::int64_t n = length_of(items);
  std::int64_t at = n;
  if (c.has(2)) {
    ASSIGN(at, position_of(c.tensor(2), -n, n, n));
  }
  TRY(c.charge(n / kItemsAStep));
  std::vector<Value> out;
  out.reserve(items.size() + 1);
  out.insert(out.end(), items.begin(), items.begin() + at);
  out.push_back(c.value(1));
  out.insert(out.end(), items.begin() + at, items.end());
  c.set(0, Value::sequence(std::move(out)));
  return {};
}

Status sequence_erase(const NoAttributes&, Context& c) {
  ASSIGN(std::span<const Value> items, items_of(c));
  const std::int64_t n = length_of(items);
  if (n == 0) return malformed("nothing can be erased from an empty sequence");
  std::int64_t at = n - 1;
  if (c.has(1)) {
    ASSIGN(at, position_of(c.tensor(1), -n, n, n - 1));
  }
  TRY(c.charge(n / kItemsAStep));
  std::vector<Value> out(items.begin(), items.end());
  out.erase(out.begin() + at);
  c.set(0, Value::sequence(std::move(out)));
  return {};
}

Status sequence_length(const NoAttributes&, Context& c) {
  ASSIGN(std::span<const Value> items, items_of(c));
  c.set(0, Tensor::scalar<std::int64_t>(length_of(items)));
  return {};
}

Status sequence_split(const SequenceSplitAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  if (a.axis < 0 || a.axis >= x.rank()) return malformed("axis out of range");
  ASSIGN(std::vector<std::int64_t> lengths, part_lengths(c, x.shape()[a.axis]));
  TRY(c.hold(static_cast<std::int64_t>(x.byte_size() + lengths.size() * sizeof(Value))));
  std::vector<Value> items;
  std::int64_t start = 0;
  for (std::int64_t n : lengths) {
    ASSIGN(Tensor part, part_of(x, a.axis, start, n));
    start += n;
    if (!a.keep && !c.has(1)) {
      Shape shape = part.shape();
      shape.dims().erase(shape.dims().begin() + a.axis);
      part = part.reshaped(std::move(shape));
    }
    items.emplace_back(std::move(part));
  }
  c.set(0, Value::sequence(std::move(items)));
  return {};
}

Status sequence_join(const SequenceJoinAttributes& a, Context& c) {
  ASSIGN(std::span<const Value> items, items_of(c));
  if (items.empty()) return malformed("an empty sequence cannot be joined");
  std::vector<Tensor> parts;
  for (const Value& v : items) {
    if (!v.is_tensor()) return malformed("only tensors can be joined");
    parts.push_back(v.tensor);
  }
  const Shape first = parts[0].shape();
  ASSIGN(const int axis, normalize_axis(a.axis, first.rank() + (a.new_axis ? 1 : 0)));
  Shape shape = first;
  if (a.new_axis) shape.dims().insert(shape.dims().begin() + axis, 1);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Shape& s = parts[i].shape();
    bool fits = s.rank() == first.rank() && parts[i].dtype() == parts[0].dtype();
    for (int d = 0; fits && d < s.rank(); ++d)
      fits = s[d] == first[d] || (d == axis && !a.new_axis);
    if (!fits)
      return malformed("item " + std::to_string(i) + " of shape " + s.to_string() +
                       " does not fit " + first.to_string());
    if (i == 0) continue;
    const auto extent = checked_add(shape[axis], a.new_axis ? 1 : s[axis]);
    if (!extent) return limit_error("the joined axis is too long");
    shape[axis] = *extent;
  }
  const std::int64_t outer = shape.count(0, axis);
  ASSIGN(Tensor * out, c.make(0, parts[0].dtype(), shape));
  visit_storage(out->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto y = out->mutable_values<T>();
    const std::int64_t row = shape.count(axis, shape.rank());
    std::int64_t offset = 0;
    for (const Tensor& p : parts) {
      const std::int64_t chunk = p.shape().count(axis, p.rank());
      for (std::int64_t o = 0; o < outer; ++o)
        std::copy_n(p.values<T>().begin() + o * chunk, chunk, y.begin() + o * row + offset);
      offset += chunk;
    }
  });
  return {};
}

Status optional_make(const OptionalMakeAttributes&, Context& c) {
  std::vector<Value> items;
  if (c.has(0)) items.push_back(c.value(0));
  c.set(0, Value::optional(std::move(items)));
  return {};
}

Status optional_get(const NoAttributes&, Context& c) {
  const Value& v = c.value(0);
  if (v.kind != Value::Kind::optional) {
    c.set(0, v);
    return {};
  }
  if (v.list().empty()) return malformed("the optional holds no value");
  c.set(0, v.list()[0]);
  return {};
}

Status optional_has(const NoAttributes&, Context& c) {
  const bool has =
      c.has(0) && (c.value(0).kind != Value::Kind::optional || !c.value(0).list().empty());
  c.set(0, Tensor::scalar<bool>(has));
  return {};
}

}  // namespace gossamer::reference
