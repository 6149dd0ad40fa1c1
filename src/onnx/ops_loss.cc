// Losses: the target's element picked along the class axis, weighed and reduced.
#include "onnx/elementwise.h"
#include "reference/gather.h"
#include "reference/reduce.h"
#include "reference/softmax.h"

namespace gossamer::onnx {
namespace {

struct LossInputs {
  ValueId log_prob, target, weight;  // weight may be kNoValue
};

// -weight[target] * log_prob[.., target, ..] and, where they are not all 1, the weights themselves;
// both of target's shape and wide. An ignored target weighs 0.
struct LossTerms {
  ValueId loss, weight = kNoValue;
};

Result<LossTerms> loss_terms(Lowering& l, const LossInputs& in, DType wide) {
  Builder& b = l.b();
  ASSIGN(ValueId target, b.cast(in.target, DType::i64));
  const bool ignoring = l.has_attribute("ignore_index");
  const bool weighed = ignoring || in.weight != kNoValue;
  ASSIGN(std::int64_t ignored, l.int_or("ignore_index", 0));
  // An ignored target may be no class at all: it reads class 0, and weighs nothing.
  ValueId safe = target;
  if (ignoring) {
    ASSIGN(safe, b.pointwise({target}, [&](ExpressionBuilder& e, std::span<const Ref> r) {
      const Ref hit = e.eq(r[0], e.integer(DType::i64, ignored));
      return e.select(hit, e.integer(DType::i64, 0), r[0]);
    }));
  }
  ASSIGN(ValueId index, b.unsqueeze(safe, {1}));
  GatherAttributes along;
  along.mode = GatherMode::along;
  along.axis = 1;
  ASSIGN(ValueId picked, b.one(kGather, along, {in.log_prob, index}));
  ASSIGN(picked, b.squeeze(picked, {1}));
  std::vector<ValueId> operands = {picked, target};
  if (in.weight != kNoValue) {
    ASSIGN(ValueId w, b.one(kGather, GatherAttributes{}, {in.weight, safe}));
    operands.push_back(w);
  }
  ASSIGN(std::vector<ValueId> r,
         b.pointwise_many(operands, [&](ExpressionBuilder& e, std::span<const Ref> v) {
           const Ref x = e.cast(v[0], wide), zero = e.like(x, 0);
           Ref w = v.size() > 2 ? e.cast(v[2], wide) : e.like(x, 1);
           Ref loss = e.mul(e.neg(x), w);
           if (ignoring) {
             const Ref hit = e.eq(v[1], e.integer(DType::i64, ignored));
             w = e.select(hit, zero, w);
             loss = e.select(hit, zero, loss);
           }
           return weighed ? std::vector<Ref>{loss, w} : std::vector<Ref>{loss};
         }));
  return LossTerms{r[0], weighed ? r[1] : kNoValue};
}

// The loss of input `in` as attribute `reduction` asks, in `dtype`.
Result<ValueId> reduced_loss(Lowering& l, const LossInputs& in, DType dtype) {
  Builder& b = l.b();
  ASSIGN(std::string reduction, l.string_or("reduction", "mean"));
  if (reduction != "mean" && reduction != "sum" && reduction != "none")
    return l.wrong("attribute 'reduction' must be none, sum or mean");
  const DType wide = dtype == DType::f64 ? DType::f64 : DType::f32;
  ASSIGN(LossTerms terms, loss_terms(l, in, wide));
  if (reduction == "none") return b.cast(terms.loss, dtype);
  ASSIGN(int rank, l.rank_of(terms.loss));
  ReduceAttributes all;
  for (int d = 0; d < rank; ++d) all.axes.push_back(d);
  const bool weighed = terms.weight != kNoValue;
  if (reduction == "mean" && !weighed) all.op = ReduceOp::mean;
  ASSIGN(ValueId sum, b.one(kReduce, all, {terms.loss}));
  if (reduction == "mean" && weighed) {
    ASSIGN(ValueId weights, b.one(kReduce, all, {terms.weight}));
    ASSIGN(sum, b.binary(PointwiseOp::div, sum, weights));
  }
  return b.cast(sum, dtype);
}

Status expect_loss_inputs(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(int rank, l.rank(0));
  ASSIGN(int target_rank, l.rank(1));
  if (rank < 2 || target_rank != rank - 1)
    return l.wrong("the target must lack just the class axis of the input");
  if (!is_arithmetic_float(l.dtype(0)) || !is_integer(l.dtype(1)))
    return l.wrong("expected an input of floats and an integer target");
  return {};
}

ValueId optional_weight(Lowering& l) { return l.has_input(2) ? l.input(2) : kNoValue; }

}  // namespace

Status lower_negative_log_likelihood_loss(Lowering& l) {
  TRY(expect_loss_inputs(l));
  return l.output(reduced_loss(l, {l.input(0), l.input(1), optional_weight(l)}, l.dtype(0)));
}

Status lower_softmax_cross_entropy_loss(Lowering& l) {
  TRY(expect_loss_inputs(l));
  Builder& b = l.b();
  const DType dtype = l.dtype(0);
  // The logarithms stay wide until the loss is formed.
  ASSIGN(ValueId scores, b.cast(l.input(0), dtype == DType::f64 ? DType::f64 : DType::f32));
  ASSIGN(ValueId log_prob, b.one(kSoftmax, SoftmaxAttributes{1, true}, {scores}));
  ASSIGN(ValueId loss, reduced_loss(l, {log_prob, l.input(1), optional_weight(l)}, dtype));
  l.output(0, loss);
  if (l.has_output(1)) {
    ASSIGN(ValueId shown, b.cast(log_prob, dtype));
    l.output(1, shown);
  }
  return {};
}

}  // namespace gossamer::onnx
