// Placing values, adding steps, and settling what lives when.
#include "compile/emitter.h"

#include <algorithm>
#include <array>

#include "compile/block_weights.h"
#include "compile/fusion.h"
#include "compile/integer_fusion.h"
#include "compile/operations.h"
#include "graph/primitive.h"
#include "kernels/copy/copy.h"
#include "kernels/kernel.h"
#include "kernels/pointwise/pointwise.h"
#include "primitives/primitives.h"
#include "reference/concat.h"

namespace gossamer::compile {

using runtime::Buffer;
using runtime::BufferId;
using runtime::BufferKind;
using runtime::Slot;
using runtime::SlotId;

namespace {

constexpr BufferId kNoBuffer = -1;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

bool is_numeric(DType dtype) {
  return dtype != DType::string && dtype != DType::c64 && dtype != DType::c128;
}

// Whether the elements lie without gaps and without repeats, in whatever order of axes.
bool gapless(const Place& place) {
  const DimVector strides = strides_in_order(place.extents, order_of(place));
  for (std::size_t i = 0; i < strides.size(); ++i)
    if (!(place.extents[i] == Dim(1)) && !(place.strides[i] == strides[i])) return false;
  return true;
}

runtime::Port port_of(const ValueInfo& info, SlotId slot) {
  runtime::Port port;
  port.name = info.name;
  port.slot = slot;
  port.type = info.type.to_string();
  port.is_tensor = info.type.is_tensor();
  if (info.type.ranked())
    for (const Dim& d : *info.type.shape) {
      port.extents.push_back(d.constant().value_or(-1));
      port.symbols.push_back(d.is_constant() ? std::string() : d.to_string());
    }
  return port;
}

}  // namespace

Emitter::Emitter(const Graph& graph, const CompileOptions& options, runtime::Program& program,
                 WorkReport* report)
    : graph_(graph),
      options_(options),
      program_(program),
      report_(report),
      registers_(program),
      places_(graph.values.size()),
      reads_(graph.use_counts()),
      output_index_(graph.values.size(), -1),
      epilogue_of_(graph.nodes.size(), kNoNode),
      product_of_(graph.nodes.size(), kNoNode),
      left_out_(graph.nodes.size(), kNoNode),
      has_left_out_(graph.nodes.size()),
      concat_target_(graph.values.size(), kNoNode) {
  for (std::size_t i = graph.outputs.size(); i-- > 0;)
    output_index_[at(graph.outputs[i])] = static_cast<std::int32_t>(i);
  if (!options.kernels) return;
  find_block_products();
  find_epilogues();
  find_concat_targets();
}

void Emitter::find_block_products() {
  for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id)
    if (const auto found = block_product_at(graph_, id, reads_, false)) {
      for (const NodeId n : found->nodes) left_out_[at(n)] = id;
      has_left_out_[at(id)] = true;
    }
}

std::vector<NodeId> Emitter::left_out_for(NodeId product) const {
  std::vector<NodeId> nodes;
  for (std::size_t i = 0; i < left_out_.size(); ++i)
    if (left_out_[i] == product) nodes.push_back(static_cast<NodeId>(i));
  return nodes;
}

// A product whose one reader is a Pointwise that takes it over can be computed in a step with it.
void Emitter::find_epilogues() {
  for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
    const Node& n = node(id);
    if (n.primitive != &kPointwise) continue;
    for (const ValueId v : n.operands) {
      if (v == kNoValue || graph_.value(v).producer == kNoNode) continue;
      const NodeId product = graph_.value(v).producer;
      if (has_left_out(product)) continue;
      if (!can_have_epilogue(graph_, product, id) &&
          !can_have_integer_epilogue(graph_, product, id))
        continue;
      const auto uses = std::count(n.operands.begin(), n.operands.end(), v);
      if (reads_[at(v)] != uses || epilogue_of(product) != kNoNode) continue;
      epilogue_of_[at(product)] = id;
      product_of_[at(id)] = product;
      break;
    }
  }
}

void Emitter::find_concat_targets() {
  for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes.size()); ++id) {
    if (node(id).primitive != &kConcat) continue;
    for (const ValueId v : node(id).operands)
      if (graph_.value(v).producer != kNoNode && concat_target_[at(v)] == kNoNode &&
          output_index_[at(v)] < 0)
        concat_target_[at(v)] = id;
  }
}

BufferId Emitter::add_buffer(BufferKind kind, std::int32_t index) {
  Buffer buffer;
  buffer.kind = kind;
  buffer.index = index;
  program_.buffers.push_back(buffer);
  pending_.push_back(0);
  return static_cast<BufferId>(program_.buffers.size() - 1);
}

void Emitter::remember(ValueId v, const Place& place) {
  places_[at(v)] = place;
  if (place.buffer != kNoBuffer) pending_[at(place.buffer)] += reads_[at(v)];
}

void Emitter::place_inputs() {
  for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
    const ValueId v = graph_.inputs[i];
    const ValueInfo& info = graph_.value(v);
    if (info.constant) {  // taken in by a body
      program_.inputs.push_back(port_of(info, runtime::kNoSlot));
      continue;
    }
    Place p;
    p.buffer = add_buffer(BufferKind::input, static_cast<std::int32_t>(i));
    p.dtype = info.type.dtype;
    p.ranked = info.type.ranked();
    if (p.ranked) {
      p.extents = *info.type.shape;
      p.strides = strides_in_order(p.extents, row_major(p.rank()));
      for (int axis = 0; axis < p.rank(); ++axis)
        registers_.bind_input(p.extents[at(axis)], static_cast<std::int32_t>(i), axis);
    }
    program_.inputs.push_back(port_of(info, slot(p)));
    remember(v, p);
  }
}

const Place& Emitter::place(ValueId v) {
  std::optional<Place>& p = places_[at(v)];
  if (!p) {
    Tensor tensor = *graph_.value(v).constant;
    Place made = constant(std::move(tensor));
    remember(v, made);
  }
  return *places_[at(v)];
}

Place Emitter::constant(Tensor tensor) {
  Place p;
  p.dtype = tensor.dtype();
  for (const std::int64_t d : tensor.shape()) p.extents.emplace_back(d);
  p.strides = strides_in_order(p.extents, row_major(p.rank()));
  p.buffer = add_buffer(BufferKind::constant, static_cast<std::int32_t>(program_.constants.size()));
  program_.constants.push_back(std::move(tensor));
  return p;
}

const Tensor* Emitter::constant_of(ValueId v) const {
  const std::optional<Tensor>& t = graph_.value(v).constant;
  return t ? &*t : nullptr;
}

bool Emitter::fits_kernels(ValueId v) {
  const ValueInfo& info = graph_.value(v);
  if (info.constant && info.constant->packed()) return false;
  const Type& type = info.type;
  if (!type.ranked() || !is_numeric(type.dtype) || type.rank() > kernels::kMaxAxes) return false;
  return std::all_of(type.shape->begin(), type.shape->end(),
                     [&](const Dim& d) { return registers_.known(d); });
}

bool Emitter::all_fit(NodeId id) {
  const auto fits = [&](ValueId v) { return v == kNoValue || fits_kernels(v); };
  const Node& n = node(id);
  return std::all_of(n.operands.begin(), n.operands.end(), fits) &&
         std::all_of(n.results.begin(), n.results.end(), fits);
}

Place Emitter::scratch(DType dtype, const DimVector& extents, const std::vector<int>& order) {
  Place p;
  p.dtype = dtype;
  p.extents = extents;
  p.strides = strides_in_order(extents, order);
  p.buffer = add_buffer(BufferKind::arena, 0);
  const Dim bytes = count_of(extents) * Dim(static_cast<std::int64_t>(dtype_size(dtype)));
  program_.buffers[at(p.buffer)].bytes = registers_.of(bytes).value_or(0);
  return p;
}

std::optional<Place> Emitter::concat_part(ValueId v, const std::vector<int>& order) {
  const NodeId id = concat_target_[at(v)];
  if (id == kNoNode) return std::nullopt;
  const Node& n = node(id);
  const ValueId y = n.results[0];
  for (const ValueId x : n.operands)
    if (!fits_kernels(x)) return std::nullopt;
  if (!fits_kernels(y) || extents(y).size() != order.size()) return std::nullopt;
  if (!places_[at(y)]) make(y, order);
  Place part = *places_[at(y)];
  if (part.strides != strides_in_order(extents(y), order) && order_of(part) != order)
    return std::nullopt;
  const auto axis = at(attributes_of<ConcatAttributes>(n).axis);
  Dim before(0);
  for (const ValueId x : n.operands) {
    if (x == v) break;
    before = before + extents(x)[axis];
  }
  part.extents = extents(v);
  part.offset = part.offset + before * part.strides[axis];
  return part;
}

Place Emitter::concat_place(NodeId id) {
  const ValueId y = node(id).results[0];
  if (places_[at(y)]) return *places_[at(y)];
  const Place& first = place(node(id).operands[0]);
  return make(y, order_of(first));
}

const Place& Emitter::make(ValueId v, const std::vector<int>& order) {
  if (std::optional<Place> part = concat_part(v, order)) {
    remember(v, *part);
    return *places_[at(v)];
  }
  const DimVector& e = extents(v);
  const DType dtype = graph_.value(v).type.dtype;
  const std::int32_t output = output_index_[at(v)];
  const bool late =
      std::any_of(e.begin(), e.end(), [&](const Dim& d) { return registers_.late(d); });
  Place p;
  if (output >= 0 && !late &&
      strides_in_order(e, order) == strides_in_order(e, row_major(static_cast<int>(e.size())))) {
    p.buffer = add_buffer(BufferKind::output, output);
    p.dtype = dtype;
    p.extents = e;
    p.strides = strides_in_order(e, order);
  } else {
    p = scratch(dtype, e, order);
  }
  remember(v, p);
  return *places_[at(v)];
}

const Place& Emitter::alias(ValueId v, Place place) {
  remember(v, place);
  return *places_[at(v)];
}

Place Emitter::narrowed(ValueId v, const std::vector<int>& order, NodeId id) {
  const auto [at, is_new] = narrowed_.try_emplace({v, order});
  if (!is_new) return at->second;
  kernels::VectorBuilder b;
  const auto x = b.input(DType::f32);
  const auto y = x ? b.emit("cast", DType::bf16, std::array{*x}) : std::nullopt;
  auto program = y ? b.finish(std::array{*y}) : std::nullopt;
  const Place from = place(v);
  const Place to = scratch(DType::bf16, from.extents, order);
  kernels::PointwiseStep attributes;
  if (program) attributes.program = std::move(*program);
  step("kernel.pointwise", std::move(attributes), {from}, {to}, id);
  return at->second = to;
}

Place Emitter::dense(ValueId v) { return dense(place(v)); }

Place Emitter::dense(const Place& place) {
  if (!place.ranked || place.dense()) return place;
  Place to = scratch(place.dtype, place.extents, row_major(place.rank()));
  copy(place, to, kNoNode);
  return to;
}

bool Emitter::may_take_over(const Place& place, std::span<const NodeId> readers) {
  if (program_.buffers[at(place.buffer)].kind != BufferKind::arena) return false;
  if (!gapless(place)) return false;
  std::int32_t here = 0;
  for (const NodeId id : readers)
    for (const ValueId v : node(id).operands)
      if (v != kNoValue && places_[at(v)] && places_[at(v)]->buffer == place.buffer) ++here;
  return here == 1 && pending_[at(place.buffer)] == 1;
}

std::optional<Place> Emitter::broadcast(const Place& place, const DimVector& extents) {
  if (place.extents.size() > extents.size()) return std::nullopt;
  Place p = place;
  while (p.extents.size() < extents.size()) {
    p.extents.insert(p.extents.begin(), Dim(1));
    p.strides.insert(p.strides.begin(), Dim(0));
  }
  for (std::size_t i = 0; i < extents.size(); ++i) {
    if (p.extents[i] == extents[i]) continue;
    if (!(p.extents[i] == Dim(1))) return std::nullopt;
    p.extents[i] = extents[i];
    p.strides[i] = Dim(0);
  }
  return p;
}

std::optional<Dim> Emitter::number(const Node& node, const Extent& extent) const {
  if (extent.is_literal()) return Dim(extent.value);
  const ValueInfo& info = graph_.value(node.operands[at(extent.operand)]);
  if (info.contents && at(extent.element) < info.contents->size())
    return (*info.contents)[at(extent.element)];
  if (info.constant) {
    const Result<std::vector<std::int64_t>> values = to_int64s(*info.constant);
    if (values.ok() && at(extent.element) < values->size())
      return Dim((*values)[at(extent.element)]);
  }
  return std::nullopt;
}

SlotId Emitter::slot(const Place& place) {
  if (place.buffer == kNoBuffer) return runtime::kNoSlot;
  Slot s;
  s.buffer = place.buffer;
  s.dtype = place.dtype;
  s.ranked = place.ranked;
  std::vector<std::int32_t> key = {place.buffer, static_cast<std::int32_t>(place.dtype),
                                   place.ranked};
  // Extents that nothing can tell beforehand are those of the slot itself.
  const auto index = static_cast<SlotId>(program_.slots.size());
  for (std::size_t i = 0; i < place.extents.size(); ++i) {
    registers_.bind_late(place.extents[i], index, static_cast<std::int32_t>(i));
    s.extents.push_back(registers_.of(place.extents[i]).value_or(0));
    s.strides.push_back(registers_.of(place.strides[i]).value_or(0));
  }
  s.offset = registers_.of(place.offset).value_or(0);
  key.insert(key.end(), s.extents.begin(), s.extents.end());
  key.insert(key.end(), s.strides.begin(), s.strides.end());
  key.push_back(s.offset);
  const auto [found, added] = slots_.emplace(std::move(key), index);
  if (added) program_.slots.push_back(std::move(s));
  return found->second;
}

Place Emitter::readable(const Place& place) {
  const auto whole = wholes_.find(place.buffer);
  if (whole == wholes_.end() || !place.ranked) return place;
  const Place& all = whole->second;
  if (place.extents == all.extents && place.strides == all.strides && place.offset == Dim(0))
    return place;
  auto copied = copies_.find(place.buffer);
  if (copied == copies_.end()) {
    const Place to = scratch(all.dtype, all.extents, row_major(all.rank()));
    copy(all, to, kNoNode);
    copied = copies_.emplace(place.buffer, Copied{program_.steps.size() - 1, to}).first;
  }
  Place moved = place;
  moved.buffer = copied->second.place.buffer;
  return moved;
}

void Emitter::add_step(const runtime::Operation* operation, AttributePtr attributes,
                       std::span<const Place> inputs, std::span<const Place> outputs, NodeId from) {
  runtime::Step step;
  step.operation = operation;
  step.attributes = std::move(attributes);
  for (const Place& p : inputs) step.inputs.push_back(slot(readable(p)));
  for (const Place& p : outputs) step.outputs.push_back(slot(p));
  if (from != kNoNode) step.name = node(from).name;
  program_.steps.push_back(std::move(step));
}

void Emitter::take_back(std::size_t count) {
  program_.steps.resize(count);
  std::erase_if(copies_, [&](const auto& c) { return c.second.step >= count; });
}

void Emitter::copy(const Place& from, const Place& to, NodeId id) {
  step("kernel.copy", kernels::CopyStep{}, {from}, {to}, id);
}

void Emitter::finish_node(NodeId id) {
  for (const ValueId v : node(id).operands) {
    if (v == kNoValue) continue;
    --reads_[at(v)];
    if (places_[at(v)] && places_[at(v)]->buffer != kNoBuffer)
      --pending_[at(places_[at(v)]->buffer)];
  }
}

// --- steps by scalar code ---

bool Emitter::is_value_kind(ValueId v) {
  if (!fits_kernels(v)) return true;
  return std::any_of(extents(v).begin(), extents(v).end(),
                     [&](const Dim& d) { return registers_.late(d); });
}

Place Emitter::value_place(ValueId v) {
  const Type& type = graph_.value(v).type;
  Place p;
  p.buffer = add_buffer(BufferKind::value, 0);
  p.dtype = type.dtype;
  p.ranked = type.ranked();
  if (p.ranked) {
    p.extents = *type.shape;
    p.strides = strides_in_order(p.extents, row_major(p.rank()));
    wholes_.emplace(p.buffer, p);
  }
  return p;
}

Status Emitter::evaluate_step(NodeId id, std::vector<std::int32_t> regions) {
  const Node& n = node(id);
  std::vector<Place> inputs, outputs;
  for (const ValueId v : n.operands) inputs.push_back(v == kNoValue ? Place{} : dense(v));
  for (const ValueId v : n.results) {
    if (v == kNoValue) {
      outputs.emplace_back();
    } else if (is_value_kind(v) || n.primitive->has(kLateExtents)) {
      outputs.push_back(value_place(v));
      remember(v, outputs.back());
    } else {
      outputs.push_back(make(v, row_major(graph_.value(v).type.rank())));
    }
  }
  add_step(operation_of(*n.primitive), n.attributes, inputs, outputs, id);
  program_.steps.back().regions = std::move(regions);
  return {};
}

Status Emitter::reference_step(NodeId id) {
  if (report_) {
    const double work = work_of(graph_, id);
    if (work > 0) report_->scalar[std::string(node(id).primitive->name)] += work;
  }
  return evaluate_step(id, {});
}

Status Emitter::region_step(NodeId id, std::size_t skip_operands, std::size_t skip_inputs) {
  const Node& n = node(id);
  std::vector<std::int32_t> regions;
  for (const auto& body : n.bodies) {
    Graph own = *body;
    for (std::size_t i = skip_operands; i < n.operands.size(); ++i) {
      const ValueId v = n.operands[i];
      const std::size_t input = i - skip_operands + skip_inputs;
      if (v == kNoValue || input >= own.inputs.size()) continue;
      if (const Tensor* t = constant_of(v)) own.value(own.inputs[input]).constant = *t;
    }
    CompileOptions options = options_;
    options.optimize = false;
    ASSIGN(runtime::Program region, compile(std::move(own), options, report_));
    regions.push_back(static_cast<std::int32_t>(program_.regions.size()));
    program_.regions.push_back(std::move(region));
  }
  return evaluate_step(id, std::move(regions));
}

// --- the end ---

Status Emitter::finish() {
  for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
    const ValueId v = graph_.outputs[i];
    Place p = place(v);
    const Buffer& buffer = program_.buffers[at(p.buffer)];
    const bool own =
        buffer.kind == BufferKind::output && buffer.index == static_cast<std::int32_t>(i);
    const bool as_it_is = own || buffer.kind == BufferKind::value || is_value_kind(v);
    const Place seen = readable(p);
    if (!as_it_is || seen.buffer != p.buffer) {
      p = seen;
      Place to;
      to.buffer = add_buffer(as_it_is ? BufferKind::value : BufferKind::output,
                             as_it_is ? 0 : static_cast<std::int32_t>(i));
      to.dtype = p.dtype;
      to.extents = p.extents;
      to.strides = strides_in_order(to.extents, row_major(to.rank()));
      copy(p, to, kNoNode);
      p = to;
    }
    program_.outputs.push_back(port_of(graph_.value(v), slot(p)));
  }
  settle_lifetimes();
  return {};
}

void Emitter::settle_lifetimes() {
  std::vector<bool> seen(program_.buffers.size(), false);
  const auto touch = [&](SlotId s, std::size_t step) {
    if (s == runtime::kNoSlot) return;
    const BufferId b = program_.slots[at(s)].buffer;
    Buffer& buffer = program_.buffers[at(b)];
    if (!seen[at(b)]) buffer.first = static_cast<std::int32_t>(step);
    seen[at(b)] = true;
    buffer.last = static_cast<std::int32_t>(step);
  };
  for (std::size_t i = 0; i < program_.steps.size(); ++i) {
    for (const SlotId s : program_.steps[i].inputs) touch(s, i);
    for (const SlotId s : program_.steps[i].outputs) touch(s, i);
  }
  for (const runtime::Port& p : program_.outputs) touch(p.slot, program_.steps.size());
}

}  // namespace gossamer::compile
