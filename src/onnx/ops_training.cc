// Optimizers of ai.onnx.preview.training: one Pointwise with several results a group of tensors.
#include "onnx/elementwise.h"

namespace gossamer::onnx {
namespace {

// Learning rate R, step T, then `per_tensor` equally long runs of tensors: x, gradient and state.
// Gives for each tensor the results of `build`, whose inputs are R and T (cast to the tensor's
// dtype) and the group; results are laid out in runs too.
using UpdateFn =
    std::function<std::vector<Ref>(ExpressionBuilder&, Ref, Ref, std::span<const Ref>)>;

Status lower_update(Lowering& l, std::size_t per_tensor, const UpdateFn& build) {
  TRY(expect_numeric(l));
  const std::size_t tensors = l.input_count() - 2;
  if (l.input_count() < 2 + per_tensor || tensors % per_tensor != 0)
    return l.wrong("the number of inputs does not fit");
  const std::size_t groups = tensors / per_tensor;
  for (std::size_t g = 0; g < groups; ++g) {
    std::vector<ValueId> operands = {l.input(0), l.input(1)};
    for (std::size_t k = 0; k < per_tensor; ++k) operands.push_back(l.input(2 + k * groups + g));
    for (std::size_t k = 0; k < per_tensor; ++k)
      if (l.b().dtype(operands[2 + k]) != l.b().dtype(operands[2]))
        return l.wrong("the tensors of a group must have one element type");
    ASSIGN(std::vector<ValueId> results,
           l.b().pointwise_many(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
             const DType d = e.dtype(in[2]);
             return build(e, e.cast(in[0], d), e.cast(in[1], d), in.subspan(2));
           }));
    for (std::size_t k = 0; k < results.size(); ++k)
      if (l.has_output(k * groups + g)) l.output(k * groups + g, results[k]);
  }
  return {};
}

// gradient + norm_coefficient * x
Ref regularized(ExpressionBuilder& e, Ref x, Ref gradient, float norm_coefficient) {
  return e.add(e.mul(e.like(x, double{norm_coefficient}), x), gradient);
}

}  // namespace

Status lower_adagrad(Lowering& l) {
  ASSIGN(float decay, l.float_or("decay_factor", 0));
  ASSIGN(float epsilon, l.float_or("epsilon", 1e-6F));
  ASSIGN(float norm, l.float_or("norm_coefficient", 0));
  return lower_update(l, 3, [&](ExpressionBuilder& e, Ref r, Ref t, std::span<const Ref> in) {
    const Ref x = in[0];
    const Ref rate = e.div(r, e.add(e.like(x, 1), e.mul(t, e.like(x, double{decay}))));
    const Ref g = regularized(e, x, in[1], norm);
    const Ref h = e.add(in[2], e.mul(g, g));
    const Ref root = e.add(e.sqrt(h), e.like(x, double{epsilon}));
    return std::vector<Ref>{e.sub(x, e.div(e.mul(rate, g), root)), h};
  });
}

Status lower_adam(Lowering& l) {
  ASSIGN(float alpha, l.float_or("alpha", 0.9F));
  ASSIGN(float beta, l.float_or("beta", 0.999F));
  ASSIGN(float epsilon, l.float_or("epsilon", 1e-6F));
  ASSIGN(float norm, l.float_or("norm_coefficient", 0));
  ASSIGN(float norm_post, l.float_or("norm_coefficient_post", 0));
  return lower_update(l, 4, [&](ExpressionBuilder& e, Ref r, Ref t, std::span<const Ref> in) {
    const Ref x = in[0];
    const Ref one = e.like(x, 1);
    const Ref a = e.like(x, double{alpha});
    const Ref b = e.like(x, double{beta});
    const Ref g = regularized(e, x, in[1], norm);
    const Ref v = e.add(e.mul(a, in[2]), e.mul(e.sub(one, a), g));
    const Ref h = e.add(e.mul(b, in[3]), e.mul(e.sub(one, b), e.mul(g, g)));
    // The momentums start at 0, which the first steps make up for.
    const Ref corrected = e.div(e.mul(r, e.sqrt(e.sub(one, e.pow(b, t)))), e.sub(one, e.pow(a, t)));
    const Ref rate = e.select(e.lt(e.like(x, 0), t), corrected, r);
    const Ref root = e.add(e.sqrt(h), e.like(x, double{epsilon}));
    const Ref moved = e.sub(x, e.mul(rate, e.div(v, root)));
    return std::vector<Ref>{e.mul(e.like(x, 1 - double{norm_post}), moved), v, h};
  });
}

Status lower_momentum(Lowering& l) {
  for (const char* name : {"alpha", "beta", "norm_coefficient", "mode"})
    if (!l.has_attribute(name))
      return l.wrong("required attribute '" + std::string(name) + "' is missing");
  ASSIGN(float alpha, l.float_or("alpha", 0));
  ASSIGN(float beta, l.float_or("beta", 0));
  ASSIGN(float norm, l.float_or("norm_coefficient", 0));
  ASSIGN(std::string mode, l.required_string("mode"));
  if (mode != "standard" && mode != "nesterov")
    return l.wrong("attribute 'mode' must be standard or nesterov");
  return lower_update(l, 3, [&](ExpressionBuilder& e, Ref r, Ref t, std::span<const Ref> in) {
    const Ref x = in[0];
    const Ref a = e.like(x, double{alpha});
    const Ref g = regularized(e, x, in[1], norm);
    // The first gradient counts in full.
    const Ref weight = e.select(e.lt(e.like(x, 0), t), e.like(x, double{beta}), e.like(x, 1));
    const Ref v = e.add(e.mul(a, in[2]), e.mul(weight, g));
    const Ref direction = mode == "standard" ? v : e.add(g, e.mul(a, v));
    return std::vector<Ref>{e.sub(x, e.mul(r, direction)), v};
  });
}

}  // namespace gossamer::onnx
