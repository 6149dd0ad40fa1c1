// com.microsoft's products of quantized tensors: sums in i32 that are scaled afterwards, attention
// and an LSTM on top of them.
#include "onnx/attention.h"
#include "onnx/elementwise.h"
#include "onnx/quantize.h"
#include "reference/matmul.h"

namespace gossamer::onnx {
namespace {

// A scale or zero point of input i, kNoValue when it is left out; one element is a scalar.
Result<ValueId> scaling_input(Lowering& l, std::size_t i) {
  if (!l.has_input(i)) return kNoValue;
  return as_scalar(l, l.input(i));
}

// A matrix product of integers and what turns it into numbers: sum * (a_scale * b_scale) + bias.
struct Product {
  ValueId a, b, a_scale, b_scale;
  ValueId a_zero = kNoValue, b_zero = kNoValue, bias = kNoValue;
};

Result<ValueId> scaled_product(Lowering& l, const Product& p, DType dtype) {
  Builder& b = l.b();
  ASSIGN(ValueId sums, b.one(kMatMul, MatMulAttributes{}, {p.a, p.b, p.a_zero, p.b_zero}));
  std::vector<ValueId> operands = {sums, p.a_scale, p.b_scale};
  if (p.bias != kNoValue) operands.push_back(p.bias);
  return b.pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref scale = e.mul(e.cast(in[1], DType::f32), e.cast(in[2], DType::f32));
    Ref y = e.mul(e.cast(in[0], DType::f32), scale);
    if (in.size() > 3) y = e.add(y, e.cast(in[3], DType::f32));
    return e.cast(y, dtype);
  });
}

ValueId optional_input(Lowering& l, std::size_t i) {
  return l.has_input(i) ? l.input(i) : kNoValue;
}

}  // namespace

// --- matrix products ---

// a, b, a_scale, b_scale [, a_zero, b_zero, bias]
Status lower_matmul_integer_to_float(Lowering& l) {
  TRY(expect_numeric(l));
  Product p{};
  p.a = l.input(0);
  p.b = l.input(1);
  ASSIGN(p.a_scale, scaling_input(l, 2));
  ASSIGN(p.b_scale, scaling_input(l, 3));
  ASSIGN(p.a_zero, scaling_input(l, 4));
  ASSIGN(p.b_zero, scaling_input(l, 5));
  p.bias = optional_input(l, 6);
  return l.output(scaled_product(l, p, l.dtype(2)));
}

// a in f32, b, b_scale [, b_zero, bias]
Status lower_dynamic_quantize_matmul(Lowering& l) {
  TRY(expect_numeric(l));
  const DType dtype = l.dtype(0);
  ASSIGN(Quantized a, quantize_dynamically(l, l.input(0)));
  Product p{};
  p.a = a.values;
  p.a_scale = a.scale;
  p.a_zero = a.zero_point;
  p.b = l.input(1);
  ASSIGN(p.b_scale, scaling_input(l, 2));
  ASSIGN(p.b_zero, scaling_input(l, 3));
  p.bias = optional_input(l, 4);
  return l.output(scaled_product(l, p, dtype));
}

// a, a_scale, a_zero, b, b_scale, b_zero [, c i32, y_scale, y_zero]: quantized where y has a scale,
// in f32 otherwise.
Status lower_qgemm(Lowering& l) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  ASSIGN(float alpha, l.float_or("alpha", 1));
  ASSIGN(std::int64_t trans_a, l.int_or("transA", 0));
  ASSIGN(std::int64_t trans_b, l.int_or("transB", 0));
  MatMulAttributes a;
  a.trans_a = trans_a != 0;
  a.trans_b = trans_b != 0;
  ASSIGN(ValueId a_scale, scaling_input(l, 1));
  ASSIGN(ValueId a_zero, scaling_input(l, 2));
  ASSIGN(ValueId b_scale, scaling_input(l, 4));
  ASSIGN(ValueId b_zero, scaling_input(l, 5));
  if (a.trans_b && b_zero != kNoValue && b.ranked(b_zero) && b.rank(b_zero) == 1) {
    ASSIGN(b_zero, b.unsqueeze(b_zero, {1}));  // a column of b is a row here
  }
  ASSIGN(ValueId sums, b.one(kMatMul, a, {l.input(0), l.input(3), a_zero, b_zero}));
  std::vector<ValueId> operands = {sums, a_scale, b_scale};
  const bool biased = l.has_input(6);
  if (biased) {
    if (l.dtype(6) != DType::i32) return l.wrong("input 6 must be of type i32");
    operands.push_back(l.input(6));
  }
  const bool quantized = l.has_input(7);
  if (quantized != l.has_input(8)) return l.wrong("y_scale and y_zero_point go together");
  for (std::size_t i = 7; quantized && i <= 8; ++i) {
    ASSIGN(ValueId v, scaling_input(l, i));
    operands.push_back(v);
  }
  return l.output(b.pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref sum = biased ? e.add(in[0], in[3]) : in[0];
    Ref scale = e.mul(e.cast(in[1], DType::f32), e.cast(in[2], DType::f32));
    if (alpha != 1) scale = e.mul(scale, e.like(scale, double{alpha}));
    const Ref y = e.mul(e.cast(sum, DType::f32), scale);
    const std::size_t first = biased ? 4 : 3;
    return quantized ? e.quantize(y, in[first], in[first + 1]) : y;
  }));
}

// --- QAttention ---

namespace {

// A node of another operator with these names and the attributes of l's that are in `kept`.
Node node_with(Lowering& l, std::string op, std::string domain, std::vector<std::string> inputs,
               std::vector<std::string> outputs, std::initializer_list<std::string_view> kept) {
  Node node;
  node.name = l.node().name;
  node.op_type = std::move(op);
  node.domain = std::move(domain);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  for (std::string_view name : kept)
    if (const Attribute* a = l.find(name)) node.attributes.push_back(*a);
  return node;
}

// Both halves of the past [2, batch, heads, length, size], if there is one.
Status split_past(Lowering& l, std::size_t i, std::vector<ValueId>& inputs) {
  for (std::int64_t half = 0; half < 2; ++half) {
    ValueId past = kNoValue;
    if (l.has_input(i)) {
      ASSIGN(past, l.b().slice(l.input(i), 0, half, half + 1));
      ASSIGN(past, l.b().squeeze(past, {0}));
    }
    inputs.push_back(past);
  }
  return {};
}

}  // namespace

// input, weights, bias, both scales [, mask_index, input_zero, weight_zero, past]: the projection
// is a product of integers, what follows is MultiHeadAttention.
Status lower_qattention(Lowering& l) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  for (const char* name : {"do_rotary", "past_present_share_buffer"}) {
    ASSIGN(std::int64_t given, l.int_or(name, 0));
    if (given != 0) return l.refuse("attribute '" + std::string(name) + "' is not supported");
  }
  Product p{};
  p.a = l.input(0);
  p.b = l.input(1);
  p.bias = l.input(2);
  ASSIGN(p.a_scale, scaling_input(l, 3));
  ASSIGN(p.b_scale, scaling_input(l, 4));
  ASSIGN(p.a_zero, scaling_input(l, 6));
  ASSIGN(p.b_zero, scaling_input(l, 7));
  ASSIGN(ValueId projected, scaled_product(l, p, l.dtype(3)));
  ASSIGN(std::int64_t size, known_extent(l, projected, 2, "the size of the projection"));
  if (size % 3 != 0) return l.wrong("the weights do not fall into three parts");
  std::vector<ValueId> values;
  for (std::int64_t part = 0; part < 3; ++part) {
    ASSIGN(ValueId v, b.slice(projected, 2, part * (size / 3), (part + 1) * (size / 3)));
    values.push_back(v);
  }
  values.push_back(optional_input(l, 5));
  TRY(split_past(l, 8, values));
  const std::vector<std::string> names = {"q", "k", "v", "mask", "past_k", "past_v"};
  std::vector<std::string> given_names, inputs;
  std::vector<ValueId> given;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool there = values[i] != kNoValue;
    inputs.push_back(there ? names[i] : "");
    if (!there) continue;
    given_names.push_back(names[i]);
    given.push_back(values[i]);
  }
  inputs.insert(inputs.begin() + 3, "");  // no bias
  inputs.insert(inputs.begin() + 5, "");  // nothing added to the scores
  const Node node =
      node_with(l, "MultiHeadAttention", "com.microsoft", inputs, {"y", "k_out", "v_out"},
                {"num_heads", "scale", "mask_filter_value", "unidirectional"});
  ASSIGN(std::vector<ValueId> r,
         l.inline_nodes({node}, given_names, given, {"y", "k_out", "v_out"}));
  l.output(0, r[0]);
  if (!l.has_output(1)) return {};
  ASSIGN(ValueId k, b.unsqueeze(r[1], {0}));
  ASSIGN(ValueId v, b.unsqueeze(r[2], {0}));
  ASSIGN(ValueId present, b.concat({k, v}, 0));
  l.output(1, present);
  return {};
}

// --- DynamicQuantizeLSTM ---

namespace {

// Weights [d, in, gates] dequantized and as LSTM has them: [d, gates, in]. Scales and zero points
// are [d] or [d, gates].
Result<ValueId> lstm_weights(Lowering& l, std::size_t weights, std::size_t scale) {
  Builder& b = l.b();
  ValueId scaling[2] = {};
  for (std::size_t i = 0; i < 2; ++i) {
    if (!l.has_input(scale + i)) return l.wrong("a scale or zero point is missing");
    scaling[i] = l.input(scale + i);
    ASSIGN(int rank, l.rank_of(scaling[i]));
    if (rank != 1 && rank != 2) return l.wrong("scales must have one or two axes");
    ASSIGN(scaling[i],
           b.unsqueeze(scaling[i], rank == 1 ? std::vector<int>{1, 2} : std::vector<int>{1}));
  }
  ASSIGN(ValueId w, dequantized(l, l.input(weights), scaling[0], scaling[1]));
  return b.transpose(w, {0, 2, 1});
}

}  // namespace

// x, w, r, bias, lengths, h0, c0, peepholes, then scale and zero point of w and of r. The inputs
// are quantized by their range as the operator says; the states stay in f32, which is more exact.
Status lower_dynamic_quantize_lstm(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(Quantized x, quantize_dynamically(l, l.input(0)));
  ASSIGN(ValueId rounded, dequantized(l, x.values, x.scale, x.zero_point));
  ASSIGN(ValueId w, lstm_weights(l, 1, 8));
  ASSIGN(ValueId r, lstm_weights(l, 2, 10));
  std::vector<std::string> inputs = {"x", "w", "r"}, names = inputs;
  std::vector<ValueId> given = {rounded, w, r};
  for (std::size_t i = 3; i < 8; ++i) {
    inputs.push_back(l.has_input(i) ? "i" + std::to_string(i) : "");
    if (!l.has_input(i)) continue;
    names.push_back(inputs.back());
    given.push_back(l.input(i));
  }
  const Node node = node_with(l, "LSTM", "", inputs, {"y", "h", "c"},
                              {"activations", "activation_alpha", "activation_beta", "clip",
                               "direction", "hidden_size", "input_forget"});
  ASSIGN(std::vector<ValueId> out, l.inline_nodes({node}, names, given, {"y", "h", "c"}));
  for (std::size_t i = 0; i < out.size(); ++i)
    if (l.has_output(i)) l.output(i, out[i]);
  return {};
}

}  // namespace gossamer::onnx
