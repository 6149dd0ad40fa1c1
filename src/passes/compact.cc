// Leaving out what nothing reads.
#include "passes/compact.h"

#include <algorithm>
#include <set>

#include "graph/traverse.h"

namespace gossamer {
namespace {

std::size_t index(std::int32_t id) { return static_cast<std::size_t>(id); }

class Compactor {
 public:
  Compactor(const Graph& from, std::span<const std::string> output_names)
      : from_(from),
        output_names_(output_names),
        live_(live_nodes(from)),
        used_(from.values.size(), false),
        image_(from.values.size(), kNoValue),
        origin_image_(from.origins.size(), kNoOrigin) {}

  Result<Graph> run(std::span<const std::int32_t> origin_nodes) {
    out_.name = from_.name;
    out_.metadata = from_.metadata;
    out_.opsets = from_.opsets;
    mark_used();
    const std::vector<bool> kept = kept_origins(origin_nodes);
    for (std::size_t o = 0; o < kept.size(); ++o)
      if (kept[o])
        for (ValueId v : from_.origins[o].inputs) use(v);
    add_values();
    for (std::size_t o = 0; o < kept.size(); ++o)
      if (kept[o]) add_origin(static_cast<OriginId>(o));
    for (std::size_t n = 0; n < from_.nodes.size(); ++n)
      if (live_[n]) add_node(from_.nodes[n]);
    for (ValueId v : from_.inputs) out_.inputs.push_back(image_[index(v)]);
    for (ValueId v : from_.outputs) out_.outputs.push_back(image_[index(v)]);
    for (std::size_t i = 0; i < out_.outputs.size(); ++i)
      if (out_.value(out_.outputs[i]).name != output_names_[i])
        return internal_error("output '" + output_names_[i] + "' has lost its name");
    return std::move(out_);
  }

 private:
  void use(ValueId v) {
    if (v != kNoValue) used_[index(v)] = true;
  }

  void mark_used() {
    for (ValueId v : from_.inputs) use(v);
    for (ValueId v : from_.outputs) use(v);
    for (std::size_t n = 0; n < from_.nodes.size(); ++n) {
      if (!live_[n]) continue;
      for (ValueId v : from_.nodes[n].operands) use(v);
      for (ValueId v : from_.nodes[n].results) use(v);
    }
  }

  // Whether a value is there without keeping alive what would be dead.
  bool at_hand(ValueId v) const {
    return used_[index(v)] || from_.values[index(v)].constant.has_value();
  }

  std::vector<bool> kept_origins(std::span<const std::int32_t> wanted) const {
    std::vector<std::int32_t> there(from_.origins.size(), 0);
    for (std::size_t n = 0; n < from_.nodes.size(); ++n)
      if (live_[n] && from_.nodes[n].origin != kNoOrigin) ++there[index(from_.nodes[n].origin)];
    std::vector<bool> kept(from_.origins.size(), false);
    for (std::size_t o = 0; o < kept.size(); ++o) {
      kept[o] = there[o] > 0 && there[o] == wanted[o];
      for (const auto* ids : {&from_.origins[o].inputs, &from_.origins[o].outputs})
        for (ValueId v : *ids) kept[o] = kept[o] && (v == kNoValue || at_hand(v));
    }
    return kept;
  }

  void add_values() {
    std::set<std::string, std::less<>> reserved(output_names_.begin(), output_names_.end());
    for (ValueId v : from_.inputs) reserved.insert(from_.value(v).name);
    std::vector<std::string> wanted(from_.values.size());
    for (std::size_t v = 0; v < wanted.size(); ++v) {
      wanted[v] = from_.values[v].name;
      if (reserved.contains(wanted[v])) wanted[v] += "_";
    }
    for (ValueId v : from_.inputs) wanted[index(v)] = from_.value(v).name;
    for (std::size_t i = 0; i < from_.outputs.size(); ++i)
      wanted[index(from_.outputs[i])] = output_names_[i];
    // Inputs, constants, results: rebuilding a graph that nothing changes gives the same ids.
    const auto add = [&](std::size_t v) {
      const ValueInfo& info = from_.values[v];
      image_[v] = info.constant ? out_.add_constant(wanted[v], *info.constant)
                                : out_.add_value(wanted[v], info.type);
      out_.value(image_[v]).contents = info.contents;
    };
    for (ValueId v : from_.inputs) add(index(v));
    for (std::size_t v = 0; v < wanted.size(); ++v)
      if (used_[v] && from_.values[v].constant) add(v);
    for (std::size_t v = 0; v < wanted.size(); ++v)
      if (used_[v] && image_[v] == kNoValue) add(v);
  }

  void add_origin(OriginId o) {
    origin_image_[index(o)] = static_cast<OriginId>(out_.origins.size());
    Origin copy = from_.origins[index(o)];
    for (auto* ids : {&copy.inputs, &copy.outputs})
      for (ValueId& v : *ids)
        if (v != kNoValue) v = image_[index(v)];
    copy.node_count = 0;  // of those that are left
    out_.origins.push_back(std::move(copy));
  }

  void add_node(const Node& node) {
    Node copy = node;
    for (auto* ids : {&copy.operands, &copy.results})
      for (ValueId& v : *ids)
        if (v != kNoValue) v = image_[index(v)];
    if (copy.origin != kNoOrigin) copy.origin = origin_image_[index(copy.origin)];
    if (copy.origin != kNoOrigin) ++out_.origins[index(copy.origin)].node_count;
    out_.append(std::move(copy));
  }

  const Graph& from_;
  std::span<const std::string> output_names_;
  std::vector<bool> live_;
  std::vector<bool> used_;  // by value
  std::vector<ValueId> image_;
  std::vector<OriginId> origin_image_;
  Graph out_;
};

}  // namespace

Result<Graph> compact(const Graph& graph, std::span<const std::string> output_names,
                      std::span<const std::int32_t> origin_nodes) {
  return Compactor(graph, output_names).run(origin_nodes);
}

}  // namespace gossamer
