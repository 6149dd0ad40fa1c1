// NonMaxSuppression: the best boxes of each class that do not overlap too much.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct NonMaxSuppressionAttributes {
  bool center = false;  // boxes are (x, y, width, height) about their center, not two corners
  static constexpr auto kFields = std::tuple(field("center", &NonMaxSuppressionAttributes::center));
};

namespace reference {
// operands boxes[B,n,4], scores[B,C,n] (f32), [max i64], [iou f32], [score f32], each one number
// (absent: 0, 0, none) -> i64[k,3]: batch, class, box; by batch, class and falling score, the lower
// box first among equals. A box needs score > `score`; it is dropped when its intersection over
// union with a chosen one exceeds `iou`.
Status non_max_suppression(const NonMaxSuppressionAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
