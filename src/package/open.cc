// Opening packages: frame, checksums, private copies, decoding, verification.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "base/file_descriptor.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "package/byte_reader.h"
#include "package/coded.h"
#include "package/crc32c.h"
#include "package/format.h"
#include "package/package.h"
#include "package/program_codec.h"

namespace gossamer::package {
namespace {

using Bytes = std::span<const std::byte>;

std::string_view section_name(SectionKind kind) {
  switch (kind) {
    case SectionKind::about:
      return "about";
    case SectionKind::program:
      return "program";
    case SectionKind::small:
      return "small constants";
    case SectionKind::mapped:
      return "constants";
    case SectionKind::coded_small:
      return "coded small constants";
    case SectionKind::coded_mapped:
      return "coded constants";
  }
  return "unknown";
}

Bytes bytes_of(Bytes file, const Frame& frame, const Section& section) {
  return file.subspan(frame.payload + section.offset, section.length);
}

Status check_sum(Bytes bytes, const Section& section) {
  if (crc32c(bytes) == section.checksum) return {};
  return malformed("the checksum of the section '" + std::string(section_name(section.kind)) +
                       "' does not fit: the file is damaged",
                   "copy or download it again");
}

// A private copy of a section (an empty one when it is not there), checked against its checksum.
Result<Tensor> copy_section(Bytes file, const Frame& frame, SectionKind kind, bool check_sums) {
  const Section* section = frame.find(kind);
  const Bytes from = section ? bytes_of(file, frame, *section) : Bytes();
  ASSIGN(Tensor copy,
         Tensor::make_uninitialized(DType::u8, Shape{static_cast<std::int64_t>(from.size())}));
  if (!from.empty()) std::memcpy(copy.mutable_data(), from.data(), from.size());
  if (section && check_sums)
    TRY(check_sum({static_cast<const std::byte*>(copy.data()), from.size()}, *section));
  return copy;
}

// What a coded section decodes to; nothing when it is not there.
Result<std::optional<Tensor>> decoded_section(Bytes file, const Frame& frame, SectionKind kind,
                                              bool check_sums) {
  const Section* section = frame.find(kind);
  if (!section) return std::optional<Tensor>();
  const Bytes from = bytes_of(file, frame, *section);
  if (check_sums) TRY(check_sum(from, *section));
  ASSIGN(Tensor out, decode_section(from));
  return std::optional(std::move(out));
}

Bytes view(const Tensor& t) { return {static_cast<const std::byte*>(t.data()), t.byte_size()}; }

Status read_about(Bytes bytes, Package& package) {
  ByteReader r(bytes);
  const std::size_t count = r.count(2);
  const auto text = [&] {
    const Bytes b = r.bytes(r.count());
    std::string s(reinterpret_cast<const char*>(b.data()), b.size());
    if (!is_utf8(s)) r.fail("a text is not UTF-8");
    return s;
  };
  for (std::size_t i = 0; i < count && r.ok(); ++i) {
    const std::string key = text();
    std::string value = text();
    if (key == "precision")
      package.precision = std::move(value);
    else if (key == "producer")
      package.producer = std::move(value);
  }
  if (r.ok() && !r.at_end()) r.fail("bytes follow the last text");
  TRY(r.status("the section 'about'"));
  if (package.precision.empty()) return malformed("the package does not say its precision");
  return {};
}

Status check_level(std::uint32_t level) {
  if (level >= static_cast<std::uint32_t>(kLevels))
    return unsupported("the package is for an instruction set level that this build does not know",
                       "open it with a newer version of Gossamer, or compile the model again");
  const auto needed = static_cast<Level>(level);
  if (needed <= active_level()) return {};
  return unsupported("the package is for level " + std::string(level_name(needed)) +
                         ", and this machine (or GOSSAMER_ISA) gives " +
                         std::string(level_name(active_level())),
                     "compile the model for level " + std::string(level_name(active_level())));
}

// The bytes that hold PREFIX and CORE, as far as the file goes.
Bytes head_of(Bytes file) {
  return file.first(std::min(file.size(), kPrefixBytes + kMaxCoreBytes));
}

// A copy of the head, so that what was checked stays what is used.
Result<Frame> read_frame(Bytes file, bool check_sums) {
  Bytes head = head_of(file);
  if (head.size() >= kPrefixBytes) {
    ByteReader r(head.subspan(32, 8));  // the length of CORE: no more than that is copied
    head = head.first(std::min<std::uint64_t>(
        head.size(), kPrefixBytes + std::min<std::uint64_t>(r.u64(), kMaxCoreBytes)));
  }
  const std::vector<std::byte> copy(head.begin(), head.end());
  return decode_frame(copy, file.size(), check_sums);
}

}  // namespace

Result<Package> parse(Bytes bytes, std::shared_ptr<const void> owner, const ParseOptions& options) {
  ASSIGN(const Frame frame, read_frame(bytes, options.check_sums));
  TRY(check_level(frame.level));
  if (!frame.find(SectionKind::about) || !frame.find(SectionKind::program))
    return malformed("the package holds no program");
  Package package;
  package.minor = frame.minor;
  package.level = static_cast<Level>(frame.level);
  package.bytes = bytes.size();
  const bool sums = options.check_sums;
  ASSIGN(const Tensor about, copy_section(bytes, frame, SectionKind::about, sums));
  TRY(read_about(view(about), package));
  ASSIGN(const Tensor program, copy_section(bytes, frame, SectionKind::program, sums));
  ASSIGN(Tensor small, copy_section(bytes, frame, SectionKind::small, sums));
  ASSIGN(const auto coded_small, decoded_section(bytes, frame, SectionKind::coded_small, sums));
  ASSIGN(const auto coded, decoded_section(bytes, frame, SectionKind::coded_mapped, sums));
  if (coded_small) small = *coded_small;
  Sections sections;
  sections.program = view(program);
  sections.small = view(small);
  sections.small_owner = std::make_shared<const Tensor>(small);
  sections.owner = std::move(owner);
  sections.newer = frame.minor > kMinor;
  if (const Section* mapped = frame.find(SectionKind::mapped)) {
    sections.mapped = bytes_of(bytes, frame, *mapped);
    package.constants = mapped->length;
  } else if (coded) {
    sections.mapped = view(*coded);
    sections.owner = std::make_shared<const Tensor>(*coded);
  }
  for (const auto& t : {coded_small, coded})
    if (t) package.decoded += t->byte_size();
  ASSIGN(runtime::Program decoded, decode_program(sections));
  TRY(runtime::verify(decoded));
  package.program = std::make_shared<const runtime::Program>(std::move(decoded));
  return package;
}

Result<Package> open(const std::string& path) {
  ASSIGN(const MappedFile file, MappedFile::open(path));
  Result<Package> package = parse(file.bytes(), file.owner());
  if (!package.ok()) return std::move(package).status().in("'" + path + "'");
  return package;
}

Status check(const std::string& path) {
  ASSIGN(const MappedFile file, MappedFile::open(path));
  Result<Frame> frame = read_frame(file.bytes(), true);
  Status status = frame.ok() ? Status() : frame.status();
  if (frame.ok())
    for (const Section& s : frame->sections)
      if (status.ok()) status = check_sum(bytes_of(file.bytes(), *frame, s), s);
  return std::move(status).in("'" + path + "'");
}

bool is_package(const std::string& path) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::array<unsigned char, kMagic.size()> begins{};
  return fd.ok() &&
         pread(fd.get(), begins.data(), begins.size(), 0) == static_cast<ssize_t>(begins.size()) &&
         begins == kMagic;
}

}  // namespace gossamer::package
