// Image files as tensors.
#pragma once

#include <array>
#include <string>

#include "base/tensor.h"
#include "samples/spec.h"

namespace gossamer::samples {

// u8[height,width,3], red first, of a PNG (transparent pixels over `background`), JPEG, BMP, PNM or
// TIFF file. Fails with malformed, naming the file.
Result<Tensor> read_image(const std::string& path, const std::array<std::uint8_t, 3>& background);

// Pixels as read_image gives them -> f32 of [1,C,H,W] or [1,H,W,C]. Resizing is bilinear with the
// filter stretched when shrinking. Fails with usage when the crop is larger than the image.
Result<Tensor> prepare_image(const Tensor& pixels, const ImageSpec& spec);

}  // namespace gossamer::samples
