// Refuse: results have the types that it names.
#include "reference/refuse.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const RefuseAttributes& a, InferContext& c) {
  if (a.types.size() != c.result_count()) return malformed("refuse names another number of types");
  for (std::size_t i = 0; i < a.types.size(); ++i) {
    ASSIGN(Type type, Type::parse(a.types[i]));
    c.set(i, std::move(type));
  }
  return {};
}

}  // namespace

constinit const Primitive kRefuse = make_primitive<RefuseAttributes, infer, reference::refuse>(
    "refuse", {0, 0, 1, kAnyNumber}, kVaries | kOpaque);

}  // namespace gossamer
