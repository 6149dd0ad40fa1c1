// The header of a .npy file: a Python literal such as
// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
#pragma once

#include <string>
#include <string_view>

#include "base/dtype.h"
#include "base/shape.h"
#include "base/status.h"

namespace gossamer {

struct NpyHeader {
  DType dtype = DType::f32;
  std::size_t item_size = 0;  // bytes of one item in the file
  bool utf32 = false;         // strings: UTF-32, not bytes
  bool big_endian = false;
  bool fortran_order = false;
  Shape shape;
};

// Parses the literal alone. Fails with malformed or unsupported.
Result<NpyHeader> parse_npy_header(std::string_view text);

// The start of a version 1 file, padded as NumPy pads it, for elements of `descr` in C order.
std::string format_npy_header(std::string_view descr, const Shape& shape);

}  // namespace gossamer
