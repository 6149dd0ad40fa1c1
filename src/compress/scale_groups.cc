// Walks the graph once and joins values that must be scaled alike; what does not pass a factor on
// spoils its values' groups.
#include "compress/scale_groups.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "compress/layers.h"
#include "primitives/primitives.h"
#include "reference/conv.h"
#include "reference/conv_transpose.h"
#include "reference/matmul.h"
#include "reference/normalize.h"
#include "reference/pointwise.h"
#include "reference/pool.h"
#include "reference/reduce.h"

namespace gossamer::compress {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// What a factor on the input makes of a value inside a pointwise program.
enum class Follows : std::uint8_t {
  factor,    // has the factor too
  nothing,   // stays: a comparison with zero
  constant,  // is none of the values
  other
};

struct Traced {
  Follows follows = Follows::other;
  std::optional<double> number;  // a constant of one element
};

class Finder {
 public:
  explicit Finder(const Graph& graph) : graph_(graph), parent_(graph.values.size()) {
    std::iota(parent_.begin(), parent_.end(), ValueId{0});
    for (const Layer& l : find_layers(graph)) layers_.emplace(l.node, l);
  }

  std::vector<ScaleGroup> run() {
    for (const ValueId v : graph_.inputs) spoil(v);
    for (const ValueId v : graph_.outputs) spoil(v);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) visit(static_cast<NodeId>(n));
    return finish();
  }

 private:
  // --- groups under construction, by the value that stands for them ---
  struct Draft {
    ScaleGroup group;
    bool spoiled = false;
    std::vector<std::pair<NodeId, std::size_t>> shifts;         // constants added along channels
    std::vector<std::pair<ValueId, std::vector<int>>> reduced;  // axes that must not be channels
  };

  ValueId root(ValueId v) {
    while (parent_[at(v)] != v) v = parent_[at(v)] = parent_[at(parent_[at(v)])];
    return v;
  }
  Draft& draft(ValueId v) { return drafts_[root(v)]; }
  void spoil(ValueId v) {
    if (v != kNoValue) draft(v).spoiled = true;
  }
  bool plain(ValueId v) const {
    const ValueInfo& info = graph_.value(v);
    return !info.constant && info.type.dtype == DType::f32 && info.type.ranked();
  }

  template <class T>
  static void append(std::vector<T>& to, const std::vector<T>& from) {
    to.insert(to.end(), from.begin(), from.end());
  }

  void join(ValueId a, ValueId b) {
    a = root(a), b = root(b);
    if (a == b) return;
    Draft from = std::move(drafts_[b]);
    drafts_.erase(b);
    parent_[at(b)] = a;
    Draft& to = drafts_[a];
    to.spoiled |= from.spoiled;
    append(to.shifts, from.shifts);
    append(to.reduced, from.reduced);
    append(to.group.read, from.group.read);
    append(to.group.producers, from.group.producers);
    append(to.group.consumers, from.group.consumers);
    append(to.group.bounds, from.group.bounds);
    to.group.separate &= from.group.separate;
    if (from.group.channels > 0) set_channels(to, from.group.axis, from.group.channels);
  }

  static void set_channels(Draft& d, int axis, std::int64_t channels) {
    if (d.group.channels == 0) {
      d.group.channels = channels;
      d.group.axis = axis;
    }
    if (d.group.channels != channels || d.group.axis != axis) d.spoiled = true;
  }

  // --- nodes ---

  void visit(NodeId id) {
    const Node& node = graph_.node(id);
    bool passes = false;
    if (const auto l = layers_.find(id); l != layers_.end()) {
      passes = visit_layer(l->second);
    } else if (node.primitive == &kPointwise) {
      passes = visit_pointwise(id, node);
    } else if (node.primitive == &kNormalize) {
      passes = visit_normalize(id, node);
    } else if (node.primitive == &kPool) {
      const auto& a = attributes_of<PoolAttributes>(node);
      passes = node.results.size() == 1 && passes_on(node, a.axes);
    } else if (node.primitive == &kReduce) {
      const auto& a = attributes_of<ReduceAttributes>(node);
      const bool linear = a.op == ReduceOp::sum || a.op == ReduceOp::mean ||
                          a.op == ReduceOp::max || a.op == ReduceOp::min;
      passes = linear && a.keep && passes_on(node, a.axes);
    }
    if (passes) return;
    for (const ValueId v : node.operands) spoil(v);
    for (const ValueId v : node.results) spoil(v);
  }

  bool passes_on(const Node& node, const std::vector<int>& axes) {
    if (!plain(node.operands[0]) || !plain(node.results[0])) return false;
    join(node.operands[0], node.results[0]);
    draft(node.results[0]).reduced.emplace_back(node.operands[0], axes);
    return true;
  }

  bool visit_layer(const Layer& layer) {
    const Node& node = graph_.node(layer.node);
    if (node.operands.size() != 2) return false;
    const Shape& w = graph_.value(layer.weights).constant->shape();
    ScaledOperand in{layer.node, 1}, out{layer.node, 1};
    const bool matmul = node.primitive == &kMatMul;
    if (matmul) {
      const auto& a = attributes_of<MatMulAttributes>(node);
      if (a.trans_a || w.rank() != 2) return false;
      const int outputs = layer.output_axis;
      out.count = w[outputs], out.inner = outputs == 1 ? 1 : w[1];
      in.count = w[1 - outputs], in.inner = outputs == 1 ? w[1] : 1;
    } else {
      const bool transposed = node.primitive == &kConvTranspose;
      const std::int64_t group = transposed ? attributes_of<ConvTransposeAttributes>(node).group
                                            : attributes_of<ConvAttributes>(node).group;
      ScaledOperand &first = transposed ? in : out, &second = transposed ? out : in;
      first.count = w[0], first.inner = w.count(1, w.rank());
      second.count = w[1], second.inner = w.count(2, w.rank()), second.block = w[0] / group;
    }
    const std::int64_t groups = matmul ? 1 : group_of(node);
    add_end(layer.input, matmul, in, in.block == kWhole ? in.count : in.count * groups, true);
    draft(layer.input).group.separate &= !matmul && in.count == 1 && in.block != kWhole;
    add_end(layer.result, matmul, out, out.block == kWhole ? out.count : out.count * groups, false);
    return true;
  }

  static constexpr std::int64_t kWhole = std::numeric_limits<std::int64_t>::max();

  static std::int64_t group_of(const Node& node) {
    return node.primitive == &kConv ? attributes_of<ConvAttributes>(node).group
                                    : attributes_of<ConvTransposeAttributes>(node).group;
  }

  void add_end(ValueId v, bool matmul, const ScaledOperand& end, std::int64_t channels,
               bool consumes) {
    if (!plain(v)) return spoil(v);
    Draft& d = draft(v);
    set_channels(d, matmul ? graph_.value(v).type.rank() - 1 : 1, channels);
    (consumes ? d.group.consumers : d.group.producers).push_back(end);
    if (consumes) d.group.read.push_back(v);
  }

  // Scale and bias of its rows take the factor; what it reads does not matter to it as a whole.
  bool visit_normalize(NodeId id, const Node& node) {
    const auto& a = attributes_of<NormalizeAttributes>(node);
    spoil(node.operands[0]);
    for (std::size_t i = 1; i < node.results.size(); ++i) spoil(node.results[i]);
    const ValueId y = node.results[0];
    const bool fits =
        a.groups == 0 && plain(y) && node.operands.size() > 1 && node.operands[1] != kNoValue;
    if (!fits) return false;
    const int last = graph_.value(y).type.rank() - 1;
    for (std::size_t i = 1; i < node.operands.size(); ++i) {
      if (node.operands[i] == kNoValue) continue;
      const auto& constant = graph_.value(node.operands[i]).constant;
      if (!constant || constant->rank() < 1) return false;
      const std::int64_t n = constant->shape()[constant->rank() - 1];
      if (constant->count() != n || n < 2) return false;
      Draft& d = draft(y);
      set_channels(d, last, n);
      ScaledOperand end{id, i};
      end.count = n;
      d.group.producers.push_back(end);
    }
    return true;
  }

  // --- pointwise ---

  bool visit_pointwise(NodeId id, const Node& node) {
    const auto& a = attributes_of<PointwiseAttributes>(node);
    if (a.has_extent || node.results.size() != 1 || !plain(node.results[0])) return false;
    const ValueId result = node.results[0];
    std::vector<ValueId> values;  // operands that are not constant
    for (const ValueId v : node.operands) {
      if (graph_.value(v).constant) continue;
      if (!plain(v) || graph_.value(v).type.rank() != graph_.value(result).type.rank())
        return false;
      values.push_back(v);
    }
    std::vector<Traced> done;
    done.reserve(a.program.instructions.size());
    std::vector<std::pair<NodeId, std::size_t>> shifts;
    std::vector<Bound> bounds;
    for (const Instruction& i : a.program.instructions)
      done.push_back(trace(node, a.program, i, done, {id, &shifts, &bounds}));
    const Ref out = a.program.results[0];
    const bool follows =
        values.empty() ? false : traced(node, a.program, out, done).follows == Follows::factor;
    if (!follows) return false;
    for (const ValueId v : values) {
      if (!same_channels(v, result)) return false;
      join(v, result);
    }
    Draft& d = draft(result);
    append(d.shifts, shifts);
    for (Bound b : bounds) {
      b.value = result;
      d.group.bounds.push_back(b);
    }
    return true;
  }

  // Whether neither is broadcast along an axis that may be the channels'.
  bool same_channels(ValueId v, ValueId result) const {
    const Type &a = graph_.value(v).type, &b = graph_.value(result).type;
    for (const int axis : {1, a.rank() - 1})
      if (axis > 0 && axis < a.rank() && !((*a.shape)[at(axis)] == (*b.shape)[at(axis)]))
        return axis != 1 && a.rank() > 3;  // spatial axes of pictures may be broadcast
    return true;
  }

  struct Finds {
    NodeId node;
    std::vector<std::pair<NodeId, std::size_t>>* shifts;
    std::vector<Bound>* bounds;
  };

  Traced traced(const Node& node, const PointwiseProgram& p, Ref r,
                const std::vector<Traced>& done) const {
    if (r.kind == Ref::Kind::result) return done[at(r.index)];
    if (r.kind == Ref::Kind::constant) {
      const Scalar& s = p.constants[at(r.index)];
      if (s.dtype != DType::f32) return {Follows::constant, std::nullopt};
      return {Follows::constant, std::bit_cast<float>(static_cast<std::uint32_t>(s.bits))};
    }
    const auto& constant = graph_.value(node.operands[at(r.index)]).constant;
    if (!constant) return {Follows::factor, std::nullopt};
    Traced t{Follows::constant, std::nullopt};
    if (constant->dtype() == DType::f32 && constant->count() == 1)
      t.number = constant->values<float>()[0];
    return t;
  }

  Traced trace(const Node& node, const PointwiseProgram& p, const Instruction& i,
               const std::vector<Traced>& done, const Finds& finds) const {
    const Traced other{};
    const Traced factor{Follows::factor, std::nullopt};
    std::array<Traced, 3> x;
    const auto count = at(pointwise_op_operands(i.op));
    for (std::size_t k = 0; k < count; ++k) x[k] = traced(node, p, i.args[k], done);
    const auto is = [&](std::size_t k, Follows f) { return x[k].follows == f; };
    const bool both = is(0, Follows::factor) && is(1, Follows::factor);
    const std::size_t c = is(0, Follows::constant) ? 0 : 1;  // of two, the one that is constant
    const bool one = count == 2 && is(c, Follows::constant) && is(1 - c, Follows::factor);
    const bool zero = one && x[c].number == 0.0;
    switch (i.op) {
      case PointwiseOp::neg:
        return is(0, Follows::factor) ? factor : other;
      case PointwiseOp::add:
      case PointwiseOp::sub:
        if (both || zero) return factor;
        if (!one || i.args[c].kind != Ref::Kind::input) return other;
        finds.shifts->emplace_back(finds.node, at(i.args[c].index));
        return factor;
      case PointwiseOp::mul:
        return one ? factor : other;
      case PointwiseOp::div:
        return one && c == 1 ? factor : other;
      case PointwiseOp::max:
      case PointwiseOp::min:
        if (both || zero) return factor;
        if (!one || i.op == PointwiseOp::max || !x[c].number || !(*x[c].number > 0)) return other;
        finds.bounds->push_back({kNoValue, *x[c].number});
        return factor;
      case PointwiseOp::lt:
      case PointwiseOp::le:
        return both || zero ? Traced{Follows::nothing, std::nullopt} : other;
      case PointwiseOp::select:
        return is(0, Follows::nothing) && is(1, Follows::factor) && is(2, Follows::factor) ? factor
                                                                                           : other;
      default:
        return other;
    }
  }

  // --- the end ---

  // An added constant that has one number a channel, as what it is scaled by.
  std::optional<ScaledOperand> shift(NodeId id, std::size_t operand, const ScaleGroup& g) const {
    const Node& node = graph_.node(id);
    const ValueInfo& info = graph_.value(node.operands[operand]);
    const int own = g.axis - (graph_.value(node.results[0]).type.rank() - info.type.rank());
    if (info.type.dtype != DType::f32 || own < 0 || own >= info.type.rank()) return std::nullopt;
    const Shape& s = info.constant->shape();
    if (s[own] != g.channels) return std::nullopt;
    ScaledOperand out{id, operand};
    out.count = g.channels;
    out.inner = s.count(own + 1, s.rank());
    return out;
  }

  bool settle(Draft& d) const {
    ScaleGroup& g = d.group;
    if (d.spoiled || g.channels < 2 || g.producers.empty() || g.consumers.empty()) return false;
    for (const auto& [node, operand] : d.shifts) {
      const auto end = shift(node, operand, g);
      if (!end) return false;
      g.producers.push_back(*end);
    }
    return std::all_of(d.reduced.begin(), d.reduced.end(), [&](const auto& r) {
      return std::find(r.second.begin(), r.second.end(), g.axis) == r.second.end();
    });
  }

  std::vector<ScaleGroup> finish() {
    std::vector<ScaleGroup> out;
    for (auto& [v, d] : drafts_) {
      if (!settle(d)) continue;
      std::sort(d.group.read.begin(), d.group.read.end());
      d.group.read.erase(std::unique(d.group.read.begin(), d.group.read.end()), d.group.read.end());
      out.push_back(std::move(d.group));
    }
    const auto first = [](const ScaleGroup& g) { return g.producers[0].node; };
    std::sort(out.begin(), out.end(),
              [&](const ScaleGroup& a, const ScaleGroup& b) { return first(a) < first(b); });
    return out;
  }

  const Graph& graph_;
  std::vector<ValueId> parent_;
  std::map<ValueId, Draft> drafts_;
  std::map<NodeId, Layer> layers_;
};

}  // namespace

std::vector<ScaleGroup> find_scale_groups(const Graph& graph) { return Finder(graph).run(); }

}  // namespace gossamer::compress
