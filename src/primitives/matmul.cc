// MatMul: shape rule and cost.
#include "reference/matmul.h"

#include "primitives/primitives.h"
#include "reference/accumulate.h"

namespace gossamer {
namespace {

// Rows and depth, or depth and columns, of a ranked operand; a vector lacks the other one.
struct Matrix {
  DimVector batch;
  std::optional<Dim> free;
  Dim depth;
};

Matrix matrix_of(const Type& t, bool transposed, bool left) {
  const DimVector& s = *t.shape;
  if (s.size() == 1) return {{}, std::nullopt, s[0]};
  Dim first = s[s.size() - 2], second = s.back();
  if (transposed) std::swap(first, second);
  DimVector batch(s.begin(), s.end() - 2);
  if (left) return {std::move(batch), first, second};
  return {std::move(batch), second, first};
}

Status infer(const MatMulAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "a"));
  TRY(c.expect_tensor(1, "b"));
  ASSIGN(const DType dtype, reference::product_dtype(c.type(0).dtype, c.type(1).dtype, a.wide));
  if (c.has(2)) TRY(c.expect_dtype(2, "a_zero", c.type(0).dtype));
  if (c.has(3)) TRY(c.expect_dtype(3, "b_zero", c.type(1).dtype));
  if ((c.has(2) || c.has(3)) && dtype != DType::i32)
    return malformed("zero points on " + std::string(dtype_name(c.type(0).dtype)));
  if (!c.type(0).ranked() || !c.type(1).ranked()) {
    c.set(0, Type::tensor(dtype, std::nullopt));
    return {};
  }
  TRY(c.expect_ranked(0, "a", a.trans_a ? 2 : 1));
  TRY(c.expect_ranked(1, "b", a.trans_b ? 2 : 1));
  const Matrix left = matrix_of(c.type(0), a.trans_a, true);
  const Matrix right = matrix_of(c.type(1), a.trans_b, false);
  if (left.depth.is_constant() && right.depth.is_constant() && !(left.depth == right.depth))
    return malformed("operands " + c.type(0).to_string() + " and " + c.type(1).to_string() +
                     " do not fit");
  ASSIGN(DimVector shape, broadcast(left.batch, right.batch));
  if (left.free) shape.push_back(*left.free);
  if (right.free) shape.push_back(*right.free);
  c.set(0, dtype, std::move(shape));
  return {};
}

Dim macs(const MatMulAttributes& a, const InferContext& c) {
  if (!c.result(0).ranked() || !c.type(0).ranked()) return 0;
  return c.result(0).element_count() * matrix_of(c.type(0), a.trans_a, true).depth;
}

}  // namespace

constinit const Primitive kMatMul =
    make_primitive<MatMulAttributes, infer, reference::matmul, macs>(
        "matmul", {.min_operands = 2, .max_operands = 4});

}  // namespace gossamer
