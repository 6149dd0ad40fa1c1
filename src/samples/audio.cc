// Sound files by libsndfile, their rate changed by libsamplerate.
#include "samples/audio.h"

#include <samplerate.h>
#include <sndfile.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace gossamer::samples {
namespace {

constexpr std::int64_t kMaxSamples = std::int64_t{1} << 28;

struct Sound {
  std::vector<float> mono;
  int rate = 0;
};

Result<Sound> read_sound(const std::string& path) {
  SF_INFO info = {};
  const std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> file(sf_open(path.c_str(), SFM_READ, &info),
                                                         sf_close);
  if (!file) return malformed(std::string("not a readable sound: ") + sf_strerror(nullptr));
  if (info.channels < 1 || info.frames < 0 || info.frames > kMaxSamples / info.channels)
    return limit_error("a sound of more than 2^28 samples");
  const auto channels = static_cast<std::size_t>(info.channels);
  std::vector<float> samples(static_cast<std::size_t>(info.frames) * channels);
  const sf_count_t got = sf_readf_float(file.get(), samples.data(), info.frames);
  Sound out;
  out.rate = info.samplerate;
  out.mono.resize(static_cast<std::size_t>(std::max<sf_count_t>(got, 0)));
  for (std::size_t i = 0; i < out.mono.size(); ++i) {
    float sum = 0;
    for (std::size_t c = 0; c < channels; ++c) sum += samples[i * channels + c];
    out.mono[i] = sum / static_cast<float>(channels);
  }
  return out;
}

Result<std::vector<float>> resampled(std::vector<float> x, int from, std::int64_t to) {
  if (to == 0 || to == from || x.empty()) return x;
  const double ratio = static_cast<double>(to) / from;
  std::vector<float> out(
      static_cast<std::size_t>(std::ceil(static_cast<double>(x.size()) * ratio)));
  SRC_DATA data = {};
  data.data_in = x.data();
  data.input_frames = static_cast<long>(x.size());
  data.data_out = out.data();
  data.output_frames = static_cast<long>(out.size());
  data.src_ratio = ratio;
  if (const int error = src_simple(&data, SRC_SINC_MEDIUM_QUALITY, 1); error != 0)
    return usage_error(std::string("cannot resample from ") + std::to_string(from) + " to " +
                       std::to_string(to) + " Hz: " + src_strerror(error));
  out.resize(static_cast<std::size_t>(data.output_frames_gen));
  return out;
}

}  // namespace

Result<std::vector<Tensor>> read_audio(const std::string& path, const AudioSpec& spec) {
  Result<Sound> sound = read_sound(path);
  if (!sound.ok()) return std::move(sound).status().in(path);
  Result<std::vector<float>> mono = resampled(std::move(sound->mono), sound->rate, spec.rate);
  if (!mono.ok()) return std::move(mono).status().in(path);
  const auto total = static_cast<std::int64_t>(mono->size());
  const std::int64_t frame = spec.frame > 0 ? spec.frame : total;
  const std::int64_t hop = spec.hop > 0 ? spec.hop : frame;
  std::vector<Tensor> out;
  for (std::int64_t begin = 0; begin < total; begin += hop) {
    ASSIGN(Tensor t, Tensor::make(DType::f32, Shape{1, frame}));
    const std::int64_t end = std::min(begin + frame, total);
    std::copy(mono->begin() + begin, mono->begin() + end, t.mutable_values<float>().begin());
    out.push_back(std::move(t));
    if (end == total) break;
  }
  return out;
}

}  // namespace gossamer::samples
