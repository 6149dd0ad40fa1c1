// The nodes in order: by kernels where their primitive has some that fit, else by scalar code.
#include "compile/compile.h"

#include <algorithm>
#include <utility>

#include "compile/emit.h"
#include "compile/schedule.h"
#include "graph/primitive.h"
#include "graph/traverse.h"
#include "passes/passes.h"
#include "primitives/primitives.h"

namespace gossamer::compile {
namespace {

using EmitFunction = Result<bool> (*)(Emitter&, NodeId);

EmitFunction emit_function(const Primitive& primitive) {
  static constexpr std::pair<const Primitive*, EmitFunction> kFunctions[] = {
#define EMIT(name) {&k##name, &emit_##name},
#include "compile/emit.def"
#undef EMIT
  };
  for (const auto& [p, function] : kFunctions)
    if (p == &primitive) return function;
  return nullptr;
}

Status emit_node(Emitter& e, NodeId id) {
  const EmitFunction emit = emit_function(*e.node(id).primitive);
  bool done = false;
  if (emit && (e.options().kernels || !e.node(id).bodies.empty())) {
    ASSIGN(done, emit(e, id));
  }
  if (!done) TRY(e.reference_step(id));
  e.finish_node(id);
  return {};
}

// The large constants that nothing reads once a node has been emitted, by that node.
std::vector<std::vector<ValueId>> last_reads(const Graph& graph, const Emitter& e) {
  constexpr std::size_t kLarge = 4096;
  std::vector<NodeId> last(graph.values.size(), kNoNode);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    NodeId when = e.deferred(id) ? std::max(id, e.epilogue_of(id)) : id;
    when = std::max(when, e.left_out(id));
    for (const ValueId v : graph.node(id).operands)
      if (v != kNoValue) {
        NodeId& l = last[static_cast<std::size_t>(v)];
        l = std::max(l, when);
      }
  }
  for (const ValueId v : graph.outputs) last[static_cast<std::size_t>(v)] = kNoNode;
  std::vector<std::vector<ValueId>> out(graph.nodes.size());
  for (std::size_t v = 0; v < last.size(); ++v) {
    const std::optional<Tensor>& constant = graph.values[v].constant;
    if (last[v] != kNoNode && constant && constant->byte_size() >= kLarge)
      out[static_cast<std::size_t>(last[v])].push_back(static_cast<ValueId>(v));
  }
  return out;
}

}  // namespace

Result<runtime::Program> compile(Graph graph, const CompileOptions& options, WorkReport* report) {
  if (options.optimize) {
    CompileOptions rest = options;
    rest.optimize = false;
    for (Origin& o : graph.origins) o.source.reset();  // may hold constants
    ASSIGN(PassReport portable,
           run_passes(std::move(graph), portable_passes(), {.measure = false}));
    ASSIGN(PassReport target,
           run_passes(std::move(portable.graph), target_passes(), {.measure = false}));
    return compile(order_for_memory(std::move(target.graph)), rest, report);
  }
  runtime::Program program;
  program.name = graph.name;
  program.metadata = graph.metadata;
  Emitter e(graph, options, program, report);
  e.place_inputs();
  const std::vector<bool> live = live_nodes(graph);
  const std::vector<std::vector<ValueId>> read_last = last_reads(graph, e);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    if (!live[static_cast<std::size_t>(id)]) continue;
    if (report) report->total += work_of(graph, id);
    if (e.deferred(id) || e.left_out(id) != kNoNode) continue;
    if (Status s = emit_node(e, id); !s.ok()) return std::move(s).in(graph.describe(id));
    for (const ValueId v : read_last[static_cast<std::size_t>(id)]) graph.value(v).constant.reset();
  }
  TRY(e.finish());
  return program;
}

}  // namespace gossamer::compile
