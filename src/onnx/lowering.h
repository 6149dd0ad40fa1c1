// Lowering: what the lowering function of one operator sees: its node's attributes, inputs as
// values of the graph under construction, and places for its outputs. One function an operator:
// `Status lower_conv(Lowering& l)`; the table is operators.def.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "onnx/model.h"
#include "primitives/builder.h"

namespace gossamer::onnx {

class GraphLowering;  // lower.cc: the state of one graph's lowering

class Lowering {
 public:
  Lowering(GraphLowering& graph, const Node& node, std::int64_t version,
           std::vector<ValueId> inputs);

  const Node& node() const { return node_; }
  // Opset version of the node's domain that the model imports.
  std::int64_t version() const { return version_; }
  Builder& b();

  // --- inputs and outputs ---
  std::size_t input_count() const { return inputs_.size(); }
  bool has_input(std::size_t i) const { return i < inputs_.size() && inputs_[i] != kNoValue; }
  ValueId input(std::size_t i) const { return inputs_[i]; }  // only when has_input
  std::size_t output_count() const { return node_.outputs.size(); }
  // The node names output i.
  bool has_output(std::size_t i) const {
    return i < node_.outputs.size() && !node_.outputs[i].empty();
  }
  // Output i is this value (which may be an input: an alias).
  void output(std::size_t i, ValueId value);
  // What output i was set to; kNoValue before.
  ValueId output_value(std::size_t i) const { return i < outputs_.size() ? outputs_[i] : kNoValue; }
  // Sets output 0 from a result.
  Status output(Result<ValueId> value);

  // --- types; an input must be a tensor ---
  const gossamer::Type& type(std::size_t i) { return b().type(inputs_[i]); }
  DType dtype(std::size_t i) { return type(i).dtype; }
  // The rank, or a refusal (binding wanted) when it is not known.
  Result<int> rank(std::size_t i);
  // Rank of any value of the graph under construction.
  Result<int> rank_of(ValueId v);
  // A possibly negative axis made non-negative.
  Result<int> axis(std::int64_t axis, int rank);
  Result<std::vector<int>> axes(const std::vector<std::int64_t>& axes,
                                int rank);  // distinct, order kept

  // --- attributes; a present attribute of another kind is malformed ---
  bool has_attribute(std::string_view name) const { return find(name) != nullptr; }
  const Attribute* find(std::string_view name) const;
  Result<std::int64_t> int_or(std::string_view name, std::int64_t otherwise) const;
  Result<float> float_or(std::string_view name, float otherwise) const;
  Result<std::string> string_or(std::string_view name, std::string_view otherwise) const;
  Result<std::vector<std::int64_t>> ints_or(std::string_view name,
                                            std::vector<std::int64_t> otherwise) const;
  Result<std::vector<float>> floats_or(std::string_view name, std::vector<float> otherwise) const;
  Result<std::vector<std::string>> strings_or(std::string_view name,
                                              std::vector<std::string> otherwise) const;
  Result<std::optional<std::vector<std::int64_t>>> maybe_ints(std::string_view name) const;
  Result<std::int64_t> required_int(std::string_view name) const;
  Result<std::vector<std::int64_t>> required_ints(std::string_view name) const;
  Result<std::string> required_string(std::string_view name) const;
  Result<Tensor> required_tensor(std::string_view name) const;
  // The element type that an attribute such as Cast's `to` names, by ONNX code.
  Result<DType> dtype_or(std::string_view name, DType otherwise) const;

  // --- structure: values that must be known now. Unknown: refused by name, and when they trace
  // back to graph inputs those are asked for, so that `run` and `check` bind them and lower again
  // ---
  Result<Tensor> structure(std::size_t i);
  Result<std::vector<std::int64_t>> structure_ints(std::size_t i);
  Result<std::int64_t> structure_int(std::size_t i);
  // The same of any value of the graph under construction.
  Result<Tensor> structure_of(ValueId v);
  // Whether input i depends on values of graph inputs, which then are asked for.
  bool ask_for(std::size_t i);
  // Whether a branch that cannot run is refused only when it is taken (LowerOptions::refuse_late).
  bool refuses_late() const;
  // Known now or not: no refusal.
  std::optional<std::vector<std::int64_t>> known_ints(std::size_t i);

  // Number of elements of an i64 vector input: a rank or a count, which must be known.
  Result<std::int64_t> vector_length(std::size_t i);
  // Input i (integers, a vector of known length or a scalar) as extents of a Copy: literals where
  // they are known now, otherwise elements of operand number `args.size()+1`, which is appended to
  // `args` (cast to i64 when need be).
  Result<std::vector<Extent>> extents(std::size_t i, std::vector<ValueId>& args);
  Result<std::vector<Extent>> extents_of(ValueId v, std::vector<ValueId>& args);

  // --- bodies ---
  // Lowers graph attributes of this node, body i with inputs of input_types[i]. Outer values that
  // any of them reads are appended to `captured`, as values of this graph; each body's inputs are
  // its own, then all captures.
  Result<std::vector<std::shared_ptr<const gossamer::Graph>>> lower_bodies(
      const std::vector<const Graph*>& bodies,
      const std::vector<std::vector<gossamer::Type>>& input_types, std::vector<ValueId>& captured);
  // Lowers a graph attribute in place, as if its nodes stood here (a branch known to be taken);
  // `inputs` are the values of its inputs.
  Result<std::vector<ValueId>> inline_body(const Graph& body,
                                           const std::vector<ValueId>& inputs = {});
  // Expands nodes (a standard function body or so) in place: names in `nodes` are local; gives the
  // values of `outputs`. Unless `sealed`, the nodes also see the names that this node sees.
  Result<std::vector<ValueId>> inline_nodes(const std::vector<Node>& nodes,
                                            const std::vector<std::string>& input_names,
                                            const std::vector<ValueId>& inputs,
                                            const std::vector<std::string>& outputs,
                                            bool sealed = true);

  // Messages: "attribute 'axis': ..." come back prefixed by the caller with the node's name and
  // operator.
  Status refuse(std::string what) const;  // Code::unsupported
  Status wrong(std::string what) const;   // Code::malformed

 private:
  friend class GraphLowering;
  GraphLowering& graph_;
  const Node& node_;
  std::int64_t version_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> outputs_;
};

using LowerFn = Status (*)(Lowering&);

struct OperatorInfo {
  std::string_view domain, name;
  std::int64_t since, until;  // opset versions of the domain in which it exists, inclusive
  int min_inputs, max_inputs, min_outputs, max_outputs;  // -1: any number
  LowerFn lower;
};

// Null when no operator of that name is known; a version outside [since, until] is the caller's
// message.
const OperatorInfo* find_operator(std::string_view domain, std::string_view name);
std::span<const OperatorInfo> all_operators();

}  // namespace gossamer::onnx
