// Gather: picks elements or slices of x by indices.
//
// operands x (any dtype but string), indices (i32 or i64; a negative one counts from the end) -> y
// of x's dtype. Fast where what is taken is contiguous in x and in y, as rows of an embedding are.
#pragma once

#include <span>
#include <string_view>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

// take: whole slices along `axis`; the indices' extents stand where that axis was.
// along: indices have x's rank; one element each, on `axis`.
// nd: the last axis of the indices holds coordinates of elements or slices, after `batch` axes that
// both share.
enum class GatherMode : std::uint8_t { take, along, nd };
std::span<const std::string_view> enum_names(GatherMode);

struct GatherStep {
  GatherMode mode = GatherMode::take;
  int axis = 0;   // take, along; not negative
  int batch = 0;  // nd
  static constexpr auto kFields =
      std::tuple(field("mode", &GatherStep::mode), field("axis", &GatherStep::axis),
                 field("batch", &GatherStep::batch));
};

// Prepared::verify fails with malformed when an index is out of range. Fails with internal on
// operands that contradict the step, and with unsupported on strings.
Result<PreparedPtr> prepare(const GatherStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
