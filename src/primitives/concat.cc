// Concat: joins along an existing axis. Shape arithmetic passes through it.
#include "reference/concat.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const ConcatAttributes& a, InferContext& c) {
  DimVector shape;
  DimVector contents;
  bool contents_known = true;
  for (std::size_t i = 0; i < c.operand_count(); ++i) {
    TRY(c.expect_ranked(i, "input", 1));
    TRY(c.expect_dtype(i, "input", c.type(0).dtype));
    const DimVector& s = *c.type(i).shape;
    if (i == 0) {
      if (a.axis < 0 || a.axis >= c.type(0).rank()) return malformed("axis out of range");
      shape = s;
    } else {
      if (s.size() != shape.size()) return malformed("inputs differ in rank");
      for (std::size_t d = 0; d < s.size(); ++d) {
        if (static_cast<int>(d) == a.axis) {
          shape[d] = shape[d] + s[d];
        } else if (shape[d].is_constant() && s[d].is_constant() && !(shape[d] == s[d])) {
          return malformed("inputs have extents " + shape[d].to_string() + " and " +
                           s[d].to_string() + " on axis " + std::to_string(d));
        } else if (s[d].is_constant()) {
          shape[d] = s[d];
        }
      }
    }
    std::optional<DimVector> part = c.contents(i);
    contents_known = contents_known && part && s.size() == 1;
    if (contents_known) contents.insert(contents.end(), part->begin(), part->end());
  }
  c.set(0, c.type(0).dtype, std::move(shape));
  if (contents_known) c.set_contents(0, std::move(contents));
  return {};
}

}  // namespace

constinit const Primitive kConcat = make_primitive<ConcatAttributes, infer, reference::concat>(
    "concat", {.min_operands = 1, .max_operands = kAnyNumber}, kMovement);

}  // namespace gossamer
