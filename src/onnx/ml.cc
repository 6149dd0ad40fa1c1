// Turning scores into labels and probabilities.
#include "onnx/ml.h"

#include <algorithm>
#include <numbers>

#include "reference/arg_reduce.h"
#include "reference/gather.h"
#include "reference/reduce.h"
#include "reference/softmax.h"

namespace gossamer::onnx {
namespace {

// The inverse of the normal distribution function by Winitzki's approximation of erf's inverse.
Ref probit(ExpressionBuilder& e, Ref x) {
  constexpr double kA = 0.147;
  const Ref y = e.sub(e.mul(x, e.like(x, 2)), e.like(x, 1));
  const Ref log = e.log(e.mul(e.sub(e.like(x, 1), y), e.add(e.like(x, 1), y)));
  const Ref v = e.add(e.like(x, 2 / (std::numbers::pi * kA)), e.mul(log, e.like(x, 0.5)));
  const Ref root = e.sqrt(e.sub(e.mul(v, v), e.mul(log, e.like(x, 1 / kA))));
  return e.mul(e.mul(e.sign(y), e.sqrt(e.sub(root, v))), e.like(x, std::numbers::sqrt2));
}

// Softmax over the scores that are not zero.
Result<ValueId> softmax_zero(Lowering& l, ValueId scores) {
  Builder& b = l.b();
  ASSIGN(
      ValueId most,
      b.one(kReduce, ReduceAttributes{.op = ReduceOp::max, .axes = {1}, .keep = true}, {scores}));
  ASSIGN(ValueId powers,
         b.pointwise({scores, most}, [](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref zero = e.eq(in[0], e.like(in[0], 0));
           return e.select(zero, in[0], e.exp(e.sub(in[0], in[1])));
         }));
  ASSIGN(
      ValueId sum,
      b.one(kReduce, ReduceAttributes{.op = ReduceOp::sum, .axes = {1}, .keep = true}, {powers}));
  return b.pointwise({powers, sum}, [](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref zero = e.eq(in[1], e.like(in[1], 0));
    return e.select(zero, in[0], e.div(in[0], in[1]));
  });
}

}  // namespace

Result<ValueId> post_transform(Lowering& l, ValueId scores, std::string_view name) {
  Builder& b = l.b();
  if (name == "NONE") return scores;
  if (name == "SOFTMAX") return b.one(kSoftmax, SoftmaxAttributes{.axis = 1}, {scores});
  if (name == "LOGISTIC") return b.unary(PointwiseOp::sigmoid, scores);
  if (name == "SOFTMAX_ZERO") return softmax_zero(l, scores);
  if (name == "PROBIT")
    return b.pointwise(
        {scores}, [](ExpressionBuilder& e, std::span<const Ref> in) { return probit(e, in[0]); });
  return l.wrong("there is no transform '" + std::string(name) + "'");
}

Result<Tensor> class_labels(const Lowering& l, std::string_view ints, std::string_view strings) {
  ASSIGN(std::vector<std::int64_t> numbers, l.ints_or(ints, {}));
  ASSIGN(std::vector<std::string> words, l.strings_or(strings, {}));
  if (numbers.empty() == words.empty())
    return l.wrong("class labels must be given, as integers or as strings");
  return words.empty() ? Tensor::vector(numbers) : Tensor::vector(words);
}

namespace {

// Columns for both labels from the second one's scores.
Result<ValueId> both_columns(Lowering& l, ValueId scores, const Classes& classes) {
  Builder& b = l.b();
  ASSIGN(ValueId other, b.pointwise({scores}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.sub(e.like(in[0], classes.complement), in[0]);
  }));
  return b.concat({other, scores}, 1);
}

}  // namespace

Status classify(Lowering& l, ValueId scores, std::int64_t columns, const Classes& classes) {
  Builder& b = l.b();
  ValueId index = kNoValue;
  if (columns == 1 && classes.labels.count() == 2) {
    ASSIGN(ValueId second,
           b.pointwise({scores}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
             return e.cast(e.lt(e.like(in[0], classes.threshold), in[0]), DType::i64);
           }));
    ASSIGN(index, b.reshape_to(second, {-1}));
    ASSIGN(scores, both_columns(l, scores, classes));
  } else if (columns == classes.labels.count()) {
    ASSIGN(index, b.one(kArgReduce, ArgReduceAttributes{.axis = 1, .keep = false}, {scores}));
  } else {
    return l.wrong("there are " + std::to_string(classes.labels.count()) + " labels for " +
                   std::to_string(columns) + " scores");
  }
  ASSIGN(ValueId label, b.one(kGather, GatherAttributes{}, {b.constant(classes.labels), index}));
  l.output(0, label);
  ASSIGN(ValueId transformed, post_transform(l, scores, classes.transform));
  l.output(1, transformed);
  return {};
}

}  // namespace gossamer::onnx
