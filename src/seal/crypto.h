// What the container asks of the libraries: keyed and plain hashes (BLAKE2b, RFC 7693, by
// libsodium) and chunks under ChaCha20-Poly1305 (RFC 8439) or AES-256-GCM (by OpenSSL).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "seal/secret.h"

namespace gossamer::seal {

enum class Suite : std::uint16_t { chacha20_poly1305 = 1, aes256_gcm = 2 };
std::string_view suite_name(Suite suite);

using Hash = std::array<std::byte, 32>;
using FileId = std::array<std::byte, 16>;
inline constexpr std::size_t kTagBytes = 16;

inline Bytes text_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Of the parts, one after the other.
Hash hash(std::initializer_list<Bytes> parts);
Hash keyed_hash(const Secret& key, std::initializer_list<Bytes> parts);
// A key of its own for a purpose and a file.
Result<Secret> derive(const Secret& key, std::string_view purpose, const FileId& file);
// In constant time.
bool same(Bytes a, Bytes b);

// Encrypts and decrypts chunks of one file. The nonce is the chunk's number and whether it is the
// last, so that chunks cannot be moved, left out or cut off. One thread at a time.
class ChunkCipher {
 public:
  static Result<ChunkCipher> make(Suite suite, const Secret& key, const Hash& associated);
  ChunkCipher(ChunkCipher&&) noexcept = default;
  ChunkCipher& operator=(ChunkCipher&&) noexcept = default;
  ~ChunkCipher() = default;

  // `to` has room for the plain bytes and a tag.
  Status encrypt(std::uint64_t number, bool last, Bytes plain, std::byte* to);
  // `to` has room for the bytes less the tag; it holds nothing of use when the tag does not fit,
  // which is Code::authentication.
  Status decrypt(std::uint64_t number, bool last, Bytes sealed, std::byte* to);

 private:
  struct Free {
    void operator()(void* p) const;
  };
  ChunkCipher() = default;
  std::unique_ptr<void, Free> encrypting_, decrypting_;
  Hash associated_{};
};

}  // namespace gossamer::seal
