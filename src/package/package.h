// Packages: a Program in a .goss file, and back. Opening maps the file once: large constants stay
// mapped and are shared by all who open it; all that a wrong byte could turn against the process is
// copied to private memory and checked. docs/formats/goss.md describes the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/cpu.h"
#include "runtime/program.h"

namespace gossamer::package {

// How constants are stored: `fast`, as they are used, so that large ones stay mapped; `small`,
// entropy-coded where that is shorter, so that opening decodes them into private memory.
enum class Store : std::uint8_t { fast, small };

struct WriteOptions {
  std::string precision = "exact";  // what arithmetic it was compiled for: "exact" or "fast"
  std::string producer;             // name and version of what compiled it
  Level level = Level::v2;          // the lowest level that can run it
  Store store = Store::fast;
};

struct Package {
  std::shared_ptr<const runtime::Program> program;
  std::string precision, producer;
  int minor = 0;                // of the format that it was written in
  Level level = Level::v2;      // the lowest level that can run it
  std::uint64_t bytes = 0;      // of the file
  std::uint64_t constants = 0;  // bytes of constants that stay mapped
  std::uint64_t decoded = 0;    // bytes of constants that were decoded
};

// Writes a package beside its place and renames it: what was there stays, or the whole package is.
// Fails with usage, io as AtomicFile does; with internal when the program cannot be stored.
Status write(const runtime::Program& program, const std::string& path,
             const WriteOptions& options = {});
// The same as bytes.
Result<std::string> to_bytes(const runtime::Program& program, const WriteOptions& options = {});

// Opens a package. Fails with malformed when its bytes break the format; with unsupported, and a
// hint, when it is of a newer format, names an operation that is not there, or is for a higher
// level than this process may use. The checksum of mapped constants is not looked at: see check().
Result<Package> open(const std::string& path);

struct ParseOptions {
  bool check_sums = true;
};
// The same from memory that `owner` keeps, beginning at a multiple of 64.
Result<Package> parse(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                      const ParseOptions& options = {});

// Reads the whole file and compares every checksum: malformed when one does not fit. Finds damage;
// whoever means to deceive can compute checksums as well.
Status check(const std::string& path);

// Whether a file is there that begins as a package does.
bool is_package(const std::string& path);

}  // namespace gossamer::package
