// How files become a model's inputs: what a recipe says of its samples.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/tensor.h"

namespace gossamer::samples {

enum class ColorOrder : std::uint8_t { rgb, bgr, gray };
enum class ImageLayout : std::uint8_t { nchw, nhwc };

struct ImageSize {
  std::int64_t height = 0, width = 0;
  bool operator==(const ImageSize&) const = default;
};

// Resize, then crop, then scale * pixel, then (x - mean) / deviation, channel by channel.
struct ImageSpec {
  std::optional<std::int64_t> shorter_side;  // resized to this, the other side in proportion
  std::optional<ImageSize> size;             // resized to this; not together with shorter_side
  std::optional<ImageSize> crop;             // cut out of the middle
  ColorOrder channels = ColorOrder::rgb;
  ImageLayout layout = ImageLayout::nchw;
  double scale = 1.0 / 255;
  std::vector<double> mean, deviation;  // one a channel, or one for all; empty: 0 and 1
  std::array<std::uint8_t, 3> background = {255, 255, 255};  // under transparent pixels
};

// Mixed to one channel, resampled, then cut into frames: one step of the sample each.
struct AudioSpec {
  std::int64_t rate = 0;   // Hz; 0: as the file has it
  std::int64_t frame = 0;  // samples a frame; 0: the whole file is one
  std::int64_t hop = 0;    // from frame to frame; 0: frame
};

struct InputSpec {
  enum class Kind : std::uint8_t { array, image, audio, constant };
  Kind kind = Kind::array;
  ImageSpec image;
  AudioSpec audio;
  Tensor constant;
};

enum class Labels : std::uint8_t { none, folder, file };

struct SampleSpec {
  std::map<std::string, InputSpec> inputs;    // by name; what is not named is read as it is
  std::map<std::string, std::string> carry;   // input: the output of the step before
  std::vector<std::string> include, exclude;  // shell patterns on paths; include empty: all
  std::optional<std::int64_t> count;          // how many; nothing: all
  std::int64_t skip = 0;                      // how many to leave out first
  std::optional<std::uint64_t> shuffle;       // seed of a random order; nothing: by path
  Labels labels = Labels::none;
  std::string label_file;  // Labels::file: a sample a line, its path (from the file's own folder)
                           // and its label, between them a tab or a comma
};

}  // namespace gossamer::samples
