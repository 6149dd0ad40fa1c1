// The Builder's spellings of movement: each is one Copy, Concat or Shape, or nothing at all where
// the values would come out as they went in.
#include <algorithm>
#include <limits>

#include "primitives/builder.h"
#include "reference/concat.h"
#include "reference/scatter.h"
#include "reference/shape.h"

namespace gossamer {
namespace {

Status need_rank(const Type& type) {
  if (type.ranked()) return {};
  return unsupported("the rank of a tensor must be known here",
                     "give the shapes of the model's inputs");
}

Status check_axes(const std::vector<int>& axes, int rank) {
  for (int axis : axes)
    if (axis < 0 || axis >= rank)
      return malformed("axis " + std::to_string(axis) + " of a tensor of rank " +
                       std::to_string(rank));
  return {};
}

bool contains(const std::vector<int>& axes, int axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

// Whether the entries give back what they are given.
bool keeps_everything(const std::vector<ReshapeEntry>& dims, const Type& type) {
  if (!type.ranked() || dims.size() != type.shape->size()) return false;
  int inferred = 0;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const ReshapeEntry& e = dims[i];
    const auto axis = static_cast<int>(i);
    const bool same_number = e.kind == ReshapeEntry::Kind::extent && e.extent.is_literal() &&
                             type.dim(axis) == Dim(e.extent.value);
    const bool kept = e.kind == ReshapeEntry::Kind::keep && e.first == axis;
    if (e.kind == ReshapeEntry::Kind::infer)
      ++inferred;
    else if (!same_number && !kept)
      return false;
  }
  return inferred <= 1;
}

}  // namespace

Result<ValueId> Builder::copy(ValueId x, StepList steps, std::vector<ValueId> args) {
  if (steps.empty()) return x;
  std::vector<ValueId> operands = std::move(args);
  operands.insert(operands.begin(), x);
  return one(kCopy, CopyAttributes{std::move(steps)}, std::move(operands));
}

Result<ValueId> Builder::transpose(ValueId x, std::vector<int> perm) {
  bool identity = true;
  for (std::size_t i = 0; i < perm.size(); ++i)
    identity = identity && perm[i] == static_cast<int>(i);
  if (identity && ranked(x) && perm.size() == type(x).shape->size()) return x;
  return copy(x, {PermuteStep{std::move(perm)}});
}

Result<ValueId> Builder::reshape(ValueId x, std::vector<ReshapeEntry> dims) {
  if (keeps_everything(dims, type(x))) return x;
  return copy(x, {ReshapeStep{std::move(dims)}});
}

Result<ValueId> Builder::reshape_to(ValueId x, const std::vector<std::int64_t>& dims) {
  std::vector<ReshapeEntry> entries;
  for (std::int64_t d : dims)
    entries.push_back(d == -1 ? ReshapeEntry::infer() : ReshapeEntry::of(d));
  return reshape(x, std::move(entries));
}

Result<ValueId> Builder::unsqueeze(ValueId x, std::vector<int> axes) {
  if (axes.empty()) return x;
  TRY(need_rank(type(x)));
  const int out_rank = rank(x) + static_cast<int>(axes.size());
  TRY(check_axes(axes, out_rank));
  std::vector<ReshapeEntry> dims;
  int next = 0;
  for (int i = 0; i < out_rank; ++i)
    dims.push_back(contains(axes, i) ? ReshapeEntry::of(1) : ReshapeEntry::keep(next++));
  if (next != rank(x)) return malformed("an axis to insert comes twice");
  return reshape(x, std::move(dims));
}

Result<ValueId> Builder::squeeze(ValueId x, std::vector<int> axes) {
  if (axes.empty()) return x;
  TRY(need_rank(type(x)));
  TRY(check_axes(axes, rank(x)));
  std::vector<ReshapeEntry> dims;
  for (int i = 0; i < rank(x); ++i) {
    const Dim& d = type(x).dim(i);
    if (!contains(axes, i))
      dims.push_back(ReshapeEntry::keep(i));
    else if (d.is_constant() && !(d == Dim(1)))
      return malformed("cannot squeeze axis " + std::to_string(i) + " of extent " + d.to_string());
  }
  return reshape(x, std::move(dims));
}

Result<ValueId> Builder::slice(ValueId x, int axis, Extent start, Extent end, std::int64_t stride) {
  if (!start.is_literal() || !end.is_literal())
    return internal_error("a slice by operands is a copy with arguments");
  if (stride == 1 && start == Extent(0) && ranked(x) && axis >= 0 && axis < rank(x)) {
    const Dim& n = type(x).dim(axis);
    const bool to_the_end = end.value == std::numeric_limits<std::int64_t>::max() ||
                            (n.is_constant() && *n.constant() <= end.value);
    if (to_the_end) return x;
  }
  return copy(x, {SliceStep{axis, start, end, stride}});
}

Result<ValueId> Builder::expand(ValueId x, ValueId shape) {
  const Type& t = type(shape);
  const std::optional<std::int64_t> length =
      t.ranked() && t.rank() == 1 ? t.dim(0).constant() : std::nullopt;
  if (!length) return unsupported("the length of a shape to expand to must be known");
  if (*length > kMaxRank) return limit_error("more than 32 axes");
  const std::optional<DimVector> known_dims = contents(shape);
  ExpandStep step;
  bool literal = true;
  for (int i = 0; i < *length; ++i) {
    std::optional<std::int64_t> d;
    if (known_dims) d = (*known_dims)[static_cast<std::size_t>(i)].constant();
    literal = literal && d.has_value();
    step.dims.push_back(d ? Extent(*d) : Extent::from_operand(1, i));
  }
  // Expanding to the shape that x has already leaves it alone.
  if (known_dims && ranked(x) && known_dims->size() <= type(x).shape->size()) {
    const std::size_t lead = type(x).shape->size() - known_dims->size();
    bool same = true;
    for (std::size_t i = 0; i < known_dims->size(); ++i) {
      const Dim& d = (*known_dims)[i];
      same = same && (d == (*type(x).shape)[lead + i] || d == Dim(1));
    }
    if (same) return x;
  }
  std::vector<ValueId> args;
  if (!literal) args.push_back(shape);
  return copy(x, {std::move(step)}, std::move(args));
}

Result<ValueId> Builder::concat(std::vector<ValueId> xs, int axis) {
  if (xs.size() == 1) return xs[0];
  return one(kConcat, ConcatAttributes{axis}, std::move(xs));
}

Result<ValueId> Builder::scatter_nd(ValueId data, ValueId indices, ValueId updates) {
  ScatterAttributes a;
  a.mode = ScatterMode::nd;
  return one(kScatter, a, {data, indices, updates});
}

Result<ValueId> Builder::shape_of(ValueId x, int start, std::optional<int> end) {
  ShapeAttributes a;
  a.start = start;
  if (end) a.end = *end;
  return one(kShape, a, {x});
}

Result<ValueId> Builder::dim_of(ValueId x, int axis) { return shape_of(x, axis, axis + 1); }

}  // namespace gossamer
