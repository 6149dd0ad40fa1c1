// Raising: the inverse of lowering. From one primitive node to ONNX nodes of the opset that is
// being written; one function a primitive, the table is raise.def. What a raise function sees is
// the node's operands by name and type, and places for the nodes that it makes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/primitive.h"
#include "onnx/model.h"

namespace gossamer::onnx {

class GraphWriter;
struct FusedBias;

// Attributes of emitted nodes.
Attribute attribute(std::string_view name, std::int64_t value);
Attribute attribute(std::string_view name, std::vector<std::int64_t> values);
Attribute attribute(std::string_view name, float value);
Attribute attribute(std::string_view name, std::string_view value);
Attribute attribute(std::string_view name, Tensor value);
Attribute attribute(std::string_view name, std::vector<float> values);
Attribute attribute(std::string_view name, std::vector<std::string> values);
Attribute attribute(std::string_view name, std::shared_ptr<const Graph> value);

class Raising {
 public:
  // Names of values in the file; "" is one left out.
  using Name = std::string;
  using Names = std::vector<std::string>;
  using Attributes = std::vector<Attribute>;

  Raising(GraphWriter& writer, const gossamer::Node& node) : writer_(writer), node_(node) {}

  const gossamer::Node& node() const { return node_; }
  const gossamer::Graph& graph() const;
  template <class S>
  const S& attributes() const {
    return attributes_of<S>(node_);
  }

  // --- operands and results ---
  std::size_t operand_count() const { return node_.operands.size(); }
  bool has(std::size_t i) const {
    return i < node_.operands.size() && node_.operands[i] != kNoValue;
  }
  Name operand(std::size_t i);  // "" when left out
  Name outer_name(ValueId v);   // of any value that stands before the node
  const gossamer::Type& type(std::size_t i) const;
  DType dtype(std::size_t i) const { return type(i).dtype; }
  Result<int> rank(std::size_t i) const;  // unsupported when it is not known
  // The operand as a constant, or null.
  const Tensor* constant_operand(std::size_t i) const;
  // Of a convolution: the vector that its reader leaves to it to add; "" when there is none.
  Name bias();
  // Of a Pointwise: what a convolution before it has added already, or null.
  const FusedBias* taken_bias() const;
  std::size_t result_count() const { return node_.results.size(); }
  // Result i is there and somebody reads it.
  bool has_result(std::size_t i) const;
  const gossamer::Type& result_type(std::size_t i) const;
  // Result i is this value: an output of an emitted node, or any other value.
  void result(std::size_t i, const Name& name);

  // --- what is being written ---
  std::int64_t opset() const;
  // The file needs at least this opset.
  void needs(std::int64_t opset);
  void needs(DType dtype);

  // --- nodes and constants ---
  Name emit(std::string_view op, Names inputs, Attributes attributes = {});
  Names emit_many(std::string_view op, Names inputs, std::size_t outputs,
                  Attributes attributes = {});
  // A node of ai.onnx.ml, of the domain's version `since` at least.
  Name emit_learned(std::string_view op, std::int64_t since, Names inputs, Attributes attributes);
  Name constant(const Tensor& tensor);
  Name ints(const std::vector<std::int64_t>& values);        // i64 vector
  Name integer(std::int64_t value);                          // i64 scalar
  Name number(DType dtype, double value);                    // scalar
  Name fill(DType dtype, double value, std::int64_t count);  // vector of equal numbers
  // x as `dtype`; x itself when it is `from` already.
  Name cast(const Name& x, DType from, DType dtype);
  // The extent of an axis of x as an i64 vector of one element: a constant when it is known.
  Name extent(const Name& x, const gossamer::Type& type, int axis);
  // A shape as an i64 vector of extents, each a vector of one element.
  Name join(const Names& extents);
  // x in shape `dims` when all but at most one extent are known, otherwise in the shape of `like`.
  Name reshape(const Name& x, const std::vector<std::int64_t>& dims);
  Name transpose(const Name& x, const std::vector<int>& axes);  // x itself for the identity
  // x with axes of extent 1 where the result has them.
  Name unsqueeze(const Name& x, const std::vector<std::int64_t>& axes);
  Name squeeze(const Name& x, const std::vector<std::int64_t>& axes);

  // A body, its first inputs its own and the rest the node's captured operands from `captured` on.
  Result<std::shared_ptr<const Graph>> body(std::size_t i, std::size_t captured);
  Status refuse(std::string what) const;  // unsupported

  // Gives the results their names and hands the nodes to the graph that is written.
  Status finish();

 private:
  bool touches_bfloat16() const;

  GraphWriter& writer_;
  const gossamer::Node& node_;
  std::vector<Node> nodes_;
  std::vector<std::pair<std::size_t, Name>> results_;
};

using RaiseFn = Status (*)(Raising&);
// Null when the primitive has no spelling.
RaiseFn find_raise(const Primitive& primitive);

#define RAISE(primitive, function) Status function(Raising& r);
#include "onnx/raise.def"
#undef RAISE

}  // namespace gossamer::onnx
