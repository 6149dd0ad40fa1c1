// Builder: makes a Graph node by node, with types and known values at hand. Lowerings and passes
// build with it. Every node is inferred as it is added, so a mistake is reported where it is made.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "primitives/primitives.h"
#include "reference/copy.h"
#include "reference/pointwise.h"

namespace gossamer {

class Builder {
 public:
  // Source of symbols that no value has yet; shared by a graph and its bodies.
  class Symbols {
   public:
    Dim next() { return Dim::symbol("u" + std::to_string(count_++)); }

   private:
    int count_ = 0;
  };

  // `max_known_bytes` bounds what known() computes.
  Builder(Graph& graph, std::shared_ptr<Symbols> symbols, std::int64_t max_known_bytes = 1 << 20);

  Graph& graph() { return graph_; }
  const std::shared_ptr<Symbols>& symbols() const { return symbols_; }
  // Nodes made from here on carry this origin and name.
  void set_origin(OriginId origin, std::string_view node_name);

  ValueId input(std::string_view name, Type type);
  ValueId constant(Tensor tensor, std::string_view name = {});
  ValueId constant_ints(const std::vector<std::int64_t>& values);  // i64 vector

  // Adds a node; gives its `results` values. Fails with what the primitive's shape rule says.
  Result<std::vector<ValueId>> add(const Primitive& primitive, AttributePtr attributes,
                                   std::vector<ValueId> operands, std::size_t results = 1,
                                   std::vector<std::shared_ptr<const Graph>> bodies = {});
  template <class S>
  Result<std::vector<ValueId>> add(const Primitive& primitive, S attributes,
                                   std::vector<ValueId> operands, std::size_t results) {
    return add(primitive, make_attributes(std::move(attributes)), std::move(operands), results);
  }
  // A node with one result.
  template <class S>
  Result<ValueId> one(const Primitive& primitive, S attributes, std::vector<ValueId> operands) {
    ASSIGN(std::vector<ValueId> r,
           add(primitive, make_attributes(std::move(attributes)), std::move(operands), 1));
    return r[0];
  }

  const Type& type(ValueId v) const { return graph_.value(v).type; }
  DType dtype(ValueId v) const { return type(v).dtype; }
  bool ranked(ValueId v) const { return type(v).ranked(); }
  int rank(ValueId v) const { return type(v).rank(); }  // only when ranked

  // The value as a tensor when it follows from constants and known extents: constants, shape
  // arithmetic, and nodes whose operands are known (evaluated by their scalar code, at most
  // max_known_bytes; cached).
  std::optional<Tensor> known(ValueId v);
  // Integer elements, symbolic where need be (constants included).
  std::optional<DimVector> contents(ValueId v) const;

  // --- spellings of common nodes (builder.cc, movement.cc) ---

  // One Pointwise over `operands` (broadcast); `build` gets one Ref an operand and returns the
  // result.
  using PointwiseFn = std::function<Ref(ExpressionBuilder&, std::span<const Ref>)>;
  Result<ValueId> pointwise(std::span<const ValueId> operands, const PointwiseFn& build);
  Result<ValueId> pointwise(std::initializer_list<ValueId> operands, const PointwiseFn& build) {
    return pointwise(std::span<const ValueId>(operands.begin(), operands.size()), build);
  }
  // Several results.
  using PointwiseManyFn = std::function<std::vector<Ref>(ExpressionBuilder&, std::span<const Ref>)>;
  Result<std::vector<ValueId>> pointwise_many(std::span<const ValueId> operands,
                                              const PointwiseManyFn& build);
  // Program over no or some operands whose result has the run-time shape `extent` (i64 vector)
  // joined in.
  Result<ValueId> pointwise_over(ValueId extent, std::span<const ValueId> operands,
                                 const PointwiseFn& build);
  Result<ValueId> binary(PointwiseOp op, ValueId a, ValueId b);
  Result<ValueId> unary(PointwiseOp op, ValueId a);
  Result<ValueId> cast(ValueId x, DType dtype);  // x itself when it has that dtype

  // A Copy with these steps; `args` are the operands that extents refer to, from 1 on. x itself
  // when there are no steps.
  Result<ValueId> copy(ValueId x, StepList steps, std::vector<ValueId> args = {});
  Result<ValueId> transpose(ValueId x, std::vector<int> perm);  // x itself for the identity
  Result<ValueId> reshape(ValueId x, std::vector<ReshapeEntry> dims);
  Result<ValueId> reshape_to(ValueId x,
                             const std::vector<std::int64_t>& dims);  // literal extents, -1 infers
  Result<ValueId> unsqueeze(ValueId x, std::vector<int> axes);  // axes of the result, not negative
  Result<ValueId> squeeze(ValueId x, std::vector<int> axes);
  Result<ValueId> slice(ValueId x, int axis, Extent start, Extent end, std::int64_t stride = 1);
  // x broadcast to the run-time shape in the i64 vector `shape` (its length must be known).
  Result<ValueId> expand(ValueId x, ValueId shape);
  Result<ValueId> concat(std::vector<ValueId> xs, int axis);
  // `data` with elements or slices replaced at `indices` (i64 [.., k]).
  Result<ValueId> scatter_nd(ValueId data, ValueId indices, ValueId updates);
  Result<ValueId> shape_of(ValueId x, int start = 0,
                           std::optional<int> end = std::nullopt);  // i64 vector
  Result<ValueId> dim_of(ValueId x, int axis);                      // i64 [1]

 private:
  std::optional<Tensor> evaluate_known(ValueId v, int depth);
  std::optional<Tensor> evaluate_producer(NodeId id, ValueId v, int depth);

  Graph& graph_;
  std::shared_ptr<Symbols> symbols_;
  std::int64_t max_known_bytes_;
  OriginId origin_ = kNoOrigin;
  std::string node_name_;
  std::vector<std::optional<std::optional<Tensor>>> known_;  // by value: not tried, tried
};

}  // namespace gossamer
