// Softmax: exponentials along one axis, scaled to sum to one; or their logarithm.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct SoftmaxAttributes {
  int axis = 0;  // not negative
  bool log = false;
  static constexpr auto kFields =
      std::tuple(field("axis", &SoftmaxAttributes::axis), field("log", &SoftmaxAttributes::log));
};

namespace reference {
// operand x (float, rank >= 1) -> y alike. The maximum is subtracted first; a row of -inf gives
// NaN. Narrow floats in f32.
Status softmax(const SoftmaxAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
