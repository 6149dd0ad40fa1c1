// Signatures: Ed25519 (RFC 8032) over CORE of a sealed package, and beside any file one that
// minisign verifies.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "seal/container.h"
#include "seal/keys.h"

namespace gossamer::seal {

using PublicKey = std::array<std::byte, 32>;

// Fails with usage when the key does not sign.
Result<Signature> sign_core(const Container& container, const Key& signer);
// Every signature of the package; authentication when one does not fit.
Status check_signatures(const Container& container);

// What minisign keeps beside a file: signature and global signature, by its prehashed form.
// `comment` is signed as well and holds no line break.
Result<std::string> minisign_text(Bytes file, const Key& signer, std::string_view comment);
// The public key as minisign reads it.
Result<std::string> minisign_public_text(const Key& key);
// The key of `trusted` that signed the file; malformed, or authentication when none did.
Result<PublicKey> check_minisign(Bytes file, std::string_view text,
                                 std::span<const PublicKey> trusted);

}  // namespace gossamer::seal
