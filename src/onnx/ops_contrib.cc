// Operators of com.microsoft as onnxruntime documents them: activations, products with an
// activation, normalization of sums.
#include <cmath>
#include <numbers>

#include "onnx/elementwise.h"
#include "onnx/normalization.h"
#include "reference/gather.h"
#include "reference/matmul.h"
#include "reference/reduce.h"

namespace gossamer::onnx {

Status lower_conv(Lowering& l);  // ops_conv.cc

// --- activations ---

namespace {

Ref gelu_by_erf(ExpressionBuilder& e, Ref x) {
  const Ref inner = e.erf(e.mul(x, e.like(x, std::numbers::sqrt2 / 2)));
  return e.mul(e.mul(e.like(x, 0.5), x), e.add(e.like(x, 1), inner));
}

Ref gelu_by_tanh(ExpressionBuilder& e, Ref x) {
  const Ref cubic = e.mul(e.like(x, 0.044715), e.mul(x, e.mul(x, x)));
  const double scale = std::sqrt(2 * std::numbers::inv_pi);
  const Ref inner = e.tanh(e.mul(e.like(x, scale), e.add(x, cubic)));
  return e.mul(e.mul(e.like(x, 0.5), x), e.add(e.like(x, 1), inner));
}

using Activation = std::function<Ref(ExpressionBuilder&, Ref)>;

// act(x + bias); the bias may be missing.
Status lower_biased(Lowering& l, const Activation& act) {
  return lower_expression(l, l.has_input(1) ? 2 : 1, l.dtype(0),
                          [&](ExpressionBuilder& e, std::span<const Ref> in) {
                            return act(e, in.size() > 1 ? e.add(in[0], in[1]) : in[0]);
                          });
}

}  // namespace

Status lower_ms_gelu(Lowering& l) { return lower_activation(l, gelu_by_erf); }
Status lower_bias_gelu(Lowering& l) { return lower_biased(l, gelu_by_erf); }
Status lower_fast_gelu(Lowering& l) { return lower_biased(l, gelu_by_tanh); }

Status lower_quick_gelu(Lowering& l) {
  ASSIGN(float alpha, l.float_or("alpha", 1.702F));
  return lower_activation(l, [&](ExpressionBuilder& e, Ref x) {
    return e.mul(x, e.sigmoid(e.mul(e.like(x, double{alpha}), x)));
  });
}

// --- products ---

namespace {

// The activation that attribute `activation` names; nothing when there is none. `parameters` are
// its alpha, beta and so on, as far as given.
Result<Activation> fused_activation(Lowering& l, const std::vector<float>& parameters) {
  ASSIGN(std::string name, l.string_or("activation", ""));
  const auto parameter = [&](std::size_t i, double otherwise) {
    return i < parameters.size() ? double{parameters[i]} : otherwise;
  };
  if (name.empty()) return Activation{};
  if (name == "Relu")
    return Activation([](ExpressionBuilder& e, Ref x) { return e.max(x, e.like(x, 0)); });
  if (name == "Tanh") return Activation([](ExpressionBuilder& e, Ref x) { return e.tanh(x); });
  if (name == "Sigmoid")
    return Activation([](ExpressionBuilder& e, Ref x) { return e.sigmoid(x); });
  const double alpha = parameter(0, name == "LeakyRelu" ? 0.01 : name == "HardSigmoid" ? 0.2 : 0);
  const double beta = parameter(1, name == "HardSigmoid" ? 0.5 : 0);
  if (name == "LeakyRelu")
    return Activation([=](ExpressionBuilder& e, Ref x) {
      return e.select(e.lt(x, e.like(x, 0)), e.mul(e.like(x, alpha), x), x);
    });
  if (name == "HardSigmoid")
    return Activation([=](ExpressionBuilder& e, Ref x) {
      const Ref line = e.add(e.mul(e.like(x, alpha), x), e.like(x, beta));
      return e.clip(line, e.like(x, 0), e.like(x, 1));
    });
  if (name == "Clip" && parameters.size() == 2)
    return Activation(
        [=](ExpressionBuilder& e, Ref x) { return e.clip(x, e.like(x, alpha), e.like(x, beta)); });
  return l.refuse("the activation '" + name + "' is not supported");
}

// The first axis moved behind the batch axes.
Result<ValueId> batch_moved(Lowering& l, ValueId x, std::string_view flag) {
  ASSIGN(std::int64_t moved, l.int_or(flag, 0));
  if (moved == 0) return x;
  ASSIGN(int rank, l.rank_of(x));
  if (rank < 3) return l.wrong("attribute '" + std::string(flag) + "' needs batch axes");
  std::vector<int> order;
  for (int d = 1; d < rank - 1; ++d) order.push_back(d);
  order.push_back(0);
  order.push_back(rank - 1);
  return l.b().transpose(x, std::move(order));
}

Result<bool> transposed(Lowering& l, ValueId x, std::string_view flag) {
  ASSIGN(std::int64_t given, l.int_or(flag, 0));
  if (given == 0) return false;
  ASSIGN(int rank, l.rank_of(x));
  return rank > 1;  // a vector stays as it is
}

}  // namespace

Status lower_fused_matmul(Lowering& l) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  ASSIGN(ValueId x, batch_moved(l, l.input(0), "transBatchA"));
  ASSIGN(ValueId y, batch_moved(l, l.input(1), "transBatchB"));
  ASSIGN(float alpha, l.float_or("alpha", 1));
  MatMulAttributes a;
  ASSIGN(a.trans_a, transposed(l, x, "transA"));
  ASSIGN(a.trans_b, transposed(l, y, "transB"));
  a.wide = alpha != 1 && is_arithmetic_float(l.dtype(0));
  const DType dtype = l.dtype(0);
  ASSIGN(ValueId product, b.one(kMatMul, a, {x, y}));
  if (alpha != 1) {
    ASSIGN(product, b.pointwise({product}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
      return e.cast(e.mul(in[0], e.like(in[0], double{alpha})), dtype);
    }));
  }
  l.output(0, product);
  return {};
}

Status lower_fused_gemm(Lowering& l) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  ASSIGN(float alpha, l.float_or("alpha", 1));
  ASSIGN(float beta, l.float_or("beta", 1));
  std::vector<float> parameters;
  for (const char* name : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    if (!l.has_attribute(name)) break;
    ASSIGN(float p, l.float_or(name, 0));
    parameters.push_back(p);
  }
  ASSIGN(Activation act, fused_activation(l, parameters));
  MatMulAttributes a;
  a.wide = true;
  ASSIGN(a.trans_a, transposed(l, l.input(0), "transA"));
  ASSIGN(a.trans_b, transposed(l, l.input(1), "transB"));
  const DType dtype = l.dtype(0);
  ASSIGN(ValueId product, b.one(kMatMul, a, {l.input(0), l.input(1)}));
  std::vector<ValueId> operands = {product};
  if (l.has_input(2)) operands.push_back(l.input(2));
  return l.output(b.pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    Ref y = in[0];
    if (alpha != 1) y = e.mul(y, e.like(y, double{alpha}));
    if (in.size() > 1) {
      const Ref c = e.cast(in[1], e.dtype(y));
      y = e.add(y, beta != 1 ? e.mul(c, e.like(c, double{beta})) : c);
    }
    return e.cast(act ? act(e, y) : y, dtype);
  }));
}

// Conv, then an activation; input 3 is added in front of it.
Status lower_fused_conv(Lowering& l) {
  ASSIGN(std::vector<float> parameters, l.floats_or("activation_params", {}));
  ASSIGN(Activation act, fused_activation(l, parameters));
  TRY(lower_conv(l));
  std::vector<ValueId> operands = {l.output_value(0)};
  if (l.has_input(3)) operands.push_back(l.input(3));
  if (!act && operands.size() == 1) return {};
  const DType dtype = l.dtype(0);
  return l.output(l.b().pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    Ref y = e.widen(in[0]);
    if (in.size() > 1) y = e.add(y, e.cast(in[1], e.dtype(y)));
    return e.cast(act ? act(e, y) : y, dtype);
  }));
}

// --- normalization of sums ---

namespace {

// Inputs added in the accumulator; those that are missing are left out.
Result<ValueId> wide_sum(Lowering& l, const std::vector<ValueId>& terms, DType wide) {
  return l.b().pointwise(terms, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    Ref sum = e.cast(in[0], wide);
    for (std::size_t i = 1; i < in.size(); ++i) sum = e.add(sum, e.cast(in[i], wide));
    return sum;
  });
}

struct SumNormalized {
  ValueId y, mean, inverse;
};

// The wide sum normalized, scaled by gamma and shifted by beta (kNoValue: not), in `dtype`.
Result<SumNormalized> normalize_sum(Lowering& l, ValueId sum, ValueId gamma, ValueId beta,
                                    bool center, DType dtype) {
  Builder& b = l.b();
  NormalizeAttributes a;
  a.center = center;
  a.acc = b.dtype(sum);
  ASSIGN(a.epsilon, l.float_or("epsilon", 1e-12F));
  ASSIGN(gamma, b.cast(gamma, a.acc));
  if (beta != kNoValue) {
    ASSIGN(beta, b.cast(beta, a.acc));
  }
  ASSIGN(std::vector<ValueId> r, normalize_tail(l, sum, gamma, beta, -1, a));
  ASSIGN(ValueId y, b.cast(r[0], dtype));
  return SumNormalized{y, r[1], r[2]};
}

DType wide_of(DType d) { return d == DType::f64 ? DType::f64 : DType::f32; }

Status lower_skip(Lowering& l, std::size_t bias, bool center) {
  TRY(expect_numeric(l));
  const DType dtype = l.dtype(0);
  std::vector<ValueId> terms = {l.input(0), l.input(1)};
  if (l.has_input(bias)) terms.push_back(l.input(bias));
  ASSIGN(ValueId sum, wide_sum(l, terms, wide_of(dtype)));
  const ValueId beta = center && l.has_input(3) ? l.input(3) : kNoValue;
  ASSIGN(SumNormalized r, normalize_sum(l, sum, l.input(2), beta, center, dtype));
  l.output(0, r.y);
  l.output(1, r.mean);
  l.output(2, r.inverse);
  if (l.has_output(3)) {
    ASSIGN(ValueId shown, l.b().cast(sum, dtype));
    l.output(3, shown);
  }
  return {};
}

}  // namespace

Status lower_skip_layer_normalization(Lowering& l) { return lower_skip(l, 4, true); }
Status lower_skip_simplified_layer_normalization(Lowering& l) { return lower_skip(l, 3, false); }

namespace {

// How many words each row of the mask keeps; 0 without a mask.
Result<ValueId> mask_index(Lowering& l) {
  Builder& b = l.b();
  if (l.has_input(7)) {
    ReduceAttributes a;
    a.axes = {1};
    return b.one(kReduce, a, {l.input(7)});
  }
  ASSIGN(ValueId batch, b.dim_of(l.input(0), 0));
  return b.pointwise_over(batch, {}, [&](ExpressionBuilder& e, std::span<const Ref>) {
    return e.cast(e.mul(e.index(0), e.integer(DType::i64, 0)), DType::i32);
  });
}

}  // namespace

Status lower_embed_layer_normalization(Lowering& l) {
  TRY(expect_numeric(l));
  for (std::size_t i : {std::size_t{0}, std::size_t{2}, std::size_t{3}, std::size_t{5}})
    if (!l.has_input(i)) return l.wrong("input " + std::to_string(i) + " is missing");
  Builder& b = l.b();
  const DType dtype = l.dtype(2);
  const auto rows = [&](std::size_t table, ValueId at) {
    return b.one(kGather, GatherAttributes{}, {l.input(table), at});
  };
  ASSIGN(ValueId words, rows(2, l.input(0)));
  std::vector<ValueId> terms = {words};
  ValueId positions = kNoValue;
  if (l.has_input(8)) {
    positions = l.input(8);
  } else {
    ASSIGN(ValueId length, b.dim_of(l.input(0), 1));
    ASSIGN(positions, b.pointwise_over(length, {}, [](ExpressionBuilder& e, std::span<const Ref>) {
      return e.index(0);
    }));
  }
  ASSIGN(ValueId placed, rows(3, positions));
  terms.push_back(placed);
  if (l.has_input(1) && l.has_input(4)) {
    ASSIGN(ValueId segments, rows(4, l.input(1)));
    terms.push_back(segments);
  }
  ASSIGN(ValueId sum, wide_sum(l, terms, wide_of(dtype)));
  const ValueId beta = l.has_input(6) ? l.input(6) : kNoValue;
  ASSIGN(SumNormalized r, normalize_sum(l, sum, l.input(5), beta, true, dtype));
  l.output(0, r.y);
  if (l.has_output(1)) {
    ASSIGN(ValueId index, mask_index(l));
    l.output(1, index);
  }
  if (l.has_output(2)) {
    ASSIGN(ValueId shown, b.cast(sum, dtype));
    l.output(2, shown);
  }
  return {};
}

}  // namespace gossamer::onnx
