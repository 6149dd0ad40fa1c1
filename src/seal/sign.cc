// Signing and verifying, by libsodium.
#include "seal/sign.h"

#include <sodium.h>

#include <algorithm>

namespace gossamer::seal {
namespace {

constexpr std::string_view kLabel = "gossamer signed core 1\n";
constexpr std::size_t kSignatureBytes = crypto_sign_BYTES, kIdBytes = 8;

const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* out_raw(std::span<std::byte> bytes) {
  return reinterpret_cast<unsigned char*>(bytes.data());
}

std::vector<std::byte> signed_bytes(const Container& c) {
  std::vector<std::byte> all(text_bytes(kLabel).begin(), text_bytes(kLabel).end());
  const std::vector<std::byte> core = c.encode_core();
  all.insert(all.end(), core.begin(), core.end());
  return all;
}

Result<Signature> sign_bytes(Bytes bytes, const Key& signer) {
  if (signer.kind != KeyKind::ed25519_secret)
    return usage_error("only a gossamer-ed25519-secret key signs",
                       "make one with gossamer keygen --sign");
  Signature s;
  ASSIGN(Secret expanded, Secret::make(crypto_sign_SECRETKEYBYTES));
  crypto_sign_seed_keypair(out_raw(s.key), expanded.raw(), signer.secret.raw());
  crypto_sign_detached(out_raw(s.bytes), nullptr, raw(bytes), bytes.size(), expanded.raw());
  return s;
}

bool fits(Bytes signature, Bytes bytes, const PublicKey& key) {
  return crypto_sign_verify_detached(raw(signature), raw(bytes), bytes.size(), raw(key)) == 0;
}

// minisign's: the algorithm, a name for the key, and the signature or key.
std::array<std::byte, kIdBytes> id_of(const PublicKey& key) {
  const Hash h = hash({text_bytes("gossamer minisign id "), key});
  std::array<std::byte, kIdBytes> id;
  std::copy_n(h.begin(), id.size(), id.begin());
  return id;
}

std::vector<std::byte> tagged(std::string_view algorithm, const PublicKey& key, Bytes rest) {
  std::vector<std::byte> out(text_bytes(algorithm).begin(), text_bytes(algorithm).end());
  const auto id = id_of(key);
  out.insert(out.end(), id.begin(), id.end());
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

std::string base64(Bytes bytes) {
  std::string out(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), raw(bytes), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();
  return out;
}

// Exactly so many bytes, or nothing.
std::vector<std::byte> from_base64(std::string_view text, std::size_t bytes) {
  std::vector<std::byte> out(bytes);
  std::size_t length = 0;
  if (sodium_base642bin(out_raw(out), out.size(), text.data(), text.size(), nullptr, &length,
                        nullptr, sodium_base64_VARIANT_ORIGINAL) != 0 ||
      length != bytes)
    out.clear();
  return out;
}

std::array<std::byte, 64> long_hash(Bytes bytes) {
  std::array<std::byte, 64> out;
  crypto_generichash(out_raw(out), out.size(), raw(bytes), bytes.size(), nullptr, 0);
  return out;
}

std::vector<std::byte> with_comment(Bytes signature, std::string_view comment) {
  std::vector<std::byte> all(signature.begin(), signature.end());
  const Bytes text = text_bytes(comment);
  all.insert(all.end(), text.begin(), text.end());
  return all;
}

}  // namespace

Result<Signature> sign_core(const Container& container, const Key& signer) {
  return sign_bytes(signed_bytes(container), signer);
}

Status check_signatures(const Container& c) {
  const std::vector<std::byte> bytes = signed_bytes(c);
  for (const Signature& s : c.signatures)
    if (!fits(s.bytes, bytes, s.key))
      return {Code::authentication, "a signature does not fit what it signs"};
  return {};
}

Result<std::string> minisign_text(Bytes file, const Key& signer, std::string_view comment) {
  if (comment.find_first_of("\r\n") != std::string_view::npos)
    return usage_error("a comment holds a line break");
  const auto digest = long_hash(file);
  ASSIGN(const Signature s, sign_bytes(digest, signer));
  ASSIGN(const Signature all, sign_bytes(with_comment(s.bytes, comment), signer));
  return "untrusted comment: signature by gossamer\n" + base64(tagged("ED", s.key, s.bytes)) +
         "\ntrusted comment: " + std::string(comment) + "\n" + base64(all.bytes) + "\n";
}

Result<std::string> minisign_public_text(const Key& key) {
  if (key.kind != KeyKind::ed25519_public)
    return usage_error("only a gossamer-ed25519-public key verifies signatures");
  return "untrusted comment: minisign public key by gossamer\n" +
         base64(tagged("Ed", key.open, key.open)) + "\n";
}

Result<PublicKey> check_minisign(Bytes file, std::string_view text,
                                 std::span<const PublicKey> trusted) {
  std::array<std::string_view, 4> lines;
  for (std::string_view& line : lines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
  }
  constexpr std::string_view kTrusted = "trusted comment: ";
  const std::vector<std::byte> first = from_base64(lines[1], 2 + kIdBytes + kSignatureBytes);
  const std::vector<std::byte> second = from_base64(lines[3], kSignatureBytes);
  if (!lines[0].starts_with("untrusted comment: ") || !lines[2].starts_with(kTrusted) ||
      first.empty() || second.empty() ||
      !std::ranges::equal(Bytes(first).first(2), text_bytes("ED")))
    return malformed("this is no signature of minisign's prehashed form");
  const Bytes signature = Bytes(first).subspan(2 + kIdBytes);
  const auto digest = long_hash(file);
  for (const PublicKey& key : trusted)
    if (fits(signature, digest, key) &&
        fits(second, with_comment(signature, lines[2].substr(kTrusted.size())), key))
      return key;
  return Status(Code::authentication, "no trusted key made this signature of the file");
}

}  // namespace gossamer::seal
