// Operators that make their values from indices: Range, EyeLike, Trilu, OneHot, windows,
// MelWeightMatrix.
#include <cmath>
#include <limits>
#include <numbers>

#include "onnx/elementwise.h"
#include "onnx/text.h"
#include "reference/gather.h"

namespace gossamer::onnx {

// --- Range ---

namespace {

// ceil((limit - start) / delta), at least 0, as an i64 scalar; -1, which no shape accepts, where
// delta is 0 or the number of elements overflows.
Ref range_length(ExpressionBuilder& e, Ref start, Ref limit, Ref delta) {
  const Ref zero = e.like(delta, 0);
  const Ref nothing = e.integer(DType::i64, 0), refused = e.integer(DType::i64, -1);
  const Ref distance = e.sub(limit, start);
  const Ref quotient = e.div(distance, delta);
  if (is_floating(e.dtype(delta))) {
    const Ref n = e.max(e.cast(e.ceil(quotient), DType::i64), nothing);
    return e.select(e.eq(delta, zero), refused, n);
  }
  const Ref rest = e.sub(distance, e.mul(quotient, delta));
  const Ref n = e.add(quotient, e.cast(e.logical_not(e.eq(rest, zero)), DType::i64));
  const Ref rises = e.lt(zero, delta);
  const Ref some = e.select(rises, e.lt(start, limit), e.lt(limit, start));
  const Ref wrapped = e.eq(e.lt(distance, zero), rises);
  const Ref bad = e.logical_or(e.eq(delta, zero), e.logical_and(some, wrapped));
  return e.select(bad, refused, e.select(some, n, nothing));
}

// The same for a delta that is known, in a form that shape arithmetic sees through: a distance that
// overflows is negative.
Ref range_length(ExpressionBuilder& e, Ref start, Ref limit, std::int64_t delta) {
  const Ref low = delta > 0 ? start : limit;
  const Ref distance = e.sub(delta > 0 ? e.max(limit, start) : e.max(start, limit), low);
  const std::int64_t step = delta > 0 ? delta : -delta;
  if (step == 1) return distance;
  const Ref zero = e.integer(DType::i64, 0);
  const Ref up = e.add(distance, e.integer(DType::i64, step - 1));
  const Ref n = e.div(up, e.integer(DType::i64, step));
  const Ref wrapped = e.logical_or(e.lt(distance, zero), e.lt(up, zero));
  return e.select(wrapped, e.integer(DType::i64, -1), n);
}

}  // namespace

Status lower_range(Lowering& l) {
  TRY(expect_numeric(l));
  const DType dtype = l.dtype(0);
  if (l.dtype(1) != dtype || l.dtype(2) != dtype)
    return l.wrong("inputs must have one element type");
  const bool integer = is_integer(dtype);
  ASSIGN(DType stash, l.dtype_or("stash_type", DType::f32));
  const DType wide = dtype == DType::f16 || dtype == DType::bf16 ? stash : dtype;
  if (!integer && wide != DType::f32 && wide != DType::f64)
    return l.wrong("attribute 'stash_type' must be float or double");
  std::optional<std::int64_t> known;
  if (integer)
    if (const auto v = l.known_ints(2); v && v->size() == 1) known = (*v)[0];
  if (known == 0) return l.wrong("delta is 0");
  if (known == std::numeric_limits<std::int64_t>::min()) known.reset();

  Builder& b = l.b();
  const ValueId operands[] = {l.input(0), l.input(1), l.input(2)};
  ASSIGN(ValueId n, b.pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const DType d = integer ? DType::i64 : DType::f64;
    const Ref start = e.cast(in[0], d);
    const Ref limit = e.cast(in[1], d);
    return known ? range_length(e, start, limit, *known)
                 : range_length(e, start, limit, e.cast(in[2], d));
  }));
  ASSIGN(ValueId extent, b.reshape_to(n, std::vector<std::int64_t>{1}));
  const ValueId ends[] = {l.input(0), l.input(2)};
  return l.output(
      b.pointwise_over(extent, ends, [&](ExpressionBuilder& e, std::span<const Ref> in) {
        const Ref i = e.cast(e.index(0), wide);
        const Ref y = e.add(e.cast(in[0], wide), e.mul(i, e.cast(in[1], wide)));
        return e.cast(y, dtype);
      }));
}

// --- EyeLike, Trilu, OneHot ---

Status lower_eye_like(Lowering& l) {
  TRY(expect_numeric(l));
  ASSIGN(int rank, l.rank(0));
  if (rank != 2) return l.wrong("the input must have rank 2");
  ASSIGN(DType dtype, l.dtype_or("dtype", l.dtype(0)));
  ASSIGN(std::int64_t k, l.int_or("k", 0));
  ASSIGN(ValueId extent, l.b().shape_of(l.input(0)));
  return l.output(l.b().pointwise_over(extent, {}, [&](ExpressionBuilder& e, std::span<const Ref>) {
    const Ref column = e.sub(e.index(1), e.integer(DType::i64, k));
    return e.cast(e.eq(e.index(0), column), dtype);
  }));
}

Status lower_trilu(Lowering& l) {
  if (!l.type(0).is_tensor()) return l.wrong("the input is not a tensor");
  const DType dtype = l.dtype(0);
  ASSIGN(int rank, l.rank(0));
  if (rank < 2) return l.wrong("the input must have rank 2 or more");
  ASSIGN(std::int64_t upper, l.int_or("upper", 1));
  Builder& b = l.b();
  const ValueId x = l.input(0);
  std::vector<ValueId> ks;
  if (l.has_input(1)) {
    ASSIGN(ValueId k, as_extent(l, 1));
    ks.push_back(k);
  }
  const auto keeps = [&](ExpressionBuilder& e, std::span<const Ref> k) {
    const Ref diagonal = k.empty() ? e.index(rank - 2) : e.add(e.index(rank - 2), k[0]);
    const Ref column = e.index(rank - 1);
    return upper != 0 ? e.le(diagonal, column) : e.le(column, diagonal);
  };
  // Programs hold no strings and no complex constants.
  const bool outside = dtype == DType::string || dtype == DType::c64 || dtype == DType::c128;
  ValueId nothing = kNoValue;
  if (outside) {
    ASSIGN(Tensor zero, Tensor::make(dtype, Shape{}));
    nothing = b.constant(std::move(zero));
  }
  if (dtype == DType::string) {
    ASSIGN(ValueId extent, b.shape_of(x));
    ASSIGN(ValueId mask, b.pointwise_over(extent, ks, keeps));
    return l.output(add_text(l, {.op = TextOp::select}, {mask, x, nothing}));
  }
  std::vector<ValueId> operands = {x};
  operands.insert(operands.end(), ks.begin(), ks.end());
  if (outside) operands.push_back(nothing);
  return l.output(b.pointwise(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref zero = outside ? in.back() : e.integer(dtype, 0);
    return e.select(keeps(e, in.subspan(1, ks.size())), in[0], zero);
  }));
}

Status lower_one_hot(Lowering& l) {
  for (std::size_t i = 0; i < 3; ++i)
    if (!l.has_input(i) || !l.type(i).is_tensor() || (i < 2 && is_text(l, i)))
      return l.wrong("expected indices, a depth and two values");
  Builder& b = l.b();
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::int64_t attribute, l.int_or("axis", -1));
  ASSIGN(int axis, l.axis(attribute, rank + 1));
  ASSIGN(ValueId depth, b.cast(l.input(1), DType::i64));
  ASSIGN(depth, b.reshape_to(depth, std::vector<std::int64_t>{1}));
  // The result has `depth` on the new axis; the rest broadcasts from the indices.
  std::vector<ValueId> parts;
  if (axis > 0)
    parts.push_back(b.constant_ints(std::vector<std::int64_t>(static_cast<std::size_t>(axis), 1)));
  parts.push_back(depth);
  if (axis < rank)
    parts.push_back(
        b.constant_ints(std::vector<std::int64_t>(static_cast<std::size_t>(rank - axis), 1)));
  ASSIGN(ValueId extent, b.concat(parts, 0));
  ASSIGN(ValueId indices, b.unsqueeze(l.input(0), {axis}));
  const auto hit = [axis](ExpressionBuilder& e, Ref index) {
    const Ref i = e.cast(index, DType::i64);
    const Ref wrapped = e.select(e.lt(i, e.integer(DType::i64, 0)), e.add(i, e.extent(axis)), i);
    return e.eq(e.index(axis), wrapped);
  };
  if (is_text(l, 2)) {
    const ValueId operands[] = {indices};
    ASSIGN(ValueId which,
           b.pointwise_over(extent, operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
             return e.cast(hit(e, in[0]), DType::i64);
           }));
    return l.output(b.one(kGather, GatherAttributes{}, {l.input(2), which}));
  }
  ASSIGN(ValueId off, b.slice(l.input(2), 0, 0, 1));
  ASSIGN(ValueId on, b.slice(l.input(2), 0, 1, 2));
  const ValueId operands[] = {indices, off, on};
  return l.output(
      b.pointwise_over(extent, operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
        return e.select(hit(e, in[0]), in[2], in[1]);
      }));
}

// --- windows ---

namespace {

// a0 - a1 cos(2 pi i/N) + a2 cos(4 pi i/N), computed in f64.
Status lower_window(Lowering& l, double a0, double a1, double a2) {
  ASSIGN(std::int64_t periodic, l.int_or("periodic", 1));
  ASSIGN(DType dtype, l.dtype_or("output_datatype", DType::f32));
  ASSIGN(ValueId extent, as_extent(l, 0));
  return l.output(l.b().pointwise_over(extent, {}, [&](ExpressionBuilder& e, std::span<const Ref>) {
    auto real = [&](double v) { return e.constant(DType::f64, v); };
    Ref n = e.cast(e.extent(0), DType::f64);
    if (periodic == 0) n = e.max(e.sub(n, real(1)), real(1));
    const Ref angle = e.div(e.mul(e.cast(e.index(0), DType::f64), real(2 * std::numbers::pi)), n);
    Ref y = e.sub(real(a0), e.mul(real(a1), e.cos(angle)));
    if (a2 != 0) y = e.add(y, e.mul(real(a2), e.cos(e.mul(real(2), angle))));
    return e.cast(y, dtype);
  }));
}

}  // namespace

Status lower_hann_window(Lowering& l) { return lower_window(l, 0.5, 0.5, 0); }
Status lower_hamming_window(Lowering& l) { return lower_window(l, 25.0 / 46, 21.0 / 46, 0); }
Status lower_blackman_window(Lowering& l) { return lower_window(l, 0.42, 0.5, 0.08); }

// --- MelWeightMatrix ---

namespace {

// Row of the spectrogram at which the edge number index<0> + `k` of the triangles lies, f64.
// Inputs, f64: length of the transform, sample rate, lowest and highest frequency; extent<0> is the
// number of triangles.
Ref mel_edge(ExpressionBuilder& e, std::span<const Ref> in, int k) {
  auto real = [&](double v) { return e.constant(DType::f64, v); };
  auto mel = [&](Ref hertz) {
    return e.div(e.mul(real(2595), e.log1p(e.div(hertz, real(700)))), real(std::numbers::ln10));
  };
  const Ref low = mel(in[2]);
  const Ref edges = e.add(e.cast(e.extent(0), DType::f64), real(2));
  const Ref step = e.div(e.sub(mel(in[3]), low), edges);
  const Ref number = e.add(e.cast(e.index(0), DType::f64), real(k));
  const Ref at = e.add(e.mul(number, step), low);
  const Ref hertz =
      e.mul(real(700), e.expm1(e.mul(e.div(at, real(2595)), real(std::numbers::ln10))));
  return e.floor(e.div(e.mul(e.add(in[0], real(1)), hertz), in[1]));
}

// The weight of row index<0> in a triangle with these corners: rising to 1 at the center, falling
// to 0 beyond.
Ref mel_weight(ExpressionBuilder& e, Ref left, Ref center, Ref right) {
  auto real = [&](double v) { return e.constant(DType::f64, v); };
  const Ref j = e.cast(e.index(0), DType::f64);
  const Ref rise = e.sub(center, left);
  const Ref inside_rise = e.logical_and(e.le(left, j), e.le(j, center));
  const Ref rising = e.select(inside_rise, e.div(e.sub(j, left), rise), real(0));
  const Ref peak = e.select(e.eq(j, center), real(1), real(0));
  const Ref up = e.select(e.eq(rise, real(0)), peak, rising);
  const Ref inside_fall = e.logical_and(e.le(center, j), e.lt(j, right));
  return e.select(inside_fall, e.div(e.sub(right, j), e.sub(right, center)), up);
}

}  // namespace

Status lower_mel_weight_matrix(Lowering& l) {
  TRY(expect_numeric(l));
  Builder& b = l.b();
  ASSIGN(DType dtype, l.dtype_or("output_datatype", DType::f32));
  ASSIGN(ValueId bins, as_extent(l, 0));
  ASSIGN(ValueId length, as_extent(l, 1));
  ASSIGN(ValueId rows, b.pointwise({length}, [](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.add(e.div(in[0], e.integer(DType::i64, 2)), e.integer(DType::i64, 1));
  }));
  ASSIGN(ValueId extent, b.concat({rows, bins}, 0));
  // One vector of edges for each corner of the triangles.
  ValueId corners[3] = {};
  const ValueId operands[] = {l.input(1), l.input(2), l.input(3), l.input(4)};
  for (int k = 0; k < 3; ++k) {
    ASSIGN(corners[k],
           b.pointwise_over(bins, operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
             std::vector<Ref> wide;
             for (Ref r : in) wide.push_back(e.cast(r, DType::f64));
             return mel_edge(e, wide, k);
           }));
  }
  return l.output(
      b.pointwise_over(extent, corners, [&](ExpressionBuilder& e, std::span<const Ref> in) {
        return e.cast(mel_weight(e, in[0], in[1], in[2]), dtype);
      }));
}

}  // namespace gossamer::onnx
