// Random numbers and what is drawn with them: Random*, Bernoulli, Dropout.
#include <bit>

#include "onnx/elementwise.h"
#include "reference/random.h"

namespace gossamer::onnx {

Result<ValueId> random_numbers(Lowering& l, Distribution distribution, DType dtype,
                               ValueId extent) {
  RandomAttributes a;
  a.distribution = distribution;
  a.dtype = dtype == DType::f64 ? DType::f64 : DType::f32;
  const Attribute* seed = l.find("seed");
  if (seed != nullptr) {
    a.fixed = true;
    if (seed->kind == Attribute::Kind::i) {
      a.seed = seed->i;
    } else {
      ASSIGN(float f, l.float_or("seed", 0));
      a.seed = std::bit_cast<std::int32_t>(f);
    }
  }
  return l.b().one(kRandom, a, {extent});
}

namespace {

// offset + scale * r, rounded to `dtype`.
Status lower_random(Lowering& l, Distribution distribution, DType dtype, ValueId extent,
                    float offset, float scale) {
  if (!is_arithmetic_float(dtype)) return l.wrong("attribute 'dtype' must be a float type");
  ASSIGN(ValueId r, random_numbers(l, distribution, dtype, extent));
  return l.output(l.b().pointwise({r}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref scaled = scale == 1 ? in[0] : e.mul(in[0], e.like(in[0], double{scale}));
    const Ref moved = offset == 0 ? scaled : e.add(scaled, e.like(scaled, double{offset}));
    return e.cast(moved, dtype);
  }));
}

Status lower_uniform(Lowering& l, DType dtype, ValueId extent) {
  ASSIGN(float low, l.float_or("low", 0));
  ASSIGN(float high, l.float_or("high", 1));
  return lower_random(l, Distribution::uniform, dtype, extent, low, high - low);
}

Status lower_normal(Lowering& l, DType dtype, ValueId extent) {
  ASSIGN(float mean, l.float_or("mean", 0));
  ASSIGN(float scale, l.float_or("scale", 1));
  return lower_random(l, Distribution::normal, dtype, extent, mean, scale);
}

Status lower_of_shape(Lowering& l, Status (*lower)(Lowering&, DType, ValueId)) {
  ASSIGN(std::vector<std::int64_t> shape, l.required_ints("shape"));
  ASSIGN(DType dtype, l.dtype_or("dtype", DType::f32));
  return lower(l, dtype, l.b().constant_ints(shape));
}

Status lower_like(Lowering& l, Status (*lower)(Lowering&, DType, ValueId)) {
  TRY(expect_numeric(l));
  ASSIGN(DType dtype, l.dtype_or("dtype", l.dtype(0)));
  ASSIGN(ValueId extent, l.b().shape_of(l.input(0)));
  return lower(l, dtype, extent);
}

}  // namespace

Status lower_random_uniform(Lowering& l) { return lower_of_shape(l, lower_uniform); }
Status lower_random_normal(Lowering& l) { return lower_of_shape(l, lower_normal); }
Status lower_random_uniform_like(Lowering& l) { return lower_like(l, lower_uniform); }
Status lower_random_normal_like(Lowering& l) { return lower_like(l, lower_normal); }

Status lower_bernoulli(Lowering& l) {
  TRY(expect_numeric(l));
  if (!is_arithmetic_float(l.dtype(0))) return l.wrong("the probabilities must be floats");
  ASSIGN(DType dtype, l.dtype_or("dtype", l.dtype(0)));
  ASSIGN(ValueId extent, l.b().shape_of(l.input(0)));
  ASSIGN(ValueId r, random_numbers(l, Distribution::uniform, l.dtype(0), extent));
  return l.output(
      l.b().pointwise({r, l.input(0)}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
        return e.cast(e.lt(in[0], e.widen(in[1])), dtype);
      }));
}

namespace {

// The mask of a Dropout that drops nothing.
Status output_full_mask(Lowering& l) {
  if (!l.has_output(1)) return {};
  const DType dtype = l.version() < 10 ? l.dtype(0) : DType::boolean;
  ASSIGN(ValueId mask,
         l.b().pointwise({l.input(0)}, [&](ExpressionBuilder& e, std::span<const Ref>) {
           return e.integer(dtype, 1);
         }));
  l.output(1, mask);
  return {};
}

Status lower_dropout_training(Lowering& l, ValueId ratio) {
  const DType dtype = l.dtype(0);
  Builder& b = l.b();
  ASSIGN(ValueId extent, b.shape_of(l.input(0)));
  ASSIGN(ValueId r, random_numbers(l, Distribution::uniform, dtype, extent));
  const DType mask_dtype = l.version() < 10 ? dtype : DType::boolean;
  const ValueId operands[] = {l.input(0), r, ratio};
  ASSIGN(std::vector<ValueId> results,
         b.pointwise_many(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref x = e.widen(in[0]);
           const Ref dropped = e.cast(e.widen(in[2]), e.dtype(x));
           const Ref keep = e.le(dropped, in[1]);
           const Ref scale = e.recip(e.sub(e.like(x, 1), dropped));
           const Ref y = e.select(keep, e.mul(x, scale), e.like(x, 0));
           return std::vector<Ref>{e.cast(y, dtype), e.cast(keep, mask_dtype)};
         }));
  l.output(0, results[0]);
  if (l.has_output(1)) l.output(1, results[1]);
  return {};
}

}  // namespace

Status lower_dropout(Lowering& l) {
  TRY(expect_numeric(l));
  bool training = false;
  if (l.version() < 7) {
    ASSIGN(std::int64_t is_test, l.int_or("is_test", 0));
    training = is_test == 0;
  } else if (l.version() >= 12 && l.has_input(2)) {
    ASSIGN(std::int64_t mode, l.structure_int(2));
    training = mode != 0;
  }
  if (training) {
    ValueId ratio = l.version() >= 12 && l.has_input(1) ? l.input(1) : kNoValue;
    if (ratio == kNoValue) {
      float r = 0.5F;
      if (l.version() < 12) {
        ASSIGN(r, l.float_or("ratio", 0.5F));
      }
      ratio = l.b().constant(Tensor::scalar(r));
    }
    return lower_dropout_training(l, ratio);
  }
  l.output(0, l.input(0));
  return output_full_mask(l);
}

}  // namespace gossamer::onnx
