// Policies, signatures, the file of versions, and keys from their sources.
#include "seal/policy.h"

#include <sys/stat.h>

#include "seal/test_keys.h"

namespace gossamer::seal {
namespace {

std::string public_text(const Pair& pair) { return key_text(pair.open); }

TEST(Policy, ReadsItsLines) {
  const Pair a = make_pair(KeyKind::ed25519_secret), b = make_pair(KeyKind::ed25519_secret);
  const Result<Policy> p =
      parse_policy("# who\nsigner " + public_text(a) + "\r\nsigner " + public_text(b) +
                       "\nsigner " + public_text(a) +
                       "\n\nsignatures 2\nsuite aes-256-gcm\nversions seen\nversions-key file:k",
                   "/etc/");
  ASSERT_TRUE(p.ok()) << p.status().message();
  EXPECT_EQ(p->signers.size(), 2u);
  EXPECT_EQ(p->signatures, 2u);
  EXPECT_EQ(p->suites, std::vector{Suite::aes256_gcm});
  EXPECT_EQ(p->versions, "/etc/seen");
  EXPECT_EQ(p->versions_key, "file:k");
  EXPECT_EQ(parse_policy("signer " + public_text(a))->signatures, 1u);
}

TEST(Policy, RefusesWhatItDoesNotKnow) {
  const Pair pair = make_pair(KeyKind::x25519_secret);
  for (const std::string& text :
       {std::string("signers x"), std::string("signer x"), "signer " + public_text(pair),
        std::string("signatures 1"), std::string("signatures 0"), std::string("signatures 1x"),
        std::string("suite none"), std::string("versions"), std::string("versions seen"),
        std::string("versions-key k"), std::string("versions seen\nversions-key k")})
    EXPECT_EQ(parse_policy(text).status().code(), Code::usage) << text;
  EXPECT_EQ(parse_policy(std::string(1 << 17, '#')).status().code(), Code::limit);
}

class PolicyOnFiles : public testing::Test {
 protected:
  Result<std::string> open_with(const Policy& policy, std::int64_t now = 0) {
    sample_.options.policy = policy;
    sample_.options.now = now;
    return sample_.open_bytes(bytes_);
  }

  void seal_with(const SealOptions& how) {
    bytes_ = sample_.seal_bytes("content", how, keys_of(copy_of(signer_.secret)));
  }

  Policy trusting() const {
    Policy p;
    p.signers = {signer_.open.open};
    p.signatures = 1;
    return p;
  }

  TestFolder folder_;
  SealedSample sample_{folder_};
  Pair signer_ = make_pair(KeyKind::ed25519_secret);
  std::string bytes_;
};

TEST_F(PolicyOnFiles, AsksForSigners) {
  seal_with({});
  Policy p = trusting();
  EXPECT_TRUE(open_with(p).ok());
  const Pair other = make_pair(KeyKind::ed25519_secret);
  p.signers = {other.open.open};
  EXPECT_EQ(open_with(p).status().code(), Code::policy);
  p.signers.push_back(signer_.open.open);
  EXPECT_TRUE(open_with(p).ok());
  p.signatures = 2;
  EXPECT_EQ(open_with(p).status().code(), Code::policy);
}

TEST_F(PolicyOnFiles, HoldsToSuitesAndDates) {
  SealOptions how;
  how.not_before = 1000;
  how.not_after = 2000;
  seal_with(how);
  EXPECT_EQ(open_with({}, 999).status().code(), Code::policy);
  EXPECT_TRUE(open_with({}, 1000).ok());
  EXPECT_TRUE(open_with({}, 2000).ok());
  EXPECT_EQ(open_with({}, 2001).status().code(), Code::policy);
  Policy p;
  p.suites = {Suite::aes256_gcm};
  EXPECT_EQ(open_with(p, 1500).status().code(), Code::policy);
  p.suites.push_back(Suite::chacha20_poly1305);
  EXPECT_TRUE(open_with(p, 1500).ok());
}

TEST_F(PolicyOnFiles, VersionsNeverGoBack) {
  const Result<Key> key = generate_key(KeyKind::symmetric);
  folder_.put("device", key_text(*key));
  ASSERT_EQ(chmod(folder_.file("device").c_str(), 0600), 0);
  Policy p = trusting();
  p.versions = folder_.file("seen");
  p.versions_key = folder_.file("device");
  const auto open_version = [&](std::uint64_t version, const std::string& name) {
    SealOptions how;
    how.name = name;
    how.version = version;
    seal_with(how);
    return std::move(open_with(p)).status().code();
  };
  EXPECT_EQ(open_version(5, "a"), Code::ok);
  EXPECT_EQ(open_version(5, "a"), Code::ok);
  EXPECT_EQ(open_version(4, "a"), Code::policy);
  EXPECT_EQ(open_version(1, "b c"), Code::ok);
  EXPECT_EQ(open_version(7, "a"), Code::ok);
  EXPECT_EQ(open_version(6, "a"), Code::policy);
  EXPECT_EQ(open_version(0, "b c"), Code::policy);
  std::string seen = folder_.get("seen");
  ASSERT_TRUE(seen.starts_with("7 a\n1 b c\nmac ")) << seen;
  seen[0] = '1';
  folder_.put("seen", seen);
  EXPECT_EQ(open_version(8, "a"), Code::authentication);
  folder_.put("seen", "");
  EXPECT_EQ(open_version(8, "a"), Code::authentication);
}

TEST_F(PolicyOnFiles, AWrongKeyNotesNoVersion) {
  folder_.put("device", key_text(*generate_key(KeyKind::symmetric)));
  ASSERT_EQ(chmod(folder_.file("device").c_str(), 0600), 0);
  Policy p = trusting();
  p.versions = folder_.file("seen");
  p.versions_key = folder_.file("device");
  seal_with({});
  const SealedSample other(folder_);
  EXPECT_EQ(open_with(p).status().code(), Code::key);
  EXPECT_EQ(folder_.get("seen"), "");
}

TEST(Signatures, MinisignFormRoundTrips) {
  const Pair a = make_pair(KeyKind::ed25519_secret), b = make_pair(KeyKind::ed25519_secret);
  const std::string text = *minisign_text(text_bytes("file"), a.secret, "model 3");
  const std::vector<PublicKey> trusted = {b.open.open, a.open.open};
  EXPECT_EQ(*check_minisign(text_bytes("file"), text, trusted), a.open.open);
  const auto code = [&](std::string_view file, const std::string& changed, std::size_t keys) {
    return check_minisign(text_bytes(file), changed, std::span(trusted).first(keys))
        .status()
        .code();
  };
  EXPECT_EQ(code("files", text, 2), Code::authentication);
  EXPECT_EQ(code("file", text, 1), Code::authentication);
  std::string other = text;
  other[other.find("model 3") + 6] = '4';
  EXPECT_EQ(code("file", other, 2), Code::authentication);
  EXPECT_EQ(code("file", text.substr(0, text.size() / 2), 2), Code::malformed);
  EXPECT_EQ(code("file", "", 2), Code::malformed);
  EXPECT_EQ(minisign_text(text_bytes("f"), a.secret, "a\nb").status().code(), Code::usage);
  EXPECT_EQ(minisign_text(text_bytes("f"), a.open, "").status().code(), Code::usage);
  EXPECT_EQ(minisign_public_text(a.secret).status().code(), Code::usage);
}

TEST(Keys, TextGoesBothWays) {
  for (const KeyKind kind : {KeyKind::x25519_secret, KeyKind::ed25519_secret, KeyKind::symmetric}) {
    const Key key = *generate_key(kind);
    EXPECT_EQ(key_text(copy_of(key)), key_text(key));
    if (kind == KeyKind::symmetric) {
      EXPECT_EQ(public_key(key).status().code(), Code::usage);
    } else {
      EXPECT_EQ(key_text(*load_key(key_text(*public_key(key)))), key_text(*public_key(key)));
    }
    EXPECT_EQ(load_key(key_text(key)).status().code(), Code::usage);
    EXPECT_FALSE(parse_key(key_text(key).substr(1)).ok());
    EXPECT_FALSE(parse_key(key_text(key) + "0").ok());
  }
  EXPECT_FALSE(parse_key("gossamer-symmetric:" + std::string(64, 'g')).ok());
}

TEST(Keys, ComeFromFilesDescriptorsVariablesAndCredentials) {
  const TestFolder folder;
  const Key key = *generate_key(KeyKind::symmetric);
  folder.put("k", "# a key\n\n" + key_text(key) + "\r\nmore");
  ASSERT_EQ(chmod(folder.file("k").c_str(), 0600), 0);
  EXPECT_EQ(key_text(*load_key(folder.file("k"))), key_text(key));
  EXPECT_EQ(key_text(*load_key("file:" + folder.file("k"))), key_text(key));
  setenv("CREDENTIALS_DIRECTORY", folder.path().c_str(), 1);
  EXPECT_EQ(key_text(*load_key("cred:k")), key_text(key));
  EXPECT_EQ(load_key("cred:../k").status().code(), Code::usage);
  unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(load_key("cred:k").status().code(), Code::key);
  ASSERT_EQ(chmod(folder.file("k").c_str(), 0644), 0);
  EXPECT_EQ(load_key(folder.file("k")).status().code(), Code::key);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string line = key_text(key) + "\n";
  ASSERT_EQ(write(ends[1], line.data(), line.size()), static_cast<ssize_t>(line.size()));
  close(ends[1]);
  EXPECT_EQ(key_text(*load_key("fd:" + std::to_string(ends[0]))), line.substr(0, line.size() - 1));
  close(ends[0]);
  setenv("GOSSAMER_TEST_PASSPHRASE", "words", 1);
  EXPECT_EQ(load_key("env:GOSSAMER_TEST_PASSPHRASE")->secret.text(), "words");
  setenv("GOSSAMER_TEST_PASSPHRASE", "", 1);
  EXPECT_EQ(load_key("env:GOSSAMER_TEST_PASSPHRASE").status().code(), Code::key);
  unsetenv("GOSSAMER_TEST_PASSPHRASE");
  EXPECT_EQ(load_key("env:GOSSAMER_TEST_PASSPHRASE").status().code(), Code::key);
  for (const std::string& source : {folder.file("none"), folder.path(), std::string("fd:987654")})
    EXPECT_EQ(load_key(source).status().code(), Code::key) << source;
  for (const std::string& source : {std::string("fd:"), std::string("fd:x"), std::string("fd:-1")})
    EXPECT_EQ(load_key(source).status().code(), Code::usage) << source;
  folder.put("empty", "");
  EXPECT_EQ(load_key(folder.file("empty")).status().code(), Code::key);
  folder.put("long", std::string(5000, '#'));
  EXPECT_EQ(load_key(folder.file("long")).status().code(), Code::key);
}

TEST(Keys, ComeFromHelpers) {
  const TestFolder folder;
  const Key key = *generate_key(KeyKind::symmetric);
  const auto helper = [&](const std::string& script) {
    folder.put("helper", "#!/bin/sh\n" + script + "\n");
    EXPECT_EQ(chmod(folder.file("helper").c_str(), 0755), 0);
    return load_key("exec:" + folder.file("helper"), {{}, "the\nmodel", nullptr});
  };
  const Result<Key> given = helper("cat > '" + folder.file("asked") + "'; echo " + key_text(key));
  ASSERT_TRUE(given.ok()) << given.status().message();
  EXPECT_EQ(key_text(*given), key_text(key));
  EXPECT_EQ(folder.get("asked"), "gossamer-key 1 " + std::string(32, '0') + " the?model\n");
  EXPECT_EQ(helper("exit 3").status().code(), Code::key);
  EXPECT_EQ(helper("echo nothing").status().code(), Code::key);
  EXPECT_EQ(helper("while :; do echo '# on and on'; done").status().code(), Code::key);
  EXPECT_EQ(load_key("exec:/no/such/helper").status().code(), Code::key);
}

}  // namespace
}  // namespace gossamer::seal
