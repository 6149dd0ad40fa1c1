// Audio files as tensors.
#pragma once

#include <string>
#include <vector>

#include "base/tensor.h"
#include "samples/spec.h"

namespace gossamer::samples {

// The file (WAV, FLAC and what else libsndfile reads) mixed to one channel in -1..1, resampled to
// spec.rate and cut into frames of f32[1,frame]; what is left over is filled with zeros. Fails with
// malformed, naming the file, or limit.
Result<std::vector<Tensor>> read_audio(const std::string& path, const AudioSpec& spec);

}  // namespace gossamer::samples
