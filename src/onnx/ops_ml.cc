// The ai.onnx.ml domain but its trees: encoders, scalers, linear models.
#include <algorithm>
#include <limits>

#include "onnx/elementwise.h"
#include "onnx/ml.h"
#include "onnx/text.h"
#include "reference/gather.h"
#include "reference/lookup.h"
#include "reference/matmul.h"
#include "reference/reduce.h"

namespace gossamer::onnx {
namespace {

Result<ValueId> as_f32(Lowering& l, std::size_t i) {
  if (!l.has_input(i) || !l.type(i).is_tensor() || l.dtype(i) == DType::string)
    return l.wrong("input " + std::to_string(i) + " must hold numbers");
  return l.b().cast(l.input(i), DType::f32);
}

// A vector as a tensor, for one of the kinds of attribute that may hold it; nothing when none does.
Result<std::optional<Tensor>> list_of(const Lowering& l, const std::string& name) {
  std::optional<Tensor> found;
  std::size_t count = 0;
  for (std::string_view kind : {"_strings", "_int64s", "_floats", "_tensor"}) {
    const Attribute* a = l.find(name + std::string(kind));
    if (a == nullptr) continue;
    ++count;
    if (a->kind == Attribute::Kind::strings)
      found = Tensor::vector(a->strings);
    else if (a->kind == Attribute::Kind::ints)
      found = Tensor::vector(a->ints);
    else if (a->kind == Attribute::Kind::floats)
      found = Tensor::vector(a->floats);
    else if (a->kind == Attribute::Kind::t && a->tensors.size() == 1)
      found = a->tensors[0];
    else
      return l.wrong("attribute '" + a->name + "' is of the wrong kind");
  }
  if (count > 1) return l.wrong("more than one of the attributes " + name + "_* is given");
  return found;
}

Result<Tensor> default_for(const Lowering& l, DType dtype) {
  if (l.has_attribute("default_tensor")) return l.required_tensor("default_tensor");
  if (dtype == DType::string) {
    ASSIGN(std::string s, l.string_or("default_string", "_Unused"));
    return Tensor::scalar(std::move(s));
  }
  if (dtype == DType::f32) {
    ASSIGN(float f, l.float_or("default_float", -0.0F));
    return Tensor::scalar(f);
  }
  if (dtype == DType::f64) return Tensor::scalar(-0.0);
  if (dtype == DType::i32) return Tensor::scalar(std::int32_t{-1});
  if (dtype == DType::i16) return Tensor::scalar(std::int16_t{-1});
  ASSIGN(std::int64_t i, l.int_or("default_int64", -1));
  return Tensor::scalar(i);
}

Status lower_lookup(Lowering& l, LookupAttributes a) {
  return l.output(l.b().one(kLookup, std::move(a), {l.input(0)}));
}

// Maps between names and the numbers beside them, in the direction that the input asks for.
Status lower_names(Lowering& l, Tensor names, Tensor numbers) {
  const bool from_names = is_text(l, 0);
  LookupAttributes a;
  a.keys = from_names ? names : numbers;
  a.values = from_names ? numbers : names;
  ASSIGN(a.otherwise, default_for(l, a.values.dtype()));
  return lower_lookup(l, std::move(a));
}

Tensor counted(std::int64_t n) {
  std::vector<std::int64_t> v;
  for (std::int64_t i = 0; i < n; ++i) v.push_back(i);
  return Tensor::vector(v);
}

}  // namespace

Status lower_label_encoder(Lowering& l) {
  if (l.has_attribute("classes_strings")) {
    ASSIGN(std::vector<std::string> names, l.strings_or("classes_strings", {}));
    Tensor numbers = counted(static_cast<std::int64_t>(names.size()));
    return lower_names(l, Tensor::vector(names), std::move(numbers));
  }
  ASSIGN(std::optional<Tensor> keys, list_of(l, "keys"));
  ASSIGN(std::optional<Tensor> values, list_of(l, "values"));
  if (!keys || !values) return l.wrong("keys and values must be given");
  LookupAttributes a;
  a.keys = std::move(*keys);
  a.values = std::move(*values);
  ASSIGN(a.otherwise, default_for(l, a.values.dtype()));
  return lower_lookup(l, std::move(a));
}

Status lower_category_mapper(Lowering& l) {
  ASSIGN(std::vector<std::string> names, l.strings_or("cats_strings", {}));
  ASSIGN(std::vector<std::int64_t> numbers, l.ints_or("cats_int64s", {}));
  return lower_names(l, Tensor::vector(names), Tensor::vector(numbers));
}

Status lower_array_feature_extractor(Lowering& l) {
  ASSIGN(const int rank, l.rank(0));
  if (rank == 0) return l.wrong("input 0 must not be a scalar");
  Builder& b = l.b();
  ASSIGN(ValueId index, b.reshape_to(l.input(1), {-1}));
  ASSIGN(ValueId picked,
         b.one(kGather, GatherAttributes{.mode = GatherMode::take, .axis = rank - 1},
               {l.input(0), index}));
  // A vector counts as one row.
  if (rank == 1) return l.output(b.unsqueeze(picked, {0}));
  l.output(0, picked);
  return {};
}

Status lower_binarizer(Lowering& l) {
  ASSIGN(float threshold, l.float_or("threshold", 0));
  return lower_activation(l, [&](ExpressionBuilder& e, Ref x) {
    return e.cast(e.lt(e.like(x, threshold), x), e.dtype(x));
  });
}

Status lower_scaler(Lowering& l) {
  ASSIGN(std::vector<float> offset, l.floats_or("offset", {0.0F}));
  ASSIGN(std::vector<float> scale, l.floats_or("scale", {1.0F}));
  ASSIGN(ValueId x, as_f32(l, 0));
  Builder& b = l.b();
  return l.output(
      b.pointwise({x, b.constant(Tensor::vector(offset)), b.constant(Tensor::vector(scale))},
                  [](ExpressionBuilder& e, std::span<const Ref> in) {
                    return e.mul(e.sub(in[0], in[1]), in[2]);
                  }));
}

Status lower_imputer(Lowering& l) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  const DType dtype = l.dtype(0);
  const bool floats = l.has_attribute("imputed_value_floats");
  if (floats == l.has_attribute("imputed_value_int64s"))
    return l.wrong("one of imputed_value_floats and imputed_value_int64s must be given");
  ASSIGN(std::vector<float> real, l.floats_or("imputed_value_floats", {}));
  ASSIGN(std::vector<std::int64_t> whole, l.ints_or("imputed_value_int64s", {}));
  ASSIGN(const float replaced, l.float_or("replaced_value_float", 0));
  ASSIGN(const std::int64_t replaced_int, l.int_or("replaced_value_int64", 0));
  ASSIGN(ValueId value,
         b.cast(b.constant(floats ? Tensor::vector(real) : Tensor::vector(whole)), dtype));
  return l.output(
      b.pointwise({l.input(0), value}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
        const Ref hit = floats && replaced != replaced ? e.isnan(in[0])
                        : floats                       ? e.eq(in[0], e.like(in[0], replaced))
                                 : e.eq(in[0], e.integer(dtype, replaced_int));
        return e.select(hit, in[1], in[0]);
      }));
}

Status lower_normalizer(Lowering& l) {
  ASSIGN(std::string norm, l.string_or("norm", "MAX"));
  if (norm != "MAX" && norm != "L1" && norm != "L2")
    return l.wrong("attribute 'norm' must be MAX, L1 or L2");
  ASSIGN(const int rank, l.rank(0));
  if (rank < 1) return l.wrong("the input must not be a scalar");
  ASSIGN(ValueId x, as_f32(l, 0));
  Builder& b = l.b();
  ASSIGN(ValueId size, b.pointwise({x}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    return norm == "L2" ? e.mul(in[0], in[0]) : e.abs(in[0]);
  }));
  const ReduceOp op = norm == "MAX" ? ReduceOp::max : ReduceOp::sum;
  ASSIGN(ValueId sum,
         b.one(kReduce, ReduceAttributes{.op = op, .axes = {rank - 1}, .keep = true}, {size}));
  return l.output(b.pointwise({x, sum}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref divisor = norm == "L2" ? e.sqrt(in[1]) : in[1];
    return e.select(e.eq(divisor, e.like(divisor, 0)), in[0], e.div(in[0], divisor));
  }));
}

Status lower_one_hot_encoder(Lowering& l) {
  ASSIGN(std::vector<std::int64_t> numbers, l.ints_or("cats_int64s", {}));
  ASSIGN(std::vector<std::string> names, l.strings_or("cats_strings", {}));
  ASSIGN(std::int64_t zeros, l.int_or("zeros", 1));
  if (numbers.empty() == names.empty())
    return l.wrong("one of cats_int64s and cats_strings must be given");
  if (is_text(l, 0) == names.empty()) return l.wrong("the input is not of the categories' type");
  if (zeros == 0) return l.refuse("failing for unknown categories (zeros=0) is not supported");
  Builder& b = l.b();
  ValueId x = l.input(0);
  if (names.empty()) {
    ASSIGN(x, b.cast(x, DType::i64));
  }
  LookupAttributes a;
  a.keys = names.empty() ? Tensor::vector(numbers) : Tensor::vector(names);
  a.values = counted(a.keys.count());
  a.otherwise = Tensor::scalar(std::int64_t{-1});
  const std::int64_t count = a.keys.count();
  ASSIGN(ValueId index, b.one(kLookup, std::move(a), {x}));
  ASSIGN(const int rank, l.rank(0));
  ASSIGN(ValueId column, b.unsqueeze(index, {rank}));
  return l.output(b.pointwise({column, b.constant(counted(count))},
                              [](ExpressionBuilder& e, std::span<const Ref> in) {
                                return e.cast(e.eq(in[0], in[1]), DType::f32);
                              }));
}

Status lower_feature_vectorizer(Lowering& l) {
  Builder& b = l.b();
  ASSIGN(std::vector<std::int64_t> widths, l.ints_or("inputdimensions", {}));
  if (!widths.empty() && widths.size() != l.input_count())
    return l.wrong("attribute 'inputdimensions' must have an entry for each input");
  std::vector<ValueId> parts;
  for (std::size_t i = 0; i < l.input_count(); ++i) {
    ASSIGN(ValueId x, as_f32(l, i));
    ASSIGN(const int rank, l.rank(i));
    if (rank < 1 || rank > 2) return l.wrong("inputs must be vectors or rows");
    if (rank == 1) {
      ASSIGN(x, b.unsqueeze(x, {0}));
    }
    if (!widths.empty()) {
      ASSIGN(x, b.slice(x, 1, 0, widths[i]));
    }
    parts.push_back(x);
  }
  return l.output(b.concat(std::move(parts), 1));
}

// --- linear models ---

namespace {

// x times the rows of `coefficients` [targets,features] plus the intercepts.
Result<ValueId> linear(Lowering& l, std::int64_t targets) {
  ASSIGN(std::vector<float> weights, l.floats_or("coefficients", {}));
  ASSIGN(std::vector<float> intercepts, l.floats_or("intercepts", {}));
  const auto count = static_cast<std::int64_t>(weights.size());
  if (targets < 1 || count == 0 || count % targets != 0)
    return l.wrong("attribute 'coefficients' does not fit the number of results");
  if (!intercepts.empty() && static_cast<std::int64_t>(intercepts.size()) != targets)
    return l.wrong("attribute 'intercepts' does not fit the number of results");
  ASSIGN(ValueId x, as_f32(l, 0));
  ASSIGN(const int rank, l.rank(0));
  Builder& b = l.b();
  if (rank == 1) {
    ASSIGN(x, b.unsqueeze(x, {0}));
  }
  const ValueId w = b.constant(Tensor::of<float>(Shape{targets, count / targets}, weights));
  ASSIGN(ValueId y, b.one(kMatMul, MatMulAttributes{.trans_b = true}, {x, w}));
  if (intercepts.empty()) return y;
  return b.binary(PointwiseOp::add, y, b.constant(Tensor::vector(intercepts)));
}

}  // namespace

Status lower_linear_regressor(Lowering& l) {
  ASSIGN(std::int64_t targets, l.int_or("targets", 1));
  ASSIGN(std::string transform, l.string_or("post_transform", "NONE"));
  ASSIGN(ValueId y, linear(l, targets));
  return l.output(post_transform(l, y, transform));
}

Status lower_linear_classifier(Lowering& l) {
  Classes classes;
  ASSIGN(classes.labels, class_labels(l, "classlabels_ints", "classlabels_strings"));
  ASSIGN(classes.transform, l.string_or("post_transform", "NONE"));
  ASSIGN(std::vector<float> intercepts, l.floats_or("intercepts", {}));
  const std::int64_t columns =
      intercepts.empty() ? classes.labels.count() : static_cast<std::int64_t>(intercepts.size());
  ASSIGN(ValueId scores, linear(l, columns));
  return classify(l, scores, columns, classes);
}

}  // namespace gossamer::onnx
