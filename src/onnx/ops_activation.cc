// Activations: one expression each, computed wide and rounded once.
#include <cmath>
#include <numbers>
#include <optional>

#include "onnx/elementwise.h"

namespace gossamer::onnx {
namespace {

Ref softplus(ExpressionBuilder& e, Ref x) {
  return e.add(e.max(x, e.like(x, 0)), e.log1p(e.exp(e.neg(e.abs(x)))));
}

// alpha * (exp(x) - 1) below zero, x above.
Ref elu(ExpressionBuilder& e, Ref x, double alpha) {
  return e.select(e.lt(x, e.like(x, 0)), e.mul(e.like(x, alpha), e.expm1(x)), x);
}

Ref swish(ExpressionBuilder& e, Ref x, double alpha) {
  return e.mul(x, e.sigmoid(alpha == 1 ? x : e.mul(e.like(x, alpha), x)));
}

Ref gelu_erf(ExpressionBuilder& e, Ref x) {
  const Ref inner = e.erf(e.mul(x, e.like(x, std::numbers::sqrt2 / 2)));
  return e.mul(e.mul(e.like(x, 0.5), x), e.add(e.like(x, 1), inner));
}

Ref gelu_tanh(ExpressionBuilder& e, Ref x) {
  const Ref cubic = e.mul(e.like(x, 0.044715), e.mul(x, e.mul(x, x)));
  const double scale = std::sqrt(2 * std::numbers::inv_pi);
  const Ref inner = e.tanh(e.mul(e.like(x, scale), e.add(x, cubic)));
  return e.mul(e.mul(e.like(x, 0.5), x), e.add(e.like(x, 1), inner));
}

}  // namespace

Status lower_relu(Lowering& l) {
  return lower_activation(l, [](ExpressionBuilder& e, Ref x) { return e.max(x, e.like(x, 0)); });
}

Status lower_leaky_relu(Lowering& l) {
  ASSIGN(float alpha, l.float_or("alpha", 0.01F));
  return lower_activation(l, [&](ExpressionBuilder& e, Ref x) {
    return e.select(e.lt(x, e.like(x, 0)), e.mul(e.like(x, double{alpha}), x), x);
  });
}

Status lower_thresholded_relu(Lowering& l) {
  ASSIGN(float alpha, l.float_or("alpha", 1));
  return lower_activation(l, [&](ExpressionBuilder& e, Ref x) {
    return e.select(e.lt(e.like(x, double{alpha}), x), x, e.like(x, 0));
  });
}

Status lower_elu(Lowering& l) {
  ASSIGN(float alpha, l.float_or("alpha", 1));
  return lower_activation(l, [&](ExpressionBuilder& e, Ref x) { return elu(e, x, double{alpha}); });
}

Status lower_selu(Lowering& l) {
  const bool first = l.version() < 6;
  ASSIGN(float alpha, l.float_or("alpha", first ? 1.6732F : 1.67326319217681884765625F));
  ASSIGN(float gamma, l.float_or("gamma", first ? 1.0507F : 1.05070102214813232421875F));
  return lower_activation(l, [&](ExpressionBuilder& e, Ref x) {
    return e.mul(e.like(x, double{gamma}), elu(e, x, double{alpha}));
  });
}

Status lower_celu(Lowering& l) {
  ASSIGN(float alpha, l.float_or("alpha", 1));
  return lower_activation(l, [&](ExpressionBuilder& e, Ref x) {
    const Ref a = e.like(x, double{alpha});
    const Ref zero = e.like(x, 0);
    return e.add(e.max(x, zero), e.min(zero, e.mul(a, e.expm1(e.div(x, a)))));
  });
}

Status lower_shrink(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(float bias, l.float_or("bias", 0));
  ASSIGN(float lambd, l.float_or("lambd", 0.5F));
  // Integers move by fractions: through f64 and back.
  const bool integer = is_integer(l.dtype(0));
  return lower_activation(l, [&](ExpressionBuilder& e, Ref in) {
    const Ref x = integer ? e.cast(in, DType::f64) : in;
    const Ref b = e.like(x, double{bias});
    const Ref high = e.select(e.lt(e.like(x, double{lambd}), x), e.sub(x, b), e.like(x, 0));
    return e.select(e.lt(x, e.like(x, -double{lambd})), e.add(x, b), high);
  });
}

Status lower_hard_sigmoid(Lowering& l) {
  ASSIGN(float alpha, l.float_or("alpha", 0.2F));
  ASSIGN(float beta, l.float_or("beta", 0.5F));
  return lower_activation(l, [&](ExpressionBuilder& e, Ref x) {
    const Ref line = e.add(e.mul(e.like(x, double{alpha}), x), e.like(x, double{beta}));
    return e.clip(line, e.like(x, 0), e.like(x, 1));
  });
}

Status lower_hard_swish(Lowering& l) {
  return lower_activation(l, [](ExpressionBuilder& e, Ref x) {
    const Ref line = e.add(e.mul(x, e.like(x, 1.0 / 6)), e.like(x, 0.5));
    return e.mul(x, e.clip(line, e.like(x, 0), e.like(x, 1)));
  });
}

Status lower_softplus(Lowering& l) { return lower_activation(l, softplus); }

Status lower_softsign(Lowering& l) {
  return lower_activation(
      l, [](ExpressionBuilder& e, Ref x) { return e.div(x, e.add(e.like(x, 1), e.abs(x))); });
}

Status lower_mish(Lowering& l) {
  return lower_activation(
      l, [](ExpressionBuilder& e, Ref x) { return e.mul(x, e.tanh(softplus(e, x))); });
}

Status lower_swish(Lowering& l) {
  ASSIGN(float alpha, l.float_or("alpha", 1));
  return lower_activation(l,
                          [&](ExpressionBuilder& e, Ref x) { return swish(e, x, double{alpha}); });
}

Status lower_swiglu(Lowering& l) {
  TRY(expect_numeric(l));
  if (!l.has_input(1) || l.dtype(1) != l.dtype(0))
    return l.wrong("inputs must have one element type");
  ASSIGN(float alpha, l.float_or("alpha", 1));
  return lower_expression(l, 2, l.dtype(0), [&](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.mul(swish(e, in[0], double{alpha}), in[1]);
  });
}

Status lower_gelu(Lowering& l) {
  ASSIGN(std::string approximate, l.string_or("approximate", "none"));
  if (approximate != "none" && approximate != "tanh")
    return l.wrong("attribute 'approximate' must be none or tanh");
  return lower_activation(l, approximate == "tanh" ? gelu_tanh : gelu_erf);
}

Status lower_prelu(Lowering& l) {
  TRY(expect_numeric(l));
  ValueId slope = l.input(1);
  if (l.version() < 7) {
    // A vector of slopes, one a channel.
    ASSIGN(int rank, l.rank(0));
    ASSIGN(int slope_rank, l.rank(1));
    const bool shared = slope_rank == 1 && l.type(1).dim(0) == Dim(1);
    std::vector<int> ones;
    for (int d = 1; d < rank - 1; ++d) ones.push_back(d);
    if (slope_rank == 1 && !shared && !ones.empty()) {
      ASSIGN(slope, l.b().unsqueeze(slope, ones));
    }
  }
  const DType dtype = l.dtype(0);
  if (l.dtype(1) != dtype) return l.wrong("inputs must have one element type");
  return l.output(
      l.b().pointwise({l.input(0), slope}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
        const Ref x = e.widen(in[0]);
        const Ref s = e.widen(in[1]);
        return e.cast(e.select(e.lt(x, e.like(x, 0)), e.mul(x, s), x), dtype);
      }));
}

Status lower_clip(Lowering& l) {
  TRY(expect_numeric(l));
  const DType dtype = l.dtype(0);
  std::vector<ValueId> operands = {l.input(0)};
  std::optional<float> literal[2];
  std::size_t operand[2] = {};  // 0: none
  for (std::size_t k = 0; k < 2; ++k) {
    const std::string_view name = k == 0 ? "min" : "max";
    if (l.version() < 11 && l.has_attribute(name)) {
      ASSIGN(literal[k], l.float_or(name, 0));
    } else if (l.version() >= 11 && l.has_input(k + 1)) {
      if (l.dtype(k + 1) != dtype) return l.wrong("bounds must have the input's element type");
      operand[k] = operands.size();
      operands.push_back(l.input(k + 1));
    }
  }
  if (operands.size() == 1 && !literal[0] && !literal[1]) {
    l.output(0, l.input(0));
    return {};
  }
  return l.output(l.b().pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    Ref x = in[0];
    for (std::size_t k = 0; k < 2; ++k) {
      if (operand[k] == 0 && !literal[k]) continue;
      const Ref bound = operand[k] != 0 ? in[operand[k]] : e.like(x, double{*literal[k]});
      x = k == 0 ? e.max(x, bound) : e.min(bound, x);
    }
    return x;
  }));
}

}  // namespace gossamer::onnx
