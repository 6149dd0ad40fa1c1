// Feeds arbitrary bytes to the decoders of images.
#include "reference/image_decode.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "primitives/evaluator.h"
#include "primitives/primitives.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gossamer;
  const Value x = Tensor::of<std::uint8_t>(Shape{static_cast<std::int64_t>(size)}, {data, size});
  const Value* operands[] = {&x};
  const AttributePtr a = make_attributes(ImageDecodeAttributes{});
  const auto y = evaluate_node(kImageDecode, a.get(), operands, 1, std::int64_t{64} << 20);
  if (y.ok() && (*y)[0].tensor.rank() != 3) std::abort();
  return 0;
}
