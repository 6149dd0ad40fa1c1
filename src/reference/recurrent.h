// Recurrent: one layer of an LSTM, a GRU or a plain recurrent network over a sequence.
#pragma once

#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class RecurrentCell : std::uint8_t { lstm, gru, rnn };
std::span<const std::string_view> enum_names(RecurrentCell);
enum class RecurrentDirection : std::uint8_t { forward, reverse, both };
std::span<const std::string_view> enum_names(RecurrentDirection);
enum class RecurrentActivation : std::uint8_t {
  sigmoid,
  tanh,
  relu,
  affine,
  leaky_relu,
  thresholded_relu,
  scaled_tanh,
  hard_sigmoid,
  elu,
  softsign,
  softplus,
};
std::span<const std::string_view> enum_names(RecurrentActivation);

struct RecurrentAttributes {
  RecurrentCell cell = RecurrentCell::lstm;
  RecurrentDirection direction = RecurrentDirection::forward;
  // Those of each direction in turn: lstm f, g, h; gru f, g; rnn f. As many alphas and betas.
  std::vector<RecurrentActivation> activations;
  std::vector<float> alpha, beta;
  float clip = 0;            // > 0: what gates are formed from is clamped to [-clip, clip]
  bool coupled = false;      // lstm: the forget gate is 1 - the input gate
  bool reset_after = false;  // gru: the reset gate acts on the product with the state
  static constexpr auto kFields = std::tuple(
      field("cell", &RecurrentAttributes::cell),
      field("direction", &RecurrentAttributes::direction),
      field("activations", &RecurrentAttributes::activations),
      field("alpha", &RecurrentAttributes::alpha), field("beta", &RecurrentAttributes::beta),
      field("clip", &RecurrentAttributes::clip), field("coupled", &RecurrentAttributes::coupled),
      field("reset_after", &RecurrentAttributes::reset_after));

  int directions() const { return direction == RecurrentDirection::both ? 2 : 1; }
  int gates() const { return cell == RecurrentCell::lstm ? 4 : cell == RecurrentCell::gru ? 3 : 1; }
  int functions() const {
    return cell == RecurrentCell::lstm ? 3 : cell == RecurrentCell::gru ? 2 : 1;
  }
};

namespace reference {
// operands x[t,b,i], w[d,g*h,i], r[d,g*h,h], [bias[d,2*g*h]], [lengths i32/i64 [b]], [h0[d,b,h]],
// [c0[d,b,h]], [peepholes[d,3*h]] -> y[t,d,b,h], h[d,b,h], [c[d,b,h], lstm only]. Gates lie in the
// order i,o,f,c (lstm) and z,r,h (gru); peepholes i,o,f. Steps beyond a sequence's length give 0
// and leave its state; the reverse direction starts at each sequence's own end. Narrow floats are
// computed in f32 and rounded at the end.
Status recurrent(const RecurrentAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
