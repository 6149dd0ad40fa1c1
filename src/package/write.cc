// Writing packages.
#include <algorithm>
#include <functional>

#include "base/atomic_file.h"
#include "package/byte_writer.h"
#include "package/coded.h"
#include "package/crc32c.h"
#include "package/format.h"
#include "package/package.h"
#include "package/program_codec.h"

namespace gossamer::package {
namespace {

using Sink = std::function<Status(std::span<const std::byte>)>;

std::vector<std::byte> encode_about(const WriteOptions& options) {
  ByteWriter w;
  w.count(2);
  for (const auto& [key, value] :
       {std::pair("precision", &options.precision), std::pair("producer", &options.producer)}) {
    w.text(key);
    w.text(*value);
  }
  return std::move(w.out());
}

// Gives `sink` the bytes of the mapped section, gaps included.
Status emit_mapped(const EncodedProgram& encoded, const Sink& sink) {
  static constexpr std::byte kZeros[kPage] = {};
  std::uint64_t at = 0;
  for (const auto& [tensor, begin] : encoded.mapped) {
    TRY(sink(std::span(kZeros).first(begin - at)));
    TRY(sink({static_cast<const std::byte*>(tensor->data()), tensor->byte_size()}));
    at = begin + tensor->byte_size();
  }
  return {};
}

// Places a section after those before it.
void add_section(Frame& frame, SectionKind kind, std::uint64_t length, std::uint32_t checksum) {
  const std::uint64_t alignment = kind == SectionKind::mapped ? kPage : kSectionAlignment;
  Section s;
  s.kind = kind;
  s.offset = (frame.payload_bytes + alignment - 1) / alignment * alignment;
  s.length = length;
  s.checksum = checksum;
  frame.payload_bytes = s.offset + length;
  frame.sections.push_back(s);
}

// The mapped section coded; empty when that is not shorter.
Result<std::vector<std::byte>> coded_mapped(const EncodedProgram& encoded) {
  std::vector<std::byte> bytes;
  bytes.reserve(encoded.mapped_bytes);
  TRY(emit_mapped(encoded, [&](std::span<const std::byte> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return Status();
  }));
  std::vector<std::uint64_t> cuts;
  for (const auto& [tensor, begin] : encoded.mapped)
    cuts.insert(cuts.end(), {begin, begin + tensor->byte_size()});
  std::vector<std::byte> coded = encode_section(bytes, cuts);
  if (coded.size() >= bytes.size()) coded.clear();
  return coded;
}

Status emit(const runtime::Program& program, const WriteOptions& options, const Sink& sink) {
  ASSIGN(const EncodedProgram encoded, encode_program(program));
  const std::vector<std::byte> about = encode_about(options);
  std::vector<std::byte> small, mapped;  // coded
  if (options.store == Store::small) {
    small = encode_section(encoded.small, encoded.small_cuts);
    ASSIGN(mapped, coded_mapped(encoded));
  }
  std::uint32_t mapped_sum = 0;
  if (mapped.empty())
    TRY(emit_mapped(encoded, [&](std::span<const std::byte> bytes) {
      mapped_sum = crc32c(bytes, mapped_sum);
      return Status();
    }));
  Frame frame;
  frame.level = static_cast<std::uint32_t>(options.level);
  ByteWriter head;  // the sections before the mapped one
  const auto add = [&](SectionKind kind, const std::vector<std::byte>& bytes) {
    add_section(frame, kind, bytes.size(), crc32c(bytes));
    head.pad_to(kSectionAlignment);
    head.bytes(bytes);
  };
  add(SectionKind::about, about);
  add(SectionKind::program, encoded.program);
  const bool code_small = !small.empty() && small.size() < encoded.small.size();
  if (code_small) add(SectionKind::coded_small, small);
  if (!code_small && !encoded.small.empty()) add(SectionKind::small, encoded.small);
  // A package without coded sections is what the first version wrote, and says so.
  frame.minor = code_small || !mapped.empty() ? kMinor : 0;
  if (!mapped.empty()) {
    add(SectionKind::coded_mapped, mapped);
    TRY(sink(encode_frame(frame)));
    return sink(head.out());
  }
  if (encoded.mapped_bytes > 0) {
    add_section(frame, SectionKind::mapped, encoded.mapped_bytes, mapped_sum);
    head.pad_to(kPage);
  }
  TRY(sink(encode_frame(frame)));
  TRY(sink(head.out()));
  return emit_mapped(encoded, sink);
}

}  // namespace

Status write(const runtime::Program& program, const std::string& path,
             const WriteOptions& options) {
  ASSIGN(AtomicFile file, AtomicFile::create(path));
  // Small pieces are gathered, so that a model of many small tensors is not as many system calls.
  std::vector<std::byte> gathered;
  constexpr std::size_t kGather = 1 << 20;
  const auto sink = [&](std::span<const std::byte> bytes) -> Status {
    if (gathered.size() + bytes.size() > kGather) {
      TRY(file.write(gathered));
      gathered.clear();
    }
    if (bytes.size() >= kGather) return file.write(bytes);
    gathered.insert(gathered.end(), bytes.begin(), bytes.end());
    return {};
  };
  TRY(emit(program, options, sink));
  TRY(file.write(gathered));
  return file.commit();
}

Result<std::string> to_bytes(const runtime::Program& program, const WriteOptions& options) {
  std::string out;
  TRY(emit(program, options, [&](std::span<const std::byte> bytes) {
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return Status();
  }));
  return out;
}

}  // namespace gossamer::package
