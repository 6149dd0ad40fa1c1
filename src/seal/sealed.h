// Sealed packages as files: sealing one, and what can be done with one: verify, open, rewrap, sign.
// docs/formats/sealed.md has the bytes and what each step promises.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "seal/envelope.h"
#include "seal/policy.h"

namespace gossamer::seal {

struct SealOptions {
  Suite suite = Suite::chacha20_poly1305;
  std::uint32_t chunk = kUsualChunk;  // a power of two from 16 KiB to 1 MiB
  std::string name;                   // of the model, at most 256 bytes
  std::uint64_t version = 0;
  std::int64_t not_before = 0, not_after = 0;
  bool no_clear_copy = false;  // opening to a file is refused
  int threads = 0;
};

// Seals a package for 1 to 64 recipients, signed by up to 4 keys, beside `path`, and renames it.
// Fails with usage, io; `plain` is not looked at.
Status seal(Bytes plain, const std::string& path, std::span<const Key> recipients,
            std::span<const Key> signers, const SealOptions& options);

// Plain bytes in anonymous memory, from a multiple of 4096, left out of core dumps, read-only.
struct Opened {
  Bytes bytes;
  std::shared_ptr<const void> owner;
};

struct OpenOptions {
  Policy policy;
  std::vector<std::string> keys;  // sources, tried in order
  std::int64_t now = 0;           // Unix seconds
  int threads = 0;
  const std::atomic<bool>* cancelled = nullptr;  // ends waiting for keys
};

class SealedFile {
 public:
  // Reads all but hash tree and payload, and checks their form.
  static Result<SealedFile> open(const std::string& path);
  static Result<SealedFile> open(FileDescriptor fd);

  const Container& container() const { return container_; }

  // Whether the whole file is what CORE, and so its signatures, vouch for. Needs no key.
  // Fails with authentication, io.
  Status check_chunks(int threads = 0) const;
  // The package within, all of it checked first: signatures, policy, dates; then key, commitment,
  // envelope; then each chunk. The version is noted where the policy keeps versions.
  Result<Opened> decrypt(const OpenOptions& options) const;
  // The same file for other recipients. `keys` must open it.
  Status rewrap(const std::string& path, std::span<const Key> keys,
                std::span<const Key> recipients) const;
  // The same file with one more signature; all chunks are checked first.
  Status sign(const std::string& path, const Key& signer) const;

 private:
  Result<Secret> data_key(std::span<const Key> keys) const;
  Status copy_to(const std::string& path, const Container& changed) const;

  FileDescriptor file_;
  Container container_;
};

// Whether a file is there that begins as a sealed package does.
bool is_sealed(const std::string& path);

}  // namespace gossamer::seal
