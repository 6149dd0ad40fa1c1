// Builder: adding nodes with inference, computing what is known, Pointwise spellings.
#include "primitives/builder.h"

#include <algorithm>

#include "graph/run_inference.h"
#include "primitives/evaluator.h"

namespace gossamer {
namespace {

constexpr int kMaxKnownDepth = 256;

// Contents that are all numbers, as a tensor of the value's type.
std::optional<Tensor> tensor_of_contents(const ValueInfo& info) {
  std::optional<Shape> shape = info.type.static_shape();
  if (!info.contents || !shape) return std::nullopt;
  Result<Tensor> t = Tensor::make(info.type.dtype, *shape);
  if (!t.ok() || t->count() != static_cast<std::int64_t>(info.contents->size()))
    return std::nullopt;
  bool all = true;
  auto fill = [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto y = t->mutable_values<T>();
    for (std::size_t i = 0; i < y.size(); ++i) {
      std::optional<std::int64_t> v = (*info.contents)[i].constant();
      all = all && v.has_value();
      y[i] = static_cast<T>(v.value_or(0));
    }
  };
  switch (info.type.dtype) {
    case DType::i64:
      fill(TypeTag<std::int64_t>{});
      break;
    case DType::i32:
      fill(TypeTag<std::int32_t>{});
      break;
    case DType::boolean:
      fill(TypeTag<bool>{});
      break;
    default:
      return std::nullopt;
  }
  if (!all) return std::nullopt;
  return std::move(t).value();
}

}  // namespace

Builder::Builder(Graph& graph, std::shared_ptr<Symbols> symbols, std::int64_t max_known_bytes)
    : graph_(graph), symbols_(std::move(symbols)), max_known_bytes_(max_known_bytes) {}

void Builder::set_origin(OriginId origin, std::string_view node_name) {
  origin_ = origin;
  node_name_ = node_name;
}

ValueId Builder::input(std::string_view name, Type type) {
  const ValueId v = graph_.add_value(name, std::move(type));
  graph_.inputs.push_back(v);
  return v;
}

ValueId Builder::constant(Tensor tensor, std::string_view name) {
  return graph_.add_constant(name, std::move(tensor));
}

ValueId Builder::constant_ints(const std::vector<std::int64_t>& values) {
  return constant(Tensor::vector(values));
}

Result<std::vector<ValueId>> Builder::add(const Primitive& primitive, AttributePtr attributes,
                                          std::vector<ValueId> operands, std::size_t results,
                                          std::vector<std::shared_ptr<const Graph>> bodies) {
  Node node;
  node.primitive = &primitive;
  node.attributes = std::move(attributes);
  node.operands = std::move(operands);
  node.bodies = std::move(bodies);
  node.origin = origin_;
  node.name = node_name_;
  std::vector<ValueId> ids;
  ids.reserve(results);
  for (std::size_t i = 0; i < results; ++i) ids.push_back(graph_.add_value({}, Type{}));
  node.results = ids;
  const NodeId id = graph_.append(std::move(node));
  TRY(infer_node(graph_, id, [this] { return symbols_->next(); }));
  return ids;
}

std::optional<DimVector> Builder::contents(ValueId v) const {
  const ValueId operands[] = {v};
  return InferContext(graph_, operands, 0, {}, {}).contents(0);
}

std::optional<Tensor> Builder::known(ValueId v) { return evaluate_known(v, 0); }

std::optional<Tensor> Builder::evaluate_known(ValueId v, int depth) {
  if (depth > kMaxKnownDepth) return std::nullopt;
  const std::size_t slot = static_cast<std::size_t>(v);
  if (known_.size() <= slot) known_.resize(graph_.values.size());
  if (known_[slot]) return *known_[slot];
  std::optional<Tensor> value;
  const ValueInfo& info = graph_.value(v);
  if (info.constant) {
    Result<Tensor> t = info.constant->unpack();
    if (t.ok()) value = std::move(t).value();
  } else if (info.type.is_tensor() && info.contents && (value = tensor_of_contents(info))) {
  } else if (info.type.is_tensor() && info.producer != kNoNode) {
    value = evaluate_producer(info.producer, v, depth);
  }
  known_[slot] = value;
  return value;
}

std::optional<Tensor> Builder::evaluate_producer(NodeId id, ValueId v, int depth) {
  const Node node = graph_.node(id);
  if (node.primitive->has(kVaries) || !node.bodies.empty()) return std::nullopt;
  if (std::optional<Shape> shape = graph_.value(v).type.static_shape()) {
    std::optional<std::int64_t> count = shape->checked_count();
    if (!count || *count > max_known_bytes_) return std::nullopt;
  }
  std::vector<Value> operands(node.operands.size());
  std::vector<const Value*> pointers(node.operands.size(), nullptr);
  for (std::size_t i = 0; i < node.operands.size(); ++i) {
    if (node.operands[i] == kNoValue) continue;
    std::optional<Tensor> t = evaluate_known(node.operands[i], depth + 1);
    if (!t) return std::nullopt;
    operands[i] = std::move(*t);
    pointers[i] = &operands[i];
  }
  Result<std::vector<Value>> results = evaluate_node(
      *node.primitive, node.attributes.get(), pointers, node.results.size(), max_known_bytes_);
  if (!results.ok()) return std::nullopt;
  for (std::size_t i = 0; i < node.results.size(); ++i)
    if (node.results[i] == v && (*results)[i].is_tensor()) return (*results)[i].tensor;
  return std::nullopt;
}

Result<std::vector<ValueId>> Builder::pointwise_many(std::span<const ValueId> operands,
                                                     const PointwiseManyFn& build) {
  ExpressionBuilder e;
  std::vector<Ref> inputs;
  for (ValueId v : operands) inputs.push_back(e.input(dtype(v)));
  const std::vector<Ref> refs = build(e, inputs);
  return add(kPointwise, make_attributes(PointwiseAttributes{e.finish(refs), false}),
             {operands.begin(), operands.end()}, refs.size());
}

Result<ValueId> Builder::pointwise(std::span<const ValueId> operands, const PointwiseFn& build) {
  ASSIGN(std::vector<ValueId> r,
         pointwise_many(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
           return std::vector<Ref>{build(e, in)};
         }));
  return r[0];
}

Result<ValueId> Builder::pointwise_over(ValueId extent, std::span<const ValueId> operands,
                                        const PointwiseFn& build) {
  ExpressionBuilder e;
  std::vector<Ref> inputs;
  for (ValueId v : operands) inputs.push_back(e.input(dtype(v)));
  const Ref result = build(e, inputs);
  std::vector<ValueId> all(operands.begin(), operands.end());
  all.push_back(extent);
  return one(kPointwise, PointwiseAttributes{e.finish(result), true}, std::move(all));
}

Result<ValueId> Builder::binary(PointwiseOp op, ValueId a, ValueId b) {
  if (dtype(a) != dtype(b))
    return malformed("operands have element types " + std::string(dtype_name(dtype(a))) + " and " +
                     std::string(dtype_name(dtype(b))));
  return pointwise({a, b}, [op](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.binary(op, in[0], in[1]);
  });
}

Result<ValueId> Builder::unary(PointwiseOp op, ValueId a) {
  return pointwise(
      {a}, [op](ExpressionBuilder& e, std::span<const Ref> in) { return e.unary(op, in[0]); });
}

Result<ValueId> Builder::cast(ValueId x, DType to) {
  if (dtype(x) == to) return x;
  return pointwise(
      {x}, [to](ExpressionBuilder& e, std::span<const Ref> in) { return e.cast(in[0], to); });
}

}  // namespace gossamer
