// Entropy coding of bytes by rANS (Duda, "Asymmetric numeral systems", 2013): 32 interleaved states
// of 32 bits, renormalized by 16-bit words, with one static table of frequencies a stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "package/byte_reader.h"
#include "package/byte_writer.h"

namespace gossamer::package {

// Appends the bytes as a stream: as they are, or coded where that is shorter. Never longer than the
// bytes and one more.
void write_stream(ByteWriter& w, std::span<const std::byte> bytes);

// Reads a stream of as many bytes as `out` holds; r fails when it is none.
void read_stream(ByteReader& r, std::span<std::byte> out);

}  // namespace gossamer::package
