// Guarded memory and randomness, by libsodium.
#include "seal/secret.h"

#include <sodium.h>

namespace gossamer::seal {

Result<Secret> Secret::make(std::size_t bytes) {
  if (sodium_init() < 0) return internal_error("libsodium cannot be used here");
  Secret secret;
  secret.bytes_.reset(static_cast<std::byte*>(sodium_malloc(bytes)));
  if (!secret.bytes_) return limit_error("no guarded memory for a key");
  sodium_memzero(secret.bytes_.get(), bytes);
  secret.size_ = bytes;
  return secret;
}

Result<Secret> Secret::random() {
  ASSIGN(Secret secret, make());
  randombytes_buf(secret.data(), kKeyBytes);
  return secret;
}

void Secret::Free::operator()(std::byte* bytes) const { sodium_free(bytes); }

void wipe(void* memory, std::size_t bytes) { sodium_memzero(memory, bytes); }

}  // namespace gossamer::seal
