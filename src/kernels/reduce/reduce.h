// Reduce: one number from all elements along chosen axes.
#pragma once

#include <tuple>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

enum class ReduceOp : std::uint8_t { sum, mean, prod, max, min, logsumexp };
std::span<const std::string_view> enum_names(ReduceOp);

// x -> y of x's dtype: f32, f16, bf16 (computed in f32, rounded once), i64, i32 (sums and products
// wrap; mean and logsumexp are for floats). y has x's rank, and extent 1 on the reduced axes. An
// empty set gives the neutral element: 0, NaN (mean), 1, the least, the greatest value, -inf. NaN
// wins in max and min. Sums are formed in blocks: errors grow as with pairwise sums.
struct ReduceStep {
  ReduceOp op = ReduceOp::sum;
  std::vector<std::int64_t> axes;  // distinct
  static constexpr auto kFields =
      std::tuple(field("op", &ReduceStep::op), field("axes", &ReduceStep::axes));
};
// Whether there is a kernel; the rest runs on the reference.
bool reducible(ReduceOp op, DType dtype);
Result<PreparedPtr> prepare(const ReduceStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
