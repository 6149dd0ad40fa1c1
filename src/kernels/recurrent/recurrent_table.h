// What the leaf code of Recurrent offers at each level: the gates of a block of 16 units.
#pragma once

#include <cstdint>

namespace gossamer::kernels {

inline constexpr int kUnits = 16;  // hidden units of a block

// Of what enters the gates of 16 units (`sums`: one run of 16 a gate) the new states. All arrays
// hold 16 numbers; h and fresh may be the same.
struct LstmBlock {
  const float* sums;                      // i, o, f, c
  const float *peek_i, *peek_o, *peek_f;  // peepholes, or null
  float *c, *h;                           // cell, updated; state, written
  float clip;                             // infinite: none
  bool coupled;
};
struct GruBlock {
  float* sums;           // z, r, h
  const float* product;  // reset_after: the state's part of h; else null
  const float* h;        // the old state
  float* fresh;          // open: r * h; close: the new state
  float clip;
};

struct RecurrentTable {
  void (*lstm)(const LstmBlock&);
  void (*gru_open)(const GruBlock&);   // turns z and r into gates
  void (*gru_close)(const GruBlock&);  // and then forms the state
  void (*rnn)(const float* sums, bool relu, float clip, float* h);
};

}  // namespace gossamer::kernels
