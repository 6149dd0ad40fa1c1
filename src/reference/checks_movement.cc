// What elementwise programs, movement, indexing and sampling take.
#include "reference/checks.h"
#include "reference/expect.h"

namespace gossamer::reference {

Status check_pointwise(const PointwiseAttributes& a, const Context& c) {
  TRY(expect_arity(c, {0, kAnyCount, 1, kAnyCount}));
  if (c.result_count() != a.program.results.size())
    return malformed("its program gives " + std::to_string(a.program.results.size()) + " results");
  return {};  // types are compared with the program's by the code itself
}

Status check_copy(const CopyAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, kAnyCount}));
  if (a.steps.empty()) return c.has(0) ? Status() : malformed("the input is missing");
  TRY(expect_tensor(c, 0, "the input"));
  for (std::size_t i = 1; i < c.operand_count(); ++i)
    if (c.has(i)) TRY(expect_tensor(c, i, "an extent"));
  return {};
}

Status check_concat(const ConcatAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, kAnyCount}));
  TRY(expect_tensor(c, 0, "an input", 1));
  TRY(expect_axis(c, a.axis));
  std::int64_t extent = 0;
  for (std::size_t i = 0; i < c.operand_count(); ++i) {
    TRY(expect_dtype(c, i, "an input", c.tensor(0).dtype()));
    if (a.axis >= c.tensor(i).rank()) return malformed("inputs differ in rank");
    const auto sum = checked_add(extent, c.tensor(i).shape()[a.axis]);
    if (!sum) return limit_error("the joined axis is too long");
    extent = *sum;
  }
  return {};
}

Status check_shape(const ShapeAttributes&, const Context& c) {
  TRY(expect_arity(c, {}));
  return expect_tensor(c, 0, "the input");
}

Status check_gather(const GatherAttributes& a, const Context& c) {
  TRY(expect_arity(c, {2, 2}));
  TRY(expect_tensor(c, 0, "the data"));
  TRY(expect_index(c, 1, "the indices"));
  if (a.mode == GatherMode::nd) return a.batch >= 0 ? Status() : malformed("batch is negative");
  return expect_axis(c, a.axis);
}

Status check_scatter(const ScatterAttributes& a, const Context& c) {
  TRY(expect_arity(c, {3, 3}));
  TRY(expect_tensor(c, 0, "the data"));
  TRY(expect_index(c, 1, "the indices"));
  TRY(expect_dtype(c, 2, "the updates", c.tensor(0).dtype()));
  if (a.combine != ScatterCombine::none && c.tensor(0).dtype() != DType::boolean)
    TRY(expect_number(c, 0, "the data"));
  return a.mode == ScatterMode::along ? expect_axis(c, a.axis) : Status();
}

Status check_resize(const ResizeAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, 4}));
  TRY(expect_tensor(c, 0, "x"));
  if (a.mode != ResizeMode::nearest) TRY(expect_number(c, 0, "x"));
  if (c.has(1)) TRY(expect_dtype(c, 1, "the scales", DType::f32));
  if (c.has(2)) TRY(expect_dtype(c, 2, "the sizes", DType::i64));
  if (c.has(3)) TRY(expect_float(c, 3, "the region of interest"));
  std::vector<bool> seen(static_cast<std::size_t>(c.tensor(0).rank()), false);
  for (const int axis : a.axes) {
    TRY(expect_axis(c, axis));
    if (seen[static_cast<std::size_t>(axis)]) return malformed("an axis comes twice");
    seen[static_cast<std::size_t>(axis)] = true;
  }
  return {};
}

Status check_sample(const SampleAttributes& a, const Context& c) {
  TRY(expect_arity(c, {2, 2}));
  TRY(expect_tensor(c, 0, "x", 3));
  if (a.mode != SampleMode::nearest) TRY(expect_number(c, 0, "x"));
  TRY(expect_tensor(c, 1, "the points", 2));
  const DType at = c.tensor(1).dtype();
  if (at != DType::f32 && at != DType::f64) return malformed("points must be f32 or f64");
  return {};
}

Status check_roi_pool(const RoiPoolAttributes& a, const Context& c) {
  TRY(expect_arity(c, {3, 3}));
  TRY(expect_tensor(c, 0, "x", 4, 4));
  TRY(expect_float(c, 0, "x"));
  TRY(expect_dtype(c, 1, "the regions", c.tensor(0).dtype()));
  TRY(expect_dtype(c, 2, "the batch", DType::i64));
  if (a.height < 1 || a.width < 1 || a.sampling < 0 || a.sampling > 1 << 14)
    return malformed("a result of " + std::to_string(a.height) + " by " + std::to_string(a.width) +
                     " with " + std::to_string(a.sampling) + " samples");
  return {};
}

Status check_non_max_suppression(const NonMaxSuppressionAttributes&, const Context& c) {
  TRY(expect_arity(c, {2, 5}));
  TRY(expect_dtype(c, 0, "the boxes", DType::f32));
  TRY(expect_dtype(c, 1, "the scores", DType::f32));
  if (c.has(2)) TRY(expect_dtype(c, 2, "the limit", DType::i64));
  if (c.has(3)) TRY(expect_dtype(c, 3, "iou", DType::f32));
  if (c.has(4)) TRY(expect_dtype(c, 4, "the least score", DType::f32));
  return {};
}

Status check_non_zero(const NonZeroAttributes&, const Context& c) {
  TRY(expect_arity(c, {}));
  return expect_tensor(c, 0, "the input");
}

Status check_top_k(const TopKAttributes& a, const Context& c) {
  TRY(expect_arity(c, {2, 2, 1, 2}));
  TRY(expect_number(c, 0, "the input"));
  TRY(expect_dtype(c, 1, "k", DType::i64));
  return expect_axis(c, a.axis);
}

Status check_unique(const UniqueAttributes& a, const Context& c) {
  TRY(expect_arity(c, {1, 1, 1, 4}));
  TRY(expect_tensor(c, 0, "the input"));
  return a.axis < 0 ? Status() : expect_axis(c, a.axis);
}

Status check_random(const RandomAttributes& a, const Context& c) {
  TRY(expect_arity(c, {}));
  TRY(expect_dtype(c, 0, "the extent", DType::i64));
  if (a.dtype != DType::f32 && a.dtype != DType::f64)
    return malformed("random numbers are f32 or f64");
  for (const std::int64_t n : c.tensor(0).values<std::int64_t>())
    if (n < 0) return malformed("an extent is negative");
  return {};
}

}  // namespace gossamer::reference
