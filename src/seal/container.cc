// Writing and reading what comes before the payload.
#include "seal/container.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/utf8.h"
#include "package/byte_reader.h"
#include "package/byte_writer.h"
#include "package/crc32c.h"

namespace gossamer::seal {
namespace {

using package::ByteReader;
using package::ByteWriter;

constexpr std::size_t kCoreBytes = 144;  // and the name
constexpr std::size_t kSignatureBytes = 96;
constexpr std::uint64_t kAlignment = 64;  // of the payload
constexpr std::uint32_t kSealed = 1;

std::uint64_t aligned(std::uint64_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

std::size_t envelope_bytes(std::span<const Stanza> stanzas) {
  std::size_t n = 4 + sizeof(Hash);
  for (const Stanza& s : stanzas) n += 4 + s.body.size();
  return n;
}

template <std::size_t N>
void take(ByteReader& r, std::array<std::byte, N>& out) {
  const Bytes bytes = r.bytes(N);
  if (r.ok()) std::copy(bytes.begin(), bytes.end(), out.begin());
}

// Places and lengths as PREFIX has them.
struct Prefix {
  std::uint64_t file = 0, core = 0, core_bytes = 0, signatures = 0, signature_bytes = 0,
                envelope = 0, envelope_bytes = 0, tree = 0, tree_bytes = 0, payload = 0,
                payload_bytes = 0;
  std::uint32_t checksum = 0;
};

Result<Prefix> read_prefix(Bytes bytes) {
  ByteReader r(bytes);
  const Bytes magic = r.bytes(package::kMagic.size());
  if (!r.ok() || std::memcmp(magic.data(), package::kMagic.data(), magic.size()) != 0)
    return malformed("it is no package");
  if (r.u16() != package::kMajor || r.u16() != 0)
    return unsupported("the sealed package is of another format version",
                       "use another version of Gossamer, or seal the package again");
  const std::uint32_t flags = r.u32();
  if (flags == 0) return usage_error("the package is not sealed");
  if (flags != kSealed) return malformed("an unknown critical flag is set");
  Prefix p;
  for (std::uint64_t* field :
       {&p.file, &p.core, &p.core_bytes, &p.signatures, &p.signature_bytes, &p.envelope,
        &p.envelope_bytes, &p.tree, &p.tree_bytes, &p.payload, &p.payload_bytes})
    *field = r.u64();
  for (const std::byte b : r.bytes(20))
    if (b != std::byte{0}) return malformed("a reserved byte of PREFIX is set");
  p.checksum = r.u32();
  TRY(r.status("PREFIX"));
  return p;
}

Result<Core> read_core(Bytes bytes) {
  ByteReader r(bytes);
  Core c;
  if (r.u32() != 0) return malformed("CORE of a sealed package has sections");
  if (r.u32() != kSealed) return malformed("CORE has an unknown critical flag");
  const std::uint16_t suite = r.u16();
  if (suite != 1 && suite != 2)
    return unsupported("the suite " + std::to_string(suite) + " is unknown");
  c.suite = static_cast<Suite>(suite);
  if (r.u16() != 0) return malformed("a reserved field of CORE is set");
  c.chunk = r.u32();
  take(r, c.file);
  c.plain = r.u64();
  c.version = r.u64();
  c.not_before = static_cast<std::int64_t>(r.u64());
  c.not_after = static_cast<std::int64_t>(r.u64());
  c.needs = r.u32();
  c.policy = r.u32();
  const std::uint32_t name = r.u32();
  if (r.u32() != 0) return malformed("a reserved field of CORE is set");
  take(r, c.commitment);
  take(r, c.root);
  const Bytes text = r.bytes(name);
  TRY(r.status("CORE"));
  if (!r.at_end()) return malformed("bytes follow the name in CORE");
  c.name.assign(reinterpret_cast<const char*>(text.data()), text.size());
  if (!is_utf8(c.name)) return malformed("the name in CORE is not UTF-8");
  for (const char ch : c.name)
    if (static_cast<unsigned char>(ch) < 0x20 || ch == 0x7f)
      return malformed("the name in CORE holds a control character");
  if (!std::has_single_bit(c.chunk) || c.chunk < kLeastChunk || c.chunk > kMostChunk)
    return malformed("a chunk of " + std::to_string(c.chunk) + " bytes");
  if (c.plain == 0 || c.plain > kMostPlain) return malformed("a payload of no or too many bytes");
  if (c.not_before < 0 || c.not_after < 0) return malformed("a date is negative");
  if (c.needs > kNeeds)
    return unsupported("the package within is of a newer format",
                       "use a newer version of Gossamer");
  if ((c.policy & ~kNoClearCopy) != 0) return malformed("CORE has an unknown policy bit");
  return c;
}

Result<std::vector<Stanza>> read_stanzas(Bytes bytes, Hash& mac) {
  ByteReader r(bytes);
  const std::uint32_t count = r.u32();
  if (count == 0 || count > kMaxRecipients)
    return malformed("the envelope is for " + std::to_string(count) + " recipients");
  std::vector<Stanza> stanzas(count);
  bool passphrase = false;
  for (Stanza& s : stanzas) {
    const std::uint16_t kind = r.u16(), length = r.u16();
    s.kind = static_cast<StanzaKind>(kind);
    if (r.ok() && (kind < 1 || kind > 3 || length != body_bytes(s.kind)))
      return malformed("the envelope holds a recipient of an unknown kind");
    if (s.kind == StanzaKind::passphrase && std::exchange(passphrase, true))
      return malformed("the envelope holds several passphrases");
    const Bytes body = r.bytes(length);
    s.body.assign(body.begin(), body.end());
  }
  take(r, mac);
  TRY(r.status("the envelope"));
  if (!r.at_end()) return malformed("bytes follow the envelope");
  return stanzas;
}

}  // namespace

std::size_t body_bytes(StanzaKind kind) {
  constexpr std::size_t kWrapped = kKeyBytes + kTagBytes;
  switch (kind) {
    case StanzaKind::x25519:
      return 32 + kWrapped;
    case StanzaKind::passphrase:
      return 16 + 4 + 4 + kWrapped;
    case StanzaKind::symmetric:
      return 16 + kWrapped;
  }
  return 0;
}

std::uint64_t Container::tree_at() const {
  return package::kPrefixBytes + kCoreBytes + core.name.size() +
         signatures.size() * kSignatureBytes + envelope_bytes(stanzas);
}

std::uint64_t Container::payload_at() const {
  return aligned(tree_at() + core.chunks() * sizeof(Hash));
}

std::vector<std::byte> Container::encode_core() const {
  ByteWriter w;
  w.u32(0);
  w.u32(kSealed);
  w.u16(static_cast<std::uint16_t>(core.suite));
  w.u16(0);
  w.u32(core.chunk);
  w.bytes(core.file);
  w.u64(core.plain);
  w.u64(core.version);
  w.u64(static_cast<std::uint64_t>(core.not_before));
  w.u64(static_cast<std::uint64_t>(core.not_after));
  w.u32(core.needs);
  w.u32(core.policy);
  w.u32(static_cast<std::uint32_t>(core.name.size()));
  w.u32(0);
  w.bytes(core.commitment);
  w.bytes(core.root);
  w.bytes(text_bytes(core.name));
  return std::move(w.out());
}

std::vector<std::byte> Container::encode_stanzas() const {
  ByteWriter w;
  w.u32(static_cast<std::uint32_t>(stanzas.size()));
  for (const Stanza& s : stanzas) {
    w.u16(static_cast<std::uint16_t>(s.kind));
    w.u16(static_cast<std::uint16_t>(s.body.size()));
    w.bytes(s.body);
  }
  return std::move(w.out());
}

std::vector<std::byte> Container::encode() const {
  const std::vector<std::byte> core_bytes = encode_core();
  ByteWriter w;
  w.bytes(std::as_bytes(std::span(package::kMagic)));
  w.u16(package::kMajor);
  w.u16(0);
  w.u32(kSealed);
  w.u64(file_bytes());
  std::uint64_t at = package::kPrefixBytes;
  for (const std::uint64_t length :
       {std::uint64_t{core_bytes.size()}, std::uint64_t{signatures.size() * kSignatureBytes},
        std::uint64_t{envelope_bytes(stanzas)}, std::uint64_t{leaves.size() * sizeof(Hash)}}) {
    w.u64(at);
    w.u64(length);
    at += length;
  }
  w.u64(payload_at());
  w.u64(payload_bytes());
  w.pad_to(4);
  for (int i = 0; i < 5; ++i) w.u32(0);
  w.u32(package::crc32c(core_bytes, package::crc32c(w.out())));
  w.bytes(core_bytes);
  for (const Signature& s : signatures) {
    w.bytes(s.key);
    w.bytes(s.bytes);
  }
  w.bytes(encode_stanzas());
  w.bytes(mac);
  for (const Hash& leaf : leaves) w.bytes(leaf);
  w.pad_to(kAlignment);
  return std::move(w.out());
}

Status read_at(const FileDescriptor& file, std::uint64_t at, std::span<std::byte> to) {
  while (!to.empty()) {
    const ssize_t n = pread(file.get(), to.data(), to.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return io_error(std::string("cannot read the sealed package: ") + std::strerror(errno));
    if (n == 0) return malformed("the sealed package ends in the middle");
    at += static_cast<std::uint64_t>(n);
    to = to.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<Container> read_container(const FileDescriptor& file, std::uint64_t size) {
  if (size < package::kPrefixBytes) return malformed("the sealed package ends in the middle");
  std::array<std::byte, package::kPrefixBytes> head;
  TRY(read_at(file, 0, head));
  ASSIGN(const Prefix p, read_prefix(head));
  constexpr std::size_t kMostEnvelope = 4 + sizeof(Hash) + kMaxRecipients * (4 + 80);
  if (p.file != size) return malformed("the file does not have the bytes that PREFIX says");
  if (p.core != head.size() || p.core_bytes < kCoreBytes || p.core_bytes > kCoreBytes + kMaxName ||
      p.signatures != p.core + p.core_bytes || p.signature_bytes % kSignatureBytes != 0 ||
      p.signature_bytes > kMaxSignatures * kSignatureBytes ||
      p.envelope != p.signatures + p.signature_bytes || p.envelope_bytes > kMostEnvelope ||
      p.tree != p.envelope + p.envelope_bytes)
    return malformed("the parts of the sealed package do not lie one after the other");
  std::vector<std::byte> rest(p.tree - p.core);
  TRY(read_at(file, p.core, rest));
  const Bytes all(rest);
  const Bytes core = all.first(p.core_bytes);
  if (package::crc32c(core, package::crc32c(Bytes(head).first(124))) != p.checksum)
    return malformed("the checksum of PREFIX and CORE does not fit: the file is damaged");
  Container c;
  ASSIGN(c.core, read_core(core));
  ByteReader r(all.subspan(p.core_bytes, p.signature_bytes));
  c.signatures.resize(p.signature_bytes / kSignatureBytes);
  for (Signature& s : c.signatures) {
    take(r, s.key);
    take(r, s.bytes);
  }
  ASSIGN(c.stanzas, read_stanzas(all.subspan(p.core_bytes + p.signature_bytes), c.mac));
  if (p.tree != c.tree_at() || p.tree_bytes != c.core.chunks() * sizeof(Hash) ||
      p.payload != c.payload_at() || p.payload_bytes != c.payload_bytes() || c.file_bytes() != size)
    return malformed("the parts of the sealed package do not have the bytes that CORE says");
  return c;
}

Hash root_of(const std::vector<Hash>& leaves) {
  return hash({text_bytes("gossamer root "), std::as_bytes(std::span(leaves))});
}

Hash leaf_of(std::uint64_t number, Bytes chunk) {
  std::array<std::byte, 8> index;
  for (std::size_t i = 0; i < 8; ++i) index[i] = static_cast<std::byte>(number >> (8 * i));
  return hash({text_bytes("gossamer leaf "), index, chunk});
}

Status read_leaves(const FileDescriptor& file, Container& c) {
  c.leaves.resize(c.core.chunks());
  TRY(read_at(file, c.tree_at(), std::as_writable_bytes(std::span(c.leaves))));
  if (!same(root_of(c.leaves), c.core.root))
    return {Code::authentication, "the hash tree does not have the root that CORE says"};
  const std::uint64_t end = c.tree_at() + c.leaves.size() * sizeof(Hash);
  std::vector<std::byte> gap(c.payload_at() - end);
  TRY(read_at(file, end, gap));
  for (const std::byte b : gap)
    if (b != std::byte{0}) return malformed("a byte between the hash tree and the payload is set");
  return {};
}

}  // namespace gossamer::seal
