// If, Loop, Scan, SequenceMap.
#include <algorithm>

#include "onnx/loops.h"
#include "reference/if.h"
#include "reference/refuse.h"

namespace gossamer::onnx {
namespace {

Result<const Graph*> body_of(const Lowering& l, std::string_view name) {
  const Attribute* a = l.find(name);
  if (a == nullptr || a->kind != Attribute::Kind::g || a->graphs.size() != 1)
    return l.wrong("attribute '" + std::string(name) + "' must be a graph");
  return a->graphs[0].get();
}

// The condition, if it can be told now.
Result<std::optional<bool>> known_condition(Lowering& l) {
  if (!l.type(0).is_tensor() || l.dtype(0) != DType::boolean)
    return l.wrong("the condition must be a boolean");
  const std::optional<Tensor> t = l.b().known(l.input(0));
  if (!t) return std::optional<bool>();
  if (t->count() != 1) return l.wrong("the condition must hold one element");
  return std::optional(t->values<bool>()[0]);
}

Status output_all(Lowering& l, const std::vector<ValueId>& values) {
  if (l.output_count() > values.size())
    return l.wrong("the node has " + std::to_string(l.output_count()) +
                   " outputs, its body gives " + std::to_string(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) l.output(i, values[i]);
  return {};
}

using Bodies = std::vector<std::shared_ptr<const gossamer::Graph>>;

// A body that takes what `like` takes, gives what it gives, and fails with `message` when it runs.
Result<std::shared_ptr<const gossamer::Graph>> refusal(const gossamer::Graph& like,
                                                       const std::string& message) {
  auto graph = std::make_shared<gossamer::Graph>();
  graph->name = "refused";
  for (const ValueId v : like.inputs)
    graph->inputs.push_back(graph->add_value(like.value(v).name, like.value(v).type));
  RefuseAttributes a{message, {}};
  for (const ValueId v : like.outputs) a.types.push_back(like.value(v).type.to_string());
  Builder builder(*graph, std::make_shared<Builder::Symbols>());
  ASSIGN(graph->outputs,
         builder.add(kRefuse, make_attributes(std::move(a)), {}, like.outputs.size()));
  return std::shared_ptr<const gossamer::Graph>(std::move(graph));
}

// Both branches, of which one could not be lowered and is refused when it runs; what was said of it
// when neither could.
Result<Bodies> with_refusal(Lowering& l, const std::vector<const Graph*>& branches,
                            std::vector<ValueId>& captured) {
  Bodies bodies(2);
  Status refused;
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<ValueId> own;
    Result<Bodies> body = l.lower_bodies({branches[i]}, {{}}, own);
    if (!body.ok()) {
      if (!refused.ok()) return refused;
      refused = std::move(body).status();
      continue;
    }
    bodies[i] = (*body)[0];
    captured = std::move(own);
  }
  if (refused.ok()) return internal_error("a branch is refused for no reason");
  const std::size_t good = bodies[0] ? 0 : 1;
  ASSIGN(bodies[1 - good], refusal(*bodies[good], refused.message()));
  return bodies;
}

}  // namespace

Status lower_if(Lowering& l) {
  ASSIGN(const Graph* then_branch, body_of(l, "then_branch"));
  ASSIGN(const Graph* else_branch, body_of(l, "else_branch"));
  for (const Graph* branch : {then_branch, else_branch})
    if (branch->outputs.size() != l.output_count() || !branch->inputs.empty())
      return l.wrong("a branch takes inputs, or gives another number of outputs than the node");
  ASSIGN(const std::optional<bool> taken, known_condition(l));
  std::vector<ValueId> operands{l.input(0)};
  if (taken) operands[0] = l.b().constant(Tensor::scalar(*taken));
  std::vector<ValueId> captured;
  auto bodies = l.lower_bodies({then_branch, else_branch}, {{}, {}}, captured);
  if (!bodies.ok() && !taken && l.refuses_late()) {
    captured.clear();
    bodies = with_refusal(l, {then_branch, else_branch}, captured);
  }
  Result<std::vector<ValueId>> results = std::vector<ValueId>();
  if (bodies.ok()) {
    operands.insert(operands.end(), captured.begin(), captured.end());
    results = l.b().add(kIf, make_attributes(IfAttributes{}), std::move(operands),
                        then_branch->outputs.size(), std::move(bodies).value());
  }
  // Exporters leave branches that are never taken with ranks that cannot be. When the condition is
  // an input's affair it is asked for, so that a caller who knows it lowers again.
  const bool fine = bodies.ok() && results.ok();
  if (!taken && !fine && l.ask_for(0)) {
    const Status& why = bodies.ok() ? results.status() : bodies.status();
    return unsupported(
        "which branch runs depends on an input, and one cannot run: " + why.message(),
        "bind that input's value (--bind NAME=FILE.npy)");
  }
  if (taken && !fine)
    results = l.inline_body(*taken ? *then_branch : *else_branch);
  else if (!bodies.ok())
    return std::move(bodies).status();
  if (!results.ok()) return std::move(results).status();
  return output_all(l, *results);
}

Status lower_loop(Lowering& l) {
  ASSIGN(const Graph* body, body_of(l, "body"));
  LoopPlan plan;
  plan.attributes.conditional = true;
  if (l.has_input(0)) {
    if (!l.type(0).is_tensor() || !is_integer(l.dtype(0)))
      return l.wrong("the trip count must be an integer");
    ASSIGN(plan.trips, l.b().cast(l.input(0), DType::i64));
  }
  if (l.has_input(1)) plan.condition = l.input(1);
  for (std::size_t i = 2; i < l.input_count(); ++i) {
    if (!l.has_input(i)) return l.wrong("input " + std::to_string(i) + " is missing");
    plan.carried.push_back(l.input(i));
  }
  if (body->inputs.size() < 2 || body->outputs.empty())
    return l.wrong("the body must take an iteration and a condition and give a condition");
  const auto rank_of = [&](std::size_t i) {
    const Type& t = body->inputs[i].type;
    return t.shape && t.shape->size() == 1 ? 1 : 0;
  };
  plan.attributes.iteration_rank = rank_of(0);
  plan.attributes.condition_rank = rank_of(1);
  ASSIGN(std::vector<ValueId> results, add_loop(l, *body, std::move(plan)));
  return output_all(l, results);
}

// --- Scan ---

namespace {

Result<std::vector<bool>> directions(const Lowering& l, std::string_view name, std::size_t count) {
  ASSIGN(std::vector<std::int64_t> given, l.ints_or(name, std::vector<std::int64_t>(count, 0)));
  if (given.size() != count)
    return l.wrong("attribute '" + std::string(name) + "' must have " + std::to_string(count) +
                   " entries");
  std::vector<bool> out;
  for (std::int64_t d : given) {
    if (d != 0 && d != 1) return l.wrong("a direction must be 0 or 1");
    out.push_back(d == 1);
  }
  return out;
}

Result<std::size_t> scanned_count(const Lowering& l, std::size_t inputs) {
  ASSIGN(std::int64_t n, l.required_int("num_scan_inputs"));
  if (n < 1 || n > static_cast<std::int64_t>(inputs))
    return l.wrong("attribute 'num_scan_inputs' is out of range");
  return static_cast<std::size_t>(n);
}

Result<std::vector<int>> scan_axes(Lowering& l, std::size_t first, std::size_t count) {
  ASSIGN(std::vector<std::int64_t> given,
         l.ints_or("scan_input_axes", std::vector<std::int64_t>(count, 0)));
  if (given.size() != count) return l.wrong("attribute 'scan_input_axes' has the wrong length");
  std::vector<int> out;
  for (std::size_t k = 0; k < count; ++k) {
    ASSIGN(int rank, l.rank(first + k));
    ASSIGN(int axis, l.axis(given[k], rank));
    out.push_back(axis);
  }
  return out;
}

Status lower_scan_8(Lowering& l, const Graph& body) {
  if (l.input_count() < 2) return l.wrong("nothing is scanned");
  for (std::size_t i = 1; i < l.input_count(); ++i)
    if (!l.has_input(i)) return l.wrong("input " + std::to_string(i) + " is missing");
  ASSIGN(const std::size_t scanned, scanned_count(l, l.input_count() - 1));
  ASSIGN(std::vector<bool> reversed, directions(l, "directions", scanned));
  const std::size_t carried = l.input_count() - 1 - scanned;
  if (body.outputs.size() < carried) return l.wrong("the body gives too few outputs");
  BatchedScan scan;
  scan.reversed = std::move(reversed);
  if (l.has_input(0)) scan.lengths = l.input(0);
  for (std::size_t i = 1; i < l.input_count(); ++i) {
    ASSIGN(const int rank, l.rank(i));
    const int least = i > carried ? 2 : 1;
    if (rank < least) return l.wrong("input " + std::to_string(i) + " has too few axes");
    (i <= carried ? scan.carried : scan.scanned).push_back(l.input(i));
  }
  ASSIGN(std::vector<ValueId> results, add_batched_scan(l, body, std::move(scan)));
  return output_all(l, results);
}

}  // namespace

Status lower_scan(Lowering& l) {
  ASSIGN(const Graph* body, body_of(l, "body"));
  if (l.version() < 9) return lower_scan_8(l, *body);
  ASSIGN(const std::size_t scanned, scanned_count(l, l.input_count()));
  const std::size_t carried = l.input_count() - scanned;
  if (body->outputs.size() < carried) return l.wrong("the body gives too few outputs");
  const std::size_t stacked = body->outputs.size() - carried;
  LoopPlan plan;
  for (std::size_t i = 0; i < l.input_count(); ++i) {
    if (!l.has_input(i)) return l.wrong("input " + std::to_string(i) + " is missing");
    (i < carried ? plan.carried : plan.scanned).push_back(l.input(i));
  }
  ASSIGN(plan.attributes.axes, scan_axes(l, carried, scanned));
  ASSIGN(plan.attributes.reversed, directions(l, "scan_input_directions", scanned));
  ASSIGN(plan.attributes.stacked_reversed, directions(l, "scan_output_directions", stacked));
  ASSIGN(plan.stacked_axes, l.ints_or("scan_output_axes", std::vector<std::int64_t>(stacked, 0)));
  if (plan.stacked_axes.size() != stacked)
    return l.wrong("attribute 'scan_output_axes' has the wrong length");
  ASSIGN(std::vector<ValueId> results, add_loop(l, *body, std::move(plan)));
  return output_all(l, results);
}

// --- SequenceMap ---

namespace {

// Names that files do not use.
std::string hidden(std::string_view what, std::size_t i) {
  return "__sequence_map." + std::string(what) + std::to_string(i);
}

Node make_node(std::string op, std::vector<std::string> inputs, std::string output) {
  Node n;
  n.op_type = std::move(op);
  n.inputs = std::move(inputs);
  n.outputs = {std::move(output)};
  return n;
}

ValueInfo make_info(std::string name, DType dtype) {
  ValueInfo info;
  info.name = std::move(name);
  info.type.kind = Type::Kind::tensor;
  info.type.dtype = dtype;
  info.type.shape.emplace();
  return info;
}

// The body of the loop over the items: picks them, does what the node's body does, appends.
Graph mapping_body(Lowering& l, const Graph& body) {
  Graph out;
  out.name = body.name;
  out.initializers = body.initializers;
  out.sparse_initializers = body.sparse_initializers;
  out.inputs = {make_info(hidden("iteration", 0), DType::i64),
                make_info(hidden("going", 0), DType::boolean)};
  out.outputs = {make_info(hidden("going", 1), DType::boolean)};
  out.nodes.push_back(make_node("Identity", {out.inputs[1].name}, out.outputs[0].name));
  for (std::size_t i = 0; i < body.inputs.size(); ++i) {
    const bool sequence = l.type(i).kind == gossamer::Type::Kind::sequence;
    std::vector<std::string> from{hidden("input", i)};
    if (sequence) from.push_back(out.inputs[0].name);
    out.nodes.push_back(make_node(sequence ? "SequenceAt" : "Identity", from, body.inputs[i].name));
  }
  out.nodes.insert(out.nodes.end(), body.nodes.begin(), body.nodes.end());
  for (std::size_t i = 0; i < body.outputs.size(); ++i) {
    ValueInfo before = body.outputs[i], after = body.outputs[i];
    before.name = hidden("before", i);
    after.name = hidden("after", i);
    before.type = after.type = Type{};
    out.nodes.push_back(
        make_node("SequenceInsert", {before.name, body.outputs[i].name}, after.name));
    out.inputs.push_back(std::move(before));
    out.outputs.push_back(std::move(after));
  }
  return out;
}

}  // namespace

Status lower_sequence_map(Lowering& l) {
  ASSIGN(const Graph* body, body_of(l, "body"));
  if (body->inputs.size() != l.input_count() || body->outputs.size() != l.output_count())
    return l.wrong("the body takes or gives another number of values than the node");
  std::vector<std::string> names;
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < l.input_count(); ++i) {
    if (!l.has_input(i)) return l.wrong("input " + std::to_string(i) + " is missing");
    names.push_back(hidden("input", i));
    inputs.push_back(l.input(i));
  }
  std::vector<Node> nodes{make_node("SequenceLength", {names[0]}, hidden("length", 0))};
  Node loop;
  loop.op_type = "Loop";
  loop.inputs = {hidden("length", 0), ""};
  std::vector<std::string> outputs;
  for (std::size_t i = 0; i < body->outputs.size(); ++i) {
    Node empty = make_node("SequenceEmpty", {}, hidden("empty", i));
    Attribute dtype;
    dtype.name = "dtype";
    dtype.kind = Attribute::Kind::i;
    dtype.i = dtype_info(body->outputs[i].type.dtype).onnx_code;
    empty.attributes.push_back(std::move(dtype));
    loop.inputs.push_back(empty.outputs[0]);
    nodes.push_back(std::move(empty));
    outputs.push_back(hidden("mapped", i));
  }
  loop.outputs = outputs;
  Attribute a;
  a.name = "body";
  a.kind = Attribute::Kind::g;
  a.graphs.push_back(std::make_shared<const Graph>(mapping_body(l, *body)));
  loop.attributes.push_back(std::move(a));
  nodes.push_back(std::move(loop));
  ASSIGN(std::vector<ValueId> results, l.inline_nodes(nodes, names, inputs, outputs, false));
  return output_all(l, results);
}

}  // namespace gossamer::onnx
