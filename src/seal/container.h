// The bytes of a sealed package around its payload, as docs/formats/sealed.md has them: PREFIX,
// CORE, signatures, envelope. Reading checks form and sizes, and nothing that needs a key.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "package/format.h"
#include "seal/crypto.h"

namespace gossamer::seal {

inline constexpr std::size_t kMaxRecipients = 64, kMaxSignatures = 4, kMaxName = 256;
inline constexpr std::uint32_t kLeastChunk = 1 << 14, kMostChunk = 1 << 20, kUsualChunk = 1 << 16;
inline constexpr std::uint64_t kMostPlain = std::uint64_t{1} << 38;
// Policy bits of CORE.
inline constexpr std::uint32_t kNoClearCopy = 1;
// Version of the format of packages, major and minor, that this reader knows.
inline constexpr std::uint32_t kNeeds = std::uint32_t{package::kMajor} << 16 | package::kMinor;

struct Core {
  Suite suite = Suite::chacha20_poly1305;
  std::uint32_t chunk = kUsualChunk;           // plain bytes of every chunk but the last
  FileId file{};                               // random
  std::uint64_t plain = 0;                     // bytes of the package within
  std::uint64_t version = 0;                   // of the model: a policy may ask for a least one
  std::int64_t not_before = 0, not_after = 0;  // Unix seconds; 0: no bound
  std::uint32_t needs = kNeeds;  // format of the package within: its reader must be as new
  std::uint32_t policy = 0;
  std::string name;   // of the model; anybody can read it
  Hash commitment{};  // to the data key
  Hash root{};        // of the hash tree over the chunks as they are in the file

  std::uint64_t chunks() const { return (plain + chunk - 1) / chunk; }
};

struct Signature {
  std::array<std::byte, 32> key{};  // Ed25519
  std::array<std::byte, 64> bytes{};
};

enum class StanzaKind : std::uint16_t { x25519 = 1, passphrase = 2, symmetric = 3 };

// The data key for one recipient.
struct Stanza {
  StanzaKind kind = StanzaKind::x25519;
  std::vector<std::byte> body;
};

struct Container {
  Core core;
  std::vector<Signature> signatures;
  std::vector<Stanza> stanzas;
  Hash mac{};  // of CORE and the stanzas, keyed by the data key
  std::vector<Hash> leaves;

  // Where the parts lie in a file.
  std::uint64_t tree_at() const;
  std::uint64_t payload_at() const;
  std::uint64_t payload_bytes() const { return core.plain + core.chunks() * kTagBytes; }
  std::uint64_t file_bytes() const { return payload_at() + payload_bytes(); }

  std::vector<std::byte> encode_core() const;
  std::vector<std::byte> encode_stanzas() const;
  // All that comes before the payload.
  std::vector<std::byte> encode() const;
};

// Bytes of a stanza's body.
std::size_t body_bytes(StanzaKind kind);

// Reads all but the leaves of a file of `size` bytes: no more than some kilobytes, whatever it
// says. Fails with malformed; unsupported: a newer format; io.
Result<Container> read_container(const FileDescriptor& file, std::uint64_t size);
// Reads the leaves and what lies up to the payload; malformed when they do not have CORE's root.
Status read_leaves(const FileDescriptor& file, Container& container);
Hash root_of(const std::vector<Hash>& leaves);
Hash leaf_of(std::uint64_t number, Bytes chunk);

// Reads exactly so many bytes from a place; io when the file has become shorter.
Status read_at(const FileDescriptor& file, std::uint64_t at, std::span<std::byte> to);

}  // namespace gossamer::seal
