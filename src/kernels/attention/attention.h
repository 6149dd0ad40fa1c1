// Attention: softmax(scale * q k^T + bias) v, head by head, all in f32.
//
// operands q[b,h,s,d], k[b,g,t,d], v[b,g,t,e] (g divides h: consecutive heads share), [mask],
// [kv_len i32 or i64, one or b], [offset likewise] -> y[b,h,s,e]. Every operand may be a view with
// any strides, so heads need no transposing; fast where d of q and e of v and y have stride 1.
// The mask (bool: true is open; f32: added) broadcasts to [b,h,s,t] from the right: its extents are
// 1 or full, and keys beyond its last axis are closed. Query i stands at i + offset: causal closes
// keys after it, left and right those farther away. Keys from kv_len on are closed. A closed key
// (bias -inf) counts nothing, whatever its product is.
// Method: blocks of queries by blocks of keys with running maxima and sums, as in Milakov and
// Gimelshein, "Online normalizer calculation for softmax" (2018), and Dao et al., "FlashAttention"
// (2022): no more than one block of scores is held.
#pragma once

#include <span>
#include <string_view>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

// What a query sees that no key is open to.
enum class EmptyRow : std::uint8_t { zero, nan };
std::span<const std::string_view> enum_names(EmptyRow);

struct AttentionStep {
  float scale = 1;
  float softcap = 0;  // > 0: products become softcap * tanh(product / softcap)
  bool causal = false;
  std::int64_t left = -1, right = -1;  // >= 0: how far from its own position a query sees
  EmptyRow empty_row = EmptyRow::zero;
  static constexpr auto kFields = std::tuple(
      field("scale", &AttentionStep::scale), field("softcap", &AttentionStep::softcap),
      field("causal", &AttentionStep::causal), field("left", &AttentionStep::left),
      field("right", &AttentionStep::right), field("empty_row", &AttentionStep::empty_row));
};

// Fails with internal on operands that contradict each other, with unsupported on other dtypes.
Result<PreparedPtr> prepare(const AttentionStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
