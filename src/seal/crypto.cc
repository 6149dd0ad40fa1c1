// Hashes by libsodium, chunks by OpenSSL.
#include "seal/crypto.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>

namespace gossamer::seal {
namespace {

using Nonce = std::array<unsigned char, 12>;

const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

Hash hash_with(const unsigned char* key, std::size_t key_bytes,
               std::initializer_list<Bytes> parts) {
  crypto_generichash_state state;
  Hash out;
  crypto_generichash_init(&state, key, key_bytes, out.size());
  for (const Bytes part : parts) crypto_generichash_update(&state, raw(part), part.size());
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(out.data()), out.size());
  sodium_memzero(&state, sizeof state);
  return out;
}

Nonce nonce_of(std::uint64_t number, bool last) {
  Nonce nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[i] = static_cast<unsigned char>(number >> (8 * i));
  nonce[11] = last ? 1 : 0;
  return nonce;
}

Status broken() { return internal_error("OpenSSL refuses a cipher"); }

EVP_CIPHER_CTX* context(void* p) { return static_cast<EVP_CIPHER_CTX*>(p); }

}  // namespace

std::string_view suite_name(Suite suite) {
  return suite == Suite::aes256_gcm ? "aes-256-gcm" : "chacha20-poly1305";
}

Hash hash(std::initializer_list<Bytes> parts) { return hash_with(nullptr, 0, parts); }

Hash keyed_hash(const Secret& key, std::initializer_list<Bytes> parts) {
  return hash_with(key.raw(), kKeyBytes, parts);
}

Result<Secret> derive(const Secret& key, std::string_view purpose, const FileId& file) {
  ASSIGN(Secret out, Secret::make());
  Hash derived = keyed_hash(key, {text_bytes("gossamer seal 1 "), text_bytes(purpose), file});
  std::copy(derived.begin(), derived.end(), out.data());
  wipe(derived.data(), derived.size());
  return out;
}

bool same(Bytes a, Bytes b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

void ChunkCipher::Free::operator()(void* p) const { EVP_CIPHER_CTX_free(context(p)); }

Result<ChunkCipher> ChunkCipher::make(Suite suite, const Secret& key, const Hash& associated) {
  const EVP_CIPHER* cipher =
      suite == Suite::aes256_gcm ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
  ChunkCipher c;
  c.associated_ = associated;
  c.encrypting_.reset(EVP_CIPHER_CTX_new());
  c.decrypting_.reset(EVP_CIPHER_CTX_new());
  if (!c.encrypting_ || !c.decrypting_ ||
      EVP_EncryptInit_ex(context(c.encrypting_.get()), cipher, nullptr, key.raw(), nullptr) != 1 ||
      EVP_DecryptInit_ex(context(c.decrypting_.get()), cipher, nullptr, key.raw(), nullptr) != 1)
    return broken();
  return c;
}

Status ChunkCipher::encrypt(std::uint64_t number, bool last, Bytes plain, std::byte* to) {
  EVP_CIPHER_CTX* c = context(encrypting_.get());
  const Nonce nonce = nonce_of(number, last);
  auto* out = reinterpret_cast<unsigned char*>(to);
  int n = 0;
  const auto length = static_cast<int>(plain.size());
  if (EVP_EncryptInit_ex(c, nullptr, nullptr, nullptr, nonce.data()) != 1 ||
      EVP_EncryptUpdate(c, nullptr, &n, raw(associated_), static_cast<int>(associated_.size())) !=
          1 ||
      EVP_EncryptUpdate(c, out, &n, raw(plain), length) != 1 ||
      EVP_EncryptFinal_ex(c, out + n, &n) != 1 ||
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes),
                          out + plain.size()) != 1)
    return broken();
  return {};
}

Status ChunkCipher::decrypt(std::uint64_t number, bool last, Bytes sealed, std::byte* to) {
  if (sealed.size() < kTagBytes) return malformed("a chunk is shorter than its tag");
  EVP_CIPHER_CTX* c = context(decrypting_.get());
  const Nonce nonce = nonce_of(number, last);
  const Bytes body = sealed.first(sealed.size() - kTagBytes);
  std::array<unsigned char, kTagBytes> tag;
  std::copy_n(raw(sealed) + body.size(), kTagBytes, tag.begin());
  auto* out = reinterpret_cast<unsigned char*>(to);
  int n = 0;
  if (EVP_DecryptInit_ex(c, nullptr, nullptr, nullptr, nonce.data()) != 1 ||
      EVP_DecryptUpdate(c, nullptr, &n, raw(associated_), static_cast<int>(associated_.size())) !=
          1 ||
      EVP_DecryptUpdate(c, out, &n, raw(body), static_cast<int>(body.size())) != 1 ||
      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes), tag.data()) != 1)
    return broken();
  if (EVP_DecryptFinal_ex(c, out + n, &n) != 1) {
    wipe(to, body.size());
    return {Code::authentication,
            "chunk " + std::to_string(number) + " is not what was encrypted: its tag does not fit"};
  }
  return {};
}

}  // namespace gossamer::seal
