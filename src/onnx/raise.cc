// What raise functions share: emitting nodes, constants, extents; and the table.
#include "onnx/raise.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include "onnx/graph_writer.h"
#include "onnx/schemas.h"
#include "primitives/primitives.h"
#include "reference/pointwise.h"

namespace gossamer::onnx {

// --- attributes ---

namespace {

Attribute make(std::string_view name, Attribute::Kind kind) {
  Attribute a;
  a.name = name;
  a.kind = kind;
  return a;
}

}  // namespace

Attribute attribute(std::string_view name, std::int64_t value) {
  Attribute a = make(name, Attribute::Kind::i);
  a.i = value;
  return a;
}

Attribute attribute(std::string_view name, std::vector<std::int64_t> values) {
  Attribute a = make(name, Attribute::Kind::ints);
  a.ints = std::move(values);
  return a;
}

Attribute attribute(std::string_view name, float value) {
  Attribute a = make(name, Attribute::Kind::f);
  a.f = value;
  return a;
}

Attribute attribute(std::string_view name, std::string_view value) {
  Attribute a = make(name, Attribute::Kind::s);
  a.s = value;
  return a;
}

Attribute attribute(std::string_view name, Tensor value) {
  Attribute a = make(name, Attribute::Kind::t);
  a.tensors.push_back(std::move(value));
  return a;
}

Attribute attribute(std::string_view name, std::vector<float> values) {
  Attribute a = make(name, Attribute::Kind::floats);
  a.floats = std::move(values);
  return a;
}

Attribute attribute(std::string_view name, std::vector<std::string> values) {
  Attribute a = make(name, Attribute::Kind::strings);
  a.strings = std::move(values);
  return a;
}

Attribute attribute(std::string_view name, std::shared_ptr<const Graph> value) {
  Attribute a = make(name, Attribute::Kind::g);
  a.graphs.push_back(std::move(value));
  return a;
}

// --- operands and results ---

const gossamer::Graph& Raising::graph() const { return writer_.graph(); }

Raising::Name Raising::operand(std::size_t i) {
  return has(i) ? writer_.name(node_.operands[i]) : Name();
}

Raising::Name Raising::outer_name(ValueId v) { return writer_.name(v); }

const gossamer::Type& Raising::type(std::size_t i) const {
  return graph().value(node_.operands[i]).type;
}

Result<int> Raising::rank(std::size_t i) const {
  if (type(i).ranked()) return type(i).rank();
  return refuse("the rank of '" + graph().value(node_.operands[i]).name + "' is not known");
}

const Tensor* Raising::constant_operand(std::size_t i) const {
  if (!has(i)) return nullptr;
  const auto& c = graph().value(node_.operands[i]).constant;
  return c ? &*c : nullptr;
}

Raising::Name Raising::bias() {
  const FusedBias* bias = writer_.bias_of_product(node_);
  if (bias == nullptr) return {};
  const gossamer::ValueInfo& info = graph().value(bias->bias);
  if (!info.constant || info.constant->rank() == 1) return writer_.name(bias->bias);
  return writer_.constant(info.constant->reshaped(Shape{info.constant->count()}), info.name);
}

const FusedBias* Raising::taken_bias() const { return writer_.bias_of_reader(node_); }

const gossamer::Type& Raising::result_type(std::size_t i) const {
  return graph().value(node_.results[i]).type;
}

bool Raising::has_result(std::size_t i) const {
  return i < node_.results.size() && node_.results[i] != kNoValue &&
         writer_.is_read(node_.results[i]);
}

void Raising::result(std::size_t i, const Name& name) {
  if (has_result(i)) results_.emplace_back(i, name);
}

// --- what is being written ---

std::int64_t Raising::opset() const { return writer_.model().opset; }

void Raising::needs(std::int64_t opset) {
  writer_.model().needed = std::max(writer_.model().needed, opset);
}

void Raising::needs(DType dtype) {
  switch (dtype) {
    case DType::i4:
    case DType::u4:
      return needs(21);
    case DType::i2:
    case DType::u2:
      return needs(25);
    case DType::f4e2m1:
      return needs(23);
    case DType::f8e8m0:
      return needs(24);
    case DType::f6e2m3:
    case DType::f6e3m2:
      return needs(28);
    case DType::f8e4m3fn:
    case DType::f8e4m3fnuz:
    case DType::f8e5m2:
    case DType::f8e5m2fnuz:
      return needs(19);
    default:
      return;
  }
}

// --- nodes and constants ---

Raising::Name Raising::emit(std::string_view op, Names inputs, Attributes attributes) {
  return emit_many(op, std::move(inputs), 1, std::move(attributes))[0];
}

Raising::Names Raising::emit_many(std::string_view op, Names inputs, std::size_t outputs,
                                  Attributes attributes) {
  const auto at = std::find_if(node_.results.begin(), node_.results.end(),
                               [](ValueId v) { return v != kNoValue; });
  const std::string base = at == node_.results.end() ? "value" : graph().value(*at).name;
  Node node;
  node.op_type = op;
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  for (std::size_t i = 0; i < outputs; ++i)
    node.outputs.push_back(writer_.model().claim(base + "_" + std::string(op)));
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs;
}

Raising::Name Raising::emit_learned(std::string_view op, std::int64_t since, Names inputs,
                                    Attributes attributes) {
  constexpr const char* kDomain = "ai.onnx.ml";
  std::int64_t& version = writer_.model().domains[kDomain];
  version = std::max(version, since);
  const Name out = emit(op, std::move(inputs), std::move(attributes));
  nodes_.back().domain = kDomain;
  return out;
}

namespace {

// What a constant is called: its elements when they are few and short.
std::string constant_name(const Tensor& t) {
  std::string name = "c_" + std::string(dtype_name(t.dtype()));
  if (t.dtype() == DType::string || t.count() > 6) return name;
  if (is_arithmetic_integer(t.dtype()) || t.dtype() == DType::boolean) {
    const auto ints = to_int64s(t);
    for (std::int64_t v : ints.ok() ? *ints : std::vector<std::int64_t>{})
      name += "_" + std::to_string(v);
  } else if (t.count() == 1 && is_arithmetic_float(t.dtype())) {
    const auto numbers = to_doubles(t);
    if (numbers.ok()) name += "_" + std::to_string((*numbers)[0]);
  }
  return name;
}

}  // namespace

Raising::Name Raising::constant(const Tensor& tensor) {
  needs(tensor.dtype());
  return writer_.constant(tensor, constant_name(tensor));
}

Raising::Name Raising::ints(const std::vector<std::int64_t>& values) {
  return constant(Tensor::vector(values));
}

Raising::Name Raising::integer(std::int64_t value) { return constant(Tensor::scalar(value)); }

Raising::Name Raising::number(DType dtype, double value) {
  const Scalar s = make_scalar(dtype, value);
  Result<Tensor> t = Tensor::make(dtype, Shape{});
  if (!t.ok()) return {};
  std::memcpy(t->mutable_data(), &s.bits, dtype_size(dtype));
  return constant(*t);
}

Raising::Name Raising::fill(DType dtype, double value, std::int64_t count) {
  const Scalar s = make_scalar(dtype, value);
  Result<Tensor> t = Tensor::make_uninitialized(dtype, Shape{count});
  if (!t.ok()) return {};
  const std::size_t size = dtype_size(dtype);
  auto* to = static_cast<std::byte*>(t->mutable_data());
  for (std::int64_t i = 0; i < count; ++i, to += size) std::memcpy(to, &s.bits, size);
  return constant(*t);
}

Raising::Name Raising::cast(const Name& x, DType from, DType dtype) {
  if (from == dtype) return x;
  needs(from);
  needs(dtype);
  return emit("Cast", {x}, {attribute("to", std::int64_t{dtype_info(dtype).onnx_code})});
}

Raising::Name Raising::extent(const Name& x, const gossamer::Type& type, int axis) {
  if (const auto n = type.dim(axis).constant()) return ints({*n});
  if (opset() >= 15) {
    return emit("Shape", {x},
                {attribute("start", std::int64_t{axis}), attribute("end", std::int64_t{axis} + 1)});
  }
  return emit("Gather", {emit("Shape", {x}), ints({axis})});
}

Raising::Name Raising::join(const Names& extents) {
  if (extents.empty()) return ints({});
  if (extents.size() == 1) return extents[0];
  return emit("Concat", extents, {attribute("axis", std::int64_t{0})});
}

Raising::Name Raising::reshape(const Name& x, const std::vector<std::int64_t>& dims) {
  const bool zero = std::find(dims.begin(), dims.end(), 0) != dims.end();
  if (!zero) return emit("Reshape", {x, ints(dims)});
  needs(14);
  return emit("Reshape", {x, ints(dims)}, {attribute("allowzero", std::int64_t{1})});
}

Raising::Name Raising::transpose(const Name& x, const std::vector<int>& axes) {
  std::vector<int> identity(axes.size());
  std::iota(identity.begin(), identity.end(), 0);
  if (axes == identity) return x;
  return emit("Transpose", {x},
              {attribute("perm", std::vector<std::int64_t>(axes.begin(), axes.end()))});
}

Raising::Name Raising::unsqueeze(const Name& x, const std::vector<std::int64_t>& axes) {
  return axes.empty() ? x : emit("Unsqueeze", {x, ints(axes)});
}

Raising::Name Raising::squeeze(const Name& x, const std::vector<std::int64_t>& axes) {
  return axes.empty() ? x : emit("Squeeze", {x, ints(axes)});
}

Result<std::shared_ptr<const Graph>> Raising::body(std::size_t i, std::size_t captured) {
  const gossamer::Graph& inner = *node_.bodies[i];
  GraphWriter writer(writer_.model(), inner, &writer_);
  const std::size_t count = node_.operands.size() - captured;
  if (inner.inputs.size() < count) return internal_error("a body lacks captured inputs");
  for (std::size_t k = 0; k < count; ++k)
    writer.set_name(inner.inputs[inner.inputs.size() - count + k], operand(captured + k));
  ASSIGN(Graph written, writer.write());
  return std::make_shared<const Graph>(std::move(written));
}

Status Raising::refuse(std::string what) const { return unsupported(std::move(what)); }

bool Raising::touches_bfloat16() const {
  const auto narrow = [this](ValueId v) {
    return v != kNoValue && graph().value(v).type.is_tensor() &&
           graph().value(v).type.dtype == DType::bf16;
  };
  return std::any_of(node_.operands.begin(), node_.operands.end(), narrow) ||
         std::any_of(node_.results.begin(), node_.results.end(), narrow);
}

Status Raising::finish() {
  std::map<Name, Name> final_names;
  for (const auto& [i, name] : results_) {
    const Name wanted = writer_.name(node_.results[i]);
    const bool made = std::any_of(nodes_.begin(), nodes_.end(), [&](const Node& n) {
      return std::find(n.outputs.begin(), n.outputs.end(), name) != n.outputs.end();
    });
    if (made && final_names.emplace(name, wanted).second) continue;
    Node copy;
    copy.op_type = "Identity";
    copy.inputs = {name};
    copy.outputs = {wanted};
    nodes_.push_back(std::move(copy));
  }
  if (touches_bfloat16())
    for (const Node& node : nodes_) needs(bfloat16_opset(node.op_type));
  bool plain = true;  // opset 1 has it all
  for (Node& node : nodes_) {
    for (auto* list : {&node.inputs, &node.outputs})
      for (Name& name : *list)
        if (const auto it = final_names.find(name); it != final_names.end()) name = it->second;
    plain = plain && (node.op_type == "Identity" || !node.attributes.empty()) &&
            (node.op_type == "Identity" || !node.attributes[0].graphs.empty());
  }
  if (nodes_.size() == 1) nodes_[0].name = node_.name;
  if (!plain) {
    writer_.model().spelled = true;
    needs(13);
  }
  for (Node& node : nodes_) writer_.append(std::move(node));
  return {};
}

RaiseFn find_raise(const Primitive& primitive) {
  static const std::map<const Primitive*, RaiseFn> kFunctions = {
#define RAISE(name, function) {&k##name, function},
#include "onnx/raise.def"
#undef RAISE
  };
  const auto it = kFunctions.find(&primitive);
  return it == kFunctions.end() ? nullptr : it->second;
}

}  // namespace gossamer::onnx
