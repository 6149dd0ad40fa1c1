// Sample: interpolation of planes at given points.
#pragma once

#include <span>
#include <string_view>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class SampleMode : std::uint8_t { nearest, linear, cubic };
std::span<const std::string_view> enum_names(SampleMode);
// What lies outside: zero, the border's pixels, or the plane reflected.
enum class SampleOutside : std::uint8_t { zero, border, reflect };
std::span<const std::string_view> enum_names(SampleOutside);

struct SampleAttributes {
  SampleMode mode = SampleMode::linear;
  SampleOutside outside = SampleOutside::zero;
  // The plane ends at the centers of its border pixels (0 .. n-1), not at their edges (-0.5 ..
  // n-0.5): where border and reflect begin.
  bool centers = false;
  static constexpr auto kFields = std::tuple(field("mode", &SampleAttributes::mode),
                                             field("outside", &SampleAttributes::outside),
                                             field("centers", &SampleAttributes::centers));
};

namespace reference {
// operands x[N,C,d1..dr], at[N,o..,r] (f32 or f64: coordinates in pixels, in the order of the axes)
// -> y[N,C,o..]. nearest takes any dtype and rounds halves to even; linear and cubic take numbers,
// weigh in f64 and round once (integers: towards zero, saturating). A point that is no number reads
// nothing (zero) or pixel 0.
Status sample(const SampleAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
