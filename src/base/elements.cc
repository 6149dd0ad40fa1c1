// Elements that do not fill their bytes.
#include "base/elements.h"

#include <algorithm>

namespace gossamer {

bool valid_elements(DType dtype, std::span<const std::byte> bytes) {
  const DTypeInfo& info = dtype_info(dtype);
  if (dtype != DType::boolean && info.file_bits % 8 == 0) return true;
  const int bits = dtype == DType::boolean ? 1 : info.file_bits;
  const bool is_signed = dtype == DType::i2 || dtype == DType::i4;
  const int low = is_signed ? -(1 << (bits - 1)) : 0;
  const int high = low + (1 << bits);
  return std::all_of(bytes.begin(), bytes.end(), [&](std::byte b) {
    const int v = is_signed ? static_cast<std::int8_t>(b) : std::to_integer<int>(b);
    return v >= low && v < high;
  });
}

}  // namespace gossamer
