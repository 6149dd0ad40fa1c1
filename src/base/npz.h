// NumPy's .npz files: zip archives of .npy files, stored or deflated.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/tensor.h"

namespace gossamer {

struct NamedTensor {
  std::string name;  // without ".npy"
  Tensor tensor;
};

// The archive's arrays in its order. Fails with malformed when the bytes break a format, hold the
// same name twice or something that is no .npy file; unsupported for encryption, other compression
// and archives beyond 4 GiB (zip64); limit when memory is refused.
Result<std::vector<NamedTensor>> parse_npz(std::span<const std::byte> bytes);
// Also fails as MappedFile::open does.
Result<std::vector<NamedTensor>> read_npz(const std::string& path);

}  // namespace gossamer
