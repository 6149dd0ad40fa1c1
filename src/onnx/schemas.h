// Which versions of an operator say the same, from the table schemas.def.
#pragma once

#include <cstdint>
#include <string_view>

namespace gossamer::onnx {

// The newest opset of the default domain that this build reads and writes.
inline constexpr std::int64_t kLatestOpset = 28;
// The IR version that came with an opset of the default domain.
std::int64_t ir_version_of(std::int64_t opset);

// Whether a node that was written for opset `from` of its domain means the same in a file of opset
// `to`. Operators outside the table: only when the versions are equal.
bool same_meaning(std::string_view domain, std::string_view name, std::int64_t from,
                  std::int64_t to);

// The first opset at which an operator of the default domain takes bfloat16: 13 for those that have
// it since then or never.
std::int64_t bfloat16_opset(std::string_view name);

}  // namespace gossamer::onnx
