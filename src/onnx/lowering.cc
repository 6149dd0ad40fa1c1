// Lowering's accessors: attributes, structure, extents, bodies; and the table of operators.
#include "onnx/lowering.h"

#include <algorithm>

#include "onnx/graph_lowering.h"

namespace gossamer::onnx {

Lowering::Lowering(GraphLowering& graph, const Node& node, std::int64_t version,
                   std::vector<ValueId> inputs)
    : graph_(graph),
      node_(node),
      version_(version),
      inputs_(std::move(inputs)),
      outputs_(node.outputs.size(), kNoValue) {}

Builder& Lowering::b() { return graph_.builder(); }

void Lowering::output(std::size_t i, ValueId value) {
  if (i < outputs_.size()) outputs_[i] = value;
}

Status Lowering::output(Result<ValueId> value) {
  if (!value.ok()) return std::move(value).status();
  output(0, *value);
  return {};
}

// --- types ---

Result<int> Lowering::rank_of(ValueId v) {
  if (!b().type(v).is_tensor()) return wrong("'" + b().graph().value(v).name + "' is not a tensor");
  if (b().ranked(v)) return b().rank(v);
  return graph_.refuse_unknown(v, "the rank");
}

Result<int> Lowering::rank(std::size_t i) { return rank_of(inputs_[i]); }

Result<int> Lowering::axis(std::int64_t axis, int rank) {
  Result<int> a = normalize_axis(axis, rank);
  if (!a.ok())
    return wrong("axis " + std::to_string(axis) + " is out of range for rank " +
                 std::to_string(rank));
  return a;
}

Result<std::vector<int>> Lowering::axes(const std::vector<std::int64_t>& axes, int rank) {
  std::vector<int> out;
  for (std::int64_t a : axes) {
    ASSIGN(int n, axis(a, rank));
    if (std::find(out.begin(), out.end(), n) != out.end())
      return wrong("axis " + std::to_string(a) + " is given twice");
    out.push_back(n);
  }
  return out;
}

// --- attributes ---

const Attribute* Lowering::find(std::string_view name) const {
  for (const Attribute& a : node_.attributes)
    if (a.name == name) return &a;
  return nullptr;
}

namespace {

std::string_view kind_name(Attribute::Kind kind) {
  constexpr std::string_view kNames[] = {
      "undefined", "a float",         "an integer",     "a string", "a tensor",
      "a graph",   "floats",          "integers",       "strings",  "tensors",
      "graphs",    "a sparse tensor", "sparse tensors", "a type",   "types"};
  return kNames[static_cast<std::size_t>(kind)];
}

Status kind_error(const Attribute& a, Attribute::Kind wanted) {
  return malformed("attribute '" + a.name + "' is " + std::string(kind_name(a.kind)) +
                   ", expected " + std::string(kind_name(wanted)));
}

Status missing(std::string_view name) {
  return malformed("required attribute '" + std::string(name) + "' is missing");
}

}  // namespace

#define GOSS_ATTRIBUTE(function, type, kind_, expression, parameter)                      \
  Result<type> Lowering::function(std::string_view name, parameter otherwise) const {     \
    const Attribute* a = find(name);                                                      \
    if (!a) return type(otherwise);                                                       \
    if (a->kind != Attribute::Kind::kind_) return kind_error(*a, Attribute::Kind::kind_); \
    return expression;                                                                    \
  }
GOSS_ATTRIBUTE(int_or, std::int64_t, i, a->i, std::int64_t)
GOSS_ATTRIBUTE(float_or, float, f, a->f, float)
GOSS_ATTRIBUTE(string_or, std::string, s, a->s, std::string_view)
GOSS_ATTRIBUTE(ints_or, std::vector<std::int64_t>, ints, a->ints, std::vector<std::int64_t>)
GOSS_ATTRIBUTE(floats_or, std::vector<float>, floats, a->floats, std::vector<float>)
GOSS_ATTRIBUTE(strings_or, std::vector<std::string>, strings, a->strings, std::vector<std::string>)
#undef GOSS_ATTRIBUTE

Result<std::optional<std::vector<std::int64_t>>> Lowering::maybe_ints(std::string_view name) const {
  if (!find(name)) return std::optional<std::vector<std::int64_t>>();
  ASSIGN(std::vector<std::int64_t> v, ints_or(name, {}));
  return std::optional<std::vector<std::int64_t>>(std::move(v));
}

Result<std::int64_t> Lowering::required_int(std::string_view name) const {
  if (!find(name)) return missing(name);
  return int_or(name, 0);
}

Result<std::vector<std::int64_t>> Lowering::required_ints(std::string_view name) const {
  if (!find(name)) return missing(name);
  return ints_or(name, {});
}

Result<std::string> Lowering::required_string(std::string_view name) const {
  if (!find(name)) return missing(name);
  return string_or(name, "");
}

Result<Tensor> Lowering::required_tensor(std::string_view name) const {
  const Attribute* a = find(name);
  if (!a) return missing(name);
  if (a->kind != Attribute::Kind::t || a->tensors.size() != 1)
    return kind_error(*a, Attribute::Kind::t);
  return a->tensors[0];
}

Result<DType> Lowering::dtype_or(std::string_view name, DType otherwise) const {
  if (!find(name)) return otherwise;
  ASSIGN(std::int64_t code, int_or(name, 0));
  const std::optional<DType> d = dtype_from_onnx(code);
  if (!d)
    return malformed("attribute '" + std::string(name) + "': " + std::to_string(code) +
                     " is no element type");
  return *d;
}

// --- structure ---

Result<Tensor> Lowering::structure_of(ValueId v) {
  if (std::optional<Tensor> t = b().known(v)) return std::move(*t);
  return graph_.refuse_unknown(v, "the value");
}

Result<Tensor> Lowering::structure(std::size_t i) { return structure_of(inputs_[i]); }

bool Lowering::ask_for(std::size_t i) { return graph_.ask_for(inputs_[i]); }

bool Lowering::refuses_late() const { return graph_.model().options.refuse_late; }

Result<std::vector<std::int64_t>> Lowering::structure_ints(std::size_t i) {
  ASSIGN(Tensor t, structure(i));
  auto ints = to_int64s(t);
  if (!ints.ok()) return wrong("input " + std::to_string(i) + " must hold integers");
  return ints;
}

Result<std::int64_t> Lowering::structure_int(std::size_t i) {
  ASSIGN(std::vector<std::int64_t> v, structure_ints(i));
  if (v.size() != 1) return wrong("input " + std::to_string(i) + " must hold one element");
  return v[0];
}

std::optional<std::vector<std::int64_t>> Lowering::known_ints(std::size_t i) {
  const std::optional<Tensor> t = b().known(inputs_[i]);
  if (!t) return std::nullopt;
  auto ints = to_int64s(*t);
  if (!ints.ok()) return std::nullopt;
  return std::move(ints).value();
}

namespace {

// Number of elements of a vector or scalar whose length is known.
std::optional<std::int64_t> length_of(const gossamer::Type& t) {
  if (!t.ranked() || t.rank() > 1) return std::nullopt;
  return t.rank() == 0 ? 1 : t.dim(0).constant();
}

}  // namespace

Result<std::int64_t> Lowering::vector_length(std::size_t i) {
  if (const auto n = length_of(type(i))) return *n;
  if (type(i).ranked() && type(i).rank() > 1)
    return wrong("input " + std::to_string(i) + " must be a vector");
  return graph_.refuse_unknown(inputs_[i], "the length");
}

Result<std::vector<Extent>> Lowering::extents(std::size_t i, std::vector<ValueId>& args) {
  return extents_of(inputs_[i], args);
}

Result<std::vector<Extent>> Lowering::extents_of(ValueId v, std::vector<ValueId>& args) {
  if (!b().type(v).is_tensor() || !is_integer(b().dtype(v)))
    return wrong("'" + b().graph().value(v).name + "' must hold integers");
  std::vector<Extent> out;
  if (std::optional<Tensor> t = b().known(v)) {
    ASSIGN(std::vector<std::int64_t> ints, to_int64s(*t));
    out.assign(ints.begin(), ints.end());
    return out;
  }
  const auto length = length_of(b().type(v));
  if (!length) return graph_.refuse_unknown(v, "the length");
  if (*length > kMaxContents) return wrong("'" + b().graph().value(v).name + "' is too long");
  const std::optional<DimVector> contents = b().contents(v);
  ASSIGN(ValueId wide, b().cast(v, DType::i64));
  bool used = false;
  for (std::int64_t k = 0; k < *length; ++k) {
    std::optional<std::int64_t> number;
    if (contents) number = (*contents)[static_cast<std::size_t>(k)].constant();
    used = used || !number;
    out.push_back(
        number ? Extent(*number)
               : Extent::from_operand(static_cast<int>(args.size()) + 1, static_cast<int>(k)));
  }
  if (used) args.push_back(wide);
  return out;
}

// --- bodies ---

Result<std::vector<std::shared_ptr<const gossamer::Graph>>> Lowering::lower_bodies(
    const std::vector<const Graph*>& bodies,
    const std::vector<std::vector<gossamer::Type>>& input_types, std::vector<ValueId>& captured) {
  std::vector<GraphLowering::Body> lowered;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    ASSIGN(GraphLowering::Body body, graph_.lower_body(*bodies[i], input_types[i]));
    for (const auto& c : body.captures)
      if (std::find(captured.begin(), captured.end(), c.outer) == captured.end())
        captured.push_back(c.outer);
    lowered.push_back(std::move(body));
  }
  std::vector<std::shared_ptr<const gossamer::Graph>> out;
  for (GraphLowering::Body& body : lowered) {
    gossamer::Graph& g = *body.graph;
    for (ValueId outer : captured) {
      const auto it = std::find_if(body.captures.begin(), body.captures.end(),
                                   [&](const auto& c) { return c.outer == outer; });
      const gossamer::ValueInfo& info = b().graph().value(outer);
      g.inputs.push_back(it != body.captures.end() ? it->inner : g.add_value(info.name, info.type));
    }
    out.push_back(std::move(body.graph));
  }
  return out;
}

namespace {

std::vector<std::string> names_of(const std::vector<onnx::ValueInfo>& infos) {
  std::vector<std::string> names;
  for (const onnx::ValueInfo& i : infos) names.push_back(i.name);
  return names;
}

}  // namespace

Result<std::vector<ValueId>> Lowering::inline_body(const Graph& body,
                                                   const std::vector<ValueId>& inputs) {
  Scope scope;
  for (std::size_t i = 0; i < inputs.size() && i < body.inputs.size(); ++i)
    scope.names[body.inputs[i].name] = inputs[i];
  return graph_.in_scope(std::move(scope), body.nodes, names_of(body.outputs), &body);
}

Result<std::vector<ValueId>> Lowering::inline_nodes(const std::vector<Node>& nodes,
                                                    const std::vector<std::string>& input_names,
                                                    const std::vector<ValueId>& inputs,
                                                    const std::vector<std::string>& outputs,
                                                    bool sealed) {
  Scope scope;
  scope.sealed = sealed;
  for (std::size_t i = 0; i < input_names.size(); ++i) scope.names[input_names[i]] = inputs[i];
  const GraphLowering::PartsOfOperator parts(graph_);
  return graph_.in_scope(std::move(scope), nodes, outputs);
}

Status Lowering::refuse(std::string what) const { return unsupported(std::move(what)); }
Status Lowering::wrong(std::string what) const { return malformed(std::move(what)); }

// --- the table ---

namespace {
constexpr std::int64_t kLatest = 28;
}

#define OPERATOR(function, domain, name, since, until, min_in, max_in, min_out, max_out) \
  Status function(Lowering&);
#include "onnx/operators.def"
#undef OPERATOR

std::span<const OperatorInfo> all_operators() {
  static constexpr OperatorInfo kAll[] = {
#define OPERATOR(function, domain, name, since, until, min_in, max_in, min_out, max_out) \
  {domain, name, since, until, min_in, max_in, min_out, max_out, function},
#include "onnx/operators.def"
#undef OPERATOR
  };
  return kAll;
}

const OperatorInfo* find_operator(std::string_view domain, std::string_view name) {
  static const auto* const kIndex = [] {
    static std::map<std::pair<std::string_view, std::string_view>, const OperatorInfo*> index;
    for (const OperatorInfo& o : all_operators()) index[{o.domain, o.name}] = &o;
    return &index;
  }();
  const auto it = kIndex->find({domain, name});
  return it == kIndex->end() ? nullptr : it->second;
}

}  // namespace gossamer::onnx
