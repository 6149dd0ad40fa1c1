// A frame's inputs and outputs: checked, borrowed, given back.
#include <fmt/format.h>

#include <cstring>

#include "runtime/frame.h"
#include "runtime/strided_copy.h"

namespace gossamer::runtime {

std::string describe_value(const Value& value) {
  if (value.kind == Value::Kind::sequence) return "a sequence";
  if (value.kind == Value::Kind::optional) return "an optional";
  return std::string(dtype_name(value.tensor.dtype())) + value.tensor.shape().to_string();
}

Result<Value> own_value(Value value) {
  if (value.is_tensor()) {
    // Strings are never borrowed without an owner.
    if (value.tensor.owned() || value.tensor.dtype() == DType::string) return value;
    ASSIGN(Tensor copy, Tensor::make_uninitialized(value.tensor.dtype(), value.tensor.shape()));
    std::memcpy(copy.mutable_data(), value.tensor.data(), value.tensor.byte_size());
    return Value(std::move(copy));
  }
  bool owned = true;
  std::vector<Value> items;
  for (const Value& item : value.list()) {
    ASSIGN(Value mine, own_value(item));
    if (mine.is_tensor() && mine.tensor.data() != item.tensor.data()) owned = false;
    if (!mine.is_tensor() && mine.items != item.items) owned = false;
    items.push_back(std::move(mine));
  }
  if (owned) return value;
  return value.kind == Value::Kind::sequence ? Value::sequence(std::move(items))
                                             : Value::optional(std::move(items));
}

std::int64_t value_bytes(const Value& value) {
  std::int64_t sum = 0;
  if (value.is_tensor()) {
    sum = static_cast<std::int64_t>(value.tensor.byte_size());
    if (value.tensor.dtype() == DType::string)
      for (const std::string& s : value.tensor.values<std::string>())
        sum += static_cast<std::int64_t>(s.size());
    return sum;
  }
  for (const Value& item : value.list())
    sum += value_bytes(item) + static_cast<std::int64_t>(sizeof(Value));
  return sum;
}

// Ends a run, however it ends.
class Frame::Ending {
 public:
  Ending(Frame& frame, Run& run) : frame_(frame), run_(run) {}
  ~Ending() { frame_.end(run_); }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

 private:
  Frame& frame_;
  Run& run_;
};

Result<std::vector<Value>> Frame::run(std::span<const Value> inputs, Run& run) {
  const Ending ending(*this, run);
  TRY(take(inputs));
  TRY(begin(extents_));
  for (std::size_t i = 0; i < given_.size(); ++i) {
    if (!given_[i].is_tensor()) continue;
    // Never written: verified programs have no results there.
    const void* data = given_[i].tensor.data();
    point_at(BufferKind::input, i, static_cast<std::byte*>(const_cast<void*>(data)));
  }
  for (std::size_t i = 0; i < results_.size(); ++i) {
    const SlotId s = program_.outputs[i].slot;
    if (kind_of(s) != BufferKind::output) continue;
    if (view(s).count > options_.max_bytes / static_cast<std::int64_t>(dtype_size(slot(s).dtype)))
      return limit_error(
          fmt::format("output '{}' exceeds the memory limit", program_.outputs[i].name));
    ASSIGN(results_[i],
           Tensor::make_uninitialized(slot(s).dtype, slot_shape(slot(s), plan_->registers)));
    point_at(BufferKind::output, i, static_cast<std::byte*>(results_[i].mutable_data()));
  }
  move_addresses();
  TRY(execute(run));
  return give();
}

Status Frame::run_into(std::span<const RawInput> inputs, std::span<RawOutput> outputs, Run& run) {
  const Ending ending(*this, run);
  TRY(take_raw(inputs));
  TRY(begin(extents_));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const SlotId s = program_.inputs[i].slot;
    if (s != kNoSlot && !inputs[i].data && view(s).count > 0)
      return usage_error(fmt::format("input '{}' has no memory", program_.inputs[i].name));
    point_at(BufferKind::input, i,
             static_cast<std::byte*>(const_cast<void*>(inputs[i].data)));  // never written
  }
  TRY(offer_memory(outputs));
  move_addresses();
  TRY(execute(run));
  for (std::size_t i = 0; i < outputs.size(); ++i) TRY(give_raw(i, outputs[i]));
  return {};
}

// --- inputs ---

Status Frame::check_input(std::size_t i, DType dtype, const Shape* shape) const {
  const Port& port = program_.inputs[i];
  const std::string_view got = dtype_name(dtype);
  if (slot(port.slot).dtype != dtype)
    return usage_error(fmt::format("input '{}' expects {}, got {}{}", port.name, port.type, got,
                                   shape ? shape->to_string() : ""));
  return {};
}

Status Frame::take(std::span<const Value> inputs) {
  if (inputs.size() != program_.inputs.size())
    return usage_error(fmt::format("the model takes {} inputs, {} were given",
                                   program_.inputs.size(), inputs.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = program_.inputs[i];
    extents_[i] = {};
    if (port.slot == kNoSlot) continue;
    if (inputs[i].is_tensor() != port.is_tensor)
      return usage_error(fmt::format("input '{}' expects {}, got {}", port.name, port.type,
                                     describe_value(inputs[i])));
    given_[i] = inputs[i];
    if (!inputs[i].is_tensor()) continue;
    TRY(check_input(i, inputs[i].tensor.dtype(), &inputs[i].tensor.shape()));
    if (inputs[i].tensor.packed()) {
      ASSIGN(given_[i].tensor, inputs[i].tensor.unpack());
    }
    extents_[i] = given_[i].tensor.shape().dims();
  }
  return {};
}

Status Frame::take_raw(std::span<const RawInput> inputs) {
  if (inputs.size() != program_.inputs.size())
    return usage_error(fmt::format("the model takes {} inputs, {} were given",
                                   program_.inputs.size(), inputs.size()));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Port& port = program_.inputs[i];
    extents_[i] = {};
    if (port.slot == kNoSlot) continue;
    if (!port.is_tensor || inputs[i].dtype == DType::string ||
        slot(port.slot).dtype == DType::string)
      return usage_error(
          fmt::format("input '{}' expects {}, which is no raw memory", port.name, port.type));
    TRY(check_input(i, inputs[i].dtype, nullptr));
    if (reinterpret_cast<std::uintptr_t>(inputs[i].data) % dtype_size(inputs[i].dtype) != 0)
      return usage_error(fmt::format("input '{}' is not aligned for its elements", port.name));
    if (inputs[i].extents.size() > static_cast<std::size_t>(kMaxRank))
      return usage_error(fmt::format("input '{}' has too many axes", port.name));
    if (!slot(port.slot).ranked)
      return usage_error(
          fmt::format("input '{}' has no fixed number of axes: give it as a value", port.name));
    extents_[i] = inputs[i].extents;
  }
  return {};
}

void Frame::point_at(BufferKind kind, std::size_t index, std::byte* data) {
  for (const BufferId b : ports_)
    if (buffer(b).kind == kind && buffer(b).index == static_cast<std::int32_t>(index))
      bases_[static_cast<std::size_t>(b)] = data;
}

// --- outputs ---

// Points output buffers at the caller's memory, once all of it is known to be large enough.
Status Frame::offer_memory(std::span<RawOutput> outputs) {
  if (outputs.size() != program_.outputs.size())
    return usage_error(fmt::format("the model gives {} outputs, memory for {} was given",
                                   program_.outputs.size(), outputs.size()));
  Status status;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    RawOutput& out = outputs[i];
    const Port& port = program_.outputs[i];
    const Slot& s = slot(port.slot);
    out.dtype = s.dtype;
    if (!s.ranked || s.dtype == DType::string)
      return usage_error(
          fmt::format("output '{}' is {}, which is no raw memory", port.name, port.type));
    const SlotView& view = plan_->slots[static_cast<std::size_t>(port.slot)];
    if (!view.known) continue;
    out.rank = static_cast<int>(s.extents.size());
    for (std::size_t d = 0; d < s.extents.size(); ++d)
      out.extents[d] = plan_->registers[s.extents[d]];
    const std::int64_t bytes = view.count * static_cast<std::int64_t>(dtype_size(s.dtype));
    if ((bytes > out.capacity || (bytes > 0 && !out.data)) && status.ok())
      status = usage_error(fmt::format("output '{}' needs {} bytes, there are {}", port.name, bytes,
                                       out.data ? out.capacity : 0));
    if (reinterpret_cast<std::uintptr_t>(out.data) % dtype_size(s.dtype) != 0)
      return usage_error(
          fmt::format("the memory for output '{}' is not aligned for its elements", port.name));
    if (kind_of(port.slot) == BufferKind::output)
      point_at(BufferKind::output, i, static_cast<std::byte*>(out.data));
  }
  return status;
}

Status Frame::give_raw(std::size_t i, RawOutput& output) {
  const Port& port = program_.outputs[i];
  const BufferKind kind = kind_of(port.slot);
  if (kind == BufferKind::output) return {};
  ASSIGN(const Value value, load(port.slot));
  if (!value.is_tensor()) return internal_error("an output is no tensor");
  const Tensor& t = value.tensor;
  output.dtype = t.dtype();
  output.rank = t.rank();
  for (int d = 0; d < t.rank(); ++d) output.extents[static_cast<std::size_t>(d)] = t.shape()[d];
  const std::int64_t room = output.data ? output.capacity : 0;
  if (static_cast<std::int64_t>(t.byte_size()) > room)
    return usage_error(
        fmt::format("output '{}' needs {} bytes, there are {}", port.name, t.byte_size(), room));
  if (t.byte_size() > 0) std::memcpy(output.data, t.data(), t.byte_size());
  return {};
}

Result<std::vector<Value>> Frame::give() {
  std::vector<Value> out;
  out.reserve(program_.outputs.size());
  for (std::size_t i = 0; i < program_.outputs.size(); ++i) {
    const SlotId s = program_.outputs[i].slot;
    if (kind_of(s) == BufferKind::output) {
      out.emplace_back(std::move(results_[i]));
      continue;
    }
    Result<Value> value = load(s);
    if (!value.ok())
      return std::move(value).status().in(fmt::format("output '{}'", program_.outputs[i].name));
    // Arena memory is the next run's, and a part of an input nobody keeps alive; an input as a
    // whole is shared with whoever gave it.
    const auto index = static_cast<std::size_t>(buffer(slot(s).buffer).index);
    const bool given = kind_of(s) == BufferKind::input && value->is_tensor() &&
                       value->tensor.data() == given_[index].tensor.data() &&
                       value->tensor.byte_size() == given_[index].tensor.byte_size();
    if (!given) {
      ASSIGN(value, own_value(std::move(value).value()));
    }
    out.push_back(std::move(value).value());
  }
  return out;
}

// --- slots as tensors ---

std::vector<std::int64_t> Frame::strides_of(SlotId s) const {
  const SlotView& v = view(s);
  if (v.view.rank >= 0) return {v.view.strides.begin(), v.view.strides.begin() + v.view.rank};
  std::vector<std::int64_t> strides;
  for (const Register r : slot(s).strides) strides.push_back(registers()[r]);
  return strides;
}

void Frame::copy_out(SlotId s, std::byte* to) const {
  if (view(s).count == 0) return;
  const Shape shape = slot_shape(slot(s), registers());
  copy_strided(shape.dims(), dtype_size(slot(s).dtype), data_of(s), strides_of(s), to,
               shape.strides());
}

void Frame::copy_in(SlotId s, const std::byte* from) {
  if (view(s).count == 0) return;
  const Shape shape = slot_shape(slot(s), registers());
  copy_strided(shape.dims(), dtype_size(slot(s).dtype), from, shape.strides(), data_of(s),
               strides_of(s));
}

Result<Tensor> Frame::dense_copy(SlotId s) const {
  // A view may repeat its elements: it is not bounded by the buffer that it looks into.
  if (view(s).count > options_.max_bytes / static_cast<std::int64_t>(dtype_size(slot(s).dtype)))
    return limit_error("a copy of an operand exceeds the memory limit");
  ASSIGN(Tensor copy, Tensor::make_uninitialized(slot(s).dtype, slot_shape(slot(s), registers())));
  copy_out(s, static_cast<std::byte*>(copy.mutable_data()));
  return copy;
}

// A whole tensor that the caller gave or the program holds, or nothing.
namespace {

const Tensor* whole(const Tensor& t, const SlotView& view, DType dtype) {
  return t.dtype() == dtype && view.dense && view.offset == 0 && view.count == t.count() ? &t
                                                                                         : nullptr;
}

}  // namespace

Status Frame::unpack_constant(std::size_t b) {
  const auto index = static_cast<std::size_t>(program_.buffers[b].index);
  if (!unpacked_[index].data()) {
    ASSIGN(unpacked_[index], program_.constants[index].unpack());
  }
  bases_[b] = static_cast<std::byte*>(const_cast<void*>(unpacked_[index].data()));  // never written
  return {};
}

Result<Value> Frame::load(SlotId s) {
  const Slot& from = slot(s);
  const auto b = static_cast<std::size_t>(from.buffer);
  const Buffer& memory = program_.buffers[b];
  const auto index = static_cast<std::size_t>(memory.index);
  if (memory.kind == BufferKind::value) {
    if (!set_[b]) return malformed("it reads a value that has not been computed");
    TRY(check_value(s, values_[b]));
    const Tensor& t = values_[b].tensor;
    if (!from.ranked || t.count() > 0) return values_[b];
    Shape shape = slot_shape(from, registers());
    return shape.checked_count() == 0 ? Value(t.reshaped(std::move(shape))) : values_[b];
  }
  if (!from.ranked) return given_[index];  // of kind input
  const SlotView& v = view(s);
  if (!v.known) return malformed("it reads a tensor whose extents are not known");
  const Tensor* shared = nullptr;
  if (memory.kind == BufferKind::constant) {
    if (program_.constants[index].packed()) TRY(unpack_constant(b));
    const Tensor& t =
        program_.constants[index].packed() ? unpacked_[index] : program_.constants[index];
    shared = whole(t, v, from.dtype);
  }
  // Of an input given as raw memory there is no value.
  if (memory.kind == BufferKind::input && given_[index].tensor.data() == bases_[b])
    shared = whole(given_[index].tensor, v, from.dtype);
  if (shared) return Value(shared->reshaped(slot_shape(from, registers())));
  if (from.dtype == DType::string) return unsupported("it takes a part of a tensor of strings");
  if (!v.dense) {
    ASSIGN(Tensor copy, dense_copy(s));
    return Value(std::move(copy));
  }
  if (v.count == 0 || !bases_[b]) {
    if (v.count > 0) return malformed("it reads memory that is not there yet");
    ASSIGN(Tensor empty, Tensor::make(from.dtype, slot_shape(from, registers())));
    return Value(std::move(empty));
  }
  const auto bytes = static_cast<std::size_t>(v.count) * dtype_size(from.dtype);
  return Value(
      Tensor::borrow(from.dtype, slot_shape(from, registers()), {data_of(s), bytes}, nullptr));
}

std::byte* Frame::memory_for(SlotId s, DType dtype, const Shape& shape) {
  const Slot& to = slot(s);
  const BufferKind kind = kind_of(s);
  if (kind == BufferKind::value || to.dtype != dtype) return nullptr;
  const SlotView& v = view(s);
  if (!v.known || !v.dense || v.count == 0 || shape != slot_shape(to, registers())) return nullptr;
  return data_of(s);
}

}  // namespace gossamer::runtime
