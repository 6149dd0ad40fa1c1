// Runs shape rules and compares what they give with the types that a graph holds.
#include "graph/run_inference.h"

#include <charconv>
#include <map>

#include "graph/primitive.h"

namespace gossamer {
namespace {

constexpr int kMaxTypeDepth = 16;
constexpr int kMaxBodyDepth = 64;

void raise_above(const Dim& dim, std::int64_t& count) {
  if (dim.is_constant()) return;
  for (const std::string& name : dim.symbols()) {
    std::int64_t number = 0;
    if (name[0] != 'u' || name.size() > 12) continue;
    const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    const bool whole = end == name.data() + name.size();
    if (error == std::errc{} && whole && number >= count) count = number + 1;
  }
}

void raise_above(const Type& type, std::int64_t& count, int depth) {
  if (type.element && depth < kMaxTypeDepth) raise_above(*type.element, count, depth + 1);
  if (!type.shape) return;
  for (const Dim& dim : *type.shape) raise_above(dim, count);
}

void raise_above(const Graph& graph, std::int64_t& count, int depth) {
  if (depth > kMaxBodyDepth) return;
  for (const ValueInfo& value : graph.values) {
    raise_above(value.type, count, 0);
    if (!value.contents) continue;
    for (const Dim& dim : *value.contents) raise_above(dim, count);
  }
  for (const Node& node : graph.nodes) {
    for (const auto& body : node.bodies) {
      if (body) raise_above(*body, count, depth + 1);
    }
  }
}

Status check_result(const Type& type) {
  if (type.depth() > kMaxTypeDepth) return malformed("a result's type is nested too deeply");
  if (type.ranked() && type.rank() > kMaxRank) {
    return malformed("a result has rank " + std::to_string(type.rank()) + ", more than " +
                     std::to_string(kMaxRank));
  }
  return {};
}

// The node's rule over the graph as it stands.
Result<InferContext> run_rule(const Graph& graph, NodeId id, std::function<Dim()> fresh) {
  const Node& node = graph.node(id);
  InferContext context(graph, node.operands, node.results.size(), node.bodies, std::move(fresh));
  Status status = node.primitive->infer(node.attributes.get(), context);
  for (std::size_t i = 0; status.ok() && i < node.results.size(); ++i) {
    status = check_result(context.result(i));
  }
  if (!status.ok()) return std::move(status).in(graph.describe(id));
  return context;
}

// Contents that can be kept: of an integer tensor, and as many as its shape says.
std::optional<DimVector> fitting(const std::optional<DimVector>& contents, const Type& type) {
  if (!contents || contents->size() > static_cast<std::size_t>(kMaxContents)) return std::nullopt;
  if (!type.is_tensor() || !(is_integer(type.dtype) || type.dtype == DType::boolean)) {
    return std::nullopt;
  }
  const std::optional<Shape> shape = type.static_shape();
  const auto count = shape ? shape->checked_count() : std::nullopt;
  if (!count || *count != static_cast<std::int64_t>(contents->size())) return std::nullopt;
  return contents;
}

// Stored types against inferred ones that have pattern symbols for what is fresh.
class Matcher {
 public:
  bool match(const Type& inferred, const Type& stored) {
    if (inferred.kind != stored.kind) return false;
    if (!inferred.is_tensor()) {
      if (!inferred.element || !stored.element) return inferred.element == stored.element;
      return match(*inferred.element, *stored.element);
    }
    if (inferred.dtype != stored.dtype) return false;
    if (!inferred.shape || !stored.shape) return !inferred.shape && !stored.shape;
    if (inferred.shape->size() != stored.shape->size()) return false;
    // Lone symbols are bound first: expressions over them may come earlier in the shape.
    for (std::size_t i = 0; i < stored.shape->size(); ++i) {
      const Dim& dim = (*inferred.shape)[i];
      const std::vector<std::string> names = unbound(dim);
      if (names.size() == 1 && dim.to_string() == names[0]) {
        bound_.emplace(names[0], (*stored.shape)[i]);
      }
    }
    for (std::size_t i = 0; i < stored.shape->size(); ++i) {
      if (!match((*inferred.shape)[i], (*stored.shape)[i])) return false;
    }
    return true;
  }

  Dim resolve(const Dim& dim) const {
    if (bound_.empty()) return dim;
    return dim.substitute([&](std::string_view name) -> std::optional<Dim> {
      const auto it = bound_.find(name);
      return it == bound_.end() ? std::nullopt : std::optional(it->second);
    });
  }

 private:
  // The fresh symbols of an inferred extent that nothing stands for yet.
  std::vector<std::string> unbound(const Dim& dim) const {
    std::vector<std::string> names = dim.symbols();
    std::erase_if(names, [this](const std::string& name) {
      return !name.starts_with(kFreshPattern) || bound_.contains(name);
    });
    return names;
  }

  bool match(const Dim& inferred, const Dim& stored) {
    if (resolve(inferred) == stored) return true;
    const std::vector<std::string> names = unbound(inferred);
    if (names.size() != 1) return !names.empty();
    // The symbol occurs in expressions only, its own result being left out: solve c*f+rest for it.
    const std::string& name = names[0];
    auto at = [&](const Dim& value) {
      return resolve(inferred.substitute(
          [&](std::string_view n) { return n == name ? std::optional(value) : std::nullopt; }));
    };
    const Dim solved = floor_div(stored - at(0), at(1) - at(0));
    if (at(solved) == stored) bound_.emplace(name, solved);
    return true;  // not solvable: nothing contradicts what is stored
  }

  std::map<std::string, Dim, std::less<>> bound_;
};

Result<std::vector<std::optional<DimVector>>> match_stored(const Graph& graph, NodeId id) {
  int count = 0;
  ASSIGN(InferContext context, run_rule(graph, id, [&count] {
           return Dim::symbol(std::string(kFreshPattern) + std::to_string(count++));
         }));
  Matcher matcher;
  const Node& node = graph.node(id);
  std::vector<std::optional<DimVector>> contents(node.results.size());
  for (std::size_t i = 0; i < node.results.size(); ++i) {
    if (node.results[i] == kNoValue) continue;
    const ValueInfo& value = graph.value(node.results[i]);
    if (!matcher.match(context.result(i), value.type)) {
      return malformed("result '" + value.name + "' has type " + value.type.to_string() +
                       ", but its node gives " + context.result(i).to_string())
          .in(graph.describe(id));
    }
    contents[i] = fitting(context.result_contents(i), value.type);
  }
  for (std::optional<DimVector>& list : contents) {
    if (!list) continue;
    for (Dim& dim : *list) dim = matcher.resolve(dim);
  }
  return contents;
}

}  // namespace

FreshSymbols::FreshSymbols(const Graph& graph) { raise_above(graph, count_, 0); }

Status infer_node(Graph& graph, NodeId id, const std::function<Dim()>& fresh) {
  ASSIGN(InferContext context, run_rule(graph, id, fresh));
  const Node& node = graph.node(id);
  for (std::size_t i = 0; i < node.results.size(); ++i) {
    if (node.results[i] == kNoValue) continue;
    ValueInfo& value = graph.value(node.results[i]);
    value.type = context.result(i);
    value.contents = fitting(context.result_contents(i), value.type);
  }
  return {};
}

Status infer_all(Graph& graph) {
  FreshSymbols symbols(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    TRY(infer_node(graph, static_cast<NodeId>(i), [&] { return symbols.next(); }));
  }
  return {};
}

Status infer_against_stored(Graph& graph, NodeId id) {
  ASSIGN(std::vector<std::optional<DimVector>> contents, match_stored(graph, id));
  const Node& node = graph.node(id);
  for (std::size_t i = 0; i < node.results.size(); ++i) {
    if (node.results[i] != kNoValue) graph.value(node.results[i]).contents = std::move(contents[i]);
  }
  return {};
}

Status check_stored_types(const Graph& graph, NodeId id) {
  return match_stored(graph, id).status();
}

}  // namespace gossamer
