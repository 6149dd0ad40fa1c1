// Lowering of whole graphs: inputs, initializers, scopes, functions, captures. What one operator
// means is in ops_*.cc.
#include "onnx/lower.h"

#include <algorithm>

#include "onnx/check_names.h"
#include "onnx/graph_lowering.h"

namespace gossamer::onnx {
namespace {

// Nodes after functions are expanded: a base that any honest model keeps to, more for larger files.
constexpr std::int64_t kBaseLoweredNodes = 40'000;
constexpr std::int64_t kBytesPerLoweredNode = 64;
constexpr int kMaxFunctionDepth = 64;
constexpr std::int64_t kMaxLoweredDepth = 64;

std::string describe(const Node& node, std::int64_t version) {
  std::string name = node.name;
  if (name.empty() && !node.outputs.empty()) name = node.outputs[0];
  std::string op = (node.domain.empty() ? "" : node.domain + ".") + node.op_type;
  return "node '" + name + "' (" + op + ", opset " + std::to_string(version) + ")";
}

std::string function_key(const std::string& domain, const std::string& name,
                         const std::string& overload) {
  return domain + '\0' + name + '\0' + overload;
}

}  // namespace

ModelLowering::ModelLowering(std::shared_ptr<const Model> m, const LowerOptions& o)
    : model(std::move(m)),
      options(o),
      dim_names(*model),
      symbols(std::make_shared<Builder::Symbols>()) {}

Status ModelLowering::index_functions() {
  for (const Function& f : model->functions)
    if (!functions.emplace(function_key(f.domain, f.name, f.overload), &f).second)
      return malformed("function '" + f.domain + "." + f.name + "' is defined twice");
  return {};
}

const Function* ModelLowering::find_function(const Node& node) const {
  auto it = functions.find(function_key(node.domain, node.op_type, node.overload));
  return it == functions.end() ? nullptr : it->second;
}

// --- scopes ---

ValueId GraphLowering::lookup(const std::string& name) {
  for (Scope* s = scope_; s != nullptr; s = s->outer) {
    auto it = s->names.find(name);
    if (it != s->names.end()) return it->second;
    if (s->sealed) return kNoValue;
  }
  return parent_ ? capture(name) : kNoValue;
}

// A value of the parent graph as an input of this one; what is known of it stays known.
ValueId GraphLowering::capture(const std::string& name) {
  const ValueId outer = parent_->lookup(name);
  if (outer == kNoValue) return kNoValue;
  const auto it = capture_of_.find(outer);
  if (it != capture_of_.end()) return it->second;
  const gossamer::ValueInfo info = parent_->builder_.graph().value(outer);
  ValueId v;
  if (const std::optional<Tensor> known = parent_->small_known(outer)) {
    v = builder_.constant(*known, info.name);
  } else if (info.constant) {
    v = builder_.constant(*info.constant, info.name);
  } else {
    v = builder_.graph().add_value(info.name, info.type);
    builder_.graph().value(v).contents = info.contents;
    captures_.push_back({outer, v});
  }
  capture_of_[outer] = v;
  return v;
}

// A small value that is known now, so that structure inside a body may depend on it.
std::optional<Tensor> GraphLowering::small_known(ValueId v) {
  constexpr std::int64_t kMaxCount = 1024;
  const gossamer::Type& type = builder_.type(v);
  if (!type.is_tensor()) return std::nullopt;
  const std::optional<Shape> shape = type.static_shape();
  if (!shape || shape->checked_count().value_or(kMaxCount + 1) > kMaxCount) return std::nullopt;
  return builder_.known(v);
}

Status GraphLowering::define(const std::string& name, ValueId v) {
  if (!scope_->names.emplace(name, v).second)
    return malformed("value '" + name + "' is defined twice");
  return {};
}

// --- nodes ---

Status GraphLowering::lower_nodes(const std::vector<Node>& nodes) {
  for (const Node& node : nodes) TRY(lower_node(node));
  return {};
}

Result<std::int64_t> GraphLowering::opset_of(const Node& node) const {
  const auto it = opsets_->find(node.domain);
  if (it != opsets_->end()) return it->second;
  const std::string domain = node.domain.empty() ? "ai.onnx" : node.domain;
  return malformed("the model imports no opset for domain '" + domain + "'");
}

Status GraphLowering::lower_node(const Node& node) {
  const std::int64_t limit =
      kBaseLoweredNodes +
      static_cast<std::int64_t>(model_.model->file_bytes) / kBytesPerLoweredNode;
  if (++model_.lowered_nodes > limit)
    return limit_error("the model expands to more than " + std::to_string(limit) + " nodes");
  std::vector<ValueId> inputs;
  inputs.reserve(node.inputs.size());
  const auto version = opset_of(node);
  const std::int64_t v = version.ok() ? *version : 0;
  for (const std::string& name : node.inputs) {
    inputs.push_back(name.empty() ? kNoValue : lookup(name));
    if (!name.empty() && inputs.back() == kNoValue)
      return malformed(describe(node, v) + ": input '" + name +
                       "' is not defined before it is used");
  }
  Status status;
  if (const Function* f = model_.find_function(node)) {
    status = call_function(*f, node, inputs);
  } else if (!version.ok()) {
    status = version.status();
  } else {
    status = lower_operator(node, v, std::move(inputs));
  }
  if (!status.ok()) return std::move(status).in(describe(node, v));
  return {};
}

namespace {

Status check_count(std::string_view what, std::size_t n, int min, int max) {
  if (static_cast<int>(n) >= min && (max < 0 || static_cast<int>(n) <= max)) return {};
  return malformed("has " + std::to_string(n) + " " + std::string(what) + ", takes " +
                   std::to_string(min) +
                   (max < 0      ? " or more"
                    : max == min ? ""
                                 : " to " + std::to_string(max)));
}

Status check_operator(const OperatorInfo* info, const Node& node, std::int64_t version,
                      const std::vector<ValueId>& inputs) {
  if (!info)
    return unsupported("unknown operator '" + node.op_type + "' of domain '" +
                           (node.domain.empty() ? "ai.onnx" : node.domain) + "'",
                       "a custom operator must bring a model-local function, or be registered "
                       "through the library's C door");
  if (version < info->since || version > info->until)
    return unsupported("the operator does not exist in opset " + std::to_string(version) +
                       " (it is in " + std::to_string(info->since) + " to " +
                       std::to_string(info->until) + ")");
  TRY(check_count("inputs", node.inputs.size(), info->min_inputs, info->max_inputs));
  TRY(check_count("outputs", node.outputs.size(), info->min_outputs, info->max_outputs));
  for (int i = 0; i < info->min_inputs; ++i)
    if (inputs[static_cast<std::size_t>(i)] == kNoValue)
      return malformed("required input " + std::to_string(i) + " is left out");
  return {};
}

}  // namespace

namespace {

// A host's operator as a node; its graph attributes are not supported.
Status lower_host(const std::shared_ptr<const HostOperator>& operation, Lowering& l) {
  HostAttributes host{operation, {}};
  for (const Attribute& a : l.node().attributes) {
    AttributeValue value;
    switch (a.kind) {
      case Attribute::Kind::i:
        value = to_attribute(a.i);
        break;
      case Attribute::Kind::f:
        value = to_attribute(a.f);
        break;
      case Attribute::Kind::s:
        value = to_attribute(a.s);
        break;
      case Attribute::Kind::ints:
        value = to_attribute(a.ints);
        break;
      case Attribute::Kind::floats:
        value = to_attribute(a.floats);
        break;
      case Attribute::Kind::strings:
        value = to_attribute(a.strings);
        break;
      case Attribute::Kind::t:
        value = to_attribute(a.tensors[0]);
        break;
      default:
        return unsupported("attribute '" + a.name +
                           "' is of a kind that host operators do not take");
    }
    host.attributes.push_back({a.name, std::move(value)});
  }
  std::vector<ValueId> operands;
  operands.reserve(l.input_count());
  for (std::size_t i = 0; i < l.input_count(); ++i)
    operands.push_back(l.has_input(i) ? l.input(i) : kNoValue);
  ASSIGN(std::vector<ValueId> results,
         l.b().add(kHost, make_attributes(std::move(host)), operands, l.output_count()));
  for (std::size_t i = 0; i < results.size(); ++i) l.output(i, results[i]);
  return {};
}

}  // namespace

Status GraphLowering::lower_by_meaning(const Node& node, std::int64_t version, Lowering& l) {
  const OperatorInfo* info = find_operator(node.domain, node.op_type);
  if (!info && model_.options.hosts)
    if (auto operation = model_.options.hosts->find(node.domain, node.op_type, version))
      return lower_host(operation, l);
  TRY(check_operator(info, node, version, l.inputs_));
  return info->lower(l);
}

Status GraphLowering::lower_operator(const Node& node, std::int64_t version,
                                     std::vector<ValueId> inputs) {
  const std::size_t first_new = builder_.graph().values.size();
  Lowering l(*this, node, version, std::move(inputs));
  TRY(parts_only_ ? lower_by_meaning(node, version, l) : lower_with_origin(version, l));
  gossamer::Graph& g = builder_.graph();
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    const ValueId v = l.outputs_[i];
    if (v == kNoValue) return unsupported("output " + std::to_string(i) + " is not computed");
    if (static_cast<std::size_t>(v) >= first_new && !named_.contains(v) &&
        g.rename(v, node.outputs[i]))
      named_.insert(v);
    TRY(define(node.outputs[i], v));
  }
  return {};
}

// Lowers an operator and notes what it was, for the nodes made from it.
Status GraphLowering::lower_with_origin(std::int64_t version, Lowering& l) {
  const Node& node = l.node();
  gossamer::Graph& g = builder_.graph();
  const OriginId id = static_cast<OriginId>(g.origins.size());
  const std::size_t first_node = g.nodes.size();
  Origin origin;
  origin.domain = node.domain;
  origin.op_type = node.op_type;
  origin.name = node.name;
  origin.version = version;
  origin.inputs = l.inputs_;
  origin.source = std::make_shared<const Node>(node);
  g.origins.push_back(std::move(origin));
  const OriginId outer = std::exchange(origin_, id);
  const std::string outer_name = std::exchange(
      origin_name_, node.name.empty() && !node.outputs.empty() ? node.outputs[0] : node.name);
  builder_.set_origin(origin_, origin_name_);
  const Status status = lower_by_meaning(node, version, l);
  origin_ = outer;
  origin_name_ = outer_name;
  builder_.set_origin(origin_, origin_name_);
  TRY(status);
  Origin& made = g.origins[static_cast<std::size_t>(id)];
  made.outputs = l.outputs_;
  for (std::size_t i = first_node; i < g.nodes.size(); ++i)
    made.node_count += g.nodes[i].origin == id ? 1 : 0;
  return {};
}

// --- functions and inlined graphs ---

namespace {

Result<std::vector<Node>> resolve_attributes(const std::vector<Node>& nodes,
                                             const std::map<std::string, const Attribute*>& values,
                                             int depth);

// `a` with references to the function's attributes replaced; nothing when the referenced one is
// absent.
Result<std::optional<Attribute>> resolve_attribute(
    const Attribute& a, const std::map<std::string, const Attribute*>& values, int depth) {
  if (!a.ref_attr_name.empty()) {
    const auto it = values.find(a.ref_attr_name);
    if (it == values.end()) return std::optional<Attribute>();
    Attribute copy = *it->second;
    copy.name = a.name;
    return std::optional<Attribute>(std::move(copy));
  }
  Attribute copy = a;
  for (auto& g : copy.graphs) {
    onnx::Graph body = *g;
    ASSIGN(body.nodes, resolve_attributes(body.nodes, values, depth + 1));
    g = std::make_shared<const onnx::Graph>(std::move(body));
  }
  return std::optional<Attribute>(std::move(copy));
}

Result<std::vector<Node>> resolve_attributes(const std::vector<Node>& nodes,
                                             const std::map<std::string, const Attribute*>& values,
                                             int depth) {
  if (depth > kMaxLoweredDepth) return limit_error("graphs are nested too deep");
  std::vector<Node> out = nodes;
  for (Node& node : out) {
    std::vector<Attribute> attributes;
    for (const Attribute& a : node.attributes) {
      ASSIGN(std::optional<Attribute> r, resolve_attribute(a, values, depth));
      if (r) attributes.push_back(std::move(*r));
    }
    node.attributes = std::move(attributes);
  }
  return out;
}

}  // namespace

Status GraphLowering::call_function(const Function& f, const Node& node,
                                    const std::vector<ValueId>& inputs) {
  if (std::find(model_.calling.begin(), model_.calling.end(), &f) != model_.calling.end())
    return malformed("function '" + f.name + "' calls itself");
  if (model_.calling.size() >= kMaxFunctionDepth)
    return limit_error("functions are nested too deep");
  if (inputs.size() > f.inputs.size() || node.outputs.size() > f.outputs.size())
    return malformed("function '" + f.name + "' takes " + std::to_string(f.inputs.size()) +
                     " inputs and gives " + std::to_string(f.outputs.size()) + " outputs");
  std::map<std::string, const Attribute*> attributes;
  for (const Attribute& a : f.attribute_defaults) attributes[a.name] = &a;
  for (const Attribute& a : node.attributes) attributes[a.name] = &a;
  ASSIGN(std::vector<Node> nodes, resolve_attributes(f.nodes, attributes, 0));
  const auto body = std::make_shared<const std::vector<Node>>(std::move(nodes));
  Scope scope;
  scope.sealed = true;
  for (std::size_t i = 0; i < f.inputs.size(); ++i)
    scope.names[f.inputs[i]] = i < inputs.size() ? inputs[i] : kNoValue;
  model_.calling.push_back(&f);
  const auto* outer_opsets = std::exchange(opsets_, &f.opsets);
  auto outputs = in_scope(std::move(scope), *body, f.outputs);
  opsets_ = outer_opsets;
  model_.calling.pop_back();
  if (!outputs.ok()) return std::move(outputs).status().in("function '" + f.name + "'");
  for (std::size_t i = 0; i < node.outputs.size(); ++i)
    if (!node.outputs[i].empty()) TRY(define(node.outputs[i], (*outputs)[i]));
  return {};
}

Result<std::vector<ValueId>> GraphLowering::in_scope(Scope scope, const std::vector<Node>& nodes,
                                                     const std::vector<std::string>& outputs,
                                                     const onnx::Graph* initializers) {
  if (++depth_ > kMaxLoweredDepth + kMaxFunctionDepth)
    return limit_error("graphs are nested too deep");
  scope.outer = scope_;
  scope_ = &scope;
  Status status = initializers ? add_initializers(*initializers) : Status();
  if (status.ok()) status = lower_nodes(nodes);
  std::vector<ValueId> out;
  for (const std::string& name : outputs) {
    if (!status.ok()) break;
    const ValueId v = lookup(name);
    if (v == kNoValue) status = malformed("output '" + name + "' is never produced");
    out.push_back(v);
  }
  scope_ = scope.outer;
  --depth_;
  if (!status.ok()) return status;
  return out;
}

// --- graphs ---

Status GraphLowering::add_initializers(const onnx::Graph& graph) {
  for (const Initializer& i : graph.initializers) {
    if (bound_inputs_ && model_.options.bound.contains(i.name)) continue;
    TRY(define(i.name, builder_.constant(i.tensor, i.name)));
  }
  for (const SparseTensor& s : graph.sparse_initializers) {
    ASSIGN(ValueId v, densify(builder_, s));
    TRY(define(s.name, v));
  }
  return {};
}

Result<ValueId> densify(Builder& b, const SparseTensor& s) {
  ASSIGN(Tensor zero, Tensor::make(s.values.dtype(), Shape{}));
  ASSIGN(ValueId dense, b.expand(b.constant(zero), b.constant_ints(s.dims.dims())));
  ValueId indices = b.constant(s.indices);
  if (s.indices.rank() == 2) return b.scatter_nd(dense, indices, b.constant(s.values));
  ASSIGN(ValueId flat, b.reshape_to(dense, {-1}));
  ASSIGN(ValueId column, b.unsqueeze(indices, {1}));
  ASSIGN(ValueId filled, b.scatter_nd(flat, column, b.constant(s.values)));
  return b.reshape_to(filled, s.dims.dims());
}

Result<gossamer::Type> ModelLowering::graph_type(const onnx::Type& t, const std::string& what) {
  switch (t.kind) {
    case onnx::Type::Kind::tensor: {
      if (!t.shape) return gossamer::Type::tensor(t.dtype, std::optional<DimVector>());
      DimVector dims;
      for (const Dimension& d : *t.shape) {
        if (d.value) {
          dims.emplace_back(*d.value);
        } else if (auto it = options.dims.find(d.param); it != options.dims.end()) {
          dims.emplace_back(it->second);
        } else if (names_nothing(d.param)) {
          dims.push_back(symbols->next());
        } else {
          dims.push_back(dim_names.symbol(d.param));
        }
      }
      return gossamer::Type::tensor(t.dtype, std::move(dims));
    }
    case onnx::Type::Kind::sequence:
    case onnx::Type::Kind::optional: {
      if (!t.element) return malformed(what + " has a type without an element type");
      ASSIGN(gossamer::Type element, graph_type(*t.element, what));
      return t.kind == onnx::Type::Kind::sequence ? gossamer::Type::sequence(std::move(element))
                                                  : gossamer::Type::optional(std::move(element));
    }
    case onnx::Type::Kind::none:
      return malformed(what + " has no type");
    default:
      return unsupported(what + " is a sparse tensor, a map or opaque");
  }
}

namespace {

Status fix_shape(gossamer::Type& type, const Shape& shape, const std::string& what) {
  if (!type.is_tensor()) return usage_error(what + " is not a tensor: its shape cannot be fixed");
  if (type.shape) {
    bool fits = type.rank() == shape.rank();
    for (int d = 0; fits && d < shape.rank(); ++d)
      fits = !type.dim(d).is_constant() || type.dim(d).constant() == shape[d];
    if (!fits)
      return usage_error(what + " has type " + type.to_string() + ", which shape " +
                         shape.to_string() + " does not fit");
  }
  type = gossamer::Type::tensor(type.dtype, shape);
  return {};
}

}  // namespace

Status GraphLowering::add_model_inputs(const onnx::Graph& graph) {
  std::map<std::string, bool> initialized;
  for (const Initializer& i : graph.initializers) initialized[i.name] = true;
  for (const SparseTensor& s : graph.sparse_initializers) initialized[s.name] = true;
  for (const onnx::ValueInfo& info : graph.inputs) {
    const auto bound = model_.options.bound.find(info.name);
    const bool is_bound = bound != model_.options.bound.end();
    if (initialized.contains(info.name) && !is_bound) continue;
    const std::string what = "input '" + info.name + "'";
    ASSIGN(gossamer::Type type, model_.graph_type(info.type, what));
    if (auto it = model_.options.shapes.find(info.name); it != model_.options.shapes.end())
      TRY(fix_shape(type, it->second, what));
    if (is_bound) TRY(fix_shape(type, bound->second.shape(), what));
    const ValueId v = builder_.input(info.name, type);
    input_names_[v] = info.name;
    if (!is_bound) {
      TRY(define(info.name, v));
      continue;
    }
    if (bound->second.dtype() != type.dtype)
      return usage_error(what + " is " + type.to_string() + ", bound to " +
                         std::string(dtype_name(bound->second.dtype())));
    TRY(define(info.name, builder_.constant(bound->second, info.name)));
  }
  return {};
}

Status GraphLowering::set_outputs(const onnx::Graph& graph) {
  for (const onnx::ValueInfo& info : graph.outputs) {
    const ValueId v = lookup(info.name);
    if (v == kNoValue) return malformed("output '" + info.name + "' is never produced");
    const gossamer::Type& type = builder_.type(v);
    if (info.type.kind == onnx::Type::Kind::tensor && type.is_tensor() &&
        info.type.dtype != type.dtype)
      return malformed("output '" + info.name + "' is declared " +
                       std::string(dtype_name(info.type.dtype)) + " but computed as " +
                       std::string(dtype_name(type.dtype)));
    ASSIGN(ValueId named, own_output(v, info.name));
    builder_.graph().outputs.push_back(named);
  }
  return {};
}

// An output is a value under its own name: an alias of an input, a constant or another output is
// copied.
Result<ValueId> GraphLowering::own_output(ValueId v, const std::string& name) {
  gossamer::Graph& g = builder_.graph();
  const bool taken = std::find(g.outputs.begin(), g.outputs.end(), v) != g.outputs.end();
  if (!taken && !g.value(v).constant && g.value(v).name == name) return v;
  if (!taken && g.value(v).producer != kNoNode && g.rename(v, name)) return v;
  if (g.value(v).constant && g.value(v).name == name) g.rename(v, name + ".value");
  builder_.set_origin(kNoOrigin, name);
  ASSIGN(ValueId copy, builder_.one(kCopy, CopyAttributes{}, {v}));
  g.rename(copy, name);
  return copy;
}

Result<GraphLowering::Body> GraphLowering::lower_body(
    const onnx::Graph& body, const std::vector<gossamer::Type>& input_types) {
  if (input_types.size() != body.inputs.size())
    return malformed("body '" + body.name + "' has " + std::to_string(body.inputs.size()) +
                     " inputs, " + std::to_string(input_types.size()) + " are passed to it");
  if (depth_ + 1 > kMaxLoweredDepth) return limit_error("graphs are nested too deep");
  Body out;
  out.graph = std::make_shared<gossamer::Graph>();
  out.graph->name = body.name;
  GraphLowering child(model_, *out.graph, this, opsets_);
  child.depth_ = depth_ + 1;
  for (std::size_t i = 0; i < input_types.size(); ++i) {
    const ValueId v = child.builder_.input(body.inputs[i].name, input_types[i]);
    TRY(child.define(body.inputs[i].name, v));
  }
  TRY(child.add_initializers(body));
  TRY(child.lower_nodes(body.nodes));
  TRY(child.set_outputs(body));
  out.captures = std::move(child.captures_);
  return out;
}

// --- what a value depends on ---

bool GraphLowering::trace_inputs(ValueId v, std::set<std::string>& names, std::set<ValueId>& seen) {
  if (!seen.insert(v).second) return true;
  const gossamer::Graph& g = builder_.graph();
  const gossamer::ValueInfo& info = g.value(v);
  if (info.constant) return true;
  if (info.producer != kNoNode) {
    const gossamer::Node& node = g.node(info.producer);
    if (node.primitive->has(kVaries)) return false;
    return std::all_of(node.operands.begin(), node.operands.end(),
                       [&](ValueId o) { return o == kNoValue || trace_inputs(o, names, seen); });
  }
  if (const auto it = input_names_.find(v); it != input_names_.end()) {
    names.insert(it->second);
    return true;
  }
  for (const Capture& c : captures_)
    if (c.inner == v) {
      std::set<ValueId> outer_seen;
      return parent_->trace_inputs(c.outer, names, outer_seen);
    }
  return false;  // a body's own input
}

bool GraphLowering::ask_for(ValueId v) {
  std::set<std::string> names;
  std::set<ValueId> seen;
  if (!trace_inputs(v, names, seen) || names.empty()) return false;
  for (const std::string& n : names)
    if (std::find(model_.needs_binding.begin(), model_.needs_binding.end(), n) ==
        model_.needs_binding.end())
      model_.needs_binding.push_back(n);
  return true;
}

Status GraphLowering::refuse_unknown(ValueId v, std::string_view what) {
  const std::string text = std::string(what) + " of '" + builder_.graph().value(v).name + "'";
  if (!ask_for(v))
    return unsupported(text + " is computed while running, but structure depends on it");
  std::string list;
  for (const std::string& n : model_.needs_binding) list += (list.empty() ? "'" : ", '") + n + "'";
  return unsupported(
      text + " depends on values of inputs (" + list + "), which are not known yet",
      "bind those inputs' values (--bind NAME=FILE.npy), or fix their shapes (--shape)");
}

GraphLowering::GraphLowering(ModelLowering& model, gossamer::Graph& graph, GraphLowering* parent,
                             const std::map<std::string, std::int64_t>* opsets)
    : model_(model),
      builder_(graph, model.symbols, model.max_known_bytes()),
      parent_(parent),
      opsets_(opsets) {
  scope_ = &top_;
}

std::int64_t ModelLowering::max_known_bytes() const {
  return std::max<std::int64_t>(1 << 16, static_cast<std::int64_t>(model->file_bytes));
}

Result<gossamer::Graph> lower(const std::shared_ptr<const Model>& model,
                              const LowerOptions& options,
                              std::vector<std::string>* needs_binding) {
  ModelLowering state(model, options);
  TRY(check_names(*model));
  TRY(state.index_functions());
  gossamer::Graph graph;
  graph.name = model->graph.name.empty() ? "main" : model->graph.name;
  graph.metadata = model->metadata;
  graph.opsets = model->opsets;
  GraphLowering lowering(state, graph, nullptr, &model->opsets);
  Status status = lowering.lower_model(model->graph);
  if (needs_binding) *needs_binding = state.needs_binding;
  if (!status.ok()) return status;
  return graph;
}

Status GraphLowering::lower_model(const onnx::Graph& graph) {
  bound_inputs_ = true;
  TRY(add_model_inputs(graph));
  TRY(add_initializers(graph));
  bound_inputs_ = false;
  TRY(lower_nodes(graph.nodes));
  if (model_.options.outputs.empty()) return set_outputs(graph);
  for (const std::string& name : model_.options.outputs) {
    const ValueId v = lookup(name);
    if (v == kNoValue) return usage_error("the graph has no value '" + name + "'");
    ASSIGN(ValueId named, own_output(v, name));
    builder_.graph().outputs.push_back(named);
  }
  return {};
}

}  // namespace gossamer::onnx
