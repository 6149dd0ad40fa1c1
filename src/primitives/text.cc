// Text, TextSplit, TextNormalize: shapes by broadcasting; parts and what is left are known while
// running only.
#include "reference/text.h"

#include "primitives/primitives.h"
#include "reference/text_normalize.h"
#include "reference/text_split.h"

namespace gossamer {
namespace {

struct Signature {
  std::vector<DType> operands;
  DType result;
};

Signature signature(const TextAttributes& a, const InferContext& c) {
  constexpr DType kText = DType::string, kBool = DType::boolean;
  switch (a.op) {
    case TextOp::concat:
      return {{kText, kText}, kText};
    case TextOp::equal:
      return {{kText, kText}, kBool};
    case TextOp::select:
      return {{kBool, kText, kText}, kText};
    case TextOp::match:
      return {{kText}, kBool};
    case TextOp::parse:
      return {{kText}, a.dtype};
    case TextOp::format:
      return {{c.type(0).dtype}, kText};
  }
  return {{}, kText};
}

Status infer_text(const TextAttributes& a, InferContext& c) {
  TRY(c.expect_tensor(0, "input"));
  const Signature s = signature(a, c);
  if (c.operand_count() != s.operands.size())
    return malformed("expected " + std::to_string(s.operands.size()) + " operands");
  if (a.op == TextOp::match) TRY(reference::check_pattern(a.pattern));
  std::optional<DimVector> shape = DimVector{};
  for (std::size_t i = 0; i < s.operands.size(); ++i) {
    TRY(c.expect_dtype(i, "input " + std::to_string(i), s.operands[i]));
    if (!c.type(i).shape) shape.reset();
    if (!shape) continue;
    ASSIGN(shape, broadcast(*shape, *c.type(i).shape));
  }
  c.set(0, Type::tensor(s.result, std::move(shape)));
  return {};
}

Status infer_split(const TextSplitAttributes& a, InferContext& c) {
  TRY(c.expect_dtype(0, "input", DType::string));
  if (a.limit < 0) return malformed("the limit of cuts must not be negative");
  std::optional<DimVector> shape = c.type(0).shape;
  c.set(1, Type::tensor(DType::i64, shape));
  if (shape) shape->push_back(c.fresh());
  c.set(0, Type::tensor(DType::string, std::move(shape)));
  return {};
}

Status infer_normalize(const TextNormalizeAttributes&, InferContext& c) {
  TRY(c.expect_dtype(0, "input", DType::string));
  std::optional<DimVector> shape = c.type(0).shape;
  if (shape) {
    TRY(c.expect_ranked(0, "input", 1, 2));
    shape->back() = c.fresh();
  }
  c.set(0, Type::tensor(DType::string, std::move(shape)));
  return {};
}

}  // namespace

constinit const Primitive kText = make_primitive<TextAttributes, infer_text, reference::text>(
    "text", {.min_operands = 1, .max_operands = 3}, kOpaque);
constinit const Primitive kTextSplit =
    make_primitive<TextSplitAttributes, infer_split, reference::text_split>(
        "text_split", {.min_results = 2, .max_results = 2}, kLateExtents | kOpaque);
constinit const Primitive kTextNormalize =
    make_primitive<TextNormalizeAttributes, infer_normalize, reference::text_normalize>(
        "text_normalize", {}, kLateExtents | kOpaque);

}  // namespace gossamer
