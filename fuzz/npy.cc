// Any bytes as a .npy file; an array that is read must come back the same when it is written.
#include "base/npy.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gossamer;
  const Result<Tensor> tensor = parse_npy(std::as_bytes(std::span(data, size)));
  if (!tensor.ok()) return 0;
  const Result<std::string> file = to_npy(*tensor);
  if (!file.ok()) {
    // Bytes that are not UTF-8 have no place in the strings that are written.
    if (tensor->dtype() != DType::string) std::abort();
    return 0;
  }
  const Result<Tensor> again = parse_npy(std::as_bytes(std::span(*file)));
  if (!again.ok() || !again->same_bits(*tensor)) std::abort();
  return 0;
}
