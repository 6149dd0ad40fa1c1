// ImageDecoder.
#include "onnx/lowering.h"
#include "reference/image_decode.h"

namespace gossamer::onnx {

Status lower_image_decoder(Lowering& l) {
  ASSIGN(std::string format, l.string_or("pixel_format", "RGB"));
  ImageDecodeAttributes a;
  if (format == "BGR")
    a.format = PixelFormat::bgr;
  else if (format == "Grayscale")
    a.format = PixelFormat::gray;
  else if (format != "RGB")
    return l.wrong("attribute 'pixel_format' must be RGB, BGR or Grayscale");
  return l.output(l.b().one(kImageDecode, a, {l.input(0)}));
}

}  // namespace gossamer::onnx
