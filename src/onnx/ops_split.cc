// Split, one slice an output, and Size.
#include <limits>
#include <numeric>

#include "onnx/lowering.h"
#include "reference/cumulate.h"
#include "reference/reduce.h"

namespace gossamer::onnx {
namespace {

// Bounds of the parts: part i is [start[i], end[i]).
struct Parts {
  std::vector<Extent> start, end;
};

Result<Parts> parts_of_sizes(Lowering& l, const std::vector<std::int64_t>& sizes, const Dim& n) {
  Parts out;
  std::int64_t at = 0;
  for (std::int64_t size : sizes) {
    if (size < 0) return l.wrong("a part of " + std::to_string(size));
    out.start.emplace_back(at);
    const std::optional<std::int64_t> next = checked_add(at, size);
    if (!next) return l.wrong("the parts are too long");
    at = *next;
    out.end.emplace_back(at);
  }
  if (n.is_constant() && *n.constant() != at)
    return l.wrong("parts of " + std::to_string(at) + " in all for an axis of " + n.to_string());
  return out;
}

// Chunks of one size, the last of them shorter where it must be.
Result<Parts> equal_parts(Lowering& l, std::size_t count, const Dim& n, int axis,
                          std::vector<ValueId>& args) {
  const auto k = static_cast<std::int64_t>(count);
  Parts out;
  if (n.is_constant()) {
    const std::int64_t total = *n.constant();
    if (l.version() < 18 && total % k != 0)
      return l.wrong("an axis of " + n.to_string() + " has no " + std::to_string(k) +
                     " equal parts");
    const std::int64_t chunk = total / k + (total % k != 0 ? 1 : 0);
    for (std::int64_t i = 0; i < k; ++i) {
      out.start.emplace_back(std::min(i * chunk, total));
      out.end.emplace_back(std::min((i + 1) * chunk, total));
    }
    return out;
  }
  ASSIGN(ValueId extent, l.b().dim_of(l.input(0), axis));
  std::vector<std::int64_t> bounds(count + 1);
  std::iota(bounds.begin(), bounds.end(), 0);
  ASSIGN(ValueId at, l.b().pointwise({extent, l.b().constant_ints(bounds)},
                                     [k](ExpressionBuilder& e, std::span<const Ref> in) {
                                       const Ref up = e.integer(DType::i64, k - 1);
                                       const Ref by = e.integer(DType::i64, k);
                                       return e.mul(in[1], e.div(e.add(in[0], up), by));
                                     }));
  ASSIGN(std::vector<Extent> all, l.extents_of(at, args));
  out.start.assign(all.begin(), all.end() - 1);
  out.end.assign(all.begin() + 1, all.end());
  return out;
}

// Sizes that come at run time: running sums are the bounds.
Result<Parts> parts_at_run_time(Lowering& l, ValueId sizes, std::vector<ValueId>& args) {
  ASSIGN(ValueId wide, l.b().cast(sizes, DType::i64));
  CumulateAttributes a;
  ASSIGN(ValueId ends, l.b().one(kCumulate, a, {wide}));
  a.exclusive = true;
  ASSIGN(ValueId starts, l.b().one(kCumulate, a, {wide}));
  Parts out;
  ASSIGN(out.start, l.extents_of(starts, args));
  ASSIGN(out.end, l.extents_of(ends, args));
  return out;
}

Result<Parts> parts_of(Lowering& l, int axis, std::vector<ValueId>& args) {
  const std::size_t count = l.output_count();
  const Dim n = l.type(0).dim(axis);
  if (l.has_input(1)) {
    if (std::optional<std::vector<std::int64_t>> sizes = l.known_ints(1))
      return parts_of_sizes(l, *sizes, n);
    TRY(l.vector_length(1).status());
    return parts_at_run_time(l, l.input(1), args);
  }
  ASSIGN(auto sizes, l.maybe_ints("split"));
  if (sizes && l.version() < 13) return parts_of_sizes(l, *sizes, n);
  if (l.version() >= 18) {
    ASSIGN(std::int64_t asked, l.int_or("num_outputs", static_cast<std::int64_t>(count)));
    if (asked != static_cast<std::int64_t>(count))
      return l.wrong("attribute 'num_outputs' is " + std::to_string(asked) + " for " +
                     std::to_string(count) + " outputs");
  }
  return equal_parts(l, count, n, axis, args);
}

}  // namespace

Status lower_split(Lowering& l) {
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::int64_t at, l.int_or("axis", 0));
  ASSIGN(int axis, l.axis(at, rank));
  std::vector<ValueId> args;
  ASSIGN(Parts parts, parts_of(l, axis, args));
  if (parts.start.size() != l.output_count())
    return l.wrong(std::to_string(parts.start.size()) + " parts for " +
                   std::to_string(l.output_count()) + " outputs");
  for (std::size_t i = 0; i < l.output_count(); ++i) {
    if (!l.has_output(i)) continue;
    const Dim& n = l.type(0).dim(axis);
    const bool whole = parts.start[i] == Extent(0) && parts.end[i].is_literal() &&
                       n.is_constant() && *n.constant() == parts.end[i].value;
    StepList steps;
    if (!whole) steps.push_back(SliceStep{axis, parts.start[i], parts.end[i], 1});
    std::vector<ValueId> used;
    if (!parts.start[i].is_literal() || !parts.end[i].is_literal()) used = args;
    ASSIGN(ValueId part, l.b().copy(l.input(0), std::move(steps), std::move(used)));
    l.output(i, part);
  }
  return {};
}

Status lower_size(Lowering& l) {
  ASSIGN(ValueId shape, l.b().shape_of(l.input(0)));
  ReduceAttributes a;
  a.op = ReduceOp::prod;
  a.axes = {0};
  return l.output(l.b().one(kReduce, a, {shape}));
}

}  // namespace gossamer::onnx
