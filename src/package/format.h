// The frame of a .goss file: PREFIX, CORE with its section table, and where the payload lies. Says
// nothing of what sections hold. Laid out byte by byte in docs/formats/goss.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace gossamer::package {

// The high bit and CR LF, ^Z: a file mangled as text is seen at once.
inline constexpr std::array<unsigned char, 8> kMagic = {0x89, 'G', 'O', 'S', 'S', 0x0D, 0x0A, 0x1A};
inline constexpr std::uint16_t kMajor = 1, kMinor = 1;
inline constexpr std::size_t kPrefixBytes = 128, kCoreBytes = 128, kEntryBytes = 48;
inline constexpr std::size_t kMaxCoreBytes = 1 << 20, kMaxSections = 64;
// Sections begin at multiples of this from the payload's beginning.
inline constexpr std::size_t kSectionAlignment = 64;
// The payload, and within it the section of mapped constants, begin at multiples of a page.
inline constexpr std::size_t kPage = 4096;
// How the bytes of packed constants are laid out: panels for x86-64.
inline constexpr std::uint32_t kPacking = 1;

// The coded ones decode to what `small` and `mapped` would hold, in whose place they stand.
enum class SectionKind : std::uint32_t {
  about = 1,
  program = 2,
  small = 3,
  mapped = 4,
  coded_small = 5,
  coded_mapped = 6
};
inline constexpr SectionKind kLastKind = SectionKind::coded_mapped;

struct Section {
  SectionKind kind = SectionKind::about;
  bool critical = true;      // a reader that does not know the kind must refuse the file
  std::uint64_t offset = 0;  // from the beginning of the payload
  std::uint64_t length = 0;
  std::uint32_t checksum = 0;  // CRC-32C of the bytes
};

struct Frame {
  std::uint16_t minor = kMinor;
  std::uint64_t payload = 0;  // where it begins in the file
  std::uint64_t payload_bytes = 0;
  std::uint32_t level = 0;  // lowest instruction set level: 0 v2, 1 v3, 2 v4
  std::vector<Section> sections;

  // The section of that kind, or null.
  const Section* find(SectionKind kind) const;
};

// PREFIX and CORE of a clear package, zeros up to the payload included.
std::vector<std::byte> encode_frame(const Frame& frame);

// Reads and checks PREFIX and CORE of a file that is `file_bytes` long; `head` holds its first
// bytes, at least PREFIX and CORE when the file does. Fails with malformed, or with unsupported
// when the file is of a newer major version, sealed, or has critical parts that are unknown here.
Result<Frame> decode_frame(std::span<const std::byte> head, std::uint64_t file_bytes,
                           bool check_sums = true);

}  // namespace gossamer::package
