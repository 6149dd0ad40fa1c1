// The verifier: every invariant of a Graph, checked in one pass per graph.
#include <string>
#include <unordered_set>

#include "graph/primitive.h"
#include "graph/run_inference.h"

namespace gossamer {
namespace {

constexpr int kMaxBodyDepth = 64;

Status check_count(const std::string& what, std::size_t n, std::uint8_t least, std::uint8_t most) {
  if (n >= least && (n <= most || most == kAnyNumber)) return {};
  const std::string wanted = most == kAnyNumber ? "at least " + std::to_string(least)
                             : least == most
                                 ? std::to_string(least)
                                 : std::to_string(least) + " to " + std::to_string(most);
  return malformed("it has " + std::to_string(n) + " " + what + ", but takes " + wanted);
}

class Verifier {
 public:
  Verifier(const Graph& graph, bool check_types) : graph_(graph), check_types_(check_types) {}

  Status run(int depth) {
    if (depth > kMaxBodyDepth) return internal_error("bodies nested more than 64 deep");
    ready_.assign(graph_.values.size(), false);
    TRY(values());
    TRY(inputs());
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const auto id = static_cast<NodeId>(i);
      Status status = node(graph_.nodes[i], id, depth);
      if (!status.ok()) return std::move(status).in(graph_.describe(id));
      if (!check_types_) continue;
      if (Status types = check_stored_types(graph_, id); !types.ok()) {
        return internal_error(types.message());
      }
    }
    for (ValueId output : graph_.outputs) {
      if (!in_range(output)) return internal_error("an output's id is out of range");
      if (!ready(output)) return internal_error("output " + name(output) + " is never computed");
    }
    return origins();
  }

 private:
  bool in_range(ValueId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < graph_.values.size();
  }
  bool ready(ValueId id) const { return ready_[static_cast<std::size_t>(id)]; }
  std::string name(ValueId id) const { return "'" + graph_.value(id).name + "'"; }

  Status values() {
    std::unordered_set<std::string_view> names;
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      const ValueInfo& value = graph_.values[i];
      const std::string shown = "value '" + value.name + "'";
      if (value.name.empty()) return internal_error("a value has no name");
      if (!names.insert(value.name).second) return internal_error(shown + " is there twice");
      if (graph_.find(value.name) != static_cast<ValueId>(i)) {
        return internal_error(shown + " was renamed behind its graph's back");
      }
      const bool produced = value.producer != kNoNode;
      if (produced &&
          (value.producer < 0 || static_cast<std::size_t>(value.producer) >= graph_.nodes.size())) {
        return internal_error(shown + " names a producer that is not there");
      }
      if (!value.constant) continue;
      if (produced) return internal_error("constant " + shown + " has a producer");
      if (!(value.type == Type::tensor(value.constant->dtype(), value.constant->shape()))) {
        return internal_error("constant " + shown + " does not have the type " +
                              value.type.to_string());
      }
      ready_[i] = true;
    }
    return {};
  }

  Status inputs() {
    for (ValueId input : graph_.inputs) {
      if (!in_range(input)) return internal_error("an input's id is out of range");
      if (graph_.value(input).constant) {
        return internal_error("input " + name(input) + " is a constant");
      }
      if (graph_.value(input).producer != kNoNode) {
        return internal_error("input " + name(input) + " has a producer");
      }
      if (ready(input)) return internal_error("input " + name(input) + " is there twice");
      ready_[static_cast<std::size_t>(input)] = true;
    }
    return {};
  }

  Status node(const Node& n, NodeId id, int depth) {
    if (!n.primitive) return internal_error("it has no primitive");
    if (!n.attributes) return internal_error("it has no attributes");
    if (Status arity = check_arity(n); !arity.ok()) return internal_error(arity.message());
    for (ValueId operand : n.operands) {
      if (operand == kNoValue) continue;
      if (!in_range(operand)) return internal_error("an operand's id is out of range");
      if (!ready(operand)) {
        return internal_error("operand " + name(operand) + " is not computed before it");
      }
    }
    for (ValueId result : n.results) {
      if (result == kNoValue) continue;
      if (!in_range(result)) return internal_error("a result's id is out of range");
      if (ready(result)) return internal_error("result " + name(result) + " has another producer");
      if (graph_.value(result).producer != id) {
        return internal_error("result " + name(result) + " names another producer");
      }
      ready_[static_cast<std::size_t>(result)] = true;
    }
    for (const auto& body : n.bodies) {
      if (!body) return internal_error("a body is missing");
      Status status = Verifier(*body, check_types_).run(depth + 1);
      if (!status.ok()) return std::move(status).in("body '" + body->name + "'");
    }
    return {};
  }

  Status origins() const {
    const std::size_t known = graph_.origins.size();
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const OriginId origin = graph_.nodes[i].origin;
      if (origin == kNoOrigin) continue;
      if (origin < 0 || static_cast<std::size_t>(origin) >= known) {
        return internal_error("the origin is out of range")
            .in(graph_.describe(static_cast<NodeId>(i)));
      }
    }
    for (const Origin& origin : graph_.origins) {
      for (const std::vector<ValueId>* ids : {&origin.inputs, &origin.outputs}) {
        for (ValueId id : *ids) {
          if (id == kNoValue || in_range(id)) continue;
          return internal_error("the origin '" + origin.name + "' names a value out of range");
        }
      }
    }
    return {};
  }

  const Graph& graph_;
  bool check_types_;
  std::vector<bool> ready_;  // by value: an input, a constant, or computed by a node seen so far
};

}  // namespace

Status check_arity(const Node& node) {
  const Arity& a = node.primitive->arity;
  TRY(check_count("operands", node.operands.size(), a.min_operands, a.max_operands));
  TRY(check_count("results", node.results.size(), a.min_results, a.max_results));
  TRY(check_count("bodies", node.bodies.size(), a.bodies, a.bodies));
  for (std::size_t i = 0; i < a.min_operands; ++i) {
    if (node.operands[i] == kNoValue) {
      return malformed("operand " + std::to_string(i) + " must not be left out");
    }
  }
  return {};
}

Status verify(const Graph& graph, bool check_types) { return Verifier(graph, check_types).run(0); }

}  // namespace gossamer
