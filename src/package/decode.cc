// Bytes to Program. Every count is bounded by the bytes that are left, so memory stays in
// proportion to the file; relations between the parts are checked by runtime::verify.
#include <cstring>

#include "base/elements.h"
#include "package/attribute_codec.h"
#include "package/format.h"
#include "package/program_codec.h"

namespace gossamer::package {
namespace {

using runtime::Program;

constexpr std::size_t kMaxAttributes = 256;  // of one step

class Decoder {
 public:
  explicit Decoder(const Sections& sections) : in_(sections), r_(sections.program) {}

  Result<Program> run() {
    strings_ = Strings::read(r_);
    TRY(read_operations());
    TRY(read_constants());
    Program program = read_program(0);
    if (status_.ok() && r_.ok() && !r_.at_end()) r_.fail("bytes follow the program");
    TRY(r_.status("the program"));
    TRY(std::move(status_));
    return program;
  }

 private:
  Status read_operations();
  Status read_constants();
  Tensor read_constant();
  Program read_program(int depth);
  void read_shapes(Program& program);
  void read_memory(Program& program);
  void read_step(runtime::Step& step);
  Status read_attributes(runtime::Step& step, const runtime::Operation& operation);
  std::vector<runtime::Port> read_ports();
  void read_plan(Program& program);

  bool ok() const { return r_.ok() && status_.ok(); }
  std::vector<std::int32_t> read_ids() {
    std::vector<std::int32_t> ids(r_.count());
    for (std::int32_t& id : ids) id = r_.i32();
    return ids;
  }
  template <class T>
  T read_enum(T last) {
    return static_cast<T>(r_.index(static_cast<std::size_t>(last) + 1));
  }

  const Sections& in_;
  ByteReader r_;
  Status status_;  // failures that are not of the bytes: an operation that is not there
  Strings strings_;
  std::vector<const runtime::Operation*> operations_;  // null: not there
  std::vector<std::string> operation_names_;
  std::vector<Tensor> constants_;
};

Status Decoder::read_operations() {
  const std::size_t count = r_.count();
  for (std::size_t i = 0; i < count && r_.ok(); ++i) {
    operation_names_.push_back(strings_.name(r_));
    operations_.push_back(runtime::find_operation(operation_names_.back()));
  }
  return r_.status("the table of operations");
}

Tensor Decoder::read_constant() {
  const TensorHead head = read_head(r_);
  const Place place = read_enum(Place::strings);
  if (r_.ok() && (place == Place::strings) != (head.dtype == DType::string))
    r_.fail("a constant of strings is not where it should be, or another is there");
  if (!r_.ok()) return {};
  if (place == Place::strings) {
    Result<Tensor> made = Tensor::make_uninitialized(head.dtype, head.shape);
    if (!made.ok()) r_.fail(made.status().message());
    if (!r_.ok()) return {};
    for (std::string& s : made->mutable_values<std::string>()) s = strings_.data(r_);
    return std::move(made).value();
  }
  const auto section = place == Place::small ? in_.small : in_.mapped;
  const std::uint64_t at = r_.varint();
  if (at % kSectionAlignment != 0) r_.fail("a constant is not aligned");
  if (at > section.size() || head.bytes > section.size() - at)
    r_.fail("a constant lies beyond its section");
  if (place == Place::mapped && (head.packed || !may_be_mapped(head.dtype)))
    r_.fail("a constant lies among the mapped ones that must be checked");
  if (!r_.ok()) return {};
  const auto bytes = section.subspan(at, head.bytes);
  if (place == Place::small && !head.packed && !valid_elements(head.dtype, bytes))
    r_.fail("an element of a constant is beyond its type");
  if (!r_.ok()) return {};
  return Tensor::borrow(head.dtype, head.shape, bytes,
                        place == Place::small ? in_.small_owner : in_.owner, head.packed);
}

Status Decoder::read_constants() {
  constants_.resize(r_.count(4));
  for (Tensor& t : constants_) {
    if (!r_.ok()) break;
    t = read_constant();
  }
  return r_.status("the table of constants");
}

void Decoder::read_shapes(Program& program) {
  program.shape_program.resize(r_.count(2));
  for (runtime::ShapeInstruction& i : program.shape_program) {
    i.op = read_enum(runtime::ShapeOp::max);
    if (i.op == runtime::ShapeOp::constant) {
      i.value = r_.signed_varint();
    } else {
      i.a = r_.i32();
      i.b = r_.i32();
    }
  }
  program.equal_extents.resize(r_.count(2));
  for (auto& [a, b] : program.equal_extents) {
    a = r_.i32();
    b = r_.i32();
  }
}

void Decoder::read_memory(Program& program) {
  program.constants.resize(r_.count());
  for (Tensor& t : program.constants) {
    const std::size_t i = r_.index(constants_.size());
    if (!r_.ok()) return;
    t = constants_[i];
  }
  program.buffers.resize(r_.count(5));
  for (runtime::Buffer& b : program.buffers) {
    b.kind = read_enum(runtime::BufferKind::value);
    b.index = r_.i32();
    b.bytes = r_.i32();
    b.first = r_.i32();
    b.last = r_.i32();
  }
  program.slots.resize(r_.count(6));
  for (runtime::Slot& s : program.slots) {
    s.buffer = r_.i32();
    s.dtype = read_dtype(r_);
    s.ranked = r_.boolean();
    s.extents = read_ids();
    s.strides = read_ids();
    s.offset = r_.i32();
  }
}

Status Decoder::read_attributes(runtime::Step& step, const runtime::Operation& operation) {
  std::vector<NamedAttribute> attributes(std::min(r_.count(2), kMaxAttributes + 1));
  if (attributes.size() > kMaxAttributes) r_.fail("a step has too many attributes");
  for (NamedAttribute& a : attributes) {
    if (!r_.ok()) break;
    a.name = strings_.name(r_);
    a.value = read_attribute(r_, strings_);
  }
  if (!r_.ok()) return {};  // the reader knows why
  Result<AttributePtr> built = operation.build(attributes);
  if (!built.ok()) return std::move(built).status();
  step.attributes = std::move(built).value();
  return {};
}

void Decoder::read_step(runtime::Step& step) {
  const std::size_t operation = r_.index(operations_.size());
  if (!r_.ok()) return;
  step.operation = operations_[operation];
  if (!step.operation) {
    status_ = unsupported(
        "the package needs the operation '" + operation_names_[operation] +
            "', which this build does not have",
        "open it with a newer version of Gossamer, or with the full library (libgossamer)");
    return;
  }
  Status built = read_attributes(step, *step.operation);
  if (built.ok()) {
    step.inputs = read_ids();
    step.outputs = read_ids();
    step.regions = read_ids();
    step.name = strings_.name(r_);
    step.macs = r_.f64();
    return;
  }
  built = std::move(built).in("operation " + operation_names_[operation]);
  if (in_.newer)  // an attribute that came later is no damage
    built = unsupported(built.message(), "open the package with a newer version of Gossamer");
  status_ = std::move(built);
}

std::vector<runtime::Port> Decoder::read_ports() {
  std::vector<runtime::Port> ports(r_.count(6));
  for (runtime::Port& p : ports) {
    if (!r_.ok()) break;
    p.name = strings_.name(r_);
    p.slot = r_.i32();
    p.is_tensor = r_.boolean();
    p.extents.resize(r_.count());
    for (std::int64_t& e : p.extents) e = r_.signed_varint();
    p.symbols.resize(r_.count());
    for (std::string& s : p.symbols) s = strings_.name(r_);
    p.type = strings_.name(r_);
  }
  return ports;
}

void Decoder::read_plan(Program& program) {
  if (!r_.boolean()) return;
  runtime::StaticPlan& plan = program.plan.emplace();
  plan.offsets.resize(r_.count());
  for (std::int64_t& o : plan.offsets) o = r_.signed_varint();
  plan.arena_bytes = r_.signed_varint();
}

Program Decoder::read_program(int depth) {
  Program program;
  if (depth > kMaxRegionDepth) r_.fail("bodies are nested too deeply");
  program.name = strings_.name(r_);
  read_shapes(program);
  read_memory(program);
  program.steps.resize(r_.count(14));
  for (runtime::Step& s : program.steps) {
    if (!ok()) return program;
    read_step(s);
  }
  program.inputs = read_ports();
  program.outputs = read_ports();
  read_plan(program);
  program.metadata.resize(r_.count(2));
  for (auto& [key, value] : program.metadata) {
    key = strings_.name(r_);
    value = strings_.name(r_);
  }
  const std::size_t regions = r_.count(12);
  for (std::size_t i = 0; i < regions && ok(); ++i)
    program.regions.push_back(read_program(depth + 1));
  return program;
}

}  // namespace

Result<Program> decode_program(const Sections& sections) { return Decoder(sections).run(); }

}  // namespace gossamer::package
