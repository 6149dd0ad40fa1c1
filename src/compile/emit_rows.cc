// Reduce, Softmax, Normalize, Pool, Resize, Attention and Recurrent.
#include <algorithm>

#include "compile/emit.h"
#include "kernels/attention/attention.h"
#include "kernels/normalize/normalize.h"
#include "kernels/pool/pool.h"
#include "kernels/recurrent/recurrent.h"
#include "kernels/reduce/reduce.h"
#include "kernels/resize/resize.h"
#include "kernels/softmax/softmax.h"
#include "reference/attention.h"
#include "reference/normalize.h"
#include "reference/pool.h"
#include "reference/recurrent.h"
#include "reference/reduce.h"
#include "reference/resize.h"
#include "reference/softmax.h"

namespace gossamer::compile {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

DType dtype_of_value(const Emitter& e, ValueId v) { return e.graph().value(v).type.dtype; }

bool is_small_float(DType t) { return t == DType::f32 || t == DType::f16 || t == DType::bf16; }

bool has(const std::vector<ValueId>& values, std::size_t i) {
  return i < values.size() && values[i] != kNoValue;
}

std::vector<std::int64_t> widened(const std::vector<int>& v) { return {v.begin(), v.end()}; }

// A result with the axes that a reduction dropped put back with extent 1.
Place with_axes(Place p, const std::vector<int>& axes) {
  for (const int axis : axes) {
    p.extents.insert(p.extents.begin() + axis, Dim(1));
    p.strides.insert(p.strides.begin() + axis, Dim(0));
  }
  return p;
}

Place missing() { return {}; }

}  // namespace

Result<bool> emit_Reduce(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<ReduceAttributes>(node);
  const auto kind = static_cast<kernels::ReduceOp>(a.op);
  const ValueId x = node.operands[0], y = node.results[0];
  if (!e.all_fit(id) || !kernels::reducible(kind, dtype_of_value(e, x))) return false;
  const Place from = e.place(x);
  Place to = e.make(y, a.keep ? order_of(from) : row_major(static_cast<int>(e.extents(y).size())));
  if (!a.keep) to = with_axes(to, a.axes);
  e.step("kernel.reduce", kernels::ReduceStep{kind, widened(a.axes)}, {from}, {to}, id);
  return true;
}

Result<bool> emit_Softmax(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<SoftmaxAttributes>(node);
  if (!e.all_fit(id) || !is_small_float(dtype_of_value(e, node.operands[0]))) return false;
  const Place from = e.place(node.operands[0]);
  const bool over =
      e.may_take_over(from, std::span(&id, 1)) && !e.has_memory_elsewhere(node.results[0]);
  const Place to = over ? e.alias(node.results[0], from) : e.make(node.results[0], order_of(from));
  e.step("kernel.softmax", kernels::SoftmaxStep{a.axis, a.log}, {from}, {to}, id);
  return true;
}

Result<bool> emit_Normalize(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<NormalizeAttributes>(node);
  const ValueId x = node.operands[0];
  if (!e.all_fit(id) || !is_small_float(dtype_of_value(e, x)) || a.acc == DType::f64) return false;
  if ((has(node.results, 1) || has(node.results, 2)) && a.acc != DType::f32) return false;
  const Place from = e.place(x);
  std::vector<Place> inputs = {from};
  for (std::size_t i = 1; i < 3; ++i) {
    if (!has(node.operands, i)) {
      inputs.push_back(missing());
      continue;
    }
    const std::optional<Place> p = Emitter::broadcast(e.place(node.operands[i]), from.extents);
    if (!p) return false;
    inputs.push_back(*p);
  }
  kernels::NormalizeStep step;
  step.axes = widened(a.axes);
  step.groups = a.groups;
  step.center = a.center;
  step.epsilon = a.epsilon;
  const bool over =
      e.may_take_over(from, std::span(&id, 1)) && !e.has_memory_elsewhere(node.results[0]);
  std::vector<Place> outputs = {over ? e.alias(node.results[0], from)
                                     : e.make(node.results[0], order_of(from))};
  for (std::size_t i = 1; i < 3; ++i)
    outputs.push_back(has(node.results, i)
                          ? e.make(node.results[i],
                                   row_major(static_cast<int>(e.extents(node.results[i]).size())))
                          : missing());
  e.step("kernel.normalize", std::move(step), inputs, outputs, id);
  return true;
}

Result<bool> emit_Pool(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<PoolAttributes>(node);
  const DType dtype = dtype_of_value(e, node.operands[0]);
  const bool bytes = a.op == PoolOp::max && (dtype == DType::u8 || dtype == DType::i8);
  if (!e.all_fit(id) || has(node.results, 1) || !(dtype == DType::f32 || bytes)) return false;
  if (a.op == PoolOp::lp && a.p != 1.0F && a.p != 2.0F) return false;
  kernels::PoolStep step;
  step.op = static_cast<kernels::PoolOp>(a.op);
  step.p = a.p;
  step.axes = widened(a.axes);
  step.kernel = a.kernel;
  step.strides = a.strides;
  step.dilations = a.dilations;
  const std::size_t n = a.axes.size();
  if (!a.pads.empty()) {
    step.pads_begin.assign(a.pads.begin(), a.pads.begin() + static_cast<std::ptrdiff_t>(n));
    step.pads_end.assign(a.pads.begin() + static_cast<std::ptrdiff_t>(n), a.pads.end());
  }
  step.padding = static_cast<kernels::PoolPadding>(a.auto_pad);
  step.count_pad = a.count_pad;
  const Place from = e.place(node.operands[0]);
  const Place to = e.make(node.results[0], order_of(from));
  e.step("kernel.pool", std::move(step), {from}, {to}, id);
  return true;
}

Result<bool> emit_Resize(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<ResizeAttributes>(node);
  const ValueId x = node.operands[0];
  if (!e.fits_kernels(x) || !e.fits_kernels(node.results[0])) return false;
  if (a.coordinate == ResizeCoordinate::tf_crop_and_resize ||
      (a.mode != ResizeMode::nearest && dtype_of_value(e, x) != DType::f32))
    return false;
  kernels::ResizeStep step;
  step.axes = widened(a.axes);
  if (has(node.operands, 1)) {
    const Tensor* scales = e.constant_of(node.operands[1]);
    if (!scales || scales->dtype() != DType::f32) return false;
    for (const float s : scales->values<float>()) step.scales.push_back(s);
  } else if (a.policy != ResizePolicy::stretch) {
    return false;
  }
  step.mode = static_cast<kernels::ResizeMode>(a.mode);
  step.coordinate = a.coordinate == ResizeCoordinate::tf_half_pixel_for_nn
                        ? kernels::ResizeCoordinate::tf_half_pixel_for_nn
                        : static_cast<kernels::ResizeCoordinate>(a.coordinate);
  step.nearest = static_cast<kernels::ResizeNearest>(a.nearest);
  step.cubic_a = a.cubic_a;
  step.antialias = a.antialias;
  step.exclude_outside = a.exclude_outside;
  const Place from = e.place(x);
  const Place to = e.make(node.results[0], order_of(from));
  e.step("kernel.resize", std::move(step), {from}, {to}, id);
  return true;
}

Result<bool> emit_Attention(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<AttentionAttributes>(node);
  if (!e.all_fit(id) || has(node.results, 1) || a.acc != DType::f32) return false;
  for (std::size_t i = 0; i < 3; ++i)
    if (dtype_of_value(e, node.operands[i]) != DType::f32) return false;
  if (has(node.operands, 3)) {
    const DType mask = dtype_of_value(e, node.operands[3]);
    if (mask != DType::f32 && mask != DType::boolean) return false;
  }
  kernels::AttentionStep step;
  step.scale = a.scale;
  step.softcap = a.softcap;
  step.causal = a.causal;
  step.left = a.left;
  step.right = a.right;
  step.empty_row = static_cast<kernels::EmptyRow>(a.empty_row);
  std::vector<Place> inputs;
  for (std::size_t i = 0; i < 6; ++i)
    inputs.push_back(has(node.operands, i) ? e.place(node.operands[i]) : missing());
  // Heads side by side, as the reader that merges them wants it.
  const Place to = e.make(node.results[0], {0, 2, 1, 3});
  e.step("kernel.attention", std::move(step), inputs, {to}, id);
  return true;
}

namespace {

bool usual_functions(const RecurrentAttributes& a, bool& relu) {
  const auto functions = at(a.functions());
  for (std::size_t i = 0; i < a.activations.size(); ++i) {
    const RecurrentActivation f = a.activations[i];
    const bool gate = a.cell != RecurrentCell::rnn && i % functions == 0;
    if (gate ? f != RecurrentActivation::sigmoid
             : f != RecurrentActivation::tanh &&
                   !(a.cell == RecurrentCell::rnn && f == RecurrentActivation::relu))
      return false;
    if (!gate && (f == RecurrentActivation::relu) != relu) {
      if (i > 0) return false;
      relu = true;
    }
  }
  return true;
}

}  // namespace

Result<bool> emit_Recurrent(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<RecurrentAttributes>(node);
  const auto weights = [&](std::size_t i) {
    return has(node.operands, i) ? e.constant_of(node.operands[i]) : nullptr;
  };
  kernels::RecurrentStep step;
  if (!e.all_fit(id) || !usual_functions(a, step.relu)) return false;
  if (dtype_of_value(e, node.operands[0]) != DType::f32) return false;
  for (const std::size_t i : {1, 2, 3, 7})
    if (has(node.operands, i) && !weights(i)) return false;
  step.cell = static_cast<kernels::RecurrentCell>(a.cell);
  step.direction = static_cast<kernels::RecurrentDirection>(a.direction);
  step.inputs = weights(1)->shape()[2];
  step.hidden = weights(2)->shape()[2];
  step.clip = a.clip;
  step.coupled = a.coupled;
  step.reset_after = a.reset_after;
  kernels::RecurrentWeights w;
  const auto data = [&](std::size_t i) {
    return weights(i) ? weights(i)->values<float>().data() : nullptr;
  };
  w.w = data(1);
  w.r = data(2);
  w.bias = data(3);
  w.peepholes = data(7);
  const std::int64_t count = kernels::packed_recurrent_count(step);
  if (count <= 0) return false;
  ASSIGN(Tensor packed, Tensor::make(DType::f32, Shape{count}));
  kernels::pack_recurrent(step, w, packed.mutable_values<float>());
  std::vector<Place> inputs = {e.place(node.operands[0]), e.constant(std::move(packed))};
  for (std::size_t i = 4; i < 7; ++i)
    inputs.push_back(has(node.operands, i) ? e.place(node.operands[i]) : missing());
  std::vector<Place> outputs;
  for (std::size_t i = 0; i < 3; ++i)
    outputs.push_back(has(node.results, i)
                          ? e.make(node.results[i],
                                   row_major(static_cast<int>(e.extents(node.results[i]).size())))
                          : missing());
  e.step("kernel.recurrent", std::move(step), inputs, outputs, id);
  return true;
}

}  // namespace gossamer::compile
