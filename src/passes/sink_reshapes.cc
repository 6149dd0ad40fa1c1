// Moves reshapes down past elementwise work, so that it meets the product it follows, and reshapes
// meet other movement. Only where every operand comes reshaped alike or stands along axes that the
// reshape leaves as they are.
#include <algorithm>

#include "passes/copy_steps.h"
#include "passes/passes.h"
#include "passes/pointwise_node.h"
#include "passes/rewriter.h"

namespace gossamer {
namespace {

// The shape before a reshape that nobody else reads, or null.
const DimVector* shape_before(const Rewriter& r, ValueId v) {
  const Node* copy = r.producer(v, kCopy);
  if (!copy || r.reads(v) != 1 || copy->operands.size() != 1) return nullptr;
  const StepList& steps = attributes_of<CopyAttributes>(*copy).steps;
  if (steps.size() != 1 || !std::holds_alternative<ReshapeStep>(steps[0])) return nullptr;
  const Type& t = r.graph().value(copy->operands[0]).type;
  return t.ranked() ? &*t.shape : nullptr;
}

// How many axes at the end two shapes share.
int common_end(const DimVector& a, const DimVector& b) {
  int n = 0;
  const auto from_end = [](const DimVector& s, int i) {
    return s[s.size() - 1 - static_cast<std::size_t>(i)];
  };
  while (n < static_cast<int>(std::min(a.size(), b.size())) && from_end(a, n) == from_end(b, n))
    ++n;
  return n;
}

Result<bool> sink(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive != &kPointwise || node.results.size() != 1) return false;
  const auto& a = attributes_of<PointwiseAttributes>(node);
  const Type& result = r.old().value(node.results[0]).type;
  if (a.has_extent || by_place(a.program) || !result.ranked()) return false;
  std::vector<ValueId> operands = r.operands(id);
  std::optional<DimVector> before;
  StepList steps;
  for (ValueId v : operands) {
    const DimVector* found = shape_before(r, v);
    if (!found || r.graph().value(v).type.shape != result.shape) continue;
    if (before && *before != *found) return false;
    before = *found;
    steps = attributes_of<CopyAttributes>(*r.producer(v, kCopy)).steps;
  }
  if (!before) return false;
  const int fixed = common_end(*before, *result.shape);
  for (ValueId& v : operands) {
    const Type& t = r.graph().value(v).type;
    if (!t.ranked()) return false;
    const bool whole = shape_before(r, v) && *t.shape == *result.shape;
    if (whole)
      v = r.producer(v, kCopy)->operands[0];
    else if (t.rank() > fixed && t.rank() > 0)
      return false;
  }
  if (shape_of(r.graph(), operands) != *before) return false;
  ASSIGN(const std::vector<ValueId> y, r.b().add(kPointwise, node.attributes, operands));
  ASSIGN(const ValueId reshaped, r.b().copy(y[0], steps));
  TRY(r.replace(node.results[0], reshaped));
  return true;
}

}  // namespace

Result<Rewritten> sink_reshapes(const Graph& graph) { return rewrite(graph, sink); }

}  // namespace gossamer
