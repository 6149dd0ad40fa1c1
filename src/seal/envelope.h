// The envelope: the data key of a file, wrapped for each recipient.
#pragma once

#include <span>

#include "seal/container.h"
#include "seal/keys.h"

namespace gossamer::seal {

// What opening with a passphrase may cost: a file that asks for more is refused.
inline constexpr std::uint32_t kMostPasses = 16, kMostMemoryKiB = 1 << 20;

// For a public X25519 key, a symmetric key or a passphrase (Argon2id, RFC 9106, 3 passes over 64
// MiB). Fails with usage on other kinds.
Result<Stanza> wrap(const Secret& data, const FileId& file, const Key& recipient);
// The data key by the first stanza that one of the keys opens, checked against the commitment.
// Fails with key when none does, authentication when what it opens is not what CORE commits to.
Result<Secret> unwrap(const Container& container, std::span<const Key> keys);

// What CORE holds of the data key, and what the envelope is closed with.
Result<Hash> commitment_of(const Secret& data, const FileId& file);
Result<Hash> envelope_mac(const Secret& data, const Container& container);

}  // namespace gossamer::seal
