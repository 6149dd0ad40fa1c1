// Packages and programs as text.
#include "cli/package_text.h"

#include <algorithm>
#include <map>

#include "base/mapped_file.h"
#include "fmt/format.h"
#include "package/format.h"
#include "package/package.h"

namespace gossamer::cli {
namespace {

using nlohmann::json;
using runtime::Program;

std::string section_name(package::SectionKind kind) {
  switch (kind) {
    case package::SectionKind::about:
      return "about";
    case package::SectionKind::program:
      return "program";
    case package::SectionKind::small:
      return "small constants";
    case package::SectionKind::mapped:
      return "mapped constants";
    case package::SectionKind::coded_small:
      return "coded small constants";
    case package::SectionKind::coded_mapped:
      return "coded constants";
    default:
      return fmt::format("kind {}", static_cast<std::uint32_t>(kind));
  }
}

Result<json> describe_sections(const std::string& path) {
  ASSIGN(const MappedFile file, MappedFile::open(path));
  const auto bytes = file.bytes();
  ASSIGN(const package::Frame frame,
         package::decode_frame(
             bytes.first(std::min(bytes.size(), package::kPrefixBytes + package::kMaxCoreBytes)),
             file.size()));
  json out = json::array();
  for (const package::Section& s : frame.sections)
    out.push_back({{"name", section_name(s.kind)},
                   {"offset", frame.payload + s.offset},
                   {"bytes", s.length}});
  return out;
}

json describe_ports(const std::vector<runtime::Port>& ports) {
  json out = json::array();
  for (const runtime::Port& p : ports) {
    json row = {{"name", p.name}, {"type", p.type}};
    if (p.is_tensor) {
      row["shape"] = json::array();
      for (std::size_t a = 0; a < p.extents.size(); ++a) {
        const bool named = a < p.symbols.size() && !p.symbols[a].empty();
        row["shape"].push_back(p.extents[a] >= 0 ? json(p.extents[a])
                               : named           ? json(p.symbols[a])
                                                 : json(nullptr));
      }
    }
    out.push_back(std::move(row));
  }
  return out;
}

// Counts of a program, regions included.
struct Counts {
  std::map<std::string, std::int64_t> operations;        // steps by operation
  std::map<std::string, std::int64_t> constants, bytes;  // by dtype
  std::int64_t steps = 0, scalar = 0, regions = 0;

  void add(const Program& program) {
    for (const runtime::Step& s : program.steps) {
      ++operations[std::string(s.operation->name)];
      ++steps;
      scalar += s.operation->is_kernel() ? 0 : 1;
    }
    for (const Tensor& t : program.constants) {
      const std::string dtype(dtype_name(t.dtype()));
      ++constants[dtype];
      bytes[dtype] += static_cast<std::int64_t>(t.byte_size());
    }
    for (const Program& region : program.regions) {
      ++regions;
      add(region);
    }
  }
};

std::string line(std::string_view label, const std::string& text) {
  return fmt::format("{:<11} {}\n", label, text);
}

// --- programs ---

std::string attribute_text(const AttributeValue& v) {
  struct Printer {
    std::string operator()(std::int64_t x) const { return std::to_string(x); }
    std::string operator()(double x) const { return fmt::format("{}", x); }
    std::string operator()(const Word& x) const { return x.text; }
    std::string operator()(const Block& x) const { return "{" + x.text + "}"; }
    std::string operator()(const std::string& x) const { return "\"" + x + "\""; }
    std::string operator()(const AttributeValue::List& list) const {
      std::string out;
      for (const AttributeValue& x : list) out += (out.empty() ? "" : ",") + attribute_text(x);
      return "[" + out + "]";
    }
    std::string operator()(const Tensor& x) const {
      return std::string(dtype_name(x.dtype())) + x.shape().to_string();
    }
  };
  return std::visit(Printer(), v.value);
}

class ProgramPrinter {
 public:
  explicit ProgramPrinter(const Program& program) : program_(program) {}

  void print(const std::string& indent, std::string& out) const {
    for (const auto& [what, ports] :
         {std::pair("input", &program_.inputs), std::pair("output", &program_.outputs)})
      for (const runtime::Port& p : *ports)
        out += fmt::format("{}{} '{}' {} = {}\n", indent, what, p.name, p.type, slot(p.slot));
    for (std::size_t i = 0; i < program_.shape_program.size(); ++i)
      if (program_.shape_program[i].op != runtime::ShapeOp::constant)
        out += fmt::format("{}r{} = {}\n", indent, i, instruction(program_.shape_program[i]));
    for (const runtime::Step& s : program_.steps) print_step(s, indent, out);
  }

 private:
  std::string reg(runtime::Register r) const {
    const runtime::ShapeInstruction& in = program_.shape_program[static_cast<std::size_t>(r)];
    return in.op == runtime::ShapeOp::constant ? std::to_string(in.value) : fmt::format("r{}", r);
  }
  std::string instruction(const runtime::ShapeInstruction& in) const {
    constexpr const char* kNames[] = {"",          "",          "",    "add", "mul",
                                      "floor_div", "floor_mod", "min", "max"};
    if (in.op == runtime::ShapeOp::input_extent)
      return fmt::format("extent {} of input {}", in.b, in.a);
    if (in.op == runtime::ShapeOp::late_extent)
      return fmt::format("extent {} of s{}, once it is there", in.b, in.a);
    return fmt::format("{}({}, {})", kNames[static_cast<std::size_t>(in.op)], reg(in.a), reg(in.b));
  }
  // "s3 f32[1,32,r7]": a slot and its type; "s3 const2 f32[64]" where it is a constant.
  std::string slot(runtime::SlotId id) const {
    if (id == runtime::kNoSlot) return "-";
    const runtime::Slot& s = program_.slots[static_cast<std::size_t>(id)];
    const runtime::Buffer& b = program_.buffers[static_cast<std::size_t>(s.buffer)];
    std::string extents;
    for (const runtime::Register r : s.extents) extents += (extents.empty() ? "" : ",") + reg(r);
    std::string where;
    if (b.kind == runtime::BufferKind::constant) where = fmt::format(" const{}", b.index);
    if (b.kind == runtime::BufferKind::arena) where = fmt::format(" b{}", s.buffer);
    return fmt::format("s{}{} {}{}", id, where, dtype_name(s.dtype),
                       s.ranked ? "[" + extents + "]" : "[*]");
  }
  std::string slots(const std::vector<runtime::SlotId>& ids) const {
    std::string out;
    for (const runtime::SlotId id : ids) out += (out.empty() ? "" : ", ") + slot(id);
    return out;
  }
  void print_step(const runtime::Step& s, const std::string& indent, std::string& out) const {
    std::string attributes;
    for (const NamedAttribute& a : s.operation->describe(s.attributes.get()))
      attributes += fmt::format(" {}={}", a.name, attribute_text(a.value));
    out += fmt::format("{}{} = {}({}){}{}\n", indent, slots(s.outputs), s.operation->name,
                       slots(s.inputs), attributes, s.name.empty() ? "" : "  // " + s.name);
    for (const std::int32_t r : s.regions) {
      out += indent + "  region " + std::to_string(r) + "\n";
      ProgramPrinter(program_.regions[static_cast<std::size_t>(r)]).print(indent + "    ", out);
    }
  }

  const Program& program_;
};

}  // namespace

Result<json> describe_package(const std::string& path) {
  ASSIGN(const package::Package package, package::open(path));
  ASSIGN(json sections, describe_sections(path));
  const Program& program = *package.program;
  Counts counts;
  counts.add(program);
  json out = {{"name", program.name},
              {"file_bytes", package.bytes},
              {"format", fmt::format("{}.{}", package::kMajor, package.minor)},
              {"producer", package.producer},
              {"precision", package.precision},
              {"lowest_level", level_name(package.level)},
              {"used_level", level_name(active_level())},
              {"sections", std::move(sections)},
              {"mapped_bytes", package.constants},
              {"inputs", describe_ports(program.inputs)},
              {"outputs", describe_ports(program.outputs)},
              {"steps", counts.steps},
              {"scalar_steps", counts.scalar},
              {"regions", counts.regions},
              {"operations", counts.operations},
              {"constants", counts.constants},
              {"bytes", counts.bytes},
              {"arena_bytes", program.plan ? json(program.plan->arena_bytes) : json(nullptr)},
              {"metadata", json::object()}};
  for (const auto& [key, value] : program.metadata) out["metadata"][key] = value;
  return out;
}

std::string package_text(const json& p) {
  std::string out = line(
      "package", fmt::format("{} bytes, format {}, by {}", p["file_bytes"].dump(),
                             p["format"].get<std::string>(), p["producer"].get<std::string>()));
  out += line("precision", p["precision"]);
  out += line("level",
              fmt::format("any from {} on; {} is used here", p["lowest_level"].get<std::string>(),
                          p["used_level"].get<std::string>()));
  for (const json& s : p["sections"])
    out += line("section", fmt::format("{} bytes of {} at {}", s["bytes"].dump(),
                                       s["name"].get<std::string>(), s["offset"].dump()));
  for (const char* what : {"inputs", "outputs"})
    for (const json& v : p[what])
      out += line(std::string_view(what).substr(0, std::string_view(what).size() - 1),
                  v["name"].get<std::string>() + ": " + v["type"].get<std::string>());
  out += line("steps", fmt::format("{}, {} of them by scalar code", p["steps"].dump(),
                                   p["scalar_steps"].dump()));
  std::vector<std::pair<std::int64_t, std::string>> rows;
  for (const auto& [name, n] : p["operations"].items())
    rows.emplace_back(-n.get<std::int64_t>(), name);
  std::sort(rows.begin(), rows.end());
  for (const auto& [n, name] : rows) out += line("", fmt::format("{} {}", -n, name));
  for (const auto& [dtype, n] : p["constants"].items())
    out += line("constants",
                fmt::format("{} of {}, {} bytes", n.dump(), dtype, p["bytes"][dtype].dump()));
  for (const auto& [key, value] : p["metadata"].items()) {
    std::string text = value.get<std::string>();
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    std::replace(text.begin(), text.end(), '\n', ' ');
    out += line("metadata", fmt::format("{} = {}", key, text));
  }
  return out;
}

std::string program_text(const Program& program) {
  std::string out = fmt::format("program '{}'\n", program.name);
  ProgramPrinter(program).print("  ", out);
  return out;
}

}  // namespace gossamer::cli
