// Writing one graph: which operators stay as they were, names, constants, order.
#include "onnx/graph_writer.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <functional>

#include "onnx/raise.h"
#include "onnx/schemas.h"

namespace gossamer::onnx {
namespace {

constexpr std::size_t kMaxShared = 256;  // bytes of constants that are compared by content

// What tells constants apart: elements of small ones, the place of large ones.
std::string constant_key(const Tensor& t) {
  if (t.dtype() == DType::string) return {};
  std::string key(dtype_name(t.dtype()));
  key += t.shape().to_string() + (t.packed() ? "p" : "");
  if (t.byte_size() <= kMaxShared)
    return key.append(static_cast<const char*>(t.data()), t.byte_size());
  return key + "@" + std::to_string(std::hash<const void*>{}(t.data()));
}

bool has_bodies(const Node& node) {
  return std::any_of(node.attributes.begin(), node.attributes.end(),
                     [](const Attribute& a) { return !a.graphs.empty(); });
}

// An integer value whose elements shape arithmetic knows.
std::optional<Tensor> known_elements(const gossamer::ValueInfo& info) {
  if (!info.contents || !info.type.is_tensor() || info.type.dtype != DType::i64)
    return std::nullopt;
  const std::optional<Shape> shape = info.type.static_shape();
  std::vector<std::int64_t> elements;
  for (const Dim& d : *info.contents) {
    if (!d.is_constant()) return std::nullopt;
    elements.push_back(*d.constant());
  }
  if (!shape || shape->checked_count() != static_cast<std::int64_t>(elements.size()))
    return std::nullopt;
  return Tensor::vector(elements).reshaped(*shape);
}

// Everything that a node reads, bodies included.
void add_reads(const Node& node, std::set<std::string>& names) {
  names.insert(node.inputs.begin(), node.inputs.end());
  for (const Attribute& a : node.attributes) {
    for (const auto& body : a.graphs) {
      for (const Node& inner : body->nodes) add_reads(inner, names);
      for (const ValueInfo& v : body->outputs) names.insert(v.name);
    }
  }
}

// Drops nodes and initializers that nothing reads: what raising made and then found no use for.
void prune(onnx::Graph& g) {
  std::set<std::string> read;
  for (const ValueInfo& v : g.outputs) read.insert(v.name);
  std::vector<Node> kept;
  for (auto n = g.nodes.rbegin(); n != g.nodes.rend(); ++n) {
    if (std::none_of(n->outputs.begin(), n->outputs.end(),
                     [&](const std::string& v) { return read.contains(v); }))
      continue;
    add_reads(*n, read);
    kept.push_back(std::move(*n));
  }
  std::reverse(kept.begin(), kept.end());
  g.nodes = std::move(kept);
  std::erase_if(g.initializers, [&](const Initializer& i) { return !read.contains(i.name); });
}

}  // namespace

Type declared_type(const gossamer::Type& type, const DimNames* names) {
  Type out;
  if (!type.is_tensor()) {
    out.kind =
        type.kind == gossamer::Type::Kind::sequence ? Type::Kind::sequence : Type::Kind::optional;
    if (type.element)
      out.element = std::make_shared<const Type>(declared_type(*type.element, names));
    return out;
  }
  out.kind = Type::Kind::tensor;
  out.dtype = type.dtype;
  if (!type.shape) return out;
  out.shape.emplace();
  for (const Dim& d : *type.shape) {
    Dimension dimension;
    dimension.value = d.constant();
    const std::vector<std::string> symbols = d.symbols();
    if (!dimension.value && std::none_of(symbols.begin(), symbols.end(), is_made_up))
      dimension.param = names != nullptr ? names->original(d.to_string()) : d.to_string();
    out.shape->push_back(std::move(dimension));
  }
  return out;
}

// --- the model ---

namespace {

std::string unique_in(std::set<std::string, std::less<>>& names,
                      std::map<std::string, int, std::less<>>& suffixes, std::string name) {
  if (names.insert(name).second) return name;
  int& suffix = suffixes[name];
  std::string unique;
  do unique = name + "_" + std::to_string(++suffix);
  while (!names.insert(unique).second);
  return unique;
}

}  // namespace

std::string ModelWriter::claim(std::string_view wanted) {
  return unique_in(names_, next_suffix_, std::string(wanted.empty() ? "value" : wanted));
}

std::string ModelWriter::claim_node(const std::string& wanted) {
  return wanted.empty() ? wanted : unique_in(node_names_, next_node_suffix_, wanted);
}

bool ModelWriter::fits(const std::string& domain, const std::string& op, std::int64_t version) {
  if (domain.empty()) return same_meaning(domain, op, version, opset);
  return same_meaning(domain, op, version, domains.emplace(domain, version).first->second);
}

// --- one graph ---

GraphWriter::GraphWriter(ModelWriter& model, const gossamer::Graph& graph, const GraphWriter* outer)
    : model_(model),
      graph_(graph),
      outer_(outer),
      read_(graph.values.size()),
      names_(graph.values.size()) {
  const auto note = [&](const std::vector<ValueId>& values) {
    for (const ValueId v : values)
      if (v != kNoValue) read_[static_cast<std::size_t>(v)] = true;
  };
  for (const gossamer::Node& node : graph.nodes) note(node.operands);
  for (const Origin& origin : graph.origins) note(origin.inputs);
  note(graph.outputs);
}

std::string GraphWriter::name(ValueId v) {
  if (v == kNoValue) return {};
  std::string& known = names_[static_cast<std::size_t>(v)];
  if (!known.empty()) return known;
  const gossamer::ValueInfo& info = graph_.value(v);
  const bool absent = info.producer == kNoNode && !info.constant;
  const std::optional<Tensor> elements = absent ? known_elements(info) : std::nullopt;
  if (info.constant || elements) {
    known = constant(info.constant ? *info.constant : *elements, info.name);
  } else {
    known = model_.claim(info.name);
  }
  return known;
}

const std::string* GraphWriter::shared_constant(const Tensor& t, const std::string& key) const {
  if (key.empty()) return nullptr;
  for (const GraphWriter* g = this; g != nullptr; g = g->outer_)
    if (const auto it = g->constants_.find(key); it != g->constants_.end()) return &it->second;
  static_cast<void>(t);
  return nullptr;
}

std::string GraphWriter::constant(const Tensor& tensor, std::string_view wanted) {
  const std::string key = constant_key(tensor);
  if (const std::string* shared = shared_constant(tensor, key)) return *shared;
  std::string made = model_.claim(wanted);
  out_.initializers.push_back({made, tensor});
  if (!key.empty()) constants_[key] = made;
  return made;
}

// --- which operators stay ---

bool GraphWriter::is_available(ValueId v) const {
  if (v == kNoValue) return true;
  const gossamer::ValueInfo& info = graph_.value(v);
  if (info.constant || info.producer != kNoNode) return true;
  if (std::find(graph_.inputs.begin(), graph_.inputs.end(), v) != graph_.inputs.end()) return true;
  return known_elements(info).has_value();
}

bool GraphWriter::stays(OriginId id, const std::vector<NodeId>& nodes) {
  const Origin& origin = graph_.origins[static_cast<std::size_t>(id)];
  if (model_.canonical || !origin.source) return false;
  if (static_cast<std::size_t>(origin.node_count) != nodes.size()) return false;
  const auto& source = *static_cast<const Node*>(origin.source.get());
  if (has_bodies(source) || origin.inputs.size() != source.inputs.size()) return false;
  if (!std::all_of(origin.inputs.begin(), origin.inputs.end(),
                   [&](ValueId v) { return is_available(v); }))
    return false;
  return model_.fits(origin.domain, origin.op_type, origin.version);
}

void GraphWriter::find_items() {
  std::vector<std::vector<NodeId>> groups(graph_.origins.size());
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
    if (const OriginId o = graph_.nodes[n].origin; o != kNoOrigin)
      groups[static_cast<std::size_t>(o)].push_back(static_cast<NodeId>(n));
  // An operator whose inner values are read from outside must be spelled.
  const auto read_inside = [&](ValueId v, OriginId reader) {
    const NodeId p = v == kNoValue ? kNoNode : graph_.value(v).producer;
    if (p == kNoNode || graph_.node(p).origin == kNoOrigin || graph_.node(p).origin == reader)
      return;
    const Origin& from = graph_.origins[static_cast<std::size_t>(graph_.node(p).origin)];
    if (std::find(from.outputs.begin(), from.outputs.end(), v) == from.outputs.end())
      groups[static_cast<std::size_t>(graph_.node(p).origin)].clear();
  };
  for (const gossamer::Node& node : graph_.nodes)
    for (const ValueId v : node.operands) read_inside(v, node.origin);
  for (const ValueId v : graph_.outputs) read_inside(v, kNoOrigin);

  item_of_.resize(graph_.nodes.size());
  std::vector<bool> whole(groups.size());
  for (std::size_t o = 0; o < groups.size(); ++o)
    whole[o] = !groups[o].empty() && stays(static_cast<OriginId>(o), groups[o]);
  const auto is_whole = [&](NodeId n) {
    const OriginId o = graph_.node(n).origin;
    return o != kNoOrigin && whole[static_cast<std::size_t>(o)];
  };
  std::map<NodeId, Split> splits;  // by the node that comes first
  std::set<NodeId> later;          // the other nodes of splits
  for (Split& split : find_splits(graph_)) {
    if (std::any_of(split.nodes.begin(), split.nodes.end(), is_whole)) continue;
    const NodeId first = *std::min_element(split.nodes.begin(), split.nodes.end());
    later.insert(split.nodes.begin(), split.nodes.end());
    later.erase(first);
    splits[first] = std::move(split);
  }
  for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
    const OriginId o = graph_.nodes[n].origin;
    const bool grouped = is_whole(static_cast<NodeId>(n));
    if (grouped && groups[static_cast<std::size_t>(o)].back() != static_cast<NodeId>(n)) continue;
    if (later.contains(static_cast<NodeId>(n))) continue;
    Item item;
    if (grouped) {
      item.origin = o;
      item.nodes = groups[static_cast<std::size_t>(o)];
    } else if (const auto split = splits.find(static_cast<NodeId>(n)); split != splits.end()) {
      item.nodes = split->second.nodes;
      item.split = std::move(split->second);
    } else {
      item.nodes = {static_cast<NodeId>(n)};
    }
    for (const NodeId member : item.nodes)
      item_of_[static_cast<std::size_t>(member)] = static_cast<std::int32_t>(items_.size());
    items_.push_back(std::move(item));
  }
}

const FusedBias* GraphWriter::bias_of_product(const gossamer::Node& node) const {
  const auto it = std::find_if(biases_.begin(), biases_.end(), [&](const FusedBias& b) {
    return &graph_.node(b.product) == &node;
  });
  return it == biases_.end() ? nullptr : &*it;
}

const FusedBias* GraphWriter::bias_of_reader(const gossamer::Node& node) const {
  const auto it = std::find_if(biases_.begin(), biases_.end(),
                               [&](const FusedBias& b) { return &graph_.node(b.reader) == &node; });
  return it == biases_.end() ? nullptr : &*it;
}

std::vector<ValueId> GraphWriter::reads(const Item& item) const {
  if (item.origin != kNoOrigin) return graph_.origins[static_cast<std::size_t>(item.origin)].inputs;
  const gossamer::Node& node = graph_.node(item.nodes[0]);
  std::vector<ValueId> out = node.operands;
  if (const FusedBias* bias = bias_of_reader(node)) out[bias->operand] = kNoValue;
  if (const FusedBias* bias = bias_of_product(node)) out.push_back(bias->bias);
  return out;
}

// What the outputs depend on. An operator that stays depends on all its inputs, read or not.
std::vector<bool> GraphWriter::needed_items() const {
  std::vector<bool> needed(items_.size());
  std::vector<ValueId> pending(graph_.outputs.begin(), graph_.outputs.end());
  while (!pending.empty()) {
    const ValueId v = pending.back();
    pending.pop_back();
    const NodeId p = v == kNoValue ? kNoNode : graph_.value(v).producer;
    if (p == kNoNode) continue;
    const auto i = static_cast<std::size_t>(item_of_[static_cast<std::size_t>(p)]);
    if (needed[i]) continue;
    needed[i] = true;
    const std::vector<ValueId> next = reads(items_[i]);
    pending.insert(pending.end(), next.begin(), next.end());
  }
  return needed;
}

// --- writing ---

void GraphWriter::write_origin(const Item& item) {
  const Origin& origin = graph_.origins[static_cast<std::size_t>(item.origin)];
  Node node = *static_cast<const Node*>(origin.source.get());
  for (std::size_t i = 0; i < node.inputs.size(); ++i) node.inputs[i] = name(origin.inputs[i]);
  std::vector<ValueId> made;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    const ValueId v = i < origin.outputs.size() ? origin.outputs[i] : kNoValue;
    const NodeId p = v == kNoValue ? kNoNode : graph_.value(v).producer;
    const bool own = p != kNoNode && graph_.node(p).origin == item.origin &&
                     std::find(made.begin(), made.end(), v) == made.end();
    // An output that is another value's alias goes by that value's name; nobody reads this one.
    node.outputs[i] = own ? name(v) : model_.claim(node.outputs[i]);
    if (own) made.push_back(v);
  }
  append(std::move(node));
}

void GraphWriter::write_split(const Split& split) {
  Node node;
  node.op_type = "Split";
  node.inputs = {name(split.x), constant(Tensor::vector(split.sizes), "c_sizes")};
  node.attributes = {attribute("axis", std::int64_t{split.axis})};
  for (const NodeId part : split.nodes) node.outputs.push_back(name(graph_.node(part).results[0]));
  model_.spelled = true;
  model_.needed = std::max<std::int64_t>(model_.needed, 13);
  append(std::move(node));
}

Status GraphWriter::write_item(const Item& item) {
  if (item.origin != kNoOrigin) {
    write_origin(item);
    return {};
  }
  if (item.split) {
    write_split(*item.split);
    return {};
  }
  const gossamer::Node& node = graph_.node(item.nodes[0]);
  if (const FusedBias* bias = bias_of_reader(node); bias != nullptr && bias->alone) return {};
  const RaiseFn raise = find_raise(*node.primitive);
  if (raise == nullptr)
    return unsupported(graph_.describe(item.nodes[0]) + ": '" + std::string(node.primitive->name) +
                       "' has no spelling in ONNX");
  Raising r(*this, node);
  Status status = raise(r);
  if (status.ok()) status = r.finish();
  if (!status.ok()) return std::move(status).in(graph_.describe(item.nodes[0]));
  return {};
}

// An output is a value of this graph: what is only a name for another one is copied.
Status GraphWriter::write_outputs() {
  std::vector<std::string> seen;
  for (const ValueId v : graph_.outputs) {
    std::string value = name(v);
    const bool produced = graph_.value(v).producer != kNoNode;
    const bool own = produced || (!graph_.value(v).constant &&
                                  std::any_of(out_.inputs.begin(), out_.inputs.end(),
                                              [&](const ValueInfo& i) { return i.name == value; }));
    if (!own || std::find(seen.begin(), seen.end(), value) != seen.end()) {
      Node copy;
      copy.op_type = "Identity";
      copy.inputs = {value};
      value += "_out";
      value = model_.claim(value);
      copy.outputs = {value};
      append(std::move(copy));
    }
    seen.push_back(value);
    out_.outputs.push_back({value, output_type(v, value)});
  }
  return {};
}

// What lowering found, or what the source says where that leaves even the rank open.
Type GraphWriter::output_type(ValueId v, const std::string& name) const {
  const gossamer::Type& type = graph_.value(v).type;
  if (outer_ == nullptr && model_.source != nullptr && type.is_tensor() && !type.ranked())
    for (const ValueInfo& o : model_.source->graph.outputs)
      if (o.name == name && o.type.kind == Type::Kind::tensor) return o.type;
  return declared_type(type, dim_names());
}

Result<onnx::Graph> GraphWriter::write() {
  out_.name = graph_.name.empty() ? "main" : graph_.name;
  for (const ValueId v : graph_.inputs) {
    const bool captured = !names_[static_cast<std::size_t>(v)].empty();
    const std::string input = name(v);
    if (!captured) out_.inputs.push_back({input, declared_type(graph_.value(v).type, dim_names())});
  }
  for (const ValueId v : graph_.outputs)
    if (!graph_.value(v).constant) static_cast<void>(name(v));
  find_items();
  biases_ = find_fused_biases(graph_, [&](NodeId n) {
    const auto item = static_cast<std::size_t>(item_of_[static_cast<std::size_t>(n)]);
    return items_[item].origin == kNoOrigin && !model_.canonical;
  });
  for (const FusedBias& bias : biases_)
    if (bias.alone)
      set_name(graph_.node(bias.product).results[0], name(graph_.node(bias.reader).results[0]));
  const std::vector<bool> needed = needed_items();
  for (std::size_t i = 0; i < items_.size(); ++i)
    if (needed[i]) TRY(write_item(items_[i]));
  TRY(write_outputs());
  prune(out_);
  return std::move(out_);
}

}  // namespace gossamer::onnx
