// Checks of operands, as signatures are made of.
#include "reference/expect.h"

#include "reference/numbers.h"

namespace gossamer::reference {
namespace {

Status wrong(const Context& c, std::size_t i, std::string_view what, std::string_view wanted) {
  return malformed(std::string(what) + " (operand " + std::to_string(i) + ") must be " +
                   std::string(wanted) + ", but is " +
                   std::string(dtype_name(c.tensor(i).dtype())) + c.tensor(i).shape().to_string());
}

}  // namespace

Status expect_arity(const Context& c, const Arity& arity) {
  const std::size_t operands = c.operand_count(), results = c.result_count();
  if (operands < arity.min_operands || operands > arity.max_operands)
    return malformed("it cannot take " + std::to_string(operands) + " operands");
  if (results < arity.min_results || results > arity.max_results)
    return malformed("it cannot give " + std::to_string(results) + " results");
  return {};
}

Status expect_tensor(const Context& c, std::size_t i, std::string_view what, int min_rank,
                     int max_rank) {
  if (!c.has(i))
    return malformed(std::string(what) + " (operand " + std::to_string(i) + ") is missing");
  if (!c.value(i).is_tensor())
    return malformed(std::string(what) + " (operand " + std::to_string(i) + ") is no tensor");
  if (c.tensor(i).rank() < min_rank || c.tensor(i).rank() > max_rank)
    return wrong(c, i, what, "of another rank");
  return {};
}

Status expect_dtype(const Context& c, std::size_t i, std::string_view what, DType dtype) {
  TRY(expect_tensor(c, i, what));
  return c.tensor(i).dtype() == dtype ? Status() : wrong(c, i, what, dtype_name(dtype));
}

Status expect_index(const Context& c, std::size_t i, std::string_view what) {
  TRY(expect_tensor(c, i, what));
  const DType d = c.tensor(i).dtype();
  return d == DType::i32 || d == DType::i64 ? Status() : wrong(c, i, what, "i32 or i64");
}

Status expect_float(const Context& c, std::size_t i, std::string_view what) {
  TRY(expect_tensor(c, i, what));
  return is_arithmetic_float(c.tensor(i).dtype()) ? Status() : wrong(c, i, what, "of floats");
}

Status expect_number(const Context& c, std::size_t i, std::string_view what) {
  TRY(expect_tensor(c, i, what));
  return is_number(c.tensor(i).dtype()) ? Status() : wrong(c, i, what, "of numbers");
}

Status expect_present(const Context& c, std::size_t first) {
  for (std::size_t i = first; i < c.operand_count(); ++i)
    if (!c.has(i)) return malformed("operand " + std::to_string(i) + " is missing");
  return {};
}

Status expect_sequence(const Context& c) {
  if (c.has(0) && c.value(0).kind == Value::Kind::sequence) return {};
  return malformed("it takes a sequence");
}

Status expect_axis(const Context& c, int axis) {
  if (axis >= 0 && axis < c.tensor(0).rank()) return {};
  return malformed("axis " + std::to_string(axis) + " is out of range");
}

}  // namespace gossamer::reference
