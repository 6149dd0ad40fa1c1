// Any bytes as a .npz archive.
#include "base/npz.h"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)gossamer::parse_npz(std::as_bytes(std::span(data, size))).ok();
  return 0;
}
