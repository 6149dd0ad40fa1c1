// Convolutions of 3x3 taps and steps of 1 by Winograd's F(4x4, 3x3): a quarter of the products,
// between transforms of inputs, weights and outputs. Weights are those of Correlation, transformed
// as they are needed, so that packages hold them once and nothing of four times their size is read
// from memory.
//
// The error is bounded as that of a plain sum is, by the sum of magnitudes, with a larger factor:
// on even noise 1e-6 (64 channels) to 2e-6 (512) of the typical result, at most ten times as much
// in one. Tiles with inputs that are not finite, or beyond 1e34 once transformed, are computed as
// plain sums, so that such numbers reach no other result.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/conv/correlation.h"
#include "kernels/conv/winograd_table.h"

namespace gossamer::kernels {

class Winograd {
 public:
  // Nothing where it does not fit or would not be faster. `spec` makes a Correlation.
  static std::optional<Winograd> make(const CorrelationSpec& spec);

  void run(const Correlation::Run& run, int part, int parts) const;

  int parts() const { return parts_; }
  std::size_t workspace() const { return workspace_; }
  double flops() const { return flops_; }  // of plain sums
  double bytes() const { return bytes_; }

 private:
  // Some rows of tiles, counted through all images, or a stretch of one row.
  struct Block {
    Range rows, columns;
    std::int64_t tiles() const { return (rows.end - rows.begin) * (columns.end - columns.begin); }
  };
  // Where the parts of a workspace lie, and what a block needs there.
  struct Memory;

  void choose_blocks(int wanted, bool staged);
  void lay_out_workspace();
  Block block(std::int64_t index) const;
  void run_block(const Memory& m, const Block& block, Range panels, bool first) const;
  void fetch_next(const float* const* in) const;
  void transform_inputs(const Memory& m, const Block& block) const;
  void multiply(const Memory& m, const Block& block, Range panels, bool kept) const;
  void transform_outputs(const Memory& m, const Block& block, Range panels) const;
  void plain_tile(const Memory& m, const float* const* in, Range panels, float* const* out) const;
  void finish(const Memory& m, const Block& block, Range panels) const;
  void inputs_of(const Memory& m, std::int64_t row, std::int64_t column, const float** in) const;

  const WinogradTable* table_ = nullptr;
  const GemmTable* gemm_ = nullptr;
  Finish finish_;
  float low_ = 0, high_ = 0;
  std::int64_t batch_ = 0, channels_ = 0, filters_ = 0;
  std::int64_t in_[2] = {}, out_[2] = {}, before_[2] = {};  // height, width
  std::int64_t batch_stride_ = 0, stride_[2] = {};
  std::vector<float> zeros_;  // a pixel of padding

  std::int64_t tiles_[2] = {};  // of an image
  std::int64_t block_[2] = {};  // rows of tiles, and tiles of a row, in a block at most
  std::int64_t blocks_[2] = {};
  std::int64_t panels_ = 0, group_ = 1;  // in all, and that go through a block together
  std::int64_t point_ = 0, row_ = 0;     // of transformed inputs: floats of a point, of a tile
  std::int64_t product_point_ = 0, product_row_ = 0;
  bool keeps_ = false;  // all transformed weights
  bool far_ = false;    // inputs come from beyond the second level cache
  bool by_rows_ = true;
  int parts_ = 1;
  std::size_t v_at_ = 0, u_at_ = 0, m_at_ = 0, rows_at_ = 0, tiles_at_ = 0, to_at_ = 0, out_at_ = 0,
              bad_at_ = 0, stage_at_ = 0, scratch_at_ = 0, unused_at_ = 0, workspace_ = 0;
  double flops_ = 0, bytes_ = 0;
};

}  // namespace gossamer::kernels
