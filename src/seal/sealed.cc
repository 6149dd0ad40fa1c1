// Sealing and opening chunk by chunk. Nothing is released until every chunk has been checked.
#include "seal/sealed.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>

#include "base/atomic_file.h"
#include "base/utf8.h"
#include "seal/parallel.h"

namespace gossamer::seal {
namespace {

constexpr std::uint64_t kBatchBytes = 8 << 20;  // held at once while sealing

// What every chunk is bound to: CORE, all but the root, which is not known before they are.
Hash associated_of(Container c) {
  c.core.root = {};
  return hash({text_bytes("gossamer chunks "), c.encode_core()});
}

std::uint64_t plain_bytes_of(const Core& core, std::uint64_t number) {
  return std::min<std::uint64_t>(core.chunk, core.plain - number * core.chunk);
}

Status check_options(std::size_t recipients, std::size_t signers, const SealOptions& o) {
  if (recipients < 1 || recipients > kMaxRecipients)
    return usage_error("a package is sealed for 1 to 64 recipients");
  if (signers > kMaxSignatures) return usage_error("a package has at most 4 signatures");
  if (!std::has_single_bit(o.chunk) || o.chunk < kLeastChunk || o.chunk > kMostChunk)
    return usage_error("a chunk has a power of two of bytes, from 16 KiB to 1 MiB");
  if (o.name.size() > kMaxName || !is_utf8(o.name) || std::ranges::any_of(o.name, [](char c) {
        return static_cast<unsigned char>(c) < 32 || c == 127;
      }))
    return usage_error("a name is at most 256 bytes of UTF-8 without control characters");
  if (o.not_before < 0 || o.not_after < 0) return usage_error("a date is before 1970");
  return {};
}

Result<std::vector<Stanza>> wrap_all(const Secret& data, const FileId& file,
                                     std::span<const Key> recipients) {
  if (recipients.empty() || recipients.size() > kMaxRecipients)
    return usage_error("a package is sealed for 1 to 64 recipients");
  if (std::ranges::count(recipients, KeyKind::passphrase, &Key::kind) > 1)
    return usage_error("a package has at most one passphrase");
  std::vector<Stanza> stanzas;
  for (const Key& key : recipients) {
    ASSIGN(Stanza s, wrap(data, file, key));
    stanzas.push_back(std::move(s));
  }
  return stanzas;
}

// Encrypts all chunks, a batch at a time, and fills the leaves.
Status write_chunks(AtomicFile& out, Container& c, const Secret& data, Bytes plain, int threads) {
  ASSIGN(const Secret key, derive(data, "payload", c.core.file));
  const Hash associated = associated_of(c);
  const std::uint64_t count = c.core.chunks(), stride = c.core.chunk + kTagBytes;
  const std::uint64_t batch = std::min(count, kBatchBytes / c.core.chunk);
  std::vector<std::byte> buffer(batch * stride);
  for (std::uint64_t first = 0; first < count; first += batch) {
    const std::uint64_t end = std::min(count, first + batch);
    struct Worker {
      ChunkCipher cipher;
      const Container& c;
      Bytes plain;
      std::byte* to;
      std::vector<Hash>& leaves;
      std::uint64_t first, stride;
      Status operator()(std::uint64_t i) {
        const std::uint64_t n = plain_bytes_of(c.core, i);
        std::byte* chunk = to + (i - first) * stride;
        TRY(cipher.encrypt(i, i + 1 == c.core.chunks(), plain.subspan(i * c.core.chunk, n), chunk));
        leaves[i] = leaf_of(i, {chunk, n + kTagBytes});
        return {};
      }
    };
    TRY(for_chunks(threads, first, end, [&]() -> Result<Worker> {
      ASSIGN(ChunkCipher cipher, ChunkCipher::make(c.core.suite, key, associated));
      return Worker{std::move(cipher), c, plain, buffer.data(), c.leaves, first, stride};
    }));
    const std::uint64_t bytes =
        (end - first - 1) * stride + plain_bytes_of(c.core, end - 1) + kTagBytes;
    TRY(out.write(Bytes(buffer).first(bytes)));
  }
  return {};
}

struct Mapping {
  std::byte* bytes;
  std::size_t size;
  ~Mapping() { munmap(bytes, size); }
};

Result<std::shared_ptr<Mapping>> anonymous_memory(std::uint64_t bytes) {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return limit_error("no memory for the opened package");
  auto mapping = std::make_shared<Mapping>(static_cast<std::byte*>(p), bytes);
  if (madvise(p, bytes, MADV_DONTDUMP) != 0)
    return io_error("cannot keep the opened package out of core dumps");
  return mapping;
}

// Reads chunks into a buffer of its own, so that what was hashed is what is decrypted.
class ChunkReader {
 public:
  ChunkReader(const FileDescriptor& file, const Container& c)
      : file_(&file), container_(&c), buffer_(c.core.chunk + kTagBytes) {}

  Result<Bytes> read(std::uint64_t i) {
    const Core& core = container_->core;
    const std::span<std::byte> chunk =
        std::span(buffer_).first(plain_bytes_of(core, i) + kTagBytes);
    TRY(read_at(*file_, container_->payload_at() + i * (core.chunk + kTagBytes), chunk));
    if (!same(leaf_of(i, chunk), container_->leaves[i]))
      return Status(Code::authentication,
                    "chunk " + std::to_string(i) + " is not the one that the hash tree names");
    return Bytes(chunk);
  }

 private:
  const FileDescriptor* file_;
  const Container* container_;
  std::vector<std::byte> buffer_;
};

Status decrypt_chunks(const FileDescriptor& file, const Container& c, const Secret& data,
                      std::byte* to, int threads) {
  ASSIGN(const Secret key, derive(data, "payload", c.core.file));
  const Hash associated = associated_of(c);
  struct Worker {
    ChunkReader reader;
    ChunkCipher cipher;
    const Core& core;
    std::byte* to;
    Status operator()(std::uint64_t i) {
      ASSIGN(const Bytes chunk, reader.read(i));
      return cipher.decrypt(i, i + 1 == core.chunks(), chunk, to + i * core.chunk);
    }
  };
  return for_chunks(threads, 0, c.core.chunks(), [&]() -> Result<Worker> {
    ASSIGN(ChunkCipher cipher, ChunkCipher::make(c.core.suite, key, associated));
    return Worker{ChunkReader(file, c), std::move(cipher), c.core, to};
  });
}

}  // namespace

Status seal(Bytes plain, const std::string& path, std::span<const Key> recipients,
            std::span<const Key> signers, const SealOptions& options) {
  TRY(check_options(recipients.size(), signers.size(), options));
  if (plain.empty() || plain.size() > kMostPlain)
    return usage_error("a package of 1 byte to 256 GiB can be sealed");
  ASSIGN(const Secret data, Secret::random());
  Container c;
  c.core.suite = options.suite;
  c.core.chunk = options.chunk;
  randombytes_buf(c.core.file.data(), c.core.file.size());
  c.core.plain = plain.size();
  c.core.version = options.version;
  c.core.not_before = options.not_before;
  c.core.not_after = options.not_after;
  c.core.policy = options.no_clear_copy ? kNoClearCopy : 0;
  c.core.name = options.name;
  ASSIGN(c.core.commitment, commitment_of(data, c.core.file));
  ASSIGN(c.stanzas, wrap_all(data, c.core.file, recipients));
  c.signatures.resize(signers.size());
  c.leaves.resize(c.core.chunks());
  ASSIGN(AtomicFile out, AtomicFile::create(path));
  TRY(out.write(std::vector<std::byte>(c.payload_at())));
  TRY(write_chunks(out, c, data, plain, options.threads));
  c.core.root = root_of(c.leaves);
  for (std::size_t i = 0; i < signers.size(); ++i) {
    ASSIGN(c.signatures[i], sign_core(c, signers[i]));
  }
  ASSIGN(c.mac, envelope_mac(data, c));
  TRY(out.write_at(0, c.encode()));
  return out.commit();
}

Result<SealedFile> SealedFile::open(const std::string& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.ok()) return file_error("open", path, errno);
  Result<SealedFile> file = open(std::move(fd));
  if (!file.ok()) return std::move(file).status().in("'" + path + "'");
  return file;
}

Result<SealedFile> SealedFile::open(FileDescriptor fd) {
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return io_error("cannot look at the sealed package");
  if (!S_ISREG(info.st_mode)) return usage_error("it is no regular file");
  SealedFile file;
  ASSIGN(file.container_, read_container(fd, static_cast<std::uint64_t>(info.st_size)));
  file.file_ = std::move(fd);
  return file;
}

Status SealedFile::check_chunks(int threads) const {
  Container c = container_;
  TRY(read_leaves(file_, c));
  struct Worker {
    ChunkReader reader;
    Status operator()(std::uint64_t i) { return std::move(reader.read(i)).status(); }
  };
  return for_chunks(threads, 0, c.core.chunks(),
                    [&]() -> Result<Worker> { return Worker{ChunkReader(file_, c)}; });
}

Result<Secret> SealedFile::data_key(std::span<const Key> keys) const {
  ASSIGN(Secret data, unwrap(container_, keys));
  ASSIGN(const Hash mac, envelope_mac(data, container_));
  if (!same(mac, container_.mac))
    return Status(Code::authentication, "the envelope was changed by somebody without the key");
  return data;
}

Result<Opened> SealedFile::decrypt(const OpenOptions& options) const {
  TRY(check_policy(container_, options.policy, options.now));
  std::vector<Key> keys;
  for (const std::string& source : options.keys) {
    ASSIGN(Key key,
           load_key(source, {container_.core.file, container_.core.name, options.cancelled}));
    keys.push_back(std::move(key));
  }
  if (keys.empty())
    return Status(Code::key, "the package is sealed", "give a key of one of its recipients");
  ASSIGN(const Secret data, data_key(keys));
  Container c = container_;
  TRY(read_leaves(file_, c));
  ASSIGN(const std::shared_ptr<Mapping> memory, anonymous_memory(c.core.plain));
  TRY(decrypt_chunks(file_, c, data, memory->bytes, options.threads));
  if (mprotect(memory->bytes, memory->size, PROT_READ) != 0)
    return io_error("cannot protect the opened package");
  TRY(note_version(c, options.policy));
  return Opened{{memory->bytes, memory->size}, memory};
}

Status SealedFile::copy_to(const std::string& path, const Container& changed) const {
  ASSIGN(AtomicFile out, AtomicFile::create(path));
  TRY(out.write(changed.encode()));
  std::vector<std::byte> buffer(std::min<std::uint64_t>(changed.payload_bytes(), 1 << 20));
  for (std::uint64_t at = 0; at < changed.payload_bytes(); at += buffer.size()) {
    const std::span<std::byte> part = std::span(buffer).first(
        std::min<std::uint64_t>(buffer.size(), changed.payload_bytes() - at));
    TRY(read_at(file_, container_.payload_at() + at, part));
    TRY(out.write(part));
  }
  return out.commit();
}

Status SealedFile::rewrap(const std::string& path, std::span<const Key> keys,
                          std::span<const Key> recipients) const {
  ASSIGN(const Secret data, data_key(keys));
  Container c = container_;
  TRY(read_leaves(file_, c));
  ASSIGN(c.stanzas, wrap_all(data, c.core.file, recipients));
  ASSIGN(c.mac, envelope_mac(data, c));
  return copy_to(path, c);
}

Status SealedFile::sign(const std::string& path, const Key& signer) const {
  TRY(check_signatures(container_));
  TRY(check_chunks());
  Container c = container_;
  TRY(read_leaves(file_, c));
  ASSIGN(Signature s, sign_core(c, signer));
  for (const Signature& other : c.signatures)
    if (other.key == s.key) return usage_error("this key has signed the package already");
  if (c.signatures.size() == kMaxSignatures) return usage_error("the package has 4 signatures");
  c.signatures.push_back(s);
  return copy_to(path, c);
}

bool is_sealed(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::array<unsigned char, 16> begins{};
  return fd.ok() &&
         pread(fd.get(), begins.data(), begins.size(), 0) == static_cast<ssize_t>(begins.size()) &&
         std::equal(package::kMagic.begin(), package::kMagic.end(), begins.begin()) &&
         (begins[12] & 1) != 0;
}

}  // namespace gossamer::seal
