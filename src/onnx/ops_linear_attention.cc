// LinearAttention: one Loop over time whose state is a matrix a head, in f32.
#include <cmath>

#include "onnx/attention.h"
#include "onnx/elementwise.h"
#include "reference/loop.h"
#include "reference/matmul.h"

namespace gossamer::onnx {
namespace {

struct Rule {
  bool gated = false, corrected = false;
};

Result<Rule> read_rule(Lowering& l) {
  ASSIGN(std::string name, l.string_or("update_rule", "gated_delta"));
  Rule r;
  r.gated = name == "gated" || name == "gated_delta";
  r.corrected = name == "delta" || name == "gated_delta";
  if (!r.gated && !r.corrected && name != "linear")
    return l.wrong("attribute 'update_rule' must be linear, gated, delta or gated_delta");
  if (l.has_input(4) != r.gated)
    return l.wrong("update rule '" + name + (r.gated ? "' needs a decay" : "' takes no decay"));
  if (l.has_input(5) != r.corrected)
    return l.wrong("update rule '" + name + (r.corrected ? "' needs a beta" : "' takes no beta"));
  return r;
}

// x[b,t,n] in f32 with its last axis cut into these extents, of which -1 is inferred.
Result<ValueId> cut(Lowering& l, ValueId x, const std::vector<std::int64_t>& extents) {
  ASSIGN(int rank, l.rank_of(x));
  if (rank != 3) return l.wrong("expected three axes, got " + std::to_string(rank));
  std::vector<ReshapeEntry> dims = {ReshapeEntry::keep(0), ReshapeEntry::keep(1)};
  for (std::int64_t n : extents)
    dims.push_back(n == -1 ? ReshapeEntry::infer() : ReshapeEntry::of(n));
  ASSIGN(ValueId wide, l.b().cast(x, DType::f32));
  return l.b().reshape(wide, std::move(dims));
}

// What is scanned along axis 1, laid out so that slices broadcast to the state [b,groups,k,v].
struct Scanned {
  ValueId query, key, value, decay = kNoValue, beta = kNoValue;
  std::vector<ValueId> all() const {
    std::vector<ValueId> v = {query, key, value};
    if (decay != kNoValue) v.push_back(decay);
    if (beta != kNoValue) v.push_back(beta);
    return v;
  }
};

Result<Scanned> lay_out(Lowering& l, std::int64_t heads, std::int64_t groups) {
  Scanned s{};
  ASSIGN(std::int64_t hidden, known_extent(l, l.input(0), 2, "the hidden size"));
  ASSIGN(std::int64_t values, known_extent(l, l.input(2), 2, "the size of values"));
  if (hidden % heads != 0 || values % groups != 0)
    return l.wrong("the hidden sizes do not fall into heads");
  const std::int64_t depth = hidden / heads;
  ASSIGN(s.query, cut(l, l.input(0), {groups, heads / groups, depth}));
  ASSIGN(s.key, cut(l, l.input(1), {groups, depth, 1}));
  ASSIGN(s.value, cut(l, l.input(2), {groups, 1, values / groups}));
  if (l.has_input(4)) {
    ASSIGN(std::int64_t size, known_extent(l, l.input(4), 2, "the size of the decay"));
    if (size != groups && size != groups * depth) return l.wrong("the decay does not fit");
    ASSIGN(s.decay, cut(l, l.input(4), {groups, size / groups, 1}));
  }
  if (l.has_input(5)) {
    ASSIGN(std::int64_t size, known_extent(l, l.input(5), 2, "the size of beta"));
    if (size != groups && size != 1) return l.wrong("beta does not fit");
    ASSIGN(s.beta, cut(l, l.input(5), {size, 1, 1}));
  }
  return s;
}

// The state before the first step, in f32: what is given, or zeros.
Result<ValueId> first_state(Lowering& l, const Scanned& s) {
  Builder& b = l.b();
  if (l.has_input(3)) return b.cast(l.input(3), DType::f32);
  std::vector<ValueId> extents;
  for (const auto& [v, axis] : {std::pair{s.query, 0}, std::pair{s.query, 2}, std::pair{s.query, 4},
                                std::pair{s.value, 4}}) {
    ASSIGN(ValueId n, b.dim_of(v, axis));
    extents.push_back(n);
  }
  ASSIGN(ValueId shape, b.concat(extents, 0));
  return b.expand(b.constant(Tensor::scalar(0.0F)), shape);
}

// state' = decay * state + key x (value or its correction); y = scale * query state'. Inputs are
// the state, then slices of query, key, value, decay and beta.
Result<std::shared_ptr<gossamer::Graph>> step_body(Lowering& l, ValueId state, const Scanned& s,
                                                   const Rule& rule, double scale) {
  auto graph = std::make_shared<gossamer::Graph>();
  graph->name = "linear_attention_step";
  Builder b(*graph, l.b().symbols());
  const gossamer::Type type = l.b().type(state);
  std::vector<ValueId> in = {b.input("state", type)};
  constexpr std::string_view kNames[] = {"query", "key", "value", "decay", "beta"};
  std::size_t name = 0;
  for (ValueId v : {s.query, s.key, s.value, s.decay, s.beta}) {
    const std::string_view called = kNames[name++];
    if (v == kNoValue) {
      in.push_back(kNoValue);
      continue;
    }
    gossamer::Type slice = l.b().type(v);
    slice.shape->erase(slice.shape->begin() + 1);
    in.push_back(b.input(called, std::move(slice)));
  }
  ValueId kept = in[0], added = in[3];
  if (rule.gated) {
    ASSIGN(kept, b.pointwise({in[0], in[4]}, [](ExpressionBuilder& e, std::span<const Ref> r) {
      return e.mul(r[0], e.exp(r[1]));
    }));
  }
  if (rule.corrected) {
    MatMulAttributes transposed;
    transposed.trans_a = true;
    ASSIGN(ValueId found, b.one(kMatMul, transposed, {in[2], kept}));
    ASSIGN(added,
           b.pointwise({in[3], found, in[5]}, [](ExpressionBuilder& e, std::span<const Ref> r) {
             return e.mul(r[2], e.sub(r[0], r[1]));
           }));
  }
  ASSIGN(ValueId next,
         b.pointwise({kept, in[2], added}, [](ExpressionBuilder& e, std::span<const Ref> r) {
           return e.add(r[0], e.mul(r[1], r[2]));
         }));
  ASSIGN(ValueId y, b.one(kMatMul, MatMulAttributes{}, {in[1], next}));
  ASSIGN(y, b.pointwise({y}, [&](ExpressionBuilder& e, std::span<const Ref> r) {
    return e.mul(r[0], e.like(r[0], scale));
  }));
  graph->outputs = {next, y};
  return graph;
}

}  // namespace

Status lower_linear_attention(Lowering& l) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  ASSIGN(Rule rule, read_rule(l));
  ASSIGN(std::int64_t heads, required_heads(l, "q_num_heads"));
  ASSIGN(std::int64_t groups, required_heads(l, "kv_num_heads"));
  if (heads % groups != 0) return l.wrong("q_num_heads must be a multiple of kv_num_heads");
  ASSIGN(Scanned scanned, lay_out(l, heads, groups));
  ASSIGN(float given, l.float_or("scale", 0));
  const auto depth = static_cast<double>(*b.type(scanned.query).dim(4).constant());
  const double scale = given != 0 ? double{given} : 1 / std::sqrt(depth);
  ASSIGN(ValueId state, first_state(l, scanned));
  ASSIGN(std::shared_ptr<gossamer::Graph> body, step_body(l, state, scanned, rule, scale));
  LoopAttributes a;
  a.carried = 1;
  const std::vector<ValueId> slices = scanned.all();
  a.axes.assign(slices.size(), 1);
  a.reversed.assign(slices.size(), false);
  a.stacked_axes = {1};
  a.stacked_reversed = {false};
  a.stacked_dtypes = {DType::f32};
  a.stacked_extents.emplace_back();
  for (const Dim& d : *body->value(body->outputs[1]).type.shape)
    a.stacked_extents[0].push_back(d.constant().value_or(-1));
  std::vector<ValueId> operands = {kNoValue, kNoValue, state};
  operands.insert(operands.end(), slices.begin(), slices.end());
  ASSIGN(std::vector<ValueId> r,
         b.add(kLoop, make_attributes(std::move(a)), std::move(operands), 2, {std::move(body)}));
  // y[b,t,groups,sharing,v]: heads lie in their order already.
  ASSIGN(ValueId y, b.reshape(r[1], {ReshapeEntry::keep(0), ReshapeEntry::keep(1),
                                     ReshapeEntry::merge(2, 4)}));
  ASSIGN(y, b.cast(y, l.dtype(0)));
  l.output(0, y);
  ASSIGN(ValueId last, b.cast(r[0], l.has_input(3) ? l.dtype(3) : l.dtype(0)));
  l.output(1, last);
  return {};
}

}  // namespace gossamer::onnx
