// Attention, FlexAttention and rotary embeddings: heads laid out, then one Attention.
#include <cmath>
#include <limits>

#include "onnx/attention.h"
#include "onnx/elementwise.h"
#include "reference/gather.h"
#include "reference/matmul.h"
#include "reference/softmax.h"

namespace gossamer::onnx {

Result<std::int64_t> known_extent(Lowering& l, ValueId x, int axis, std::string_view what) {
  ASSIGN(int rank, l.rank_of(x));
  if (axis >= rank) return l.wrong("an operand has too few axes");
  const std::optional<std::int64_t> n = l.b().type(x).dim(axis).constant();
  if (n) return *n;
  return l.refuse(std::string(what) + " must be known when the model is read");
}

Result<std::int64_t> required_heads(Lowering& l, std::string_view name) {
  ASSIGN(std::int64_t heads, l.required_int(name));
  if (heads < 1 || heads > 1 << 20)
    return l.wrong("attribute '" + std::string(name) + "' must be positive");
  return heads;
}

Result<ValueId> split_heads(Lowering& l, ValueId x, std::int64_t heads) {
  ASSIGN(int rank, l.rank_of(x));
  if (rank != 3) return l.wrong("expected three axes, got " + std::to_string(rank));
  ReshapeEntry size = ReshapeEntry::infer();
  if (const auto hidden = l.b().type(x).dim(2).constant()) {
    if (*hidden % heads != 0)
      return l.wrong(std::to_string(*hidden) + " elements do not fall into " +
                     std::to_string(heads) + " heads");
    size = ReshapeEntry::of(*hidden / heads);
  }
  ReshapeStep split;
  split.dims = {ReshapeEntry::keep(0), ReshapeEntry::keep(1), ReshapeEntry::of(heads), size};
  return l.b().copy(x, {std::move(split), PermuteStep{{0, 2, 1, 3}}});
}

Result<ValueId> merge_heads(Lowering& l, ValueId x) {
  ReshapeStep merge;
  merge.dims = {ReshapeEntry::keep(0), ReshapeEntry::keep(1), ReshapeEntry::merge(2, 3)};
  return l.b().copy(x, {PermuteStep{{0, 2, 1, 3}}, std::move(merge)});
}

namespace {

DType accumulator(DType d) { return d == DType::f64 ? DType::f64 : DType::f32; }

Status expect_float_inputs(Lowering& l, std::size_t count) {
  TRY(expect_numeric(l));
  for (std::size_t i = 0; i < count; ++i)
    if (!l.has_input(i) || !is_arithmetic_float(l.dtype(i)))
      return l.wrong("input " + std::to_string(i) + " must be of floats");
  return {};
}

// 1/sqrt(head size) unless given.
Result<float> scale_of(Lowering& l, ValueId q) {
  if (l.has_attribute("scale")) return l.float_or("scale", 1);
  ASSIGN(std::int64_t size, known_extent(l, q, 3, "the head size"));
  return static_cast<float>(1 / std::sqrt(static_cast<double>(size)));
}

// Queries, keys and values as [b,h,s,d]; those with three axes are split by the head attributes.
Status head_inputs(Lowering& l, ValueId (&qkv)[3], bool& flat) {
  ASSIGN(int rank, l.rank(0));
  flat = rank == 3;
  for (std::size_t i = 0; i < 3; ++i) {
    qkv[i] = l.input(i);
    ASSIGN(int own, l.rank(i));
    if (own != rank || (rank != 3 && rank != 4))
      return l.wrong("queries, keys and values must all have three or four axes");
    if (!flat) continue;
    ASSIGN(std::int64_t heads, required_heads(l, i == 0 ? "q_num_heads" : "kv_num_heads"));
    ASSIGN(qkv[i], split_heads(l, qkv[i], heads));
  }
  return {};
}

// Where the first query stands: behind the cached keys.
Result<ValueId> query_offset(Lowering& l, ValueId q) {
  Builder& b = l.b();
  if (l.has_input(4)) return b.dim_of(l.input(4), 2);
  if (!l.has_input(6)) return kNoValue;
  ASSIGN(ValueId queries, b.dim_of(q, 2));
  return b.binary(PointwiseOp::sub, l.input(6), queries);
}

}  // namespace

Status lower_attention(Lowering& l) {
  TRY(expect_float_inputs(l, 3));
  Builder& b = l.b();
  ValueId qkv[3];
  bool flat = false;
  TRY(head_inputs(l, qkv, flat));
  if (l.has_input(4) != l.has_input(5)) return l.wrong("past_key and past_value go together");
  if (l.has_input(4)) {
    ASSIGN(qkv[1], b.concat({l.input(4), qkv[1]}, 2));
    ASSIGN(qkv[2], b.concat({l.input(5), qkv[2]}, 2));
  }
  AttentionAttributes a;
  ASSIGN(a.scale, scale_of(l, qkv[0]));
  ASSIGN(a.softcap, l.float_or("softcap", 0));
  ASSIGN(std::int64_t causal, l.int_or("is_causal", 0));
  a.causal = causal != 0;
  ASSIGN(a.left, l.int_or("left_window_size", -1));
  ASSIGN(a.right, l.int_or("right_window_size", -1));
  ASSIGN(std::int64_t mode, l.int_or("qk_matmul_output_mode", 0));
  if (mode < 0 || mode > 3) return l.wrong("attribute 'qk_matmul_output_mode' must be 0 to 3");
  a.scores = static_cast<AttentionScores>(mode);
  ASSIGN(DType precision, l.dtype_or("softmax_precision", DType::f32));
  a.acc = precision == DType::f64 ? DType::f64 : accumulator(l.dtype(0));
  ValueId mask = kNoValue, offset = kNoValue;
  if (l.has_input(3)) {
    mask = l.input(3);
    if (!is_arithmetic_float(l.dtype(3)) && l.dtype(3) != DType::boolean) {
      ASSIGN(mask, b.cast(mask, a.acc));
    }
  }
  if (a.causal || a.left >= 0 || a.right >= 0) {
    ASSIGN(offset, query_offset(l, qkv[0]));
  }
  const ValueId lengths = l.has_input(6) ? l.input(6) : kNoValue;
  ASSIGN(std::vector<ValueId> r,
         b.add(kAttention, a, {qkv[0], qkv[1], qkv[2], mask, lengths, offset},
               l.has_output(3) ? 2 : 1));
  if (flat) {
    ASSIGN(ValueId y, merge_heads(l, r[0]));
    l.output(0, y);
  } else {
    l.output(0, r[0]);
  }
  l.output(1, qkv[1]);
  l.output(2, qkv[2]);
  if (l.has_output(3)) l.output(3, r[1]);
  return {};
}

// --- FlexAttention ---

namespace {

// x after the modifier graph that an attribute holds, if there is one.
Result<ValueId> modified(Lowering& l, std::string_view name, ValueId x) {
  const Attribute* a = l.find(name);
  if (!a) return x;
  if (a->kind != Attribute::Kind::g || a->graphs.size() != 1)
    return l.wrong("attribute '" + std::string(name) + "' must be a graph");
  const Graph& body = *a->graphs[0];
  if (body.inputs.size() != 1 || body.outputs.size() != 1)
    return l.wrong("graph '" + std::string(name) + "' must have one input and one output");
  ASSIGN(std::vector<ValueId> r, l.inline_body(body, {x}));
  return r[0];
}

// Each head of x[b,g,t,d] as often as heads share it.
Result<ValueId> repeat_heads(Lowering& l, ValueId x, ValueId q) {
  ASSIGN(std::int64_t heads, known_extent(l, q, 1, "the number of heads"));
  ASSIGN(std::int64_t groups, known_extent(l, x, 1, "the number of heads"));
  if (groups < 1 || heads % groups != 0)
    return l.wrong(std::to_string(heads) + " heads cannot share " + std::to_string(groups));
  if (heads == groups) return x;
  return l.b().copy(x, {RepeatStep{1, heads / groups, true}});
}

Status flex_by_parts(Lowering& l, float scale, DType precision) {
  Builder& b = l.b();
  const DType dtype = l.dtype(0);
  ASSIGN(ValueId q, b.cast(l.input(0), precision));
  ASSIGN(ValueId k, b.cast(l.input(1), precision));
  ASSIGN(ValueId v, b.cast(l.input(2), precision));
  ASSIGN(k, repeat_heads(l, k, q));
  ASSIGN(v, repeat_heads(l, v, q));
  MatMulAttributes transposed;
  transposed.trans_b = true;
  ASSIGN(ValueId scores, b.one(kMatMul, transposed, {q, k}));
  ASSIGN(scores, b.pointwise({scores}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref x = e.widen(in[0]);
    return e.cast(e.mul(x, e.like(x, double{scale})), precision);
  }));
  ASSIGN(scores, modified(l, "score_mod", scores));
  ASSIGN(ValueId weights, b.one(kSoftmax, SoftmaxAttributes{3, false}, {scores}));
  ASSIGN(weights, modified(l, "prob_mod", weights));
  ASSIGN(ValueId y, b.one(kMatMul, MatMulAttributes{}, {weights, v}));
  return l.output(b.cast(y, dtype));
}

}  // namespace

Status lower_flex_attention(Lowering& l) {
  TRY(expect_float_inputs(l, 3));
  for (std::size_t i = 0; i < 3; ++i) {
    ASSIGN(int rank, l.rank(i));
    if (rank != 4) return l.wrong("queries, keys and values must have four axes");
  }
  AttentionAttributes a;
  ASSIGN(a.scale, scale_of(l, l.input(0)));
  const DType natural = accumulator(l.dtype(0));
  ASSIGN(DType precision, l.dtype_or("softmax_precision", natural));
  if (!is_arithmetic_float(precision))
    return l.wrong("attribute 'softmax_precision' must name a float");
  if (l.has_attribute("score_mod") || l.has_attribute("prob_mod"))
    return flex_by_parts(l, a.scale, precision);
  a.acc = precision == DType::f64 ? DType::f64 : natural;
  a.empty_row = EmptyRow::nan;
  return l.output(l.b().one(kAttention, a, {l.input(0), l.input(1), l.input(2)}));
}

// --- rotary embeddings ---

Result<ValueId> rotate_pairs(Lowering& l, ValueId x, ValueId cos, ValueId sin, std::int64_t half,
                             bool interleaved) {
  Builder& b = l.b();
  const DType dtype = b.dtype(x);
  const int last = b.rank(x) - 1;
  const std::int64_t stride = interleaved ? 2 : 1;
  ASSIGN(ValueId first, b.slice(x, last, 0, interleaved ? 2 * half : half, stride));
  ASSIGN(ValueId second, b.slice(x, last, interleaved ? 1 : half, 2 * half, stride));
  const ValueId operands[] = {first, second, cos, sin};
  ASSIGN(std::vector<ValueId> turned,
         b.pointwise_many(operands, [&](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref p = e.widen(in[0]), q = e.widen(in[1]);
           const Ref c = e.cast(in[2], e.dtype(p)), s = e.cast(in[3], e.dtype(p));
           return std::vector<Ref>{e.cast(e.sub(e.mul(c, p), e.mul(s, q)), dtype),
                                   e.cast(e.add(e.mul(s, p), e.mul(c, q)), dtype)};
         }));
  ValueId joined = kNoValue;
  if (interleaved) {
    for (ValueId& v : turned) {
      ASSIGN(v, b.unsqueeze(v, {last + 1}));
    }
    ASSIGN(joined, b.concat(turned, last + 1));
    std::vector<ReshapeEntry> merged;
    for (int d = 0; d < last; ++d) merged.push_back(ReshapeEntry::keep(d));
    merged.push_back(ReshapeEntry::merge(last, last + 1));
    ASSIGN(joined, b.reshape(joined, std::move(merged)));
  } else {
    ASSIGN(joined, b.concat(turned, last));
  }
  // What a partial rotation leaves passes as it is.
  if (b.type(x).dim(last) == Dim(2 * half)) return joined;
  ASSIGN(ValueId rest, b.slice(x, last, 2 * half, std::numeric_limits<std::int64_t>::max()));
  return b.concat({joined, rest}, last);
}

namespace {

// A cache row for each position: [b,s,half].
Result<ValueId> cached(Lowering& l, std::size_t i) {
  if (!l.has_input(3)) return l.input(i);
  return l.b().one(kGather, GatherAttributes{}, {l.input(i), l.input(3)});
}

}  // namespace

Status lower_rotary_embedding(Lowering& l) {
  TRY(expect_float_inputs(l, 3));
  Builder& b = l.b();
  ASSIGN(int rank, l.rank(0));
  if (rank != 3 && rank != 4) return l.wrong("the input must have three or four axes");
  ValueId x = l.input(0);
  // Heads stand on axis 2 of a flat input and on axis 1 of one with four axes.
  const int head_axis = rank == 3 ? 2 : 1;
  if (rank == 3) {
    ASSIGN(std::int64_t heads, required_heads(l, "num_heads"));
    ASSIGN(x, b.reshape(x, {ReshapeEntry::keep(0), ReshapeEntry::keep(1), ReshapeEntry::of(heads),
                            ReshapeEntry::infer()}));
  }
  ASSIGN(std::int64_t interleaved, l.int_or("interleaved", 0));
  ASSIGN(std::int64_t rotated, l.int_or("rotary_embedding_dim", 0));
  if (rotated == 0) {
    ASSIGN(rotated, known_extent(l, x, 3, "the head size"));
  }
  if (rotated < 0 || rotated % 2 != 0) return l.wrong("the rotated size must be even");
  ValueId tables[2];
  for (std::size_t i = 0; i < 2; ++i) {
    ASSIGN(tables[i], cached(l, i + 1));
    ASSIGN(tables[i], b.unsqueeze(tables[i], {head_axis}));
  }
  ASSIGN(ValueId y, rotate_pairs(l, x, tables[0], tables[1], rotated / 2, interleaved != 0));
  if (rank == 3) {
    ASSIGN(y,
           b.reshape(y, {ReshapeEntry::keep(0), ReshapeEntry::keep(1), ReshapeEntry::merge(2, 3)}));
  }
  l.output(0, y);
  return {};
}

}  // namespace gossamer::onnx
