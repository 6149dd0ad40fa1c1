// Writing and checking PREFIX and CORE.
#include "package/format.h"

#include <algorithm>

#include "package/byte_reader.h"
#include "package/byte_writer.h"
#include "package/crc32c.h"

namespace gossamer::package {
namespace {

constexpr std::uint64_t kMaxAboutBytes = 1 << 20, kMaxProgramBytes = 1 << 28;
constexpr std::size_t kChecksumAt = 124;
constexpr std::uint32_t kSealed = 1;  // critical flag of PREFIX: the payload is encrypted

std::size_t aligned(std::size_t n, std::size_t alignment) {
  return (n + alignment - 1) / alignment * alignment;
}

// The checksum of PREFIX, its own place excepted, and CORE.
std::uint32_t head_checksum(std::span<const std::byte> prefix, std::span<const std::byte> core) {
  return crc32c(core, crc32c(prefix.first(kChecksumAt)));
}

std::string number(std::uint64_t v) { return std::to_string(v); }

Status newer(const std::string& what) {
  return unsupported(what, "open it with a newer version of Gossamer, or compile the model again");
}

// PREFIX without its reserved places; where CORE lies.
struct Prefix {
  std::uint16_t major = 0, minor = 0;
  std::uint32_t flags = 0;
  std::uint64_t file_bytes = 0, core = 0, core_bytes = 0, payload = 0, payload_bytes = 0;
  std::uint32_t checksum = 0;
};

Status check_versions(const Prefix& p) {
  if (p.major == 0) return malformed("the format's version is 0");
  if (p.major > kMajor)
    return newer("the package is of format " + number(p.major) + ", this build reads format " +
                 number(kMajor));
  if ((p.flags & kSealed) != 0)
    return {Code::key, "the package is sealed",
            "'gossamer run' and 'bench' open it with --key; 'gossamer inspect' tells what anybody "
            "can see of it"};
  if (p.flags != 0) return newer("the package needs something that this build does not know");
  return {};
}

Status check_places(const Prefix& p, std::uint64_t file_bytes) {
  if (p.file_bytes != file_bytes)
    return malformed("the file has " + number(file_bytes) + " bytes and says that it has " +
                         number(p.file_bytes),
                     "copy or download it again");
  if (p.core != kPrefixBytes || p.core_bytes < kCoreBytes || p.core_bytes > kMaxCoreBytes ||
      p.core_bytes > file_bytes - kPrefixBytes)
    return malformed("the core does not lie where it should");
  if (p.payload % kPage != 0 || p.payload < p.core + p.core_bytes || p.payload > file_bytes ||
      p.payload_bytes != file_bytes - p.payload)
    return malformed("the payload does not lie where it should");
  return {};
}

Result<Prefix> decode_prefix(std::span<const std::byte> head, std::uint64_t file_bytes) {
  ByteReader r(head);
  const auto magic = r.bytes(kMagic.size());
  const auto same = [](std::byte a, unsigned char b) { return a == std::byte{b}; };
  if (!r.ok() || !std::equal(magic.begin(), magic.end(), kMagic.begin(), same))
    return malformed("this is no .goss package");
  Prefix p;
  p.major = r.u16();
  p.minor = r.u16();
  p.flags = r.u32();
  if (r.ok()) TRY(check_versions(p));
  p.file_bytes = r.u64();
  p.core = r.u64();
  p.core_bytes = r.u64();
  for (int i = 0; i < 6; ++i)  // signatures, envelope, hash tree: of sealed and signed packages
    if (r.u64() != 0) r.fail("there is something in a place that clear packages leave empty");
  p.payload = r.u64();
  p.payload_bytes = r.u64();
  for (int i = 0; i < 5; ++i)
    if (r.u32() != 0) r.fail("a reserved place is not zero");
  p.checksum = r.u32();
  TRY(r.status("the prefix"));
  TRY(check_places(p, file_bytes));
  return p;
}

// Sections follow each other without overlap, with less than a page between them.
Status check_section(const Section& s, std::uint64_t end, const Prefix& p) {
  const std::string name = "section of kind " + number(static_cast<std::uint32_t>(s.kind));
  if (s.offset % kSectionAlignment != 0) return malformed("the " + name + " is not aligned");
  if (s.kind == SectionKind::mapped && s.offset % kPage != 0)
    return malformed("the " + name + " does not begin at a page");
  if (s.offset > p.payload_bytes || s.length > p.payload_bytes - s.offset)
    return malformed("the " + name + " lies beyond the file's end");
  if ((s.kind == SectionKind::about && s.length > kMaxAboutBytes) ||
      (s.kind == SectionKind::program && s.length > kMaxProgramBytes))
    return malformed("the " + name + " is too large");
  if (s.offset < end || s.offset - end >= kPage)
    return malformed("the " + name + " does not follow the one before it");
  return {};
}

Status decode_sections(ByteReader& r, std::uint32_t count, const Prefix& p, Frame& frame) {
  std::uint64_t end = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    Section s;
    const std::uint32_t kind = r.u32();
    const std::uint32_t flags = r.u32();
    s.kind = static_cast<SectionKind>(kind);
    s.critical = (flags & 1U) != 0;
    s.offset = r.u64();
    s.length = r.u64();
    s.checksum = r.u32();
    for (int k = 0; k < 5; ++k)
      if (r.u32() != 0) r.fail("a reserved place is not zero");
    TRY(r.status("the section table"));
    if (flags > 1) return newer("a section has flags that this build does not know");
    TRY(check_section(s, end, p));
    end = s.offset + s.length;
    const bool known = kind >= 1 && kind <= static_cast<std::uint32_t>(kLastKind);
    if (known && frame.find(s.kind)) return malformed("two sections are of one kind");
    if (!known && s.critical)
      return newer("the package has a section of kind " + number(kind) +
                   ", which this build does not know and may not skip");
    frame.sections.push_back(s);
  }
  if (end != p.payload_bytes) return malformed("bytes follow the last section");
  for (const auto& [plain, coded] : {std::pair(SectionKind::small, SectionKind::coded_small),
                                     std::pair(SectionKind::mapped, SectionKind::coded_mapped)})
    if (frame.find(plain) && frame.find(coded))
      return malformed("constants stand there coded and as they are");
  return {};
}

}  // namespace

const Section* Frame::find(SectionKind kind) const {
  const auto found = std::find_if(sections.begin(), sections.end(),
                                  [&](const Section& s) { return s.kind == kind; });
  return found == sections.end() ? nullptr : &*found;
}

std::vector<std::byte> encode_frame(const Frame& frame) {
  ByteWriter core;
  core.u32(static_cast<std::uint32_t>(frame.sections.size()));
  core.u32(0);  // critical flags
  core.u32(kPacking);
  core.u32(frame.level);
  for (std::size_t i = core.size(); i < kCoreBytes; ++i) core.u8(0);  // for sealing and signing
  for (const Section& s : frame.sections) {
    core.u32(static_cast<std::uint32_t>(s.kind));
    core.u32(s.critical ? 1 : 0);
    core.u64(s.offset);
    core.u64(s.length);
    core.u32(s.checksum);
    for (int k = 0; k < 5; ++k) core.u32(0);
  }
  const std::uint64_t payload = aligned(kPrefixBytes + core.size(), kPage);
  ByteWriter w;
  for (const unsigned char c : kMagic) w.u8(c);
  w.u16(kMajor);
  w.u16(frame.minor);
  w.u32(0);  // critical flags
  w.u64(payload + frame.payload_bytes);
  w.u64(kPrefixBytes);
  w.u64(core.size());
  for (int i = 0; i < 6; ++i) w.u64(0);
  w.u64(payload);
  w.u64(frame.payload_bytes);
  for (int i = 0; i < 5; ++i) w.u32(0);
  w.u32(head_checksum(w.out(), core.out()));
  w.bytes(core.out());
  w.pad_to(kPage);
  return std::move(w.out());
}

Result<Frame> decode_frame(std::span<const std::byte> head, std::uint64_t file_bytes,
                           bool check_sums) {
  ASSIGN(const Prefix p, decode_prefix(head, file_bytes));
  if (head.size() < p.core + p.core_bytes) return malformed("the core is cut off");
  const auto core = head.subspan(p.core, p.core_bytes);
  if (check_sums && head_checksum(head.first(kPrefixBytes), core) != p.checksum)
    return malformed("the checksum of the file's head does not fit: the file is damaged");
  ByteReader r(core);
  Frame frame;
  frame.minor = p.minor;
  frame.payload = p.payload;
  frame.payload_bytes = p.payload_bytes;
  const std::uint32_t count = r.u32();
  const std::uint32_t flags = r.u32();
  const std::uint32_t packing = r.u32();
  frame.level = r.u32();
  for (const std::byte b : r.bytes(kCoreBytes - 16))
    if (b != std::byte{0}) r.fail("there is something in a place that clear packages leave empty");
  TRY(r.status("the core"));
  if (flags != 0) return newer("the package needs something that this build does not know");
  if (packing != kPacking) return newer("the package is packed for another kind of machine");
  if (count > kMaxSections || p.core_bytes != kCoreBytes + count * kEntryBytes)
    return malformed("the section table does not fit the core");
  TRY(decode_sections(r, count, p, frame));
  return frame;
}

}  // namespace gossamer::package
