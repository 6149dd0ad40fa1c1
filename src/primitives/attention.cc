// Attention: shape rule and products.
#include "reference/attention.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

bool differ(const Dim& a, const Dim& b) { return a.is_constant() && b.is_constant() && !(a == b); }

Status check_heads(const Type& q, const Type& k, const Type& v) {
  if (differ(q.dim(0), k.dim(0)) || differ(q.dim(0), v.dim(0)) || differ(k.dim(1), v.dim(1)) ||
      differ(k.dim(2), v.dim(2)) || differ(q.dim(3), k.dim(3)))
    return malformed("queries " + q.to_string() + ", keys " + k.to_string() + " and values " +
                     v.to_string() + " do not fit");
  const std::optional<std::int64_t> heads = q.dim(1).constant(), groups = k.dim(1).constant();
  if (heads && groups && (*groups > 0 ? *heads % *groups != 0 : *heads != 0))
    return malformed(std::to_string(*heads) + " heads cannot share " + std::to_string(*groups) +
                     " of keys");
  return {};
}

Status infer(const AttentionAttributes& a, InferContext& c) {
  const std::string_view names[] = {"queries", "keys", "values"};
  for (std::size_t i = 0; i < 3; ++i) {
    TRY(c.expect_ranked(i, names[i], 4, 4));
    if (!is_arithmetic_float(c.type(i).dtype))
      return malformed("attention takes floats, got " + std::string(dtype_name(c.type(i).dtype)));
  }
  if (a.acc != DType::f32 && a.acc != DType::f64) return malformed("acc must be f32 or f64");
  if (a.left < -1 || a.right < -1) return malformed("a window must be -1 or not negative");
  const Type &q = c.type(0), &k = c.type(1), &v = c.type(2);
  TRY(check_heads(q, k, v));
  if (c.has(3)) {
    TRY(c.expect_tensor(3, "mask"));
    const Type& mask = c.type(3);
    if (mask.dtype != DType::boolean && !is_arithmetic_float(mask.dtype))
      return malformed("the mask must be boolean or of floats");
    if (mask.ranked() && (mask.rank() < 1 || mask.rank() > 4))
      return malformed("the mask must have one to four axes");
  }
  if (c.has(4)) TRY(c.expect_dtype(4, "kv_len", DType::i64));
  if (c.has(5)) TRY(c.expect_dtype(5, "offset", DType::i64));
  c.set(0, q.dtype, {q.dim(0), q.dim(1), q.dim(2), v.dim(3)});
  if (c.result_count() > 1) c.set(1, q.dtype, {q.dim(0), q.dim(1), q.dim(2), k.dim(2)});
  return {};
}

Dim macs(const AttentionAttributes&, const InferContext& c) {
  const Type &q = c.type(0), &k = c.type(1), &v = c.type(2);
  return q.dim(0) * q.dim(1) * q.dim(2) * k.dim(2) * (q.dim(3) + v.dim(3));
}

}  // namespace

constinit const Primitive kAttention =
    make_primitive<AttentionAttributes, infer, reference::attention, macs>("attention",
                                                                           {3, 6, 1, 2});

}  // namespace gossamer
