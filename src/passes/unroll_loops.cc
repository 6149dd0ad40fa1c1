// Writes out loops that run a known, small number of times.
#include <algorithm>

#include "passes/inline_body.h"
#include "passes/passes.h"
#include "reference/loop.h"

namespace gossamer {
namespace {

constexpr std::int64_t kMaxTrips = 16;
constexpr std::int64_t kMaxNodes = 256;  // of all iterations together

std::optional<std::int64_t> known_number(Rewriter& r, ValueId v) {
  const std::optional<DimVector> contents = r.b().contents(v);
  if (!contents || contents->size() != 1) return std::nullopt;
  return (*contents)[0].constant();
}

// Whether the body hands its condition on or sets it to true.
bool goes_on(const Graph& body) {
  ValueId v = body.outputs[0];
  while (v != body.inputs[1] && body.value(v).producer != kNoNode) {
    const Node& node = body.node(body.value(v).producer);
    if (node.primitive != &kCopy || node.operands.size() != 1) break;
    v = node.operands[0];
  }
  if (v == body.inputs[1]) return true;
  const ValueInfo& info = body.value(v);
  if (info.contents) return info.contents->size() == 1 && (*info.contents)[0] == Dim(1);
  return info.constant && info.constant->count() == 1 && info.constant->dtype() == DType::boolean &&
         info.constant->values<bool>()[0];
}

class Unroller {
 public:
  Unroller(Rewriter& r, NodeId id)
      : r_(r),
        node_(r.node(id)),
        a_(attributes_of<LoopAttributes>(node_)),
        body_(*node_.bodies[0]),
        operands_(r.operands(id)) {}

  std::optional<std::int64_t> trips() const {
    if (a_.conditional && operands_[1] != kNoValue && known_number(r_, operands_[1]) != 1)
      return std::nullopt;
    if (a_.conditional && !goes_on(body_)) return std::nullopt;
    if (operands_[0] != kNoValue) return known_number(r_, operands_[0]);
    if (a_.scanned() == 0) return std::nullopt;
    const Type& t = r_.graph().value(scanned(0)).type;
    return t.ranked() ? t.dim(a_.axes[0]).constant() : std::nullopt;
  }

  // The results of the loop, carried then stacked.
  Result<std::vector<ValueId>> run(std::int64_t trips) {
    const auto carried = static_cast<std::size_t>(a_.carried);
    std::vector<ValueId> state(operands_.begin() + 2,
                               operands_.begin() + 2 + static_cast<std::ptrdiff_t>(carried));
    std::vector<std::vector<ValueId>> elements(a_.stacked());
    for (std::int64_t t = 0; t < trips; ++t) {
      ASSIGN(const std::vector<ValueId> inputs, inputs_of(t, trips, state));
      ASSIGN(const std::vector<ValueId> out, inline_body(r_, body_, inputs));
      const std::size_t first = a_.conditional ? 1 : 0;
      for (std::size_t i = 0; i < carried; ++i) state[i] = out[first + i];
      for (std::size_t k = 0; k < elements.size(); ++k)
        elements[k].push_back(out[first + carried + k]);
    }
    for (std::size_t k = 0; k < elements.size(); ++k) {
      ASSIGN(const ValueId stacked, stack(std::move(elements[k]), k));
      state.push_back(stacked);
    }
    return state;
  }

 private:
  ValueId scanned(std::size_t k) const {
    return operands_[2 + static_cast<std::size_t>(a_.carried) + k];
  }

  template <class T>
  ValueId one(T value, int rank) {
    return r_.b().constant(Tensor::of<T>(rank == 0 ? Shape{} : Shape{1}, std::span(&value, 1)));
  }

  Result<std::vector<ValueId>> inputs_of(std::int64_t t, std::int64_t trips,
                                         const std::vector<ValueId>& state) {
    std::vector<ValueId> inputs;
    if (a_.conditional)
      inputs = {one<std::int64_t>(t, a_.iteration_rank), one<bool>(true, a_.condition_rank)};
    inputs.insert(inputs.end(), state.begin(), state.end());
    for (std::size_t k = 0; k < a_.scanned(); ++k) {
      const std::int64_t at = a_.reversed[k] ? trips - 1 - t : t;
      ASSIGN(const ValueId slice, r_.b().slice(scanned(k), a_.axes[k], at, at + 1));
      ASSIGN(const ValueId element, r_.b().squeeze(slice, {a_.axes[k]}));
      inputs.push_back(element);
    }
    inputs.insert(inputs.end(), operands_.begin() + static_cast<std::ptrdiff_t>(a_.own_operands()),
                  operands_.end());
    return inputs;
  }

  Result<ValueId> stack(std::vector<ValueId> elements, std::size_t k) {
    if (a_.stacked_reversed[k]) std::reverse(elements.begin(), elements.end());
    for (ValueId& v : elements) {
      ASSIGN(v, r_.b().unsqueeze(v, {a_.stacked_axes[k]}));
    }
    return r_.b().concat(std::move(elements), a_.stacked_axes[k]);
  }

  Rewriter& r_;
  const Node& node_;
  const LoopAttributes& a_;
  const Graph& body_;
  std::vector<ValueId> operands_;
};

// Elements of unknown rank or of shapes that may differ cannot be put side by side.
bool can_stack(const Graph& body, std::size_t stacked) {
  for (std::size_t i = body.outputs.size() - stacked; i < body.outputs.size(); ++i)
    if (!body.value(body.outputs[i]).type.static_shape()) return false;
  return true;
}

Result<bool> unroll(Rewriter& r, NodeId id) {
  const Node& node = r.node(id);
  if (node.primitive != &kLoop) return false;
  const auto& a = attributes_of<LoopAttributes>(node);
  const Graph& body = *node.bodies[0];
  Unroller unroller(r, id);
  const std::optional<std::int64_t> trips = unroller.trips();
  const auto nodes = static_cast<std::int64_t>(body.nodes.size());
  if (!trips || *trips < 1 || *trips > kMaxTrips || *trips * nodes > kMaxNodes) return false;
  for (std::size_t k = 0; k < a.scanned(); ++k) {
    const ValueId v = r.at(node.operands[2 + static_cast<std::size_t>(a.carried) + k]);
    const Type& t = r.graph().value(v).type;
    if (!t.ranked() || !(t.dim(a.axes[k]) == Dim(*trips))) return false;
  }
  if (!can_stack(body, a.stacked())) return false;
  ASSIGN(const std::vector<ValueId> results, unroller.run(*trips));
  for (std::size_t i = 0; i < results.size(); ++i)
    if (node.results[i] != kNoValue) TRY(r.replace(node.results[i], results[i]));
  return true;
}

}  // namespace

Result<Rewritten> unroll_loops(const Graph& graph) { return rewrite(graph, unroll); }

}  // namespace gossamer
