// What is inside a package, for people and machines.
#pragma once

#include <string>

#include "base/status.h"
#include "nlohmann/json.hpp"
#include "runtime/program.h"

namespace gossamer::cli {

// Opens the package, and tells what `gossamer info --json` prints: file, format, sections, level,
// precision, inputs, outputs, steps by kernel, constants by dtype, planned memory.
Result<nlohmann::json> describe_package(const std::string& path);
// The same as lines of text.
std::string package_text(const nlohmann::json& package);

// A program as text, one line a step: results, operation, operands, attributes, then the name of
// what it came from; and the integer program of its extents, where these are open. For reading, not
// for parsing.
std::string program_text(const runtime::Program& program);

}  // namespace gossamer::cli
