// Where things lie in packed recurrent weights: one direction after the other, and in each all
// blocks of 16 units of W, then of R, the biases, the peepholes.
#pragma once

#include <cstdint>

#include "kernels/recurrent/recurrent.h"
#include "kernels/recurrent/recurrent_table.h"

namespace gossamer::kernels {

struct RecurrentLayout {
  explicit RecurrentLayout(const RecurrentStep& s)
      : inputs(s.inputs),
        hidden(s.hidden),
        gates(s.gates()),
        early(s.cell == RecurrentCell::gru ? 2 : s.gates()),
        blocks((s.hidden + kUnits - 1) / kUnits),
        peepholes(s.cell == RecurrentCell::lstm) {
    const std::int64_t units = blocks * kUnits;
    w = 0;                                    // [blocks][inputs][gates][16]
    r = w + units * gates * inputs;           // [blocks][hidden][early][16]
    r_late = r + units * early * hidden;      // gru: [blocks][hidden][16]
    bias = r_late + units * late() * hidden;  // [blocks][gates][16]
    bias_late = bias + units * gates;         // gru: [blocks][16]
    peep = bias_late + units * late();        // lstm: [3][units]
    count = peep + (peepholes ? 3 * units : 0);
  }

  std::int64_t inputs, hidden;
  int gates;  // of a unit
  int early;  // gates whose product with the state comes first; a GRU's last comes late
  std::int64_t blocks;
  bool peepholes;
  std::int64_t w, r, r_late, bias, bias_late, peep;  // offsets within a direction
  std::int64_t count;                                // numbers of a direction

  int late() const { return gates - early; }
  std::int64_t width() const { return gates * kUnits; }  // columns of a block
};

}  // namespace gossamer::kernels
