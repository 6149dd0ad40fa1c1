// The state of writing one model (ModelWriter) and one graph of it (GraphWriter): names, constants,
// which operators stay as they were.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "onnx/dim_names.h"
#include "onnx/fused_bias.h"
#include "onnx/model.h"
#include "onnx/splits.h"

namespace gossamer::onnx {

struct ModelWriter {
  std::int64_t opset = 17;
  bool canonical = false;
  const Model* source = nullptr;      // may be null
  std::optional<DimNames> dim_names;  // of the source

  std::int64_t needed = 1;                      // the opset that what was written needs
  bool spelled = false;                         // some node is not as it was
  std::map<std::string, std::int64_t> domains;  // others than the default one

  // A name that nothing in the model has, made from the wanted one. Names are unique over all
  // graphs: bodies see what is around them.
  std::string claim(std::string_view wanted);
  // The same for names of nodes; none stays none.
  std::string claim_node(const std::string& wanted);
  // Whether a node of that domain and version can stand as it is; notes the domain's version.
  bool fits(const std::string& domain, const std::string& op, std::int64_t version);

 private:
  std::set<std::string, std::less<>> names_;
  std::map<std::string, int, std::less<>> next_suffix_;
  std::set<std::string, std::less<>> node_names_;
  std::map<std::string, int, std::less<>> next_node_suffix_;
};

class GraphWriter {
 public:
  GraphWriter(ModelWriter& model, const gossamer::Graph& graph, const GraphWriter* outer);

  // Gives a value of the graph (a captured input) the name that it has outside.
  void set_name(ValueId v, std::string name) {
    names_[static_cast<std::size_t>(v)] = std::move(name);
  }
  Result<onnx::Graph> write();

  ModelWriter& model() { return model_; }
  const gossamer::Graph& graph() const { return graph_; }
  // Whether a node, an operator that may stay as it was, or the outside reads the value.
  bool is_read(ValueId v) const { return read_[static_cast<std::size_t>(v)]; }
  // The value's name in the file; a constant becomes an initializer.
  std::string name(ValueId v);
  // An initializer of these elements, shared with equal ones when it is small.
  std::string constant(const Tensor& tensor, std::string_view wanted);
  // The bias that a convolution takes, and the reader that leaves it to it; or null.
  const FusedBias* bias_of_product(const gossamer::Node& node) const;
  const FusedBias* bias_of_reader(const gossamer::Node& node) const;
  void append(Node node) {
    node.name = model_.claim_node(node.name);
    out_.nodes.push_back(std::move(node));
  }

 private:
  struct Item {  // an operator as it was, slices that are one Split, or one primitive node
    OriginId origin = kNoOrigin;
    std::vector<NodeId> nodes;
    std::optional<Split> split;
  };

  void find_items();
  bool stays(OriginId id, const std::vector<NodeId>& nodes);
  bool is_available(ValueId v) const;
  std::vector<ValueId> reads(const Item& item) const;
  std::vector<bool> needed_items() const;
  Status write_item(const Item& item);
  void write_origin(const Item& item);
  void write_split(const Split& split);
  Status write_outputs();
  const DimNames* dim_names() const { return model_.dim_names ? &*model_.dim_names : nullptr; }
  Type output_type(ValueId v, const std::string& name) const;
  const std::string* shared_constant(const Tensor& t, const std::string& key) const;

  ModelWriter& model_;
  const gossamer::Graph& graph_;
  const GraphWriter* outer_;
  onnx::Graph out_;
  std::vector<bool> read_;             // by value
  std::vector<std::string> names_;     // by value; empty: none yet
  std::vector<Item> items_;            // in order of execution
  std::vector<std::int32_t> item_of_;  // by node
  std::vector<FusedBias> biases_;
  std::map<std::string, std::string> constants_;  // names by what they hold
};

// A type as the file declares it. Symbols made while lowering become unknown extents; the others
// are called as `names` has them, if given.
Type declared_type(const gossamer::Type& type, const DimNames* names = nullptr);

}  // namespace gossamer::onnx
