// Any bytes as a sealed package: PREFIX, CORE, signatures and envelope, with a checksum and a
// length that fit. What is read encodes to the same bytes; keys, policy and hash tree then meet it.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "package/crc32c.h"
#include "seal/sealed.h"

namespace {

using namespace gossamer;
using namespace gossamer::seal;

constexpr std::size_t kCoreAt = 128, kCoreLength = 32, kFileLength = 16, kChecksum = 124;

template <class T>
void put(std::string& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

// Repairs what would only say that the bytes were changed.
void repair(std::string& bytes) {
  if (bytes.size() < kCoreAt) return;
  put(bytes, kFileLength, std::uint64_t{bytes.size()});
  std::uint64_t core = 0;
  std::memcpy(&core, bytes.data() + kCoreLength, sizeof core);
  if (core > bytes.size() - kCoreAt) return;
  const Bytes all = text_bytes(bytes);
  put(bytes, kChecksum,
      package::crc32c(all.subspan(kCoreAt, core), package::crc32c(all.first(kChecksum))));
}

std::vector<Key> keys() {
  std::vector<Key> out;
  for (const char* kind : {"gossamer-symmetric:", "gossamer-x25519-secret:"}) {
    Result<Key> key = parse_key(kind + std::string(64, '7'));
    if (!key.ok()) std::abort();
    out.push_back(std::move(*key));
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  repair(bytes);
  FileDescriptor fd(memfd_create("sealed", MFD_CLOEXEC));
  if (!fd.ok() ||
      pwrite(fd.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return 0;
  const Result<SealedFile> file = SealedFile::open(std::move(fd));
  if (!file.ok()) return 0;
  Container c = file->container();
  if (c.file_bytes() != bytes.size() || c.stanzas.size() > kMaxRecipients) std::abort();
  c.leaves.resize(c.core.chunks());
  std::memcpy(c.leaves.data(), bytes.data() + c.tree_at(), c.leaves.size() * sizeof(Hash));
  const std::vector<std::byte> again = c.encode();
  const std::size_t described = c.tree_at() + c.leaves.size() * sizeof(Hash);
  if (again.size() != c.payload_at() || std::memcmp(again.data(), bytes.data(), described) != 0)
    std::abort();
  // Nobody has the data key that this commits to.
  static const std::vector<Key> kKeys = keys();
  if (unwrap(c, kKeys).ok()) std::abort();
  Policy policy;
  policy.suites = {Suite::aes256_gcm};
  (void)check_policy(c, policy, 1);
  (void)file->check_chunks(1);
  return 0;
}
