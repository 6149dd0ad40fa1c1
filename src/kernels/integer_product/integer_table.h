// The leaves of products of 8-bit integers: tiles of exact 32-bit sums, and the way of such sums to
// floats or back to 8 bits. Plain structs, so that files of all levels may include them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gossamer::kernels {

inline constexpr int kIntegerPanel = 16;      // columns of a panel
inline constexpr int kMaxIntegerPanels = 4;   // panels that a tile spans at most
inline constexpr int kMaxIntegerHeight = 12;  // rows of a tile at most
inline constexpr int kQuad = 4;               // bytes that one instruction multiplies and adds up
inline constexpr int kDepthwiseBlock = 64;    // channels of a block of depthwise weights
inline constexpr int kMaxDepthwiseQuads = 16;
inline constexpr int kMaxStripColumns = 8;  // taps along a line that strips take, at most
inline constexpr int kMaxStripQuads = 2;    // quads of lines that strips take, at most

// out[i][c] = start[c] + sum over runs r, quads k and j < 4 of
//   (rows[r * height + i][offset + 4 k + j] ^ flip) * panel[at[r] + k][c][j]
// for the columns c of all panels, the left factor unsigned, the right one signed.
struct IntegerTile {
  const std::uint8_t* const* rows = nullptr;  // where each run of each row begins
  const std::int64_t* at = nullptr;           // the panels' first quad for each run
  std::int64_t runs = 0;
  std::int64_t steps = 0;   // quads of a run
  std::int64_t offset = 0;  // bytes between the addresses and the runs
  std::uint32_t flip = 0;   // four times 0, or 0x80: bytes are signed and stand for 128 more
  const std::int8_t* panels = nullptr;
  std::int64_t panel = 0;  // bytes from one panel to the next
  const std::int32_t* start = nullptr;
  std::int32_t* out = nullptr;
  std::int64_t out_stride = 0;
  // Where not null: to bytes at once, not to `out`. It saturates and has no `other`; tiles of v4
  // with dot instructions can do that.
  const struct IntegerFinish* finish = nullptr;
};
using IntegerTileFunction = void (*)(const IntegerTile&);

// Blocks of kDepthwiseBlock channels of one output:
// out[c] = start[c] + sum over quads q and j < 4 of (in[4 q + j][c] ^ flip) * weights[q][c][j],
// weights [blocks][quads][64][4]; `out` and `start` reach to the end of the last block.
struct IntegerDepthwise {
  const std::uint8_t* const* in = nullptr;
  std::int64_t quads = 0, channels = 0;
  std::uint32_t flip = 0;
  const std::int8_t* weights = nullptr;
  const std::int32_t* start = nullptr;
  std::int32_t* out = nullptr;
};

// v = clamp(sums[i][c] * scale[c] + bias[c], low, high), as floats; never fused.
// to_floats: out[i][c] = v, or, where it `rounds`, rint(v) * ratio. to_bytes: out[i][c] = rint(v) +
// zero; with `other`
//   v2 = clamp(rint(v) * ratio + ((other[i][c] ^ flip) - other_zero) * other_ratio, low2, high2)
// and out[i][c] = rint(v2) + zero. kDepthwiseBlock sums, scales and biases may be read from any c
// on.
struct IntegerFinish {
  const std::int32_t* sums = nullptr;
  std::int64_t stride = 0, rows = 0, columns = 0;
  const float* scale = nullptr;
  const float* bias = nullptr;
  float low = 0, high = 0;
  std::int32_t zero = 0;
  bool is_signed = false;  // to_bytes: the result
  const std::uint8_t* const* other = nullptr;
  std::uint32_t flip = 0;
  std::int32_t other_zero = 0;
  float ratio = 1, other_ratio = 1, low2 = 0, high2 = 0;
  // to_bytes without `other`: whether to skip the clamp. Then low and high are the bounds of the
  // result less its zero point, and no v reaches 2^31.
  bool saturates = false;
  bool rounds = false;
  void* const* out = nullptr;                 // rows of the result, `offset` bytes before it
  std::int64_t offset = 0, other_offset = 0;  // the same of `other`
};

// What sums begin with, and scales and biases as IntegerFinish takes them, for the columns of a
// group: start[c] = bias_sums[c] - zero * sums[c] for `padded` columns; scales[c] = scale[c] / unit
// and biases[c] = bias[c] / unit for `columns` of them, 0 for the rest.
struct IntegerStart {
  const std::int32_t* sums = nullptr;
  const std::int32_t* bias_sums = nullptr;
  std::int32_t zero = 0;
  std::int64_t columns = 0, padded = 0;
  const float* scale = nullptr;  // null: no scales and biases
  bool one_scale = false;
  const float* bias = nullptr;  // null: 0
  float unit = 1;
  float reach = 0;  // what sums differ from their start by, at most
  std::int32_t* start = nullptr;
  float* scales = nullptr;
  float* biases = nullptr;
};

// Tiles one below the other, whose sums go on at once.
struct IntegerTileRows {
  const std::uint8_t* const* rows;  // as in IntegerTile
  const std::int64_t* at;
  std::int64_t runs, steps;
  int height;
};
struct IntegerTiles {
  IntegerTile tile;  // what all have in common
  const IntegerTileRows* tiles = nullptr;
  std::int64_t count = 0;
  const IntegerTileFunction* functions = nullptr;  // by height - 1
  IntegerFinish finish;                            // but `sums` and `stride`
  bool to_bytes = false, dots = false;
};

// Lines of outputs of a depthwise convolution, two by two: outputs i < count of one line or, with
// `down` > 0, of two, whose inputs begin `down` lines apart. Line r, output i goes to
// out[r * count + i].
struct IntegerLines {
  const std::uint8_t* lines[8] = {};  // as in IntegerStrip
  void* const* out = nullptr;
  std::int64_t down = 0;
};

// Outputs side by side of a depthwise convolution over lines of pixels. Output i reads the columns
// [first + i * step, + columns) of lines 0 .. 4 quads - 1: sums as in IntegerDepthwise, with
// in[4 (x * quads + q) + j] = column x of line 4 q + j.
struct IntegerStrip {
  const std::uint8_t* lines[kMaxStripQuads * kQuad] = {};  // column 0; null: padding
  const std::uint8_t* padding = nullptr;                   // a pixel
  std::int64_t pixel = 0, width = 0;                       // bytes from column to column; columns
  std::int64_t first = 0, step = 1, count = 0;
  std::int64_t columns = 0, quads = 0, channels = 0;
  std::uint32_t flip = 0;
  const std::int8_t* weights = nullptr;
  const std::int32_t* start = nullptr;
  std::int32_t* sums = nullptr;  // null: to bytes
  std::int64_t stride = 0;       // of sums, from output to output
  IntegerFinish finish;          // without `other`
};

// The common part is a strip's, but its lines and where its results go. count >= 2, and columns +
// step <= kMaxStripColumns; the lines that two outputs read fit the quads. The finish saturates.
struct IntegerPairs {
  IntegerStrip strip;
  const IntegerLines* lines = nullptr;
  std::int64_t line_count = 0;
};

struct IntegerStripTable {
  void (*strip[2])(const IntegerStrip&);  // [dots]
  void (*pairs)(const IntegerPairs&);     // with dots; null: there is none
};

struct IntegerTable {
  // [dots][panels - 1][height - 1], null above height[dots][panels - 1] or 0. With `dots` the
  // machine has the instructions of AVX-512 VNNI (v4) or AVX-VNNI (v3).
  IntegerTileFunction tile[2][kMaxIntegerPanels][kMaxIntegerHeight];
  int height[2][kMaxIntegerPanels];
  void (*depthwise[2])(const IntegerDepthwise&);
  // Whether scales and biases keep results well within 32 bits, whatever the sums are.
  bool (*start)(const IntegerStart&);
  void (*tiles)(const IntegerTiles&);
  void (*to_floats)(const IntegerFinish&);
  void (*to_bytes)(const IntegerFinish&);
};

}  // namespace gossamer::kernels
