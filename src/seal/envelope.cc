// Wrapping keys: each stanza has a key of its own, used once, under ChaCha20-Poly1305.
#include "seal/envelope.h"

#include <sodium.h>

#include <algorithm>
#include <optional>

namespace gossamer::seal {
namespace {

constexpr std::uint32_t kPasses = 3, kMemoryKiB = 64 << 10;
constexpr std::size_t kSaltBytes = 16;

Status no_key() {
  return {Code::key, "none of the keys given opens this package",
          "give the key of one of its recipients"};
}

Secret to_secret(Secret into, Hash from) {
  std::copy(from.begin(), from.end(), into.data());
  wipe(from.data(), from.size());
  return into;
}

void put_u32(std::byte* to, std::uint32_t v) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<std::byte>(v >> (8 * i));
}
std::uint32_t get_u32(const std::byte* from) {
  std::uint32_t v = 0;
  for (int i = 0; i < 4; ++i) v |= std::to_integer<std::uint32_t>(from[i]) << (8 * i);
  return v;
}

// The key that wraps, for the sender and the recipient alike.
Result<Secret> x25519_key(const unsigned char* scalar, const unsigned char* point, Bytes ephemeral,
                          Bytes recipient, const FileId& file) {
  ASSIGN(Secret shared, Secret::make());
  if (crypto_scalarmult(shared.raw(), scalar, point) != 0) return no_key();  // all zeros
  ASSIGN(Secret key, Secret::make());
  return to_secret(std::move(key), keyed_hash(shared, {text_bytes("gossamer wrap x25519 "),
                                                       ephemeral, recipient, file}));
}

Result<Secret> stretched_key(const Secret& phrase, Bytes salt, std::uint32_t passes,
                             std::uint32_t memory, const FileId& file) {
  if (passes < 1 || passes > kMostPasses || memory < 8 || memory > kMostMemoryKiB)
    return limit_error("the package asks for more work on a passphrase than is allowed");
  ASSIGN(Secret stretched, Secret::make());
  if (crypto_pwhash(stretched.raw(), kKeyBytes, phrase.text().data(), phrase.size(),
                    reinterpret_cast<const unsigned char*>(salt.data()), passes,
                    std::size_t{memory} << 10, crypto_pwhash_ALG_ARGON2ID13) != 0)
    return limit_error("there is not enough memory to try the passphrase");
  return derive(stretched, "wrap passphrase", file);
}

Result<Secret> symmetric_key(const Secret& key, Bytes salt, const FileId& file) {
  ASSIGN(Secret out, Secret::make());
  return to_secret(std::move(out),
                   keyed_hash(key, {text_bytes("gossamer wrap symmetric "), salt, file}));
}

// Appends the data key under `key`, which is used for nothing else.
Status close(const Secret& key, const Secret& data, std::vector<std::byte>& body) {
  ASSIGN(ChunkCipher cipher, ChunkCipher::make(Suite::chacha20_poly1305, key, hash({body})));
  const std::size_t at = body.size();
  body.resize(at + kKeyBytes + kTagBytes);
  return cipher.encrypt(0, true, {data.data(), kKeyBytes}, body.data() + at);
}

Result<Secret> open_with(const Secret& key, Bytes body) {
  const std::size_t at = body.size() - kKeyBytes - kTagBytes;
  ASSIGN(ChunkCipher cipher,
         ChunkCipher::make(Suite::chacha20_poly1305, key, hash({body.first(at)})));
  ASSIGN(Secret data, Secret::make());
  TRY(cipher.decrypt(0, true, body.subspan(at), data.data()));
  return data;
}

Result<Secret> open_stanza(const Stanza& s, const Key& key, const FileId& file) {
  const Bytes body(s.body);
  if (s.kind == StanzaKind::x25519 && key.kind == KeyKind::x25519_secret) {
    ASSIGN(const Key own, public_key(key));
    ASSIGN(const Secret with,
           x25519_key(key.secret.raw(), reinterpret_cast<const unsigned char*>(body.data()),
                      body.first(32), own.open, file));
    return open_with(with, body);
  }
  if (s.kind == StanzaKind::symmetric && key.kind == KeyKind::symmetric) {
    ASSIGN(const Secret with, symmetric_key(key.secret, body.first(kSaltBytes), file));
    return open_with(with, body);
  }
  if (s.kind == StanzaKind::passphrase && key.kind == KeyKind::passphrase) {
    ASSIGN(const Secret with,
           stretched_key(key.secret, body.first(kSaltBytes), get_u32(body.data() + kSaltBytes),
                         get_u32(body.data() + kSaltBytes + 4), file));
    return open_with(with, body);
  }
  return no_key();
}

}  // namespace

Result<Stanza> wrap(const Secret& data, const FileId& file, const Key& recipient) {
  Stanza s;
  if (recipient.kind == KeyKind::x25519_public) {
    ASSIGN(const Key ephemeral, generate_key(KeyKind::x25519_secret));
    ASSIGN(const Key shown, public_key(ephemeral));
    s.kind = StanzaKind::x25519;
    s.body.assign(shown.open.begin(), shown.open.end());
    ASSIGN(const Secret key,
           x25519_key(ephemeral.secret.raw(),
                      reinterpret_cast<const unsigned char*>(recipient.open.data()), s.body,
                      recipient.open, file));
    TRY(close(key, data, s.body));
    return s;
  }
  s.body.resize(kSaltBytes);
  randombytes_buf(s.body.data(), kSaltBytes);
  if (recipient.kind == KeyKind::symmetric) {
    s.kind = StanzaKind::symmetric;
    ASSIGN(const Secret key, symmetric_key(recipient.secret, s.body, file));
    TRY(close(key, data, s.body));
    return s;
  }
  if (recipient.kind != KeyKind::passphrase)
    return usage_error(
        "a package is sealed for public X25519 keys, symmetric keys and passphrases");
  s.kind = StanzaKind::passphrase;
  ASSIGN(const Secret key, stretched_key(recipient.secret, s.body, kPasses, kMemoryKiB, file));
  s.body.resize(kSaltBytes + 8);
  put_u32(s.body.data() + kSaltBytes, kPasses);
  put_u32(s.body.data() + kSaltBytes + 4, kMemoryKiB);
  TRY(close(key, data, s.body));
  return s;
}

Result<Secret> unwrap(const Container& container, std::span<const Key> keys) {
  for (const Key& key : keys)
    for (const Stanza& s : container.stanzas) {
      Result<Secret> data = open_stanza(s, key, container.core.file);
      if (!data.ok()) {
        // A stanza for somebody else; anything but that is told.
        if (data.status().code() == Code::authentication || data.status().code() == Code::key)
          continue;
        return data;
      }
      ASSIGN(const Hash commitment, commitment_of(*data, container.core.file));
      if (!same(commitment, container.core.commitment))
        return Status(Code::authentication,
                      "the envelope holds another key than the package commits to");
      return data;
    }
  return no_key();
}

Result<Hash> commitment_of(const Secret& data, const FileId& file) {
  ASSIGN(const Secret committed, derive(data, "commitment", file));
  Hash out;
  std::copy_n(committed.data(), out.size(), out.begin());
  return out;
}

Result<Hash> envelope_mac(const Secret& data, const Container& c) {
  ASSIGN(const Secret key, derive(data, "envelope", c.core.file));
  return keyed_hash(key, {c.encode_core(), c.encode_stanzas()});
}

}  // namespace gossamer::seal
