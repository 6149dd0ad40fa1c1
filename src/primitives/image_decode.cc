// ImageDecode: only decoding tells how large the image is.
#include "reference/image_decode.h"

#include "primitives/primitives.h"

namespace gossamer {
namespace {

Status infer(const ImageDecodeAttributes& a, InferContext& c) {
  TRY(c.expect_dtype(0, "the bytes", DType::u8));
  DimVector shape = c.fresh_shape(2);
  shape.emplace_back(a.format == PixelFormat::gray ? 1 : 3);
  c.set(0, DType::u8, std::move(shape));
  return {};
}

}  // namespace

constinit const Primitive kImageDecode =
    make_primitive<ImageDecodeAttributes, infer, reference::image_decode>("image_decode", {},
                                                                          kLateExtents | kOpaque);

}  // namespace gossamer
