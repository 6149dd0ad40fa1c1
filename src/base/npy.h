// NumPy's .npy files: one tensor each. Reading trusts nothing: the header's literal is parsed by a
// strict parser of its own, sizes are checked before memory is asked for, pickles are never read.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/status.h"
#include "base/tensor.h"

namespace gossamer {

// Reads format versions 1 to 3, either byte order, C or Fortran order: booleans, integers, f2, f4,
// f8, c8, c16, and strings (<U as UTF-8, |S byte for byte; NULs at the end are padding). Fails with
// malformed when the bytes break the format or others follow the array, unsupported for other
// element types, limit when memory is refused.
Result<Tensor> parse_npy(std::span<const std::byte> bytes);
// Also fails as MappedFile::open does.
Result<Tensor> read_npy(const std::string& path);

// The tensor as a .npy file of version 1. Floats that NumPy lacks become f32, integers of two and
// four bits i8 or u8, strings <U. Fails with unsupported on a string that is not valid UTF-8 or
// that ends in NUL, which the format would lose.
Result<std::string> to_npy(const Tensor& tensor);
Status write_npy(const std::string& path, const Tensor& tensor);

}  // namespace gossamer
