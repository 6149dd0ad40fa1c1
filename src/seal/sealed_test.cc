// Sealed files: round trips, and that nothing changed in one goes through.
#include "seal/sealed.h"

#include <sodium.h>

#include <set>

#include "seal/test_keys.h"

namespace gossamer::seal {
namespace {

constexpr std::uint32_t kChunk = 1 << 14;

// What no key is needed to see, as the reader finds it.
Container container_of(std::string_view bytes) {
  return SealedFile::open(in_memory(bytes))->container();
}

TEST(Sealed, RoundTripsInBothSuitesAndAllSizes) {
  const TestFolder folder;
  const SealedSample sample(folder);
  for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes256_gcm})
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{kChunk - 1}, std::size_t{kChunk}, std::size_t{kChunk + 1},
          std::size_t{5} * kChunk, std::size_t{1000} * kChunk + 7}) {
      SealOptions how;
      how.suite = suite;
      how.chunk = kChunk;
      const std::string plain = sample_bytes(size);
      const std::string sealed = sample.seal_bytes(plain, how);
      const Result<std::string> opened = sample.open_bytes(sealed);
      ASSERT_TRUE(opened.ok()) << opened.status().message();
      EXPECT_TRUE(*opened == plain) << size;
    }
}

TEST(Sealed, CostsLittleMoreThanTheBytes) {
  const TestFolder folder;
  const SealedSample sample(folder);
  for (const std::size_t size : {std::size_t{1000}, std::size_t{10} << 20}) {
    const std::size_t sealed = sample.seal_bytes(sample_bytes(size)).size();
    EXPECT_LE(sealed, size + size / 1000 + 4096);
  }
}

TEST(Sealed, AnyBitFlippedIsRefused) {
  const TestFolder folder;
  const SealedSample sample(folder);
  const Pair signer = make_pair(KeyKind::ed25519_secret);
  const std::vector<Key> signers = keys_of(copy_of(signer.secret));
  SealOptions how;
  how.name = "small";
  how.version = 3;
  std::string bytes = sample.seal_bytes("every bit of this counts", how, signers);
  ASSERT_TRUE(sample.open_bytes(bytes).ok());
  std::set<std::string> messages;
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      const Result<std::string> opened = sample.open_bytes(bytes);
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      ASSERT_FALSE(opened.ok()) << "byte " << at << " bit " << bit;
      const Code code = opened.status().code();
      // Flags turn a sealed package into a clear one, versions into a newer one, and a key that is
      // wrapped wrongly is nobody's.
      ASSERT_TRUE(code == Code::malformed || code == Code::authentication ||
                  ((at == 8 || at == 9 || at == 10 || at == 11) && code == Code::unsupported) ||
                  (at == 12 && code == Code::usage) ||
                  (code == Code::key && at > container_of(bytes).tree_at() - 160 &&
                   at < container_of(bytes).tree_at()))
          << "byte " << at << ": " << opened.status().message();
      messages.insert(opened.status().message());
    }
  EXPECT_GE(messages.size(), 10u);
}

TEST(Sealed, AnyTruncationAndExtensionIsRefused) {
  const TestFolder folder;
  const SealedSample sample(folder);
  const std::string bytes = sample.seal_bytes("short");
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const Result<std::string> opened = sample.open_bytes(bytes.substr(0, n));
    ASSERT_FALSE(opened.ok());
    ASSERT_EQ(opened.status().code(), Code::malformed) << n;
  }
  EXPECT_EQ(sample.open_bytes(bytes + '\0').status().code(), Code::malformed);
}

// Writes the container again with leaves and root of the chunks as they are now: what somebody can
// do who has no key, or the file's own recipients, who can also close the envelope.
std::string again(Container c, std::string_view payload, const Key* recipient) {
  const std::uint64_t stride = c.core.chunk + kTagBytes;
  c.leaves.clear();
  for (std::uint64_t at = 0; at < payload.size(); at += stride)
    c.leaves.push_back(leaf_of(at / stride, text_bytes(payload.substr(at, stride))));
  c.core.root = root_of(c.leaves);
  if (recipient) {
    const std::vector<Key> keys = keys_of(copy_of(*recipient));
    c.mac = *envelope_mac(*unwrap(c, keys), c);
  }
  const std::vector<std::byte> head = c.encode();
  return std::string(reinterpret_cast<const char*>(head.data()), head.size()).append(payload);
}

TEST(Sealed, ChunksCannotBeMoved) {
  const TestFolder folder;
  const SealedSample sample(folder);
  SealOptions how;
  how.chunk = kChunk;
  const std::string bytes = sample.seal_bytes(sample_bytes(4 * kChunk), how);
  const Container c = container_of(bytes);
  const std::string payload = bytes.substr(c.payload_at());
  const std::size_t stride = kChunk + kTagBytes;
  ASSERT_EQ(sample.open_bytes(again(c, payload, &sample.pair().secret)).value(),
            sample_bytes(4 * kChunk));
  const auto refused = [&](const std::string& changed, const Container& with) {
    for (const std::string& file :
         {bytes.substr(0, c.payload_at()) + changed, again(with, changed, nullptr),
          again(with, changed, &sample.pair().secret)}) {
      const Result<std::string> opened = sample.open_bytes(file);
      ASSERT_FALSE(opened.ok());
      EXPECT_TRUE(opened.status().code() == Code::authentication ||
                  opened.status().code() == Code::malformed)
          << opened.status().message();
    }
  };
  const auto chunk = [&](std::size_t i) { return payload.substr(i * stride, stride); };
  refused(chunk(1) + chunk(0) + chunk(2) + chunk(3), c);
  refused(chunk(0) + chunk(0) + chunk(2) + chunk(3), c);
  refused(chunk(3) + chunk(3) + chunk(3) + chunk(3), c);
  // Cut off behind a chunk that was not the last.
  Container shorter = c;
  shorter.core.plain -= kChunk;
  refused(chunk(0) + chunk(1) + chunk(2), shorter);
  // Of another file for the same recipient.
  const std::string other = sample.seal_bytes(sample_bytes(4 * kChunk), how);
  const std::string theirs = other.substr(container_of(other).payload_at());
  refused(chunk(0) + theirs.substr(stride, stride) + chunk(2) + chunk(3), c);
  refused(theirs, c);
}

TEST(Sealed, ALastChunkMustSaySo) {
  const TestFolder folder;
  const SealedSample sample(folder);
  const std::string bytes = sample.seal_bytes("one chunk");
  const Container c = container_of(bytes);
  Result<Secret> data = unwrap(c, keys_of(copy_of(sample.pair().secret)));
  Container rootless = c;
  rootless.core.root = {};
  const Hash associated = hash({text_bytes("gossamer chunks "), rootless.encode_core()});
  const Secret key = *derive(*data, "payload", c.core.file);
  for (const bool last : {true, false}) {
    std::string payload(9 + kTagBytes, '\0');
    ASSERT_TRUE(ChunkCipher::make(c.core.suite, key, associated)
                    ->encrypt(0, last, text_bytes("one chunk"),
                              std::as_writable_bytes(std::span(payload)).data())
                    .ok());
    const Result<std::string> opened = sample.open_bytes(again(c, payload, &sample.pair().secret));
    EXPECT_EQ(opened.ok(), last);
    EXPECT_TRUE(last || opened.status().code() == Code::authentication);
  }
}

TEST(Sealed, AKeyThatTheFileDoesNotCommitToIsRefused) {
  const TestFolder folder;
  const SealedSample sample(folder);
  Container c = container_of(sample.seal_bytes("two keys"));
  // Another data key, wrapped rightly for the recipient: as in a file made to open under two keys.
  const Secret other = *Secret::random();
  c.stanzas[0] = *wrap(other, c.core.file, sample.pair().open);
  c.mac = *envelope_mac(other, c);
  const Result<Secret> data = unwrap(c, keys_of(copy_of(sample.pair().secret)));
  ASSERT_FALSE(data.ok());
  EXPECT_EQ(data.status().code(), Code::authentication);
}

TEST(Sealed, AnotherKeyOpensNothing) {
  const TestFolder folder;
  const SealedSample sample(folder);
  const std::string bytes = sample.seal_bytes("x");
  const SealedSample other(folder);
  EXPECT_EQ(other.open_bytes(bytes).status().code(), Code::key);
  SealedSample none(folder);
  none.options.keys.clear();
  EXPECT_EQ(none.open_bytes(bytes).status().code(), Code::key);
}

TEST(Sealed, RewrapChangesRecipientsAndKeepsSignatures) {
  const TestFolder folder;
  const SealedSample first(folder);
  const Pair signer = make_pair(KeyKind::ed25519_secret);
  (void)first.seal_bytes("content", {}, keys_of(copy_of(signer.secret)));
  const Result<SealedFile> file = SealedFile::open(folder.file("sealed"));
  const std::vector<Key> own = keys_of(copy_of(first.pair().secret));
  SealedSample second(folder);  // its key file takes the place of the first's
  second.options.policy.signers = {signer.open.open};
  second.options.policy.signatures = 1;
  EXPECT_EQ(file->rewrap(folder.file("r"), keys_of(copy_of(second.pair().secret)), own).code(),
            Code::key);
  EXPECT_EQ(file->rewrap(folder.file("r"), own, {}).code(), Code::usage);
  const Status done =
      file->rewrap(folder.file("r"), own,
                   keys_of(copy_of(second.pair().open), *generate_key(KeyKind::symmetric)));
  ASSERT_TRUE(done.ok()) << done.message();
  EXPECT_EQ(second.open_bytes(folder.get("r")).value(), "content");
  EXPECT_EQ(unwrap(container_of(folder.get("r")), own).status().code(), Code::key);
}

TEST(Sealed, TakesSignaturesLater) {
  const TestFolder folder;
  const SealedSample sample(folder);
  (void)sample.seal_bytes("content");
  for (int i = 0; i < 5; ++i) {
    const Pair signer = make_pair(KeyKind::ed25519_secret);
    const Result<SealedFile> file = SealedFile::open(folder.file("sealed"));
    const Status signed_now = file->sign(folder.file("sealed"), signer.secret);
    EXPECT_EQ(signed_now.code(), i < 4 ? Code::ok : Code::usage);
    if (i == 0) {
      EXPECT_EQ(SealedFile::open(folder.file("sealed"))
                    ->sign(folder.file("sealed"), signer.secret)
                    .code(),
                Code::usage);
    }
  }
  const Result<SealedFile> file = SealedFile::open(folder.file("sealed"));
  EXPECT_EQ(file->container().signatures.size(), 4u);
  EXPECT_TRUE(file->check_chunks().ok());
  EXPECT_EQ(sample.open_bytes(folder.get("sealed")).value(), "content");
  EXPECT_EQ(file->sign(folder.file("x"), sample.pair().secret).code(), Code::usage);
}

TEST(Sealed, EveryKindOfRecipientOpens) {
  const TestFolder folder;
  const Pair pair = make_pair(KeyKind::x25519_secret);
  const Key symmetric = *generate_key(KeyKind::symmetric);
  std::vector<Key> to =
      keys_of(copy_of(pair.open), copy_of(symmetric), *passphrase_key("correct horse"));
  ASSERT_TRUE(seal(text_bytes("for all"), folder.file("s"), to, {}, {}).ok());
  const Container c = container_of(folder.get("s"));
  EXPECT_TRUE(unwrap(c, keys_of(copy_of(pair.secret))).ok());
  EXPECT_TRUE(unwrap(c, keys_of(copy_of(symmetric))).ok());
  EXPECT_TRUE(unwrap(c, keys_of(*passphrase_key("correct horse"))).ok());
  EXPECT_EQ(unwrap(c, keys_of(*passphrase_key("wrong horse"))).status().code(), Code::key);
  to.push_back(*passphrase_key("second"));
  EXPECT_EQ(seal(text_bytes("x"), folder.file("s"), to, {}, {}).code(), Code::usage);
  EXPECT_EQ(seal(text_bytes("x"), folder.file("s"), keys_of(copy_of(pair.secret)), {}, {}).code(),
            Code::usage);
}

TEST(Sealed, APassphraseCannotAskForAnyWork) {
  const TestFolder folder;
  const std::vector<Key> to = keys_of(*passphrase_key("p"));
  ASSERT_TRUE(seal(text_bytes("x"), folder.file("s"), to, {}, {}).ok());
  Container c = container_of(folder.get("s"));
  c.stanzas[0].body[16 + 3] = std::byte{1};  // passes
  EXPECT_EQ(unwrap(c, to).status().code(), Code::limit);
}

TEST(Sealed, RefusesOptionsThatMakeNoFile) {
  const TestFolder folder;
  const Pair pair = make_pair(KeyKind::x25519_secret);
  const std::vector<Key> to = keys_of(copy_of(pair.open));
  const auto code = [&](Bytes plain, const SealOptions& how, std::span<const Key> recipients) {
    return seal(plain, folder.file("s"), recipients, {}, how).code();
  };
  SealOptions how;
  EXPECT_EQ(code({}, how, to), Code::usage);
  EXPECT_EQ(code(text_bytes("x"), how, {}), Code::usage);
  how.chunk = 1000;
  EXPECT_EQ(code(text_bytes("x"), how, to), Code::usage);
  how = {};
  how.name = "a\nb";
  EXPECT_EQ(code(text_bytes("x"), how, to), Code::usage);
  how.name = std::string(257, 'a');
  EXPECT_EQ(code(text_bytes("x"), how, to), Code::usage);
  how = {};
  how.not_after = -1;
  EXPECT_EQ(code(text_bytes("x"), how, to), Code::usage);
  EXPECT_EQ(folder.entries(), 0u);
}

std::string hex_of(Bytes bytes) {
  std::string out(2 * bytes.size() + 1, '\0');
  sodium_bin2hex(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                 bytes.size());
  out.pop_back();
  return out;
}

TEST(Sealed, DerivesAsDocumented) {
  // Of docs/formats/sealed.md, computed by Python's hashlib.
  Secret key = *Secret::make();
  FileId file;
  for (std::size_t i = 0; i < kKeyBytes; ++i) key.data()[i] = static_cast<std::byte>(i);
  std::copy_n(key.data(), file.size(), file.begin());
  const auto derived = [&](std::string_view purpose) {
    const Secret out = *derive(key, purpose, file);
    return hex_of({out.data(), out.size()});
  };
  EXPECT_EQ(derived("payload"), "1e4e313a1aa841cc5d52397355a68f367b2cf64117e2c467092fcf7a905625b9");
  EXPECT_EQ(derived("envelope"),
            "55ebfc5a2019cb1bb9aa4c5007b2556b31eaa76989f1d1d7284414704fbcec66");
  EXPECT_EQ(hex_of(*commitment_of(key, file)),
            "f991999e9ba05f10e22c3ffe310766e7e5c1f85edb2778287dbc505909cd5eee");
  const Hash leaf = leaf_of(1, text_bytes("chunk"));
  EXPECT_EQ(hex_of(leaf), "45cc3e3f2645f00be1c51c9b55cc4aa5905d2b6d8d65c777cd91ae02aa7909f5");
  EXPECT_EQ(hex_of(root_of({leaf, leaf})),
            "828e3aeab4ce7ea985e00a3fecd0cf58d060cef5e9495434191ec196de15a1da");
}

TEST(Sealed, LibsodiumReadsTheChunks) {
  const Secret key = *Secret::random();
  const Hash associated = hash({text_bytes("core")});
  const std::string plain = sample_bytes(1000);
  for (const Suite suite : {Suite::chacha20_poly1305, Suite::aes256_gcm}) {
    if (suite == Suite::aes256_gcm && crypto_aead_aes256gcm_is_available() == 0) continue;
    const auto decrypt = suite == Suite::aes256_gcm ? crypto_aead_aes256gcm_decrypt
                                                    : crypto_aead_chacha20poly1305_ietf_decrypt;
    const auto encrypt = suite == Suite::aes256_gcm ? crypto_aead_aes256gcm_encrypt
                                                    : crypto_aead_chacha20poly1305_ietf_encrypt;
    ChunkCipher cipher = *ChunkCipher::make(suite, key, associated);
    std::vector<unsigned char> sealed(plain.size() + kTagBytes), opened(plain.size());
    auto* bytes = reinterpret_cast<std::byte*>(sealed.data());
    ASSERT_TRUE(cipher.encrypt(0x0102, true, text_bytes(plain), bytes).ok());
    const unsigned char nonce[12] = {2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    const auto* ad = reinterpret_cast<const unsigned char*>(associated.data());
    unsigned long long n = 0;
    ASSERT_EQ(decrypt(opened.data(), &n, nullptr, sealed.data(), sealed.size(), ad,
                      associated.size(), nonce, key.raw()),
              0);
    EXPECT_EQ(std::string(opened.begin(), opened.end()), plain);
    std::vector<unsigned char> theirs(sealed.size());
    encrypt(theirs.data(), &n, opened.data(), opened.size(), ad, associated.size(), nullptr, nonce,
            key.raw());
    EXPECT_EQ(theirs, sealed);
    std::vector<std::byte> back(plain.size());
    EXPECT_TRUE(cipher.decrypt(0x0102, true, std::as_bytes(std::span(theirs)), back.data()).ok());
    EXPECT_EQ(cipher.decrypt(0x0102, false, std::as_bytes(std::span(theirs)), back.data()).code(),
              Code::authentication);
    EXPECT_EQ(cipher.decrypt(0, true, {}, back.data()).code(), Code::malformed);
  }
}

}  // namespace
}  // namespace gossamer::seal
