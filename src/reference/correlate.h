// Correlation over planes: the loops that Conv and ConvTranspose share. For each panel of output
// pixels the input pixels that its taps read are found once, and their channels are gathered into a
// panel that all output channels use.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/context.h"
#include "reference/window.h"

namespace gossamer::reference {

struct Correlation {
  std::int64_t batch = 0, groups = 1;
  std::int64_t in_channels = 0, out_channels = 0;  // per group
  std::vector<WindowAxis> axes;
  bool transposed =
      false;  // taps read input (o + before - t * dilation) / stride where that is whole

  std::int64_t taps() const;
  std::int64_t in_plane() const;
  std::int64_t out_plane() const;
};

// x[batch, groups*in_channels, input..] and w[groups*out_channels, in_channels, kernel..], both in
// an accumulator's type, into y[batch, groups*out_channels, output..] of that type.
template <class T>
Status correlate(const Correlation& s, std::span<const T> x, std::span<const T> w, std::span<T> y,
                 Context& c);

}  // namespace gossamer::reference
