// The nodes in order: by kernels where their primitive has some that fit, else by scalar code.
#include "compile/compile.h"

#include <utility>

#include "compile/emit.h"
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

}  // namespace

Result<runtime::Program> compile(const Graph& graph, const CompileOptions& options) {
  if (options.optimize) {
    CompileOptions rest = options;
    rest.optimize = false;
    ASSIGN(PassReport portable, run_passes(graph, portable_passes()));
    ASSIGN(PassReport target, run_passes(std::move(portable.graph), target_passes()));
    return compile(target.graph, rest);
  }
  runtime::Program program;
  program.name = graph.name;
  program.metadata = graph.metadata;
  Emitter e(graph, options, program);
  e.place_inputs();
  const std::vector<bool> live = live_nodes(graph);
  for (NodeId id = 0; id < static_cast<NodeId>(graph.nodes.size()); ++id) {
    if (!live[static_cast<std::size_t>(id)] || e.deferred(id)) continue;
    if (Status s = emit_node(e, id); !s.ok()) return std::move(s).in(graph.describe(id));
  }
  TRY(e.finish());
  return program;
}

}  // namespace gossamer::compile
