// Program to bytes. Constants are laid out in the order in which steps use them.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "package/attribute_codec.h"
#include "package/format.h"
#include "package/program_codec.h"

namespace gossamer::package {
namespace {

using runtime::Program;

constexpr std::size_t kMappedFrom = 4096;     // bytes; smaller constants are copied
constexpr std::uint64_t kOwnPage = 64 << 10;  // larger ones begin at a page

// Collects what programs and their regions share: strings, operations, constants.
class Encoder {
 public:
  Status run(const Program& program) {
    order_constants(program);
    ByteWriter body;
    TRY(write_program(body, program));
    ByteWriter tables;
    write_constants(tables);
    ByteWriter operations;
    operations.count(operations_.size());
    for (const std::string_view name : operations_) operations.count(strings_.add(name));
    ByteWriter w;
    strings_.write(w);
    w.bytes(operations.out());
    w.bytes(tables.out());
    w.bytes(body.out());
    out.program = std::move(w.out());
    return {};
  }

  EncodedProgram out;

 private:
  void order_constants(const Program& program);
  void add_constant(const Tensor& tensor);
  void write_constants(ByteWriter& w);
  Status write_program(ByteWriter& w, const Program& program);
  void write_shapes(ByteWriter& w, const Program& program);
  void write_memory(ByteWriter& w, const Program& program);
  Status write_step(ByteWriter& w, const runtime::Step& step);
  void write_ports(ByteWriter& w, const std::vector<runtime::Port>& ports);
  void write_plan(ByteWriter& w, const Program& program);
  void write_name(ByteWriter& w, std::string_view name) { w.count(strings_.add(name)); }

  // Constants that share their bytes are stored once.
  using Key = std::tuple<const void*, DType, std::vector<std::int64_t>, bool>;
  static Key key_of(const Tensor& t) { return {t.data(), t.dtype(), t.shape().dims(), t.packed()}; }

  StringTable strings_;
  std::map<Key, std::size_t> constant_index_;
  std::vector<const Tensor*> constants_;
  std::vector<std::string_view> operations_;
  std::unordered_map<std::string_view, std::size_t> operation_index_;
};

void Encoder::add_constant(const Tensor& tensor) {
  if (constant_index_.emplace(key_of(tensor), constants_.size()).second)
    constants_.push_back(&tensor);
}

void Encoder::order_constants(const Program& program) {
  const auto used = [&](runtime::SlotId id) {
    if (id < 0 || static_cast<std::size_t>(id) >= program.slots.size()) return;
    const auto buffer =
        static_cast<std::size_t>(program.slots[static_cast<std::size_t>(id)].buffer);
    if (buffer >= program.buffers.size()) return;
    const runtime::Buffer& b = program.buffers[buffer];
    const auto index = static_cast<std::size_t>(b.index);
    if (b.kind == runtime::BufferKind::constant && index < program.constants.size())
      add_constant(program.constants[index]);
  };
  for (const runtime::Step& step : program.steps) {
    for (const runtime::SlotId id : step.inputs) used(id);
    for (const std::int32_t region : step.regions)
      if (static_cast<std::size_t>(region) < program.regions.size())
        order_constants(program.regions[static_cast<std::size_t>(region)]);
  }
  for (const Tensor& t : program.constants) add_constant(t);
  for (const Program& region : program.regions) order_constants(region);
}

void Encoder::write_constants(ByteWriter& w) {
  ByteWriter small;
  w.count(constants_.size());
  for (const Tensor* t : constants_) {
    const Place place = place_of(*t);
    write_head(w, *t);
    w.u8(static_cast<std::uint8_t>(place));
    if (place == Place::strings) {
      for (const std::string& s : t->values<std::string>()) write_name(w, s);
    } else if (place == Place::small) {
      small.pad_to(kSectionAlignment);
      w.varint(small.size());
      if (t->byte_size() >= kMappedFrom)
        out.small_cuts.insert(out.small_cuts.end(), {small.size(), small.size() + t->byte_size()});
      small.bytes({static_cast<const std::byte*>(t->data()), t->byte_size()});
    } else {
      const std::uint64_t alignment = t->byte_size() >= kOwnPage ? kPage : kSectionAlignment;
      const std::uint64_t at = (out.mapped_bytes + alignment - 1) / alignment * alignment;
      w.varint(at);
      out.mapped.emplace_back(t, at);
      out.mapped_bytes = at + t->byte_size();
    }
  }
  out.small = std::move(small.out());
}

void Encoder::write_shapes(ByteWriter& w, const Program& program) {
  w.count(program.shape_program.size());
  for (const runtime::ShapeInstruction& i : program.shape_program) {
    w.u8(static_cast<std::uint8_t>(i.op));
    if (i.op == runtime::ShapeOp::constant) {
      w.signed_varint(i.value);
    } else {
      w.signed_varint(i.a);
      w.signed_varint(i.b);
    }
  }
  w.count(program.equal_extents.size());
  for (const auto& [a, b] : program.equal_extents) {
    w.signed_varint(a);
    w.signed_varint(b);
  }
}

void Encoder::write_memory(ByteWriter& w, const Program& program) {
  w.count(program.constants.size());
  for (const Tensor& t : program.constants) w.count(constant_index_.at(key_of(t)));
  w.count(program.buffers.size());
  for (const runtime::Buffer& b : program.buffers) {
    w.u8(static_cast<std::uint8_t>(b.kind));
    for (const std::int32_t v : {b.index, b.bytes, b.first, b.last}) w.signed_varint(v);
  }
  w.count(program.slots.size());
  for (const runtime::Slot& s : program.slots) {
    w.signed_varint(s.buffer);
    write_dtype(w, s.dtype);
    w.u8(s.ranked ? 1 : 0);
    w.count(s.extents.size());
    for (const runtime::Register e : s.extents) w.signed_varint(e);
    w.count(s.strides.size());
    for (const runtime::Register e : s.strides) w.signed_varint(e);
    w.signed_varint(s.offset);
  }
}

Status Encoder::write_step(ByteWriter& w, const runtime::Step& step) {
  if (!step.operation || !step.attributes)
    return internal_error("step '" + step.name + "' has no operation");
  const auto [found, fresh] = operation_index_.emplace(step.operation->name, operations_.size());
  if (fresh) operations_.push_back(step.operation->name);
  w.count(found->second);
  const auto attributes = step.operation->describe(step.attributes.get());
  w.count(attributes.size());
  for (const NamedAttribute& a : attributes) {
    write_name(w, a.name);
    write_attribute(w, strings_, a.value);
  }
  for (const auto* ids : {&step.inputs, &step.outputs, &step.regions}) {
    w.count(ids->size());
    for (const std::int32_t id : *ids) w.signed_varint(id);
  }
  write_name(w, step.name);
  w.f64(step.macs);
  return {};
}

void Encoder::write_ports(ByteWriter& w, const std::vector<runtime::Port>& ports) {
  w.count(ports.size());
  for (const runtime::Port& p : ports) {
    write_name(w, p.name);
    w.signed_varint(p.slot);
    w.u8(p.is_tensor ? 1 : 0);
    w.count(p.extents.size());
    for (const std::int64_t e : p.extents) w.signed_varint(e);
    w.count(p.symbols.size());
    for (const std::string& s : p.symbols) write_name(w, s);
    write_name(w, p.type);
  }
}

void Encoder::write_plan(ByteWriter& w, const Program& program) {
  w.u8(program.plan ? 1 : 0);
  if (!program.plan) return;
  w.count(program.plan->offsets.size());
  for (const std::int64_t o : program.plan->offsets) w.signed_varint(o);
  w.signed_varint(program.plan->arena_bytes);
}

Status Encoder::write_program(ByteWriter& w, const Program& program) {
  write_name(w, program.name);
  write_shapes(w, program);
  write_memory(w, program);
  w.count(program.steps.size());
  for (const runtime::Step& s : program.steps) TRY(write_step(w, s));
  write_ports(w, program.inputs);
  write_ports(w, program.outputs);
  write_plan(w, program);
  w.count(program.metadata.size());
  for (const auto& [key, value] : program.metadata) {
    write_name(w, key);
    write_name(w, value);
  }
  w.count(program.regions.size());
  for (const Program& r : program.regions) TRY(write_program(w, r));
  return {};
}

}  // namespace

bool may_be_mapped(DType dtype) {
  const DTypeInfo& info = dtype_info(dtype);
  if (info.cls == DTypeClass::floating || info.cls == DTypeClass::integer)
    return info.file_bits % 8 == 0 && (!is_integer(dtype) || info.file_bits <= 16);
  return info.cls == DTypeClass::complex;
}

Place place_of(const Tensor& tensor) {
  if (tensor.dtype() == DType::string) return Place::strings;
  const bool large = tensor.byte_size() >= kMappedFrom;
  return large && !tensor.packed() && may_be_mapped(tensor.dtype()) ? Place::mapped : Place::small;
}

Result<EncodedProgram> encode_program(const Program& program) {
  Encoder encoder;
  TRY(encoder.run(program));
  return std::move(encoder.out);
}

}  // namespace gossamer::package
