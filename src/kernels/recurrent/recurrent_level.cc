// The gates of recurrent layers, 16 units at a time.
#include "kernels/level.h"
#include "kernels/recurrent/recurrent_table.h"
#include "kernels/vector_math.h"

namespace gossamer::kernels {
namespace {

constexpr int kLanes = F32::kLanes;

INLINE F32 clamped(F32 v, float clip) {
  return min_raw(F32::all(clip), max_raw(F32::all(-clip), v));
}

void lstm(const LstmBlock& b) {
  for (int j = 0; j < kUnits; j += kLanes) {
    const auto sum = [&](int gate, const float* peek, F32 cell) __attribute__((always_inline)) {
      const F32 v = F32::load(b.sums + gate * kUnits + j);
      return clamped(peek ? fma(F32::load(peek + j), cell, v) : v, b.clip);
    };
    F32 cell = F32::load(b.c + j);
    const F32 in = sigmoid(sum(0, b.peek_i, cell));
    const F32 forget = b.coupled ? F32::all(1) - in : sigmoid(sum(2, b.peek_f, cell));
    cell = fma(forget, cell, in * tanh(sum(3, nullptr, cell)));
    cell.store(b.c + j);
    (sigmoid(sum(1, b.peek_o, cell)) * tanh(cell)).store(b.h + j);
  }
}

void gru_open(const GruBlock& b) {
  for (int j = 0; j < kUnits; j += kLanes) {
    const F32 z = sigmoid(clamped(F32::load(b.sums + j), b.clip));
    const F32 r = sigmoid(clamped(F32::load(b.sums + kUnits + j), b.clip));
    z.store(b.sums + j);
    r.store(b.sums + kUnits + j);
    (r * F32::load(b.h + j)).store(b.fresh + j);
  }
}

void gru_close(const GruBlock& b) {
  for (int j = 0; j < kUnits; j += kLanes) {
    const F32 z = F32::load(b.sums + j);
    F32 v = F32::load(b.sums + 2 * kUnits + j);
    if (b.product) v = fma(F32::load(b.sums + kUnits + j), F32::load(b.product + j), v);
    const F32 candidate = tanh(clamped(v, b.clip));
    fma(z, F32::load(b.h + j), (F32::all(1) - z) * candidate).store(b.fresh + j);
  }
}

void rnn(const float* sums, bool relu, float clip, float* h) {
  for (int j = 0; j < kUnits; j += kLanes) {
    const F32 v = clamped(F32::load(sums + j), clip);
    (relu ? max_raw(F32::zero(), v) : tanh(v)).store(h + j);
  }
}

}  // namespace

extern const RecurrentTable LEVEL_TABLE(recurrent_table);
const RecurrentTable LEVEL_TABLE(recurrent_table) = {lstm, gru_open, gru_close, rnn};

}  // namespace gossamer::kernels
