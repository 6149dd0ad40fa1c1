// Normalize: rows brought to mean 0 and variance 1, then scaled and shifted.
#pragma once

#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct NormalizeAttributes {
  std::vector<int> axes;    // what a row spans: not negative, ascending
  std::int64_t groups = 0;  // > 0: rows are instead axis 1, cut in so many parts, and all after it
  bool center = true;       // false: the mean counts as 0
  float epsilon = 1e-5F;
  DType acc = DType::f32;  // of the statistics; f16 and bf16 are computed in f32
  static constexpr auto kFields = std::tuple(
      field("axes", &NormalizeAttributes::axes), field("groups", &NormalizeAttributes::groups),
      field("center", &NormalizeAttributes::center),
      field("epsilon", &NormalizeAttributes::epsilon), field("acc", &NormalizeAttributes::acc));
};

namespace reference {
// operands x (float), [scale], [bias] (of x's dtype, broadcast to x's shape) -> y of x's type,
// [mean], [inv_std] of dtype acc and x's shape with the normalized axes 1 (groups: [n,groups,1..]).
// (x-mean)/sqrt(variance+epsilon) in acc, rounded to x's dtype; then *scale+bias, rounded once.
Status normalize(const NormalizeAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
