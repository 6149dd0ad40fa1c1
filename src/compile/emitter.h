// Emitter: a Program under construction, beside the Graph that it computes: where each value lies,
// what reads it still, and the steps so far.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "compile/compile.h"
#include "compile/place.h"
#include "compile/shapes.h"
#include "graph/graph.h"

namespace gossamer::compile {

class Emitter {
 public:
  // All must outlive the Emitter; `program` is empty. Work by scalar code is added to `report`,
  // where there is one.
  Emitter(const Graph& graph, const CompileOptions& options, runtime::Program& program,
          WorkReport* report);

  const Graph& graph() const { return graph_; }
  const Node& node(NodeId id) const { return graph_.node(id); }
  const CompileOptions& options() const { return options_; }

  // --- where values lie ---

  // Places the inputs of the graph. Call first.
  void place_inputs();
  // The place of a value whose node has been emitted, of an input or a constant.
  const Place& place(ValueId v);
  // Whether kernels may work on the value: a tensor of known rank, at most kernels::kMaxAxes axes
  // and numeric elements, whose extents can be computed once its operands are.
  bool fits_kernels(ValueId v);
  // Whether all operands and results of a node do, but for those left out.
  bool all_fit(NodeId id);
  // Gives a value memory of its own, axes in `order` (outermost first), in the output buffer where
  // it is one.
  const Place& make(ValueId v, const std::vector<int>& order);
  // Gives a value a place within memory that is there already.
  const Place& alias(ValueId v, Place place);
  // Where a concat's result lies; producers of its operands may have made it already and written
  // there.
  Place concat_place(NodeId id);
  // Memory for an intermediate result that is no value of the graph.
  Place scratch(DType dtype, const DimVector& extents, const std::vector<int>& order);
  // A constant that is no value of the graph.
  Place constant(Tensor tensor);
  // The tensor that a value is when it is a constant; else null.
  const Tensor* constant_of(ValueId v) const;
  // The place of an f32 value rounded to bf16, axes in `order`, by a step before it is first asked
  // for.
  Place narrowed(ValueId v, const std::vector<int>& order, NodeId id);
  // The place of a value in row-major order without gaps: its own, or that of a copy.
  Place dense(ValueId v);
  Place dense(const Place& place);
  bool is_output(ValueId v) const { return output_index_[static_cast<std::size_t>(v)] >= 0; }
  // Whether `v` is wanted at a certain place: as an output, or within a concat's result.
  bool has_memory_elsewhere(ValueId v) const {
    const auto i = static_cast<std::size_t>(v);
    return output_index_[i] >= 0 || concat_target_[i] != kNoNode;
  }
  // Whether nothing after these nodes, which are emitted together, reads the memory of `place`,
  // they read it once, and it has no gaps or repeated elements: then a result may take it over.
  bool may_take_over(const Place& place, std::span<const NodeId> readers);
  // A place whose view was changed to another of the same rank as `extents`, repeated where an axis
  // has extent 1.
  static std::optional<Place> broadcast(const Place& place, const DimVector& extents);
  // The extents of a value.
  const DimVector& extents(ValueId v) const { return *graph_.value(v).type.shape; }
  // The value of an extent that may be an operand's element; nothing when only running can tell.
  std::optional<Dim> number(const Node& node, const Extent& extent) const;

  // --- fused nodes ---

  // The Pointwise that is computed in one step with this product; kNoNode: none.
  NodeId epilogue_of(NodeId product) const {
    return epilogue_of_[static_cast<std::size_t>(product)];
  }
  // The product that a Pointwise is computed with; kNoNode: none.
  NodeId product_of(NodeId pointwise) const {
    return product_of_[static_cast<std::size_t>(pointwise)];
  }
  // Whether the node is left to a later one, with which it is computed.
  bool deferred(NodeId id) const { return epilogue_of(id) != kNoNode; }

  // The MatMul for which a node that makes its weights is left out, as the kernel of products with
  // weights of few bits reads those; kNoNode: none. And the nodes left out for a MatMul, in order.
  NodeId left_out(NodeId id) const { return left_out_[static_cast<std::size_t>(id)]; }
  std::vector<NodeId> left_out_for(NodeId product) const;
  bool has_left_out(NodeId product) const {
    return has_left_out_[static_cast<std::size_t>(product)];
  }

  // The product is computed without its Pointwise after all.
  void separate(NodeId product) { epilogue_of_[static_cast<std::size_t>(product)] = kNoNode; }

  // --- steps ---

  template <class S>
  void step(std::string_view operation, S attributes, std::vector<Place> inputs,
            std::vector<Place> outputs, NodeId from) {
    add_step(runtime::find_operation(operation), make_attributes(std::move(attributes)), inputs,
             outputs, from);
  }
  // A place with buffer -1 stands for an operand that is left out.
  void add_step(const runtime::Operation* operation, AttributePtr attributes,
                std::span<const Place> inputs, std::span<const Place> outputs, NodeId from);
  // Moves elements between two places of equal extents.
  void copy(const Place& from, const Place& to, NodeId id);
  // The node by its scalar code. `captured` operands at the end belong to its bodies.
  Status reference_step(NodeId id);
  // The same, with bodies as regions: body input i + skip_inputs is operand i + skip_operands,
  // which the body may take in as its own when it is a constant.
  Status region_step(NodeId id, std::size_t skip_operands, std::size_t skip_inputs);
  // Says that a node's operands have been read.
  void finish_node(NodeId id);
  // Takes back all steps since there were `count`.
  std::size_t step_count() const { return program_.steps.size(); }
  void take_back(std::size_t count);
  // Brings outputs into their buffers and settles what lives when. Call last.
  Status finish();

 private:
  runtime::BufferId add_buffer(runtime::BufferKind kind, std::int32_t index);
  runtime::SlotId slot(const Place& place);
  void find_epilogues();
  void find_concat_targets();
  void find_block_products();
  // The place itself, or within a copy of what it looks into: values are only read as a whole.
  Place readable(const Place& place);
  std::optional<Place> concat_part(ValueId v, const std::vector<int>& order);
  void remember(ValueId v, const Place& place);
  bool is_value_kind(ValueId v);
  Place value_place(ValueId v);
  Status evaluate_step(NodeId id, std::vector<std::int32_t> regions);
  void settle_lifetimes();

  const Graph& graph_;
  const CompileOptions& options_;
  runtime::Program& program_;
  WorkReport* report_;
  ShapeRegisters registers_;
  std::vector<std::optional<Place>> places_;      // by value
  std::vector<std::int32_t> reads_;               // by value: reads to come, as an output included
  std::vector<std::int32_t> pending_;             // by buffer: reads to come of all values in it
  std::vector<std::int32_t> output_index_;        // by value: which output it is, -1: none
  std::vector<NodeId> epilogue_of_, product_of_;  // by node
  std::vector<NodeId> left_out_;                  // by node
  std::vector<bool> has_left_out_;                // by node
  std::vector<NodeId> concat_target_;          // by value: the concat that it may be written into
  std::map<runtime::BufferId, Place> wholes_;  // of buffers of kind value: all of it
  struct Copied {
    std::size_t step;  // that makes it
    Place place;
  };
  std::map<runtime::BufferId, Copied> copies_;  // of them in planned memory, where views are read
  std::map<std::vector<std::int32_t>, runtime::SlotId> slots_;  // by all that a slot says
  std::map<std::pair<ValueId, std::vector<int>>, Place> narrowed_;
};

}  // namespace gossamer::compile
