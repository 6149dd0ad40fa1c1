// The rows of an integer product: the bytes of x that each output reads, as addresses of runs of
// channels, in place where these lie side by side, else gathered.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/integer_product/integer_layout.h"
#include "kernels/integer_product/integer_table.h"

namespace gossamer::kernels {

inline constexpr std::size_t kIntegerSpace = 3;  // spatial axes; those missing have extent 1

class IntegerRows {
 public:
  static Result<IntegerRows> make(const IntegerProductStep& step, const IntegerLayout& layout,
                                  const View& x, const View& y);

  std::int64_t count() const { return rows_; }
  // Whether rows are gathered into memory, group by group.
  bool gathers() const { return gathers_; }
  std::int64_t gathered() const { return taps_ * run_; }  // bytes of a row

  // A row's output.
  struct Pixel {
    std::int64_t at = 0;  // offset of what a tap at 0 would read, from x's address
    std::array<std::int64_t, kIntegerSpace> place{};
  };
  Pixel pixel(std::int64_t row) const;
  // From row - by to `row`.
  void advance(Pixel& p, std::int64_t row, std::int64_t by = 1) const;
  // Whether no tap of it meets padding.
  bool inside(const Pixel& p) const;
  // How many rows from p on, at most `most`, meet no padding and lie evenly in memory, step()
  // apart; 0 where p itself meets padding.
  std::int64_t even(const Pixel& p, std::int64_t most) const;
  // Whether all rows lie so.
  bool flat() const { return flat_; }
  std::int64_t step() const { return axes_[2].step * axes_[2].stride; }
  // Rows from p to the end of its line.
  std::int64_t to_line_end(const Pixel& p) const { return axes_[2].out - p.place[2]; }
  std::int64_t line() const { return axes_[2].out; }
  bool has_next_line(const Pixel& p) const { return p.place[1] + 1 < axes_[1].out; }
  // Taps that stand below each other, and steps between neighboring outputs.
  std::int64_t line_reach() const { return static_cast<std::int64_t>(axes_[1].taps.size()); }
  std::int64_t line_step() const { return axes_[1].step; }
  bool lines_touch() const { return line_reach() < 2 || axes_[1].taps[1] - axes_[1].taps[0] == 1; }
  std::int64_t column_step() const { return axes_[2].step; }
  // Addresses of `count` lines from the first that p's line reads on, for a strip of outputs from p
  // on.
  void strip(const std::uint8_t* x, const Pixel& p, std::int64_t count, const std::uint8_t** out,
             IntegerStrip& to) const;

  // How many runs a row has when no tap of it meets padding, the bytes of each, and what one tap
  // adds to a pixel's offset.
  std::int64_t runs() const { return taps_ / merged_; }
  std::int64_t run_bytes() const { return run_ * merged_; }
  std::int64_t merged() const { return merged_; }
  std::int64_t taps() const { return taps_; }
  const std::vector<std::int64_t>& offsets() const { return offsets_; }
  // What each tap of one pixel reads, `stride` addresses apart; `padding` for those outside of x.
  void addresses(const std::uint8_t* x, const Pixel& p, const std::uint8_t* padding,
                 std::int64_t stride, const std::uint8_t** out) const;
  // Copies what a pixel reads of one group's channels.
  void gather(const std::uint8_t* x, const Pixel& p, std::int64_t group, std::uint8_t padding,
              std::uint8_t* to) const;

  // The same with one channel a group: tap by tap all channels, `stride` bytes apart.
  void gather_taps(const std::uint8_t* x, const Pixel& p, std::int64_t channels,
                   std::uint8_t padding, std::int64_t stride, std::uint8_t* to) const;

 private:
  bool tap_inside(const Pixel& p, std::int64_t tap) const;
  void merge_lines();

  struct Axis {
    std::int64_t in = 1, out = 1, step = 1, stride = 0;
    std::vector<std::int64_t> taps{0};  // what output 0 reads
    std::int64_t begin = 0, end = 1;    // outputs that meet no padding
  };
  std::array<Axis, kIntegerSpace> axes_;
  std::int64_t rows_ = 1, taps_ = 1, merged_ = 1, run_ = 0, channels_ = 0;
  std::int64_t channel_stride_ = 1;
  std::vector<std::int64_t> outer_extents_, outer_strides_;  // batch axes, outermost first
  std::vector<std::int64_t> offsets_;                        // by tap
  std::vector<std::array<std::int64_t, kIntegerSpace>> tap_places_;
  bool gathers_ = false, no_padding_ = true, flat_ = false;
};

}  // namespace gossamer::kernels
