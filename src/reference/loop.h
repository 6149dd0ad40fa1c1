// Loop: runs a body again and again, carrying values, reading slices and stacking what it gives.
#pragma once

#include <cstdint>
#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct LoopAttributes {
  int carried = 0;  // how many values one iteration hands to the next
  // The body's first inputs are the iteration's number (i64) and the condition (bool), its first
  // output is the condition for going on. Their ranks are 0, or 1 for one-element vectors.
  bool conditional = false;
  int iteration_rank = 0;
  int condition_rank = 0;
  // Scanned operands: the axis that is sliced, and whether from its end.
  std::vector<int> axes;
  std::vector<bool> reversed;
  // Stacked results: where the new axis stands, whether filled from its end, the element type, and
  // the extents of one element as far as they are known (-1), for when there is no iteration.
  std::vector<int> stacked_axes;
  std::vector<bool> stacked_reversed;
  std::vector<DType> stacked_dtypes;
  std::vector<std::vector<std::int64_t>> stacked_extents;

  std::size_t scanned() const { return axes.size(); }
  std::size_t stacked() const { return stacked_dtypes.size(); }
  // Operands before the first captured one.
  std::size_t own_operands() const { return 2 + static_cast<std::size_t>(carried) + scanned(); }

  static constexpr auto kFields =
      std::tuple(field("carried", &LoopAttributes::carried),
                 field("conditional", &LoopAttributes::conditional),
                 field("iteration_rank", &LoopAttributes::iteration_rank),
                 field("condition_rank", &LoopAttributes::condition_rank),
                 field("axes", &LoopAttributes::axes), field("reversed", &LoopAttributes::reversed),
                 field("stacked_axes", &LoopAttributes::stacked_axes),
                 field("stacked_reversed", &LoopAttributes::stacked_reversed),
                 field("stacked_dtypes", &LoopAttributes::stacked_dtypes),
                 field("stacked_extents", &LoopAttributes::stacked_extents));
};

namespace reference {
// operands [trips i64], [cond bool], carried.., scanned.., captured.. -> carried.., stacked..
// Body: [iteration, cond], carried.., slices.., captured.. -> [cond], carried.., elements..
// Without trips there are as many iterations as the scanned axes are long, or, with none, as the
// condition wants.
Status loop(const LoopAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
