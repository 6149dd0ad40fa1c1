// Attention of com.microsoft: projections, packed layouts, masks of many shapes and caches, brought
// to one Attention.
#include <cmath>

#include "onnx/attention.h"
#include "onnx/elementwise.h"
#include "reference/gather.h"
#include "reference/matmul.h"

namespace gossamer::onnx {
namespace {

DType wide_of(DType d) { return d == DType::f64 ? DType::f64 : DType::f32; }

Status refuse_attributes(Lowering& l, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    ASSIGN(std::int64_t given, l.int_or(name, 0));
    if (given != 0) return l.refuse("attribute '" + std::string(name) + "' is not supported");
  }
  return {};
}

Status refuse_inputs(Lowering& l, std::initializer_list<std::size_t> inputs) {
  for (std::size_t i : inputs)
    if (l.has_input(i)) return l.refuse("input " + std::to_string(i) + " is not supported");
  return {};
}

// --- masks ---

// The i64 vector [q's batch, k's length].
Result<ValueId> batch_and_keys(Lowering& l, ValueId q, ValueId k) {
  ASSIGN(ValueId batch, l.b().dim_of(q, 0));
  ASSIGN(ValueId keys, l.b().dim_of(k, 2));
  return l.b().concat({batch, keys}, 0);
}

// Lengths [b], or ends and then starts [2b], as a price [b,1,1,keys] for keys outside.
Result<ValueId> mask_of_lengths(Lowering& l, ValueId lengths, ValueId q, ValueId k, float filter,
                                DType wide) {
  Builder& b = l.b();
  const Dim batch = b.type(q).dim(0), count = b.type(lengths).dim(0);
  const bool two = count == batch * Dim(2) && !(count == batch);
  if (!two && count.is_constant() && batch.is_constant() && !(count == batch))
    return l.refuse("a mask of " + count.to_string() + " lengths is not supported");
  ASSIGN(ValueId extent, batch_and_keys(l, q, k));
  ASSIGN(lengths, b.cast(lengths, DType::i64));
  std::vector<ValueId> bounds = {lengths};
  if (two) {
    ASSIGN(ValueId rows, b.reshape(lengths, {ReshapeEntry::of(2), ReshapeEntry::infer()}));
    ASSIGN(ValueId ends, b.slice(rows, 0, 0, 1));
    ASSIGN(ValueId starts, b.slice(rows, 0, 1, 2));
    ASSIGN(bounds[0], b.squeeze(ends, {0}));
    ASSIGN(starts, b.squeeze(starts, {0}));
    bounds.push_back(starts);
  }
  for (ValueId& v : bounds) {
    ASSIGN(v, b.unsqueeze(v, {1}));
  }
  ASSIGN(ValueId price,
         b.pointwise_over(extent, bounds, [&](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref at = e.index(1), open = e.constant(wide, 0);
           const Ref closed = e.constant(wide, double{filter});
           Ref y = e.select(e.lt(at, in[0]), open, closed);
           if (in.size() > 1) y = e.select(e.lt(at, in[1]), closed, y);
           return y;
         }));
  return b.unsqueeze(price, {1, 2});
}

// Zero-one masks [b,keys], [b,queries,keys], [b,1,max,max] or lengths as prices that broadcast to
// [b,heads,queries,keys].
Result<ValueId> price_of_mask(Lowering& l, ValueId mask, ValueId q, ValueId k, float filter) {
  Builder& b = l.b();
  const DType wide = wide_of(b.dtype(q));
  ASSIGN(int rank, l.rank_of(mask));
  if (rank == 1) return mask_of_lengths(l, mask, q, k, filter, wide);
  if (rank < 2 || rank > 4) return l.wrong("the mask must have one to four axes");
  if (rank == 2) {
    ASSIGN(mask, b.unsqueeze(mask, {1, 2}));
  } else if (rank == 3) {
    ASSIGN(mask, b.unsqueeze(mask, {1}));
  } else {
    ASSIGN(std::int64_t queries, known_extent(l, q, 2, "the number of queries"));
    ASSIGN(std::int64_t keys, known_extent(l, k, 2, "the number of keys"));
    ASSIGN(mask, b.slice(mask, 2, keys - queries, keys));
    ASSIGN(mask, b.slice(mask, 3, 0, keys));
  }
  return b.pointwise({mask}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref open = e.lt(e.integer(e.dtype(in[0]), 0), in[0]);
    return e.select(open, e.constant(wide, 0), e.constant(wide, double{filter}));
  });
}

// The sum of both, of which either may be missing.
Result<ValueId> sum_of_masks(Lowering& l, ValueId price, ValueId bias, DType wide) {
  if (bias == kNoValue) return price;
  ASSIGN(bias, l.b().cast(bias, wide));
  if (price == kNoValue) return bias;
  return l.b().binary(PointwiseOp::add, price, bias);
}

// --- what the operators share ---

struct Heads {
  ValueId q, k, v;  // [b,heads,s,d]
};

// Input `past_k` and its neighbor in front, if they are there.
Status join_past(Lowering& l, ValueId past_k, ValueId past_v, Heads& h) {
  if (past_k == kNoValue) return {};
  ASSIGN(h.k, l.b().concat({past_k, h.k}, 2));
  ASSIGN(h.v, l.b().concat({past_v, h.v}, 2));
  return {};
}

Result<float> scale_of(Lowering& l, ValueId q) {
  ASSIGN(float given, l.float_or("scale", 0));
  if (given != 0) return given;
  ASSIGN(std::int64_t size, known_extent(l, q, 3, "the head size"));
  return static_cast<float>(1 / std::sqrt(static_cast<double>(size)));
}

// Attention of h with a mask and a bias, heads merged. Unidirectional: queries stand at the end.
Status attend(Lowering& l, const Heads& h, ValueId mask, ValueId bias) {
  Builder& b = l.b();
  AttentionAttributes a;
  a.acc = wide_of(b.dtype(h.q));
  ASSIGN(a.scale, scale_of(l, h.q));
  ASSIGN(std::int64_t causal, l.int_or("unidirectional", 0));
  a.causal = causal != 0;
  ASSIGN(float filter, l.float_or("mask_filter_value", -10000));
  ValueId price = kNoValue, offset = kNoValue;
  if (mask != kNoValue) {
    ASSIGN(price, price_of_mask(l, mask, h.q, h.k, filter));
  }
  ASSIGN(price, sum_of_masks(l, price, bias, a.acc));
  if (a.causal) {
    ASSIGN(ValueId keys, b.dim_of(h.k, 2));
    ASSIGN(ValueId queries, b.dim_of(h.q, 2));
    ASSIGN(offset, b.binary(PointwiseOp::sub, keys, queries));
  }
  ASSIGN(ValueId y, b.one(kAttention, a, {h.q, h.k, h.v, price, kNoValue, offset}));
  return l.output(merge_heads(l, y));
}

ValueId optional_input(Lowering& l, std::size_t i) {
  return l.has_input(i) ? l.input(i) : kNoValue;
}

// Part of the last axis of x.
Result<ValueId> columns(Lowering& l, ValueId x, std::int64_t first, std::int64_t last) {
  ASSIGN(int rank, l.rank_of(x));
  return l.b().slice(x, rank - 1, first, last);
}

}  // namespace

// --- Attention ---

namespace {

// Hidden sizes of queries, keys and values in the joint projection.
Result<std::vector<std::int64_t>> hidden_sizes(Lowering& l) {
  ASSIGN(std::vector<std::int64_t> sizes, l.ints_or("qkv_hidden_sizes", {}));
  if (sizes.empty()) {
    ASSIGN(std::int64_t all, known_extent(l, l.input(1), 1, "the size of the projection"));
    if (all % 3 != 0) return l.wrong("the weights do not fall into three parts");
    sizes.assign(3, all / 3);
  }
  if (sizes.size() != 3 || sizes[0] < 0 || sizes[1] < 0 || sizes[2] < 0)
    return l.wrong("attribute 'qkv_hidden_sizes' must hold three sizes");
  return sizes;
}

}  // namespace

Status lower_ms_attention(Lowering& l) {
  TRY(expect_numeric(l));
  TRY(refuse_attributes(l, {"do_rotary", "past_present_share_buffer"}));
  TRY(refuse_inputs(l, {6}));
  Builder& b = l.b();
  ASSIGN(std::int64_t heads, required_heads(l, "num_heads"));
  ASSIGN(std::vector<std::int64_t> sizes, hidden_sizes(l));
  MatMulAttributes product;
  product.wide = true;
  const DType dtype = l.dtype(0);
  ASSIGN(ValueId projected, b.one(kMatMul, product, {l.input(0), l.input(1)}));
  std::vector<ValueId> terms = {projected};
  if (l.has_input(2)) terms.push_back(l.input(2));
  ASSIGN(projected, b.pointwise(terms, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.cast(in.size() > 1 ? e.add(in[0], e.cast(in[1], e.dtype(in[0]))) : in[0], dtype);
  }));
  ValueId parts[3];
  std::int64_t first = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    ASSIGN(parts[i], columns(l, projected, first, first + sizes[i]));
    ASSIGN(parts[i], split_heads(l, parts[i], heads));
    first += sizes[i];
  }
  Heads h{parts[0], parts[1], parts[2]};
  if (l.has_input(4)) {
    ValueId past[2];
    for (std::int64_t i = 0; i < 2; ++i) {
      ASSIGN(past[i], b.slice(l.input(4), 0, i, i + 1));
      ASSIGN(past[i], b.squeeze(past[i], {0}));
    }
    TRY(join_past(l, past[0], past[1], h));
  }
  if (l.has_output(1)) {
    ASSIGN(ValueId k, b.unsqueeze(h.k, {0}));
    ASSIGN(ValueId v, b.unsqueeze(h.v, {0}));
    ASSIGN(ValueId present, b.concat({k, v}, 0));
    l.output(1, present);
  }
  return attend(l, h, optional_input(l, 3), optional_input(l, 5));
}

// --- MultiHeadAttention ---

namespace {

// Part `index` of x[b,s,heads,parts,d] as [b,s,heads*d].
Result<ValueId> packed_part(Lowering& l, ValueId x, std::int64_t index) {
  ASSIGN(int rank, l.rank_of(x));
  if (rank != 5) return l.wrong("packed operands have five axes");
  ASSIGN(ValueId part, l.b().slice(x, 3, index, index + 1));
  return l.b().reshape(part,
                       {ReshapeEntry::keep(0), ReshapeEntry::keep(1), ReshapeEntry::merge(2, 4)});
}

// x + part of the joint bias, from column `first` on.
Result<ValueId> biased(Lowering& l, ValueId x, std::int64_t first) {
  if (!l.has_input(3)) return x;
  ASSIGN(std::int64_t size, known_extent(l, x, 2, "the hidden size"));
  ASSIGN(ValueId bias, columns(l, l.input(3), first, first + size));
  return l.b().binary(PointwiseOp::add, x, bias);
}

// Queries, keys and values as [b,s,hidden]; keys and values may be split into heads already.
Status unpack(Lowering& l, Heads& h, bool& split) {
  split = false;
  if (!l.has_input(1)) {
    ASSIGN(h.q, packed_part(l, l.input(0), 0));
    ASSIGN(h.k, packed_part(l, l.input(0), 1));
    ASSIGN(h.v, packed_part(l, l.input(0), 2));
    return {};
  }
  h.q = l.input(0);
  if (!l.has_input(2)) {
    ASSIGN(h.k, packed_part(l, l.input(1), 0));
    ASSIGN(h.v, packed_part(l, l.input(1), 1));
    return {};
  }
  h.k = l.input(1);
  h.v = l.input(2);
  ASSIGN(int rank, l.rank(1));
  split = rank == 4;
  return {};
}

}  // namespace

Status lower_multi_head_attention(Lowering& l) {
  TRY(expect_numeric(l));
  TRY(refuse_inputs(l, {8, 9}));
  ASSIGN(std::int64_t heads, required_heads(l, "num_heads"));
  Heads h{};
  bool split = false;
  TRY(unpack(l, h, split));
  std::int64_t first = 0;
  for (ValueId* part : {&h.q, &h.k, &h.v}) {
    if (split && part != &h.q) continue;
    std::int64_t size = 0;
    if (l.has_input(3)) {
      ASSIGN(size, known_extent(l, *part, 2, "the hidden size"));
    }
    ASSIGN(*part, biased(l, *part, first));
    ASSIGN(*part, split_heads(l, *part, heads));
    first += size;
  }
  if (l.has_input(6) != l.has_input(7)) return l.wrong("past_key and past_value go together");
  if (l.has_input(6)) TRY(join_past(l, l.input(6), l.input(7), h));
  l.output(1, h.k);
  l.output(2, h.v);
  if (l.has_output(3)) return l.refuse("its fourth output is not supported");
  return attend(l, h, optional_input(l, 4), optional_input(l, 5));
}

// --- RotaryEmbedding ---

namespace {

// Positions [b,s] from a 2-D input, or a first position [1] counted on from.
Result<ValueId> positions_of(Lowering& l, ValueId given, ValueId x, int axis) {
  Builder& b = l.b();
  ASSIGN(int rank, l.rank_of(given));
  if (rank == 2) return given;
  ASSIGN(ValueId first, b.cast(given, DType::i64));
  ASSIGN(ValueId batch, b.dim_of(x, 0));
  ASSIGN(ValueId length, b.dim_of(x, axis));
  ASSIGN(ValueId extent, b.concat({batch, length}, 0));
  return b.pointwise_over(
      extent, std::span<const ValueId>(&first, 1),
      [](ExpressionBuilder& e, std::span<const Ref> in) { return e.add(in[0], e.index(1)); });
}

// x[..,d] rotated by the rows of two caches [max,half] that positions [b,s] pick; heads stand on
// `head_axis` of four.
Result<ValueId> rotated(Lowering& l, ValueId x, ValueId positions, ValueId cos, ValueId sin,
                        int head_axis, bool interleaved) {
  Builder& b = l.b();
  ASSIGN(std::int64_t half, known_extent(l, cos, 1, "the rotated size"));
  ValueId tables[2] = {cos, sin};
  for (ValueId& t : tables) {
    ASSIGN(t, b.one(kGather, GatherAttributes{}, {t, positions}));
    ASSIGN(t, b.unsqueeze(t, {head_axis}));
  }
  return rotate_pairs(l, x, tables[0], tables[1], half, interleaved);
}

}  // namespace

Status lower_ms_rotary_embedding(Lowering& l) {
  TRY(expect_numeric(l));
  TRY(refuse_attributes(l, {"is_packed_batching"}));
  Builder& b = l.b();
  ASSIGN(float scale, l.float_or("scale", 1));
  if (scale != 1) return l.refuse("attribute 'scale' is not supported");
  ASSIGN(int rank, l.rank(0));
  if (rank != 3 && rank != 4) return l.wrong("the input must have three or four axes");
  ASSIGN(std::int64_t interleaved, l.int_or("interleaved", 0));
  ASSIGN(ValueId positions, positions_of(l, l.input(1), l.input(0), rank == 3 ? 1 : 2));
  ValueId x = l.input(0);
  if (rank == 3) {
    ASSIGN(std::int64_t heads, l.int_or("num_heads", 0));
    ReshapeEntry size = ReshapeEntry::infer(), count = ReshapeEntry::of(heads);
    if (heads <= 0) {
      // The whole head is rotated: its size is twice the cache's.
      ASSIGN(std::int64_t half, known_extent(l, l.input(2), 1, "the head size"));
      size = ReshapeEntry::of(2 * half);
      count = ReshapeEntry::infer();
    }
    ASSIGN(x, b.reshape(x, {ReshapeEntry::keep(0), ReshapeEntry::keep(1), count, size}));
  }
  ASSIGN(ValueId y,
         rotated(l, x, positions, l.input(2), l.input(3), rank == 3 ? 2 : 1, interleaved != 0));
  if (rank == 3) {
    ASSIGN(y,
           b.reshape(y, {ReshapeEntry::keep(0), ReshapeEntry::keep(1), ReshapeEntry::merge(2, 3)}));
  }
  l.output(0, y);
  return {};
}

// --- GroupQueryAttention ---

namespace {

// x[b,heads,s,d] put behind the first past_length[b] rows of the cache: [b,heads,total,d], where
// total is the longer of the cache and total_length. What lies behind is 0.
Result<ValueId> appended(Lowering& l, ValueId cache, ValueId x, ValueId past_length,
                         ValueId total_length) {
  Builder& b = l.b();
  ASSIGN(ValueId both, b.concat({cache, x}, 2));
  PadStep zeros;
  zeros.axis = 2;
  zeros.after = 1;
  ASSIGN(ValueId rows, b.copy(both, {zeros, PermuteStep{{0, 2, 1, 3}}}));
  ASSIGN(ValueId batch, b.dim_of(x, 0));
  ASSIGN(ValueId cached, b.dim_of(cache, 2));
  ASSIGN(ValueId all, b.dim_of(both, 2));
  ASSIGN(ValueId total, b.binary(PointwiseOp::max, cached, total_length));
  ASSIGN(ValueId extent, b.concat({batch, total}, 0));
  const ValueId operands[] = {past_length, cached, all};
  ASSIGN(ValueId at,
         b.pointwise_over(extent, operands, [](ExpressionBuilder& e, std::span<const Ref> in) {
           const Ref here = e.index(1);
           const Ref fresh = e.add(e.sub(here, in[0]), in[1]);
           return e.select(e.lt(here, in[0]), here, e.min(fresh, in[2]));
         }));
  ASSIGN(at, b.unsqueeze(at, {2}));
  GatherAttributes nd;
  nd.mode = GatherMode::nd;
  nd.batch = 1;
  ASSIGN(ValueId y, b.one(kGather, nd, {rows, at}));
  return b.transpose(y, {0, 2, 1, 3});
}

Status unpack_groups(Lowering& l, std::int64_t heads, std::int64_t groups, Heads& h) {
  h.q = l.input(0);
  if (l.has_input(1) != l.has_input(2)) return l.wrong("key and value go together");
  if (l.has_input(1)) {
    h.k = l.input(1);
    h.v = l.input(2);
  } else {
    ASSIGN(std::int64_t all, known_extent(l, h.q, 2, "the hidden size"));
    if (all % (heads + 2 * groups) != 0) return l.wrong("the packed operand does not fit");
    const std::int64_t size = all / (heads + 2 * groups);
    const ValueId packed = h.q;
    ASSIGN(h.q, columns(l, packed, 0, heads * size));
    ASSIGN(h.k, columns(l, packed, heads * size, (heads + groups) * size));
    ASSIGN(h.v, columns(l, packed, (heads + groups) * size, all));
  }
  ASSIGN(h.q, split_heads(l, h.q, heads));
  ASSIGN(h.k, split_heads(l, h.k, groups));
  ASSIGN(h.v, split_heads(l, h.v, groups));
  return {};
}

Status refuse_variants(Lowering& l) {
  TRY(refuse_attributes(l, {"sliding_window_cache", "kv_cache_bit_width", "qk_output"}));
  TRY(refuse_inputs(l, {11, 12, 13, 14, 15, 16}));
  ASSIGN(std::int64_t smooth, l.int_or("smooth_softmax", 0));
  if (smooth > 0) return l.refuse("attribute 'smooth_softmax' is not supported");
  if (l.has_output(3)) return l.refuse("its fourth output is not supported");
  if (!l.has_input(5) || !l.has_input(6)) return l.wrong("the lengths of sequences are missing");
  return {};
}

// Rotates queries and keys at the positions of the new rows.
Status rotate_heads(Lowering& l, ValueId past_length, Heads& h) {
  if (!l.has_input(7) || !l.has_input(8)) return l.wrong("rotation needs both caches");
  Builder& b = l.b();
  ASSIGN(std::int64_t interleaved, l.int_or("rotary_interleaved", 0));
  ValueId positions = kNoValue;
  if (l.has_input(9)) {
    positions = l.input(9);
  } else {
    ASSIGN(ValueId batch, b.dim_of(h.q, 0));
    ASSIGN(ValueId length, b.dim_of(h.q, 2));
    ASSIGN(ValueId extent, b.concat({batch, length}, 0));
    ASSIGN(positions, b.pointwise_over(extent, std::span<const ValueId>(&past_length, 1),
                                       [](ExpressionBuilder& e, std::span<const Ref> in) {
                                         return e.add(in[0], e.index(1));
                                       }));
  }
  for (ValueId* x : {&h.q, &h.k}) {
    ASSIGN(*x, rotated(l, *x, positions, l.input(7), l.input(8), 1, interleaved != 0));
  }
  return {};
}

}  // namespace

Status lower_group_query_attention(Lowering& l) {
  TRY(expect_numeric(l));
  TRY(refuse_variants(l));
  Builder& b = l.b();
  ASSIGN(std::int64_t heads, required_heads(l, "num_heads"));
  ASSIGN(std::int64_t groups, required_heads(l, "kv_num_heads"));
  Heads h{};
  TRY(unpack_groups(l, heads, groups, h));
  // Keys a batch after this step, and how many of them were there before.
  ASSIGN(ValueId given, b.reshape_to(l.input(5), {-1}));
  ASSIGN(ValueId lengths, b.pointwise({given}, [](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.add(e.cast(in[0], DType::i64), e.integer(DType::i64, 1));
  }));
  ASSIGN(ValueId queries, b.dim_of(h.q, 2));
  ASSIGN(ValueId past,
         b.pointwise({lengths, queries}, [](ExpressionBuilder& e, std::span<const Ref> in) {
           return e.max(e.sub(in[0], in[1]), e.integer(DType::i64, 0));
         }));
  ASSIGN(ValueId past_column, b.unsqueeze(past, {1}));
  ASSIGN(std::int64_t rotary, l.int_or("do_rotary", 0));
  if (rotary != 0) TRY(rotate_heads(l, past_column, h));
  if (l.has_input(3) != l.has_input(4)) return l.wrong("past_key and past_value go together");
  if (l.has_input(3)) {
    ASSIGN(ValueId total, as_extent(l, 6));
    ASSIGN(h.k, appended(l, l.input(3), h.k, past_column, total));
    ASSIGN(h.v, appended(l, l.input(4), h.v, past_column, total));
  }
  l.output(1, h.k);
  l.output(2, h.v);
  AttentionAttributes a;
  a.acc = wide_of(b.dtype(h.q));
  ASSIGN(a.scale, scale_of(l, h.q));
  ASSIGN(a.softcap, l.float_or("softcap", 0));
  ASSIGN(std::int64_t causal, l.int_or("causal", 1));
  a.causal = causal != 0;
  ASSIGN(std::int64_t window, l.int_or("local_window_size", -1));
  if (window == 0) return l.wrong("attribute 'local_window_size' must be -1 or positive");
  if (window > 0) a.left = window - 1;
  ASSIGN(ValueId y, b.one(kAttention, a, {h.q, h.k, h.v, optional_input(l, 10), lengths, past}));
  return l.output(merge_heads(l, y));
}

}  // namespace gossamer::onnx
