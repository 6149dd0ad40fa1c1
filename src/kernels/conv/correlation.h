// What Conv and ConvTranspose have in common: y[n, o, m] = sum over taps and channels of
// x[n, o * step + tap, c] * w[m, tap, c], for one grid of outputs.
//
// Implicit products: each row of a tile is an output pixel, each tap a run of its channels, found
// through a table of addresses (Dukhan, "The Indirect Convolution Algorithm", 2019); taps that
// stand side by side in memory are one run. Padding is a row of zeros that all pixels share, and
// taps that no pixel of a tile has are left out.
//
// x that is not channels-last is gathered block by block into the workspace, padding included. With
// one channel a group (depthwise) the same addresses feed a kernel that goes through all channels
// of a few pixels.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/conv/depthwise.h"
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tiling.h"
#include "kernels/kernel.h"

namespace gossamer::kernels {

inline constexpr std::size_t kSpace = 3;  // spatial axes; those that are missing have extent 1

struct CorrelationAxis {
  std::int64_t in = 1, out = 1;
  std::int64_t step = 1;              // elements of x from one output to the next
  std::vector<std::int64_t> taps{0};  // what output 0 reads, ascending; padding where outside x
};

// Everything that fixes a correlation.
struct CorrelationSpec {
  View x;                          // [N, C, spatial..]
  View y;                          // [N, M, spatial..], perhaps some pixels of a larger one
  std::span<const View> operands;  // of the epilogue, like y
  std::array<CorrelationAxis, kSpace> axes;
  std::int64_t group = 1;
  float low = 0, high = 0;
  const VectorProgram* epilogue = nullptr;
  // Not empty: the weights are those of several correlations with M filters each, side by side, and
  // their results go to these places; there is one group, and Run::bias is of all filters.
  std::vector<Finish::Offsets> places;
  Level level = Level::v2;
  int threads = 1;
  bool pairs = false;  // each element of x and of the weights is a pair of bf16
};

inline bool is_depthwise(std::int64_t group, std::int64_t channels) {
  return group > 1 && group == channels;
}
// Floats of packed weights. One channel a group: [taps][M rounded up to 16]; otherwise by groups
// panels [panels][taps * C/group][16].
std::int64_t correlation_weights(std::int64_t group, std::int64_t channels, std::int64_t filters,
                                 std::int64_t taps);

class Correlation {
 public:
  // Fails with unsupported on an epilogue that Finish does not take.
  static Result<Correlation> make(const CorrelationSpec& spec);

  struct Run {
    const float* x = nullptr;
    const float* weights = nullptr;
    const float* bias = nullptr;  // or null
    float* y = nullptr;
    const void* const* operands = nullptr;
    std::byte* workspace = nullptr;
  };
  void run(const Run& run, int part, int parts) const;

  int parts() const { return parts_; }
  std::size_t workspace() const { return workspace_; }
  double flops() const { return flops_; }
  double bytes() const { return bytes_; }

 private:
  // Where x lies for a block, as it is or gathered: the pixel that tap t of output (n, o) reads is
  // base[origin + n * batch + o * steps + offsets[t]].
  struct Pixels {
    const float* base = nullptr;
    std::int64_t origin = 0, batch = 0;
    std::array<std::int64_t, kSpace> steps{};
    bool padded = false;  // by itself: no tap leaves it
  };
  struct Pixel {  // an output
    std::int64_t n = 0;
    std::array<std::int64_t, kSpace> at{};
  };

  void choose_source(const CorrelationSpec& spec);
  void choose_blocks(const CorrelationSpec& spec);
  void choose_boxes(int wanted);
  std::int64_t slab_floats(std::int64_t height, std::int64_t width) const;
  void lay_out_workspace();

  // correlation.cc
  Range box(std::int64_t index) const;
  void run_products(const Run& run, const Pixels& from, Range rows, Range panels) const;
  void run_chunk(const Run& run, Product product, std::span<const TileRows> tiles, Range rows,
                 std::int64_t group, Range panels) const;
  // correlation_rows.cc
  Pixel pixel(std::int64_t row) const;
  void next(Pixel& p) const;
  bool inside(const Pixel& p) const;
  std::int64_t offset(const Pixels& from, const Pixel& p) const;
  Pixels in_place(const Run& run) const;
  Pixels gather(const Run& run, Range rows) const;
  void gather_row(const float* from, std::int64_t first, std::int64_t count, float* to) const;
  std::span<const TileRows> tiles(const Pixels& from, Range rows, std::int64_t count,
                                  std::byte* workspace) const;
  TileRows border_tile(const Pixels& from, Pixel p, int height, const float** rows,
                       std::int64_t* at) const;
  void border_taps(const Pixels& from, const Pixel& p, std::int64_t stride,
                   const float** rows) const;
  // correlation_depthwise.cc
  void run_depthwise(const Run& run, const Pixels& from, Range rows) const;
  struct NeighborTile {  // a DepthwiseTile but for its channels
    const float* const* in;
    std::int64_t pixel, rows, first;  // first: row of the table
    int narrow;                       // which of kDepthwiseWidths
    float* out[kDepthwiseWidths[0]];
  };
  NeighborTile* depthwise_row(const Run& run, const Pixels& from, Range rows, float* const* out,
                              NeighborTile* tile, const float**& addresses) const;
  // Taps along x that share inputs are one row of a tile's table, others one each: rows
  // [begin, end) of the table, `solid` if none of them lies in padding.
  struct TapRows {
    std::int64_t begin = 0, end = 0;
    bool solid = true;
  };
  TapRows tap_rows(const Pixels& from, const Pixel& p, std::int64_t* offsets) const;
  void depthwise_inputs(const Pixels& from, const TapRows& rows, const std::int64_t* offsets,
                        std::int64_t x, int outputs, int width, const float** to) const;
  void choose_depthwise(Level level);
  std::int64_t depthwise_tiles(std::int64_t height, std::int64_t width) const;
  std::int64_t depthwise_addresses() const;

  std::array<CorrelationAxis, kSpace> axes_;
  std::array<Range, kSpace> inside_;  // outputs none of whose taps meets padding
  std::int64_t batch_ = 0, channels_ = 0, filters_ = 0, group_ = 1;
  std::int64_t batch_stride_ = 0, channel_stride_ = 1;
  std::array<std::int64_t, kSpace> strides_{};  // of x in space
  Finish finish_;
  const GemmTable* table_ = nullptr;
  float low_ = 0, high_ = 0;

  bool depthwise_ = false, gathers_ = false;
  std::int64_t rows_ = 0, taps_ = 0;
  std::int64_t steps_ = 0;             // channels that a tap reads
  std::int64_t pixel_ = 0;             // gathered: floats of a pixel
  std::vector<std::int64_t> offsets_;  // of each tap in x, or in what is gathered
  std::vector<std::int64_t> at_;       // of each tap in the panels
  std::int64_t merged_ = 1;            // taps that are one run where no padding is met
  std::vector<std::int64_t> merged_at_;
  std::vector<float> zeros_;  // a pixel of padding

  Tiling tiling_;
  std::int64_t panels_ = 0, stage_panels_ = 1;  // of a group
  std::int64_t block_ = 1;                      // rows of a block at most
  std::array<std::int64_t, 2> box_{1, 1};       // pixels of a box: height, width
  std::array<std::int64_t, 2> boxes_{1, 1};     // of a plane
  std::array<std::int64_t, kSpace> slab_{};     // extents of what is gathered for a box
  const DepthwiseTable* depthwise_table_ = nullptr;
  int kernel_ = 1, step_ = 1;       // of depthwise tiles
  std::int64_t channel_block_ = 0;  // that go through a box together
  int parts_ = 1;
  bool by_rows_ = true;
  std::size_t slab_at_ = 0, addresses_at_ = 0, runs_at_ = 0, tiles_at_ = 0, out_at_ = 0,
              stage_at_ = 0, scratch_at_ = 0, workspace_ = 0;
  double flops_ = 0, bytes_ = 0;
};

}  // namespace gossamer::kernels
