// The rows of a correlation: from output pixels to the addresses of what their taps read.
#include <algorithm>
#include <cstring>

#include "kernels/conv/correlation.h"

namespace gossamer::kernels {

Correlation::Pixel Correlation::pixel(std::int64_t row) const {
  Pixel p;
  for (std::size_t a = kSpace; a-- > 0;) {
    p.at[a] = row % axes_[a].out;
    row /= axes_[a].out;
  }
  p.n = row;
  return p;
}

void Correlation::next(Pixel& p) const {
  for (std::size_t a = kSpace; a-- > 0;) {
    if (++p.at[a] < axes_[a].out) return;
    p.at[a] = 0;
  }
  ++p.n;
}

bool Correlation::inside(const Pixel& p) const {
  for (std::size_t a = 0; a < kSpace; ++a)
    if (p.at[a] < inside_[a].begin || p.at[a] >= inside_[a].end) return false;
  return true;
}

std::int64_t Correlation::offset(const Pixels& from, const Pixel& p) const {
  std::int64_t at = from.origin + p.n * from.batch;
  for (std::size_t a = 0; a < kSpace; ++a) at += p.at[a] * from.steps[a];
  return at;
}

Correlation::Pixels Correlation::in_place(const Run& run) const {
  Pixels p;
  p.base = run.x;
  p.batch = batch_stride_;
  for (std::size_t a = 0; a < kSpace; ++a) p.steps[a] = strides_[a] * axes_[a].step;
  return p;
}

// Copies what the taps of a box read into the workspace, pixel by pixel, zeros for padding.
Correlation::Pixels Correlation::gather(const Run& run, Range rows) const {
  auto* slab = reinterpret_cast<float*>(run.workspace + slab_at_);
  const Pixel first = pixel(rows.begin);
  const std::int64_t row = slab_[2] * pixel_, plane = slab_[1] * row;
  std::array<std::int64_t, kSpace> start{};
  for (std::size_t a = 0; a < kSpace; ++a)
    start[a] = first.at[a] * axes_[a].step + axes_[a].taps.front();
  // A box at the edge may be smaller than others: no need for rows that only those read.
  const std::int64_t height = (std::min(box_[0], axes_[1].out - first.at[1]) - 1) * axes_[1].step +
                              slab_[1] - (box_[0] - 1) * axes_[1].step;
  for (std::int64_t z = 0; z < slab_[0]; ++z)
    for (std::int64_t y = 0; y < height; ++y) {
      float* to = slab + z * plane + y * row;
      const std::int64_t iz = start[0] + z, iy = start[1] + y;
      if (iz < 0 || iz >= axes_[0].in || iy < 0 || iy >= axes_[1].in)
        std::memset(to, 0, static_cast<std::size_t>(row) * sizeof(float));
      else
        gather_row(run.x + first.n * batch_stride_ + iz * strides_[0] + iy * strides_[1], start[2],
                   slab_[2], to);
    }
  Pixels p;
  p.base = slab;
  p.steps = {0, axes_[1].step * row, axes_[2].step * pixel_};
  p.origin = -(first.at[1] * p.steps[1] + first.at[2] * p.steps[2]);
  p.padded = true;
  return p;
}

// Pixels [first, first + count) of a row of x.
void Correlation::gather_row(const float* from, std::int64_t first, std::int64_t count,
                             float* to) const {
  const std::int64_t begin = std::clamp<std::int64_t>(-first, 0, count);
  const std::int64_t end = std::clamp<std::int64_t>(axes_[2].in - first, begin, count);
  std::memset(to, 0, static_cast<std::size_t>(begin * pixel_) * sizeof(float));
  std::memset(to + end * pixel_, 0, static_cast<std::size_t>((count - end) * pixel_) * 4);
  if (begin == end) return;
  from += (first + begin) * strides_[2];
  to += begin * pixel_;
  const std::int64_t n = end - begin, repeat = pixel_ / std::max<std::int64_t>(channels_, 1);
  if (repeat == 1 && (strides_[2] == 1 || n == 1)) {
    table_->transpose(from, channel_stride_, to, pixel_, n, pixel_);
    return;
  }
  for (std::int64_t i = 0; i < n; ++i, from += strides_[2], to += pixel_)
    for (std::int64_t c = 0; c < channels_; ++c)
      for (std::int64_t j = 0; j < repeat; ++j) to[c * repeat + j] = from[c * channel_stride_];
}

// Tables of addresses for rows of output pixels, a balanced tile after the other.
std::span<const TileRows> Correlation::tiles(const Pixels& from, Range rows, std::int64_t count,
                                             std::byte* workspace) const {
  auto** addresses = reinterpret_cast<const float**>(workspace + addresses_at_);
  auto* runs_at = reinterpret_cast<std::int64_t*>(workspace + runs_at_);
  auto* out = reinterpret_cast<TileRows*>(workspace + tiles_at_);
  // Where x lies in place, blocks begin and end with tiles of the whole; see run().
  const bool whole = !gathers_;
  const std::int64_t all = whole ? rows_ : count;
  const std::int64_t n = (all + tiling_.height - 1) / tiling_.height;
  std::int64_t tile = whole ? (rows.begin * n + all - 1) / all : 0;
  const auto runs = static_cast<std::int64_t>(merged_at_.size());
  std::int64_t row = rows.begin, made = 0;
  Pixel p = pixel(row);
  std::int64_t at = offset(from, p);
  const std::int64_t step = from.steps[2], width = axes_[2].out;
  for (; row < rows.end; ++tile, ++made) {
    const std::int64_t end = all * (tile + 1) / n + (whole ? 0 : rows.begin);
    const int height = static_cast<int>(end - row);
    const Pixel first = p;
    std::int64_t offsets[kMaxHeight];
    bool plain = true;
    // Stretches of one line of pixels.
    for (int i = 0; i < height;) {
      const std::int64_t stretch = std::min<std::int64_t>(height - i, width - p.at[2]);
      plain = plain && (from.padded || (inside(p) && p.at[2] + stretch <= inside_[2].end));
      for (std::int64_t k = 0; k < stretch; ++k, at += step) offsets[i + k] = at;
      i += static_cast<int>(stretch);
      p.at[2] += stretch;
      if (p.at[2] < width) break;
      --p.at[2];
      next(p);
      at = offset(from, p);
    }
    row = end;
    if (!plain) {
      out[made] = border_tile(from, first, height, addresses, runs_at);
      addresses += out[made].runs * height;
      runs_at += out[made].runs;
      continue;
    }
    out[made] = {addresses, merged_at_.data(), runs, steps_ * merged_, height};
    for (std::int64_t r = 0; r < runs; ++r, addresses += height) {
      const float* base = from.base + offsets_[static_cast<std::size_t>(r * merged_)];
      for (int i = 0; i < height; ++i) addresses[i] = base + offsets[i];
    }
  }
  return {out, static_cast<std::size_t>(made)};
}

// A tile some of whose taps meet padding: every tap is a run of its own, without those that all
// pixels lack.
TileRows Correlation::border_tile(const Pixels& from, Pixel p, int height, const float** rows,
                                  std::int64_t* at) const {
  for (int i = 0; i < height; ++i, next(p)) border_taps(from, p, height, rows + i);
  std::int64_t runs = 0;
  for (std::int64_t t = 0; t < taps_; ++t) {
    bool any = false;
    for (int i = 0; i < height; ++i) any |= rows[t * height + i] != zeros_.data();
    if (!any) continue;
    if (runs != t)
      for (int i = 0; i < height; ++i) rows[runs * height + i] = rows[t * height + i];
    at[runs++] = at_[static_cast<std::size_t>(t)];
  }
  return {rows, at, runs, steps_, height};
}

// What each tap of one pixel reads, `stride` addresses apart.
void Correlation::border_taps(const Pixels& from, const Pixel& p, std::int64_t stride,
                              const float** rows) const {
  std::array<std::int64_t, kSpace> first{};
  for (std::size_t a = 0; a < kSpace; ++a) first[a] = p.at[a] * axes_[a].step;
  const float* base = from.base;
  const std::int64_t at = offset(from, p);
  const std::int64_t* tap = offsets_.data();
  for (const std::int64_t z : axes_[0].taps)
    for (const std::int64_t y : axes_[1].taps) {
      const std::int64_t iz = first[0] + z, iy = first[1] + y;
      const bool row = iz >= 0 && iz < axes_[0].in && iy >= 0 && iy < axes_[1].in;
      for (const std::int64_t x : axes_[2].taps) {
        const std::int64_t ix = first[2] + x;
        *rows = row && ix >= 0 && ix < axes_[2].in ? base + (at + *tap) : zeros_.data();
        rows += stride;
        ++tap;
      }
    }
}

}  // namespace gossamer::kernels
