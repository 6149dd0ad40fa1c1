// Coded sections: the bytes of a section of constants in chunks that are decoded side by side when
// a package is opened. docs/formats/goss.md describes the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "base/tensor.h"

namespace gossamer::package {

inline constexpr std::size_t kChunkBytes = 1 << 17;  // decoded, at most
// No chunk decodes to more than so many times its bytes, and so no section does.
inline constexpr std::size_t kMaxExpansion = 1024;

// The section that decodes to `bytes`. Chunks begin anew at each of `cuts`, ascending: where
// numbers of another kind begin.
std::vector<std::byte> encode_section(std::span<const std::byte> bytes,
                                      std::span<const std::uint64_t> cuts);

// The section's bytes, decoded by up to `threads` threads (0: as many as the process may use) into
// memory of their own. Fails with malformed when they break the form, limit when memory is refused.
Result<Tensor> decode_section(std::span<const std::byte> section, int threads = 0);

}  // namespace gossamer::package
