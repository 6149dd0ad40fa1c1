// Comparing an answer with what was expected, as the standard's own test runner judges it.
#pragma once

#include <optional>
#include <string>

#include "base/tensor.h"

namespace gossamer {

struct Tolerance {
  double rtol = 1e-3;
  double atol = 1e-7;
};

// Nothing when `actual` is what was expected: same kind, dtype and shape, and for every element
// |actual - expected| <= atol + rtol * |expected| (floats; NaN equals NaN, infinities by sign) or
// equality (the rest). bf16 gets rtol of at least 2^-6. Otherwise says what differs, where, and by
// how much.
std::optional<std::string> difference(const Value& actual, const Value& expected,
                                      const Tolerance& tolerance);

// The same, but only kind, dtype and shape, and that floats are finite: for answers that are random
// by design.
std::optional<std::string> difference_in_type(const Value& actual, const Value& expected);

}  // namespace gossamer
