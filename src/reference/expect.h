// What checks of operands say in one line each. They fail with malformed and name the operand.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "base/context.h"

namespace gossamer::reference {

inline constexpr std::size_t kAnyCount = std::numeric_limits<std::size_t>::max();

struct Arity {
  std::size_t min_operands = 1, max_operands = 1, min_results = 1, max_results = 1;
};

Status expect_arity(const Context& c, const Arity& arity);
// Operand i is there, and is a tensor of a rank within the bounds.
Status expect_tensor(const Context& c, std::size_t i, std::string_view what, int min_rank = 0,
                     int max_rank = kMaxRank);
Status expect_dtype(const Context& c, std::size_t i, std::string_view what, DType dtype);
// i32 or i64.
Status expect_index(const Context& c, std::size_t i, std::string_view what);
Status expect_float(const Context& c, std::size_t i, std::string_view what);
// An integer of 8 bits and more, or a float.
Status expect_number(const Context& c, std::size_t i, std::string_view what);
// A list of operands is complete, from `first` on.
Status expect_present(const Context& c, std::size_t first);
Status expect_sequence(const Context& c);
Status expect_axis(const Context& c, int axis);

}  // namespace gossamer::reference
