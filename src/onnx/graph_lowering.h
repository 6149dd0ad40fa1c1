// The state of lowering one model (ModelLowering) and one graph of it (GraphLowering): scopes,
// captures, functions.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "onnx/dim_names.h"
#include "onnx/lower.h"
#include "onnx/lowering.h"

namespace gossamer::onnx {

struct ModelLowering {
  ModelLowering(std::shared_ptr<const Model> model, const LowerOptions& options);
  Status index_functions();
  const Function* find_function(const Node& node) const;
  Result<gossamer::Type> graph_type(const onnx::Type& t, const std::string& what);
  // What folding may allocate: bounded by the file, so that a small file cannot ask for a large
  // tensor.
  std::int64_t max_known_bytes() const;

  std::shared_ptr<const Model> model;
  const LowerOptions& options;
  DimNames dim_names;
  std::shared_ptr<Builder::Symbols> symbols;
  std::map<std::string, const Function*> functions;
  std::vector<const Function*> calling;  // functions being expanded, outermost first
  std::vector<std::string> needs_binding;
  std::int64_t lowered_nodes = 0;
};

// Names visible at one place. A sealed scope (a function's) does not see what lies outside it.
struct Scope {
  std::map<std::string, ValueId> names;
  Scope* outer = nullptr;
  bool sealed = false;
};

class GraphLowering {
 public:
  struct Capture {
    ValueId outer, inner;  // value of the parent graph, input of this one
  };
  struct Body {
    std::shared_ptr<gossamer::Graph> graph;
    std::vector<Capture> captures;  // not yet among the graph's inputs
  };

  GraphLowering(ModelLowering& model, gossamer::Graph& graph, GraphLowering* parent,
                const std::map<std::string, std::int64_t>* opsets);

  Builder& builder() { return builder_; }
  ModelLowering& model() { return model_; }
  Status lower_model(const onnx::Graph& graph);
  Result<Body> lower_body(const onnx::Graph& body, const std::vector<gossamer::Type>& input_types);
  // Lowers nodes in place under a scope of their own; gives the values of `outputs`.
  Result<std::vector<ValueId>> in_scope(Scope scope, const std::vector<Node>& nodes,
                                        const std::vector<std::string>& outputs,
                                        const onnx::Graph* initializers = nullptr);
  // While it lives, operators that are lowered count as parts of the one being lowered now: their
  // nodes carry its origin.
  class PartsOfOperator {
   public:
    explicit PartsOfOperator(GraphLowering& g) : graph_(g), before_(g.parts_only_) {
      g.parts_only_ = true;
    }
    ~PartsOfOperator() { graph_.parts_only_ = before_; }
    PartsOfOperator(const PartsOfOperator&) = delete;
    PartsOfOperator& operator=(const PartsOfOperator&) = delete;

   private:
    GraphLowering& graph_;
    bool before_;
  };

  // Why `what` of v cannot be known at lowering; notes the graph inputs that would have to be
  // bound.
  Status refuse_unknown(ValueId v, std::string_view what);
  // Notes the graph inputs that v depends on as wanted; false when it depends on none, or on more
  // than those.
  bool ask_for(ValueId v);

 private:
  ValueId lookup(const std::string& name);
  ValueId capture(const std::string& name);
  std::optional<Tensor> small_known(ValueId v);
  Status define(const std::string& name, ValueId v);
  Status lower_nodes(const std::vector<Node>& nodes);
  Status lower_node(const Node& node);
  Status lower_operator(const Node& node, std::int64_t version, std::vector<ValueId> inputs);
  // The node's operator by the table, or by the host's operators.
  Status lower_by_meaning(const Node& node, std::int64_t version, Lowering& l);
  Status lower_with_origin(std::int64_t version, Lowering& l);
  Result<std::int64_t> opset_of(const Node& node) const;
  Status call_function(const Function& f, const Node& node, const std::vector<ValueId>& inputs);
  Status add_initializers(const onnx::Graph& graph);
  Status add_model_inputs(const onnx::Graph& graph);
  Status set_outputs(const onnx::Graph& graph);
  Result<ValueId> own_output(ValueId v, const std::string& name);
  bool trace_inputs(ValueId v, std::set<std::string>& names, std::set<ValueId>& seen);

  ModelLowering& model_;
  Builder builder_;
  GraphLowering* parent_;
  const std::map<std::string, std::int64_t>* opsets_;
  Scope top_;
  Scope* scope_ = nullptr;
  std::vector<Capture> captures_;
  std::map<ValueId, ValueId> capture_of_;       // parent's value to ours
  std::map<ValueId, std::string> input_names_;  // of the model's inputs
  std::set<ValueId> named_;                     // values that carry an output's name already
  OriginId origin_ = kNoOrigin;                 // of the operator that is being lowered
  std::string origin_name_;
  bool parts_only_ = false;
  int depth_ = 0;
  bool bound_inputs_ = false;
};

// A sparse tensor as nodes: zeros with the values scattered in, so that nothing large exists before
// it runs.
Result<ValueId> densify(Builder& b, const SparseTensor& s);

}  // namespace gossamer::onnx
