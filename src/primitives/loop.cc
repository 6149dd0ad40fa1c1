// Loop: carried results keep the extents that an iteration keeps; stacked ones get an axis as long
// as there are iterations, where that is known.
#include "reference/loop.h"

#include "primitives/bodies.h"
#include "primitives/primitives.h"

namespace gossamer {
namespace {

// What is known to take longer than this is refused before it is run.
constexpr std::int64_t kMaxIterations = std::int64_t{1} << 24;

// Where the parts of operands and of the body's inputs and outputs begin.
struct Layout {
  explicit Layout(const LoopAttributes& a)
      : carried(static_cast<std::size_t>(a.carried)), scanned(a.scanned()), stacked(a.stacked()) {
    own_inputs = a.conditional ? 2 : 0;
    own_outputs = a.conditional ? 1 : 0;
  }
  std::size_t carried, scanned, stacked, own_inputs, own_outputs;
  std::size_t scanned_operand() const { return 2 + carried; }
  std::size_t captured_operand() const { return scanned_operand() + scanned; }
  std::size_t captured_input() const { return own_inputs + carried + scanned; }
};

Status check(const LoopAttributes& a, const InferContext& c) {
  if (a.carried < 0 || a.reversed.size() != a.scanned() || a.stacked_axes.size() != a.stacked() ||
      a.stacked_reversed.size() != a.stacked() || a.stacked_extents.size() != a.stacked())
    return malformed("the loop's attributes do not fit each other");
  for (int rank : {a.iteration_rank, a.condition_rank})
    if (rank < 0 || rank > 1) return malformed("iteration and condition have rank 0 or 1");
  const Layout at(a);
  if (c.operand_count() < at.captured_operand()) return malformed("operands are missing");
  if (c.result_count() != at.carried + at.stacked) return malformed("results do not fit");
  for (std::size_t i = 2; i < at.captured_operand(); ++i)
    if (!c.has(i)) return malformed("operand " + std::to_string(i) + " is missing");
  if (c.has(0)) TRY(c.expect_dtype(0, "the trip count", DType::i64));
  if (c.has(1)) TRY(c.expect_dtype(1, "the condition", DType::boolean));
  if (c.bodies().size() != 1 || !c.bodies()[0]) return malformed("a loop has one body");
  const Graph& body = *c.bodies()[0];
  if (body.outputs.size() != at.own_outputs + at.carried + at.stacked)
    return malformed("the body gives " + std::to_string(body.outputs.size()) + " results");
  return check_captures(body, at.captured_input(), c, at.captured_operand());
}

// The result of carrying: `start` comes in at first, the body takes `taken` and gives `given`.
Result<Type> carried_type(const Type& start, const Type& taken, const Type& given,
                          const InferContext& c) {
  if (!accepts(taken, start) || !accepts(taken, given))
    return malformed("a carried value of type " + start.to_string() + " becomes " +
                     given.to_string() + ", where the body takes " + taken.to_string());
  Type out = start;
  if (!start.is_tensor()) {
    out.element = nullptr;
    if (start.element && taken.element && given.element) {
      ASSIGN(Type element, carried_type(*start.element, *taken.element, *given.element, c));
      out.element = std::make_shared<const Type>(std::move(element));
    }
    return out;
  }
  if (!start.shape || !taken.shape || !given.shape) {
    out.shape.reset();
    return out;
  }
  for (std::size_t d = 0; d < out.shape->size(); ++d)
    if (!((*taken.shape)[d] == (*start.shape)[d] && (*given.shape)[d] == (*start.shape)[d]))
      (*out.shape)[d] = c.fresh();
  return out;
}

// Whether nothing but the trip count can end the loop.
bool runs_to_the_end(const LoopAttributes& a, const InferContext& c) {
  if (!a.conditional) return true;
  if (c.has(1)) {
    const std::optional<DimVector> condition = c.contents(1);
    if (!condition || condition->size() != 1 || !((*condition)[0] == Dim(1))) return false;
  }
  const Graph& body = *c.bodies()[0];
  ValueId v = body.outputs[0];
  while (body.value(v).producer != kNoNode) {
    const Node& node = body.node(body.value(v).producer);
    if (node.primitive != &kCopy || node.operands.empty()) break;
    v = node.operands[0];
  }
  if (v == body.inputs[1]) return true;
  const std::optional<DimVector> going = contents_in(body, v);
  return going && going->size() == 1 && (*going)[0] == Dim(1);
}

Result<Dim> iterations(const LoopAttributes& a, const InferContext& c) {
  const Layout at(a);
  std::optional<Dim> trips;
  for (std::size_t k = 0; k < at.scanned; ++k) {
    const std::size_t operand = at.scanned_operand() + k;
    TRY(c.expect_tensor(operand, "a scanned value"));
    if (!c.type(operand).ranked()) continue;
    if (a.axes[k] < 0 || a.axes[k] >= c.type(operand).rank())
      return malformed("the axis to scan is out of range");
    const Dim& length = c.type(operand).dim(a.axes[k]);
    if (!trips || length.is_constant()) trips = length;
  }
  if (c.has(0)) {
    trips.reset();
    const std::optional<DimVector> count = c.contents(0);
    if (count && count->size() == 1) trips = max((*count)[0], Dim(0));
  }
  if (!trips || !runs_to_the_end(a, c)) return c.fresh();
  if (trips->constant().value_or(0) > kMaxIterations)
    return limit_error("the loop asks for " + trips->to_string() +
                       " iterations and nothing ends it earlier");
  return *trips;
}

// A body's input that is set by the loop itself, or a slice of what is scanned.
Status check_input(const Graph& body, std::size_t i, const Type& given) {
  const ValueInfo& input = body.value(body.inputs[i]);
  if (accepts(input.type, given)) return {};
  return malformed("the body expects " + input.type.to_string() + " for '" + input.name +
                   "', but is given " + given.to_string());
}

Type one_element(DType dtype, int rank) {
  return Type::tensor(dtype, rank == 0 ? DimVector{} : DimVector{Dim(1)});
}

Status check_inputs(const LoopAttributes& a, const InferContext& c) {
  const Layout at(a);
  const Graph& body = *c.bodies()[0];
  if (a.conditional) {
    TRY(check_input(body, 0, one_element(DType::i64, a.iteration_rank)));
    TRY(check_input(body, 1, one_element(DType::boolean, a.condition_rank)));
    const Type& going = body.value(body.outputs[0]).type;
    if (!going.is_tensor() || going.dtype != DType::boolean)
      return malformed("the body's first output must be a boolean");
  }
  for (std::size_t k = 0; k < at.scanned; ++k) {
    Type slice = c.type(at.scanned_operand() + k);
    if (slice.shape) slice.shape->erase(slice.shape->begin() + a.axes[k]);
    TRY(check_input(body, at.own_inputs + at.carried + k, slice));
  }
  return {};
}

Status infer(const LoopAttributes& a, InferContext& c) {
  TRY(check(a, c));
  const Layout at(a);
  const Graph& body = *c.bodies()[0];
  for (std::size_t k = 0; k < at.carried; ++k) {
    const Type& taken = body.value(body.inputs[at.own_inputs + k]).type;
    const Type& given = body.value(body.outputs[at.own_outputs + k]).type;
    ASSIGN(Type type, carried_type(c.type(2 + k), taken, given, c));
    c.set(k, std::move(type));
  }
  ASSIGN(const Dim trips, iterations(a, c));
  TRY(check_inputs(a, c));
  const std::set<std::string> known = operand_symbols(c);
  for (std::size_t k = 0; k < at.stacked; ++k) {
    const Type& element = body.value(body.outputs[at.own_outputs + at.carried + k]).type;
    if (!element.is_tensor()) return malformed("only tensors can be stacked");
    if (element.dtype != a.stacked_dtypes[k]) return malformed("a stacked result's dtype differs");
    Type stacked = close_over(element, known, c);
    if (stacked.shape) {
      if (a.stacked_axes[k] < 0 || a.stacked_axes[k] > stacked.rank())
        return malformed("the axis to stack on is out of range");
      stacked.shape->insert(stacked.shape->begin() + a.stacked_axes[k], trips);
    }
    c.set(at.carried + k, std::move(stacked));
  }
  return {};
}

}  // namespace

constinit const Primitive kLoop = make_primitive<LoopAttributes, infer, reference::loop>(
    "loop", {.min_operands = 0, .max_operands = kAnyNumber, .max_results = kAnyNumber, .bodies = 1},
    kLateExtents | kOpaque);

}  // namespace gossamer
