// Normalization, attention and recurrent layers.
#include <algorithm>
#include <limits>
#include <numeric>

#include "onnx/raise.h"
#include "primitives/primitives.h"
#include "reference/attention.h"
#include "reference/copy.h"
#include "reference/normalize.h"
#include "reference/recurrent.h"

namespace gossamer::onnx {
namespace {

using Name = Raising::Name;

Name scaled_and_shifted(Raising& r, Name y) {
  if (r.has(1)) y = r.emit("Mul", {y, r.operand(1)});
  if (r.has(2)) y = r.emit("Add", {y, r.operand(2)});
  return y;
}

// The rows of Normalize on the last axes of a tensor.
struct Rows {
  Name x;
  std::int64_t axis = 0;
  int rank = 0;
  bool moved = false;      // scale and bias fit the original shape only
  std::vector<int> order;  // of x's axes, when they were exchanged
  bool grouped = false;
};

Result<Rows> rows_of(Raising& r, const NormalizeAttributes& a) {
  ASSIGN(const int rank, r.rank(0));
  Rows out;
  out.x = r.operand(0);
  out.rank = rank;
  if (a.groups > 0) {
    out.grouped = out.moved = true;
    out.x =
        r.emit("Reshape", {out.x, r.join({r.extent(out.x, r.type(0), 0), r.ints({a.groups, -1})})});
    out.axis = 2;
    return out;
  }
  for (int d = 0; d < rank; ++d)
    if (std::find(a.axes.begin(), a.axes.end(), d) == a.axes.end()) out.order.push_back(d);
  out.axis = static_cast<std::int64_t>(out.order.size());
  out.order.insert(out.order.end(), a.axes.begin(), a.axes.end());
  out.moved = !std::is_sorted(out.order.begin(), out.order.end());
  if (out.moved) out.x = r.transpose(out.x, out.order);
  return out;
}

Name moved_back(Raising& r, const Rows& rows, const Name& y) {
  if (rows.grouped) return r.emit("Reshape", {y, r.emit("Shape", {r.operand(0)})});
  if (!rows.moved) return y;
  std::vector<int> inverse(rows.order.size());
  for (std::size_t i = 0; i < inverse.size(); ++i)
    inverse[static_cast<std::size_t>(rows.order[i])] = static_cast<int>(i);
  return r.transpose(y, inverse);
}

// x / sqrt(mean(x^2) + epsilon) by parts; gives the inverse deviation too.
std::pair<Name, Name> root_mean_square(Raising& r, const Rows& rows, const NormalizeAttributes& a) {
  const DType dtype = r.dtype(0);
  const DType acc = dtype == DType::f64 ? DType::f64 : a.acc;
  const Name x = r.cast(rows.x, dtype, acc);
  std::vector<std::int64_t> axes;
  for (std::int64_t d = rows.axis; d < (rows.grouped ? 3 : rows.rank); ++d) axes.push_back(d);
  Raising::Names inputs = {r.emit("Mul", {x, x})};
  Raising::Attributes attributes;
  if (r.opset() >= 18)
    inputs.push_back(r.ints(axes));
  else
    attributes.push_back(attribute("axes", axes));
  const Name mean = r.emit("ReduceMean", std::move(inputs), std::move(attributes));
  const Name shifted = r.emit("Add", {mean, r.number(acc, double{a.epsilon})});
  const Name inverse = r.emit("Reciprocal", {r.emit("Sqrt", {shifted})});
  return {r.cast(r.emit("Mul", {x, inverse}), acc, dtype), inverse};
}

}  // namespace

namespace {

void add_stash_type(Raising::Attributes& attributes, DType acc) {
  if (acc != DType::f32)
    attributes.push_back(attribute("stash_type", std::int64_t{dtype_info(acc).onnx_code}));
}

// The vector that operand i is a reshape of, if it is one.
std::optional<ValueId> before_reshape(Raising& r, std::size_t i, std::int64_t count) {
  const NodeId producer = r.graph().value(r.node().operands[i]).producer;
  if (producer == kNoNode) return std::nullopt;
  const gossamer::Node& node = r.graph().node(producer);
  if (node.primitive != &kCopy) return std::nullopt;
  const auto& steps = attributes_of<CopyAttributes>(node).steps;
  const gossamer::Type& from = r.graph().value(node.operands[0]).type;
  const bool fits = from.ranked() && from.rank() == 1 && from.dim(0) == Dim(count);
  if (!fits || steps.size() != 1 || !std::holds_alternative<ReshapeStep>(steps[0]))
    return std::nullopt;
  return node.operands[0];
}

// The operand as one number a channel, when it is [c,1..] or [1,c,1..] over x; "" otherwise. What
// is left out is `otherwise` for all channels.
Name per_channel(Raising& r, std::size_t i, double otherwise) {
  const gossamer::Type& x = r.type(0);
  const auto channels = x.dim(1).constant();
  if (!channels) return {};
  if (!r.has(i)) return r.fill(r.dtype(0), otherwise, *channels);
  const gossamer::Type& t = r.type(i);
  const int lead = t.ranked() ? x.rank() - t.rank() : x.rank();
  for (int d = 0; lead <= 1 && d < t.rank(); ++d)
    if (!(t.dim(d) == Dim(lead + d == 1 ? *channels : 1))) return {};
  if (lead > 1) return {};
  if (const Tensor* known = r.constant_operand(i)) return r.constant(known->reshaped({*channels}));
  if (const auto plain = before_reshape(r, i, *channels)) return r.outer_name(*plain);
  return t.rank() == 1 ? r.operand(i) : r.reshape(r.operand(i), {*channels});
}

// As one GroupNormalization; false when it cannot be said so.
bool raise_groups(Raising& r, const NormalizeAttributes& a) {
  if (r.opset() < 21 || a.groups == 0 || !a.center || r.has_result(1) || r.has_result(2) ||
      !r.type(0).ranked())
    return false;
  const Name scale = per_channel(r, 1, 1), bias = per_channel(r, 2, 0);
  if (scale.empty() || bias.empty()) return false;
  Raising::Attributes attributes = {attribute("epsilon", a.epsilon),
                                    attribute("num_groups", a.groups)};
  add_stash_type(attributes, a.acc);
  r.result(0, r.emit("GroupNormalization", {r.operand(0), scale, bias}, std::move(attributes)));
  return true;
}

// Rows that are the last axes, not centered, as one RMSNormalization; the same.
bool raise_mean_square(Raising& r, const NormalizeAttributes& a, const Rows& rows) {
  if (r.opset() < 23 || a.center || rows.moved || r.has(2) || r.has_result(1) || r.has_result(2))
    return false;
  Raising::Attributes attributes = {attribute("axis", rows.axis), attribute("epsilon", a.epsilon)};
  add_stash_type(attributes, a.acc);
  const Name scale = r.has(1) ? r.operand(1) : r.number(r.dtype(0), 1);
  r.result(0, r.emit("RMSNormalization", {rows.x, scale}, std::move(attributes)));
  return true;
}

}  // namespace

Status raise_normalize(Raising& r) {
  const auto& a = r.attributes<NormalizeAttributes>();
  if (raise_groups(r, a)) return {};
  ASSIGN(const Rows rows, rows_of(r, a));
  if ((r.has_result(1) || r.has_result(2)) && rows.moved)
    return r.refuse("statistics of rows that are not the last axes have no spelling");
  if (raise_mean_square(r, a, rows)) return {};
  if (!a.center) {
    if (r.has_result(1)) return r.refuse("the mean of rows that are not centered has no spelling");
    const auto [y, inverse] = root_mean_square(r, rows, a);
    r.result(0, scaled_and_shifted(r, moved_back(r, rows, y)));
    if (r.has_result(2)) r.result(2, inverse);
    return {};
  }
  r.needs(17);
  Raising::Attributes attributes = {attribute("axis", rows.axis), attribute("epsilon", a.epsilon)};
  add_stash_type(attributes, a.acc);
  const bool apart = rows.moved || !r.has(1);
  Raising::Names inputs = {rows.x, apart ? r.number(r.dtype(0), 1) : r.operand(1)};
  if (!apart) inputs.push_back(r.operand(2));
  const std::size_t count = r.has_result(2) ? 3 : r.has_result(1) ? 2 : 1;
  const Raising::Names out =
      r.emit_many("LayerNormalization", std::move(inputs), count, std::move(attributes));
  const Name y = moved_back(r, rows, out[0]);
  r.result(0, apart ? scaled_and_shifted(r, y) : y);
  for (std::size_t i = 1; i < count; ++i) r.result(i, out[i]);
  return {};
}

// --- attention ---

namespace {

class AttentionRaising {
 public:
  explicit AttentionRaising(Raising& r)
      : r_(r),
        a_(r.attributes<AttentionAttributes>()),
        infinity_(std::numeric_limits<double>::infinity()) {}
  Status run();
  bool run_whole();

 private:
  Name wide(std::size_t i) { return r_.cast(r_.operand(i), r_.dtype(i), a_.acc); }
  Result<Name> heads_of(std::size_t i);
  void add_mask();
  void close(const Name& open) { open_ = open_.empty() ? open : r_.emit("And", {open_, open}); }
  void add_positions();
  Name range(const Name& x, std::size_t operand);
  Name per_batch(std::size_t i);
  void show(AttentionScores stage, const Name& scores) {
    if (a_.scores == stage) r_.result(1, r_.cast(scores, a_.acc, r_.dtype(0)));
  }

  Raising& r_;
  const AttentionAttributes& a_;
  const double infinity_;
  Name scores_;
  Name open_;  // which keys each query sees; "": all
};

// Keys or values, wide, with each head as often as queries share it.
Result<Name> AttentionRaising::heads_of(std::size_t i) {
  const Name x = wide(i);
  const Dim& queries = r_.type(0).dim(1);
  const Dim& own = r_.type(i).dim(1);
  if (queries == own) return x;
  if (!queries.is_constant() || !own.is_constant() || *own.constant() == 0)
    return r_.refuse("the number of heads is not known");
  const std::int64_t times = *queries.constant() / *own.constant();
  const Name tiled = r_.emit("Tile", {r_.unsqueeze(x, {2}), r_.ints({1, 1, times, 1, 1})});
  const Name shape = r_.join({r_.extent(x, r_.type(i), 0), r_.ints({*queries.constant()}),
                              r_.extent(x, r_.type(i), 2), r_.extent(x, r_.type(i), 3)});
  return r_.emit("Reshape", {tiled, shape});
}

void AttentionRaising::add_mask() {
  if (!r_.has(3)) return;
  const gossamer::Type& t = r_.type(3);
  Name mask = r_.operand(3);
  const bool boolean = t.dtype == DType::boolean;
  // A mask shorter than the keys closes the rest.
  const int last = t.ranked() ? t.rank() - 1 : -1;
  if (last >= 0 && !(t.dim(last) == r_.type(1).dim(2)) && !(t.dim(last) == Dim(1))) {
    const Name missing =
        r_.emit("Sub", {r_.extent(r_.operand(1), r_.type(1), 2), r_.extent(mask, t, last)});
    Raising::Names amounts(2 * static_cast<std::size_t>(t.rank()), r_.ints({0}));
    amounts.back() = missing;
    mask = r_.cast(mask, t.dtype, a_.acc);
    if (boolean) mask = r_.cast(r_.operand(3), DType::boolean, DType::u8);
    mask = r_.emit("Pad", {mask, r_.join(amounts),
                           boolean ? r_.number(DType::u8, 0) : r_.number(a_.acc, -infinity_)});
    mask = boolean ? r_.cast(mask, DType::u8, DType::boolean) : mask;
  } else if (!boolean) {
    mask = r_.cast(mask, t.dtype, a_.acc);
  }
  if (boolean) return close(mask);
  scores_ = r_.emit("Add", {scores_, mask});
  close(r_.emit("Not", {r_.emit("Equal", {mask, r_.number(a_.acc, -infinity_)})}));
}

Name AttentionRaising::range(const Name& x, std::size_t operand) {
  const Name extent = r_.squeeze(r_.extent(x, r_.type(operand), 2), {0});
  return r_.emit("Range", {r_.integer(0), extent, r_.integer(1)});
}

Name AttentionRaising::per_batch(std::size_t i) {
  const gossamer::Type& t = r_.type(i);
  return t.ranked() && t.rank() == 0 ? r_.operand(i) : r_.unsqueeze(r_.operand(i), {1, 2, 3});
}

void AttentionRaising::add_positions() {
  if (!a_.causal && a_.left < 0 && a_.right < 0 && !r_.has(4)) return;
  const Name key = range(r_.operand(1), 1);
  if (r_.has(4)) close(r_.emit("Less", {key, per_batch(4)}));
  if (!a_.causal && a_.left < 0 && a_.right < 0) return;
  Name query = r_.unsqueeze(range(r_.operand(0), 0), {1});
  if (r_.has(5)) query = r_.emit("Add", {query, per_batch(5)});
  if (a_.causal) close(r_.emit("LessOrEqual", {key, query}));
  if (a_.left >= 0)
    close(r_.emit("LessOrEqual", {r_.emit("Sub", {query, r_.integer(a_.left)}), key}));
  if (a_.right >= 0)
    close(r_.emit("LessOrEqual", {key, r_.emit("Add", {query, r_.integer(a_.right)})}));
}

// As one Attention of the standard; false when it cannot say all of it.
bool AttentionRaising::run_whole() {
  const DType dtype = r_.dtype(0);
  const std::int64_t since = r_.has(4) ? 24 : 23;
  if (r_.opset() < since || a_.left >= 0 || a_.right >= 0 || (r_.has(5) && a_.causal)) return false;
  // In opset 23 a query that sees no key has no defined answer; later it is zero.
  const bool may_be_empty = r_.has(3) || r_.has(4);
  if (r_.has(3) && (!r_.type(3).ranked() || r_.type(3).rank() < 2)) return false;
  if (may_be_empty && (a_.empty_row != EmptyRow::zero || r_.opset() < 24)) return false;
  if ((a_.acc != DType::f32 && dtype != DType::f64) ||
      (dtype == DType::f64) != (a_.acc == DType::f64))
    return false;
  for (std::size_t i = 1; i < 4; ++i)
    if (r_.has(i) && r_.dtype(i) != dtype && (i != 3 || r_.dtype(i) != DType::boolean))
      return false;
  Raising::Attributes attributes = {attribute("scale", a_.scale)};
  if (a_.causal) attributes.push_back(attribute("is_causal", std::int64_t{1}));
  if (a_.softcap > 0) attributes.push_back(attribute("softcap", a_.softcap));
  if (a_.scores != AttentionScores::products)
    attributes.push_back(attribute("qk_matmul_output_mode", static_cast<std::int64_t>(a_.scores)));
  const Raising::Names out = r_.emit_many(
      "Attention",
      {r_.operand(0), r_.operand(1), r_.operand(2), r_.operand(3), "", "", r_.operand(4)},
      r_.has_result(1) ? 4 : 1, std::move(attributes));
  r_.result(0, out[0]);
  if (out.size() > 1) r_.result(1, out[3]);
  return true;
}

Status AttentionRaising::run() {
  for (std::size_t i = 0; i < 3; ++i)
    if (!r_.type(i).ranked()) return r_.refuse("the rank of an operand is not known");
  ASSIGN(const Name k, heads_of(1));
  ASSIGN(const Name v, heads_of(2));
  const auto number = [&](double x) { return r_.number(a_.acc, x); };
  scores_ = r_.emit("MatMul", {wide(0), r_.transpose(k, {0, 1, 3, 2})});
  if (a_.scale != 1) scores_ = r_.emit("Mul", {scores_, number(double{a_.scale})});
  show(AttentionScores::products, scores_);
  if (a_.softcap > 0) {
    const Name cap = number(double{a_.softcap});
    scores_ = r_.emit("Mul", {cap, r_.emit("Tanh", {r_.emit("Div", {scores_, cap})})});
  }
  show(AttentionScores::capped, scores_);
  add_mask();
  add_positions();
  if (!open_.empty()) scores_ = r_.emit("Where", {open_, scores_, number(-infinity_)});
  show(AttentionScores::biased, scores_);
  Name weights = r_.emit("Softmax", {scores_}, {attribute("axis", std::int64_t{3})});
  if (!open_.empty() && a_.empty_row == EmptyRow::zero) {
    Raising::Names inputs = {scores_};
    Raising::Attributes attributes;
    if (r_.opset() >= 18)
      inputs.push_back(r_.ints({3}));
    else
      attributes.push_back(attribute("axes", std::vector<std::int64_t>{3}));
    const Name greatest = r_.emit("ReduceMax", std::move(inputs), std::move(attributes));
    const Name empty = r_.emit("Equal", {greatest, number(-infinity_)});
    weights = r_.emit("Where", {empty, number(0), weights});
  }
  show(AttentionScores::weights, weights);
  r_.result(0, r_.cast(r_.emit("MatMul", {weights, v}), a_.acc, r_.result_type(0).dtype));
  return {};
}

}  // namespace

Status raise_attention(Raising& r) {
  AttentionRaising raising(r);
  return raising.run_whole() ? Status{} : raising.run();
}

// --- recurrent layers ---

namespace {

struct ActivationName {
  std::string_view name;
  bool alpha, beta;
};

constexpr ActivationName kActivations[] = {
    {"Sigmoid", false, false},  {"Tanh", false, false},      {"Relu", false, false},
    {"Affine", true, true},     {"LeakyRelu", true, false},  {"ThresholdedRelu", true, false},
    {"ScaledTanh", true, true}, {"HardSigmoid", true, true}, {"Elu", true, false},
    {"Softsign", false, false}, {"Softplus", false, false},
};

Raising::Attributes recurrent_attributes(const RecurrentAttributes& a, std::int64_t hidden) {
  Raising::Attributes out = {attribute("hidden_size", hidden)};
  if (a.direction == RecurrentDirection::reverse) out.push_back(attribute("direction", "reverse"));
  if (a.direction == RecurrentDirection::both)
    out.push_back(attribute("direction", "bidirectional"));
  std::vector<std::string> names;
  std::vector<float> alphas, betas;
  for (std::size_t i = 0; i < a.activations.size(); ++i) {
    const ActivationName& f = kActivations[static_cast<std::size_t>(a.activations[i])];
    names.emplace_back(f.name);
    if (f.alpha && i < a.alpha.size()) alphas.push_back(a.alpha[i]);
    if (f.beta && i < a.beta.size()) betas.push_back(a.beta[i]);
  }
  if (!names.empty()) out.push_back(attribute("activations", std::move(names)));
  if (!alphas.empty()) out.push_back(attribute("activation_alpha", std::move(alphas)));
  if (!betas.empty()) out.push_back(attribute("activation_beta", std::move(betas)));
  if (a.clip > 0) out.push_back(attribute("clip", a.clip));
  if (a.coupled) out.push_back(attribute("input_forget", std::int64_t{1}));
  if (a.reset_after) out.push_back(attribute("linear_before_reset", std::int64_t{1}));
  return out;
}

}  // namespace

Status raise_recurrent(Raising& r) {
  const auto& a = r.attributes<RecurrentAttributes>();
  ASSIGN(const int rank, r.rank(2));
  const std::optional<std::int64_t> hidden = r.type(2).dim(rank - 1).constant();
  if (!hidden) return r.refuse("the size of the state is not known");
  Raising::Names inputs;
  const std::size_t count = a.cell == RecurrentCell::lstm ? 8 : 6;
  for (std::size_t i = 0; i < count; ++i) inputs.push_back(r.operand(i));
  if (r.has(4)) inputs[4] = r.cast(inputs[4], r.dtype(4), DType::i32);
  constexpr std::string_view kCells[] = {"LSTM", "GRU", "RNN"};
  const Raising::Names out =
      r.emit_many(kCells[static_cast<std::size_t>(a.cell)], std::move(inputs),
                  a.cell == RecurrentCell::lstm ? 3 : 2, recurrent_attributes(a, *hidden));
  for (std::size_t i = 0; i < out.size(); ++i) r.result(i, out[i]);
  return {};
}

}  // namespace gossamer::onnx
