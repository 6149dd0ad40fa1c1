// Recurrent: one layer of an LSTM, a GRU or a plain recurrent network over a sequence, in f32.
//
// operands x[t,b,i], packed weights f32[n] (see pack_recurrent), [lengths i32 or i64 [b]],
// [h0[d,b,h]], [c0[d,b,h]] -> y[t,d,b,h], [h[d,b,h]], [c[d,b,h], lstm only]; results may be left
// out (a view of rank -1). Steps beyond a sequence's length give 0 and leave its state; the reverse
// direction starts at each sequence's own end. Fast where i of x has stride 1.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

enum class RecurrentCell : std::uint8_t { lstm, gru, rnn };
std::span<const std::string_view> enum_names(RecurrentCell);
enum class RecurrentDirection : std::uint8_t { forward, reverse, both };
std::span<const std::string_view> enum_names(RecurrentDirection);

// Functions of the gates are the usual ones: sigmoid and tanh.
struct RecurrentStep {
  RecurrentCell cell = RecurrentCell::lstm;
  RecurrentDirection direction = RecurrentDirection::forward;
  std::int64_t inputs = 0, hidden = 0;
  bool relu = false;         // rnn: max(x, 0) instead of tanh
  float clip = 0;            // > 0: what gates are formed from is clamped to [-clip, clip]
  bool coupled = false;      // lstm: the forget gate is 1 - the input gate
  bool reset_after = false;  // gru: the reset gate acts on the product with the state
  static constexpr auto kFields = std::tuple(
      field("cell", &RecurrentStep::cell), field("direction", &RecurrentStep::direction),
      field("inputs", &RecurrentStep::inputs), field("hidden", &RecurrentStep::hidden),
      field("relu", &RecurrentStep::relu), field("clip", &RecurrentStep::clip),
      field("coupled", &RecurrentStep::coupled), field("reset_after", &RecurrentStep::reset_after));

  int directions() const { return direction == RecurrentDirection::both ? 2 : 1; }
  int gates() const { return cell == RecurrentCell::lstm ? 4 : cell == RecurrentCell::gru ? 3 : 1; }
};

// The weights of a layer, row-major: w[d,g*h,i], r[d,g*h,h], [bias[d,2*g*h]], [peepholes[d,3*h],
// lstm only]; null where left out. Gates lie in the order i,o,f,c (lstm) and z,r,h (gru); peepholes
// i,o,f.
struct RecurrentWeights {
  const float *w = nullptr, *r = nullptr, *bias = nullptr, *peepholes = nullptr;
};
// Numbers that the packed weights take, the same for every level; 0 when that overflows.
std::int64_t packed_recurrent_count(const RecurrentStep& step);
// Fills `packed` (packed_recurrent_count numbers): for each block of 16 units the columns of all
// its gates side by side.
void pack_recurrent(const RecurrentStep& step, const RecurrentWeights& weights,
                    std::span<float> packed);

// Prepared::verify fails with malformed when a length is not in [0, t]. Fails with internal on
// operands that contradict the step, and with unsupported on other dtypes.
Result<PreparedPtr> prepare(const RecurrentStep& step, const Shapes& shapes);

}  // namespace gossamer::kernels
