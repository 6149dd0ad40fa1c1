// For tests: fresh keys, and a sealed file in memory whose bytes can be changed.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "base/test_folder.h"
#include "seal/sealed.h"

namespace gossamer::seal {

struct Pair {
  Key secret, open;
};

inline Pair make_pair(KeyKind kind) {
  Result<Key> secret = generate_key(kind);
  Result<Key> open = public_key(*secret);
  return {std::move(*secret), std::move(*open)};
}

template <class... K>
std::vector<Key> keys_of(K&&... k) {
  std::vector<Key> keys;
  (keys.push_back(std::forward<K>(k)), ...);
  return keys;
}

inline Key copy_of(const Key& key) { return *parse_key(key_text(key)); }

// Bytes that do not repeat.
inline std::string sample_bytes(std::size_t n) {
  std::string out(n, '\0');
  std::uint32_t x = 12345;
  for (char& c : out) c = static_cast<char>((x = x * 1664525 + 1013904223) >> 24);
  return out;
}

inline FileDescriptor in_memory(std::string_view bytes) {
  FileDescriptor fd(memfd_create("sealed", MFD_CLOEXEC));
  EXPECT_EQ(pwrite(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  return fd;
}

// A recipient with a key file, and what it opens.
class SealedSample {
 public:
  explicit SealedSample(const TestFolder& folder)
      : folder_(&folder), pair_(make_pair(KeyKind::x25519_secret)) {
    folder.put("key", key_text(pair_.secret) + "\n");
    EXPECT_EQ(chmod(folder.file("key").c_str(), 0600), 0);
    options.keys = {folder.file("key")};
  }

  const Pair& pair() const { return pair_; }

  std::string seal_bytes(std::string_view plain, const SealOptions& how = {},
                         std::span<const Key> signers = {}) const {
    const std::vector<Key> to = keys_of(copy_of(pair_.open));
    const Status s = seal(text_bytes(plain), folder_->file("sealed"), to, signers, how);
    EXPECT_TRUE(s.ok()) << s.message();
    return folder_->get("sealed");
  }

  Result<std::string> open_bytes(std::string_view bytes) const {
    ASSIGN(const SealedFile file, SealedFile::open(in_memory(bytes)));
    ASSIGN(const Opened opened, file.decrypt(options));
    return std::string(reinterpret_cast<const char*>(opened.bytes.data()), opened.bytes.size());
  }

  OpenOptions options;

 private:
  const TestFolder* folder_;
  Pair pair_;
};

}  // namespace gossamer::seal
