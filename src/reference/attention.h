// Attention: softmax(q k^T + bias) v, head by head.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

// What a query sees that no key is open to.
enum class EmptyRow : std::uint8_t { zero, nan };
std::span<const std::string_view> enum_names(EmptyRow);
// What the second result shows: scaled products; those capped; with the bias; after softmax.
enum class AttentionScores : std::uint8_t { products, capped, biased, weights };
std::span<const std::string_view> enum_names(AttentionScores);

struct AttentionAttributes {
  float scale = 1;
  float softcap = 0;  // > 0: products become softcap * tanh(product / softcap)
  bool causal = false;
  std::int64_t left = -1, right = -1;  // >= 0: how far from its own position a query sees
  EmptyRow empty_row = EmptyRow::zero;
  AttentionScores scores = AttentionScores::products;
  DType acc = DType::f32;  // f32 or f64, of everything in between
  static constexpr auto kFields = std::tuple(
      field("scale", &AttentionAttributes::scale), field("softcap", &AttentionAttributes::softcap),
      field("causal", &AttentionAttributes::causal), field("left", &AttentionAttributes::left),
      field("right", &AttentionAttributes::right),
      field("empty_row", &AttentionAttributes::empty_row),
      field("scores", &AttentionAttributes::scores), field("acc", &AttentionAttributes::acc));
};

namespace reference {
// operands q[b,h,s,d], k[b,g,t,d], v[b,g,t,e] (g divides h: consecutive heads share), [mask],
// [kv_len i64 [b]], [offset i64 scalar or [b]] -> y[b,h,s,e] of q's dtype, [scores[b,h,s,t]].
// The mask broadcasts to [b,h,s,t] from the right: true or a number added; keys beyond its last
// axis are closed. Query i stands at i + offset: causal closes keys after it, left and right those
// farther away. Keys from kv_len on are closed. A closed key (bias -inf) counts nothing, whatever
// its product is.
Status attention(const AttentionAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
