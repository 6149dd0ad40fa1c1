// CRC-32C (Castagnoli), the checksum of sections: finds damage, proves no origin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gossamer::package {

// The checksum of the bytes, continued from that of what came before them.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);
// The same by table, for machines without the instruction, and to test the other.
std::uint32_t crc32c_by_table(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace gossamer::package
