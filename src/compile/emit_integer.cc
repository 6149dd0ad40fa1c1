// Products of 8-bit integers with constant weights, with the Pointwise that follows as their
// epilogue.
#include <algorithm>
#include <limits>
#include <type_traits>

#include "compile/emit.h"
#include "compile/integer_fusion.h"
#include "kernels/integer_product/integer_product.h"
#include "kernels/integer_product/integer_table.h"
#include "reference/conv.h"
#include "reference/matmul.h"
#include "reference/window.h"

namespace gossamer::compile {
namespace {

using kernels::IntegerProductStep;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Weights as signed bytes, and what is left of their zero points.
struct Weights {
  std::vector<std::int8_t> made;
  const std::int8_t* values = nullptr;  // as the tensor lies: its own bytes, or `made`
  std::int64_t filter = 0, channel = 0, tap = 1;
  std::vector<std::int32_t> zeros;
  bool has_zeros = false;
};

// Element i of an 8-bit tensor.
int byte_at(const Tensor& t, std::int64_t i) {
  return t.dtype() == DType::i8 ? t.values<std::int8_t>()[at(i)] : t.values<std::uint8_t>()[at(i)];
}

// Calls f(filter, index) for all weights in the order in which they lie: a filter's side by side
// (rows), or filters side by side.
template <class F>
void each_weight(std::int64_t filters, std::int64_t depth, bool rows, F f) {
  std::int64_t i = 0;
  if (rows)
    for (std::int64_t m = 0; m < filters; ++m)
      for (std::int64_t k = 0; k < depth; ++k) f(m, i++);
  else
    for (std::int64_t k = 0; k < depth; ++k)
      for (std::int64_t m = 0; m < filters; ++m) f(m, i++);
}

// By how much the weights of each filter go down to be signed bytes: its zero point where that
// leaves such bytes.
template <class T>
std::vector<int> shifts_of(std::span<const T> w, const std::vector<int>& zeros, std::int64_t depth,
                           bool rows) {
  constexpr int kMiddle = std::is_signed_v<T> ? 0 : 128;
  const bool middle = std::all_of(zeros.begin(), zeros.end(), [](int z) { return z == kMiddle; });
  if (middle) return zeros;
  const auto filters = static_cast<std::int64_t>(zeros.size());
  std::vector<T> least(zeros.size(), std::numeric_limits<T>::max());
  std::vector<T> greatest(zeros.size(), std::numeric_limits<T>::lowest());
  each_weight(filters, depth, rows, [&](std::int64_t m, std::int64_t i) {
    least[at(m)] = std::min(least[at(m)], w[at(i)]);
    greatest[at(m)] = std::max(greatest[at(m)], w[at(i)]);
  });
  std::vector<int> shifts(zeros.size(), kMiddle);
  for (std::size_t m = 0; m < zeros.size(); ++m)
    if (least[m] - zeros[m] >= -128 && greatest[m] - zeros[m] <= 127) shifts[m] = zeros[m];
  return shifts;
}

template <class T>
void subtract_zeros(std::span<const T> w, std::vector<int> zeros, bool rows, Weights& out) {
  const auto filters = static_cast<std::int64_t>(zeros.size());
  const std::int64_t depth = filters == 0 ? 0 : static_cast<std::int64_t>(w.size()) / filters;
  const std::vector<int> shifts = shifts_of(w, zeros, depth, rows);
  for (std::size_t m = 0; m < zeros.size(); ++m) {
    out.zeros.push_back(zeros[m] - shifts[m]);
    out.has_zeros = out.has_zeros || zeros[m] != shifts[m];
  }
  if constexpr (std::is_signed_v<T>)
    if (std::all_of(shifts.begin(), shifts.end(), [](int s) { return s == 0; })) {
      out.values = w.data();
      return;
    }
  out.made.resize(w.size());
  std::vector<std::uint8_t> down(shifts.begin(), shifts.end());
  each_weight(filters, depth, rows, [&](std::int64_t m, std::int64_t i) {
    const auto byte = static_cast<std::uint8_t>(w[at(i)]);
    out.made[at(i)] = static_cast<std::int8_t>(static_cast<std::uint8_t>(byte - down[at(m)]));
  });
  out.values = out.made.data();
}

// Subtracts each filter's zero point where that leaves signed bytes. `rows`: a filter's weights lie
// side by side.
void subtract_zeros(const Tensor& w, const Tensor* zero, std::int64_t filters, bool rows,
                    Weights& out) {
  std::vector<int> zeros(at(filters), 0);
  if (zero)
    for (std::int64_t m = 0; m < filters; ++m)
      zeros[at(m)] = byte_at(*zero, zero->count() == 1 ? 0 : m);
  if (w.dtype() == DType::i8)
    subtract_zeros(w.values<std::int8_t>(), std::move(zeros), rows, out);
  else
    subtract_zeros(w.values<std::uint8_t>(), std::move(zeros), rows, out);
}

// Whether a zero point of weights is one number or one a filter, which `axis` of `rank` numbers.
bool zero_fits(const Tensor& z, int axis, int rank, std::int64_t filters) {
  if (z.packed()) return false;
  if (z.count() == 1) return true;
  const int d = axis - (rank - z.rank());
  return z.count() == filters && d >= 0 && d < z.rank() && z.shape()[d] == filters;
}

struct Emission {
  IntegerProductStep step;
  Weights weights;
  Place x;
  std::vector<int> order;  // of y
};

std::optional<Weights> weights_of(Emitter& e, const Node& node, bool conv, bool trans) {
  const Tensor* w = e.constant_of(node.operands[1]);
  if (!w || w->packed() || (conv ? w->rank() < 3 || w->rank() > 5 : w->rank() != 2)) return {};
  const Tensor* zero = nullptr;
  const Shape& s = w->shape();
  const int axis = conv || trans ? 0 : 1;
  const std::int64_t filters = s[axis];
  if (node.operands.size() > 3 && node.operands[3] != kNoValue) {
    zero = e.constant_of(node.operands[3]);
    const bool vector = conv && zero && zero->rank() == 1;
    if (!zero || !zero_fits(*zero, vector ? 0 : axis, vector ? 1 : s.rank(), filters)) return {};
  }
  Weights out;
  if (conv) {
    const std::int64_t taps = s.count(2, s.rank());
    out.filter = s[1] * taps;
    out.channel = taps;
    subtract_zeros(*w, zero, filters, true, out);
  } else {
    out.filter = trans ? s[1] : 1;
    out.channel = trans ? 1 : s[1];
    subtract_zeros(*w, zero, filters, trans, out);
  }
  return out;
}

bool matmul(Emitter& e, const Node& node, Emission& m) {
  const auto& a = attributes_of<MatMulAttributes>(node);
  const ValueId x = node.operands[0];
  const int rank = static_cast<int>(e.extents(x).size());
  const Tensor* w = e.constant_of(node.operands[1]);
  if (rank < 2 || !w || w->rank() != 2) return false;
  std::optional<Weights> weights = weights_of(e, node, false, a.trans_b);
  if (!weights) return false;
  m.weights = std::move(*weights);
  m.x = e.place(x);
  if (a.trans_a) {
    std::swap(m.x.extents[at(rank - 1)], m.x.extents[at(rank - 2)]);
    std::swap(m.x.strides[at(rank - 1)], m.x.strides[at(rank - 2)]);
  }
  m.step.channels = w->shape()[a.trans_b ? 1 : 0];
  m.step.filters = w->shape()[a.trans_b ? 0 : 1];
  m.order = row_major(rank);
  return true;
}

// x with its channels side by side, in pixels of whole quads where there is one group.
Place pixels(Emitter& e, const Place& x, std::int64_t channels, bool pad, NodeId id) {
  const bool last = x.strides[1] == Dim(1);
  if (last && !pad) return x;
  const std::int64_t padded = (channels + kernels::kQuad - 1) / kernels::kQuad * kernels::kQuad;
  DimVector extents = x.extents;
  if (pad) extents[1] = Dim(padded);
  Place to = e.scratch(x.dtype, extents, channels_last(x.rank()));
  to.extents[1] = Dim(channels);
  e.copy(x, to, id);
  return to;
}

bool conv(Emitter& e, NodeId id, Emission& m) {
  const Node& node = e.node(id);
  const auto& a = attributes_of<ConvAttributes>(node);
  std::optional<Weights> weights = weights_of(e, node, true, false);
  if (!weights) return false;
  m.weights = std::move(*weights);
  const Shape& w = e.constant_of(node.operands[1])->shape();
  IntegerProductStep& s = m.step;
  s.kernel.assign(w.begin() + 2, w.end());
  s.strides = a.strides;
  s.dilations = a.dilations;
  const std::optional<std::vector<std::int64_t>> pads =
      pads_before(a, e.extents(node.operands[0]), s.kernel);
  if (!pads) return false;
  s.pads_begin = *pads;
  s.group = a.group;
  s.channels = w[1] * a.group;
  s.filters = w[0];
  s.padded_pixels = s.group == 1 && s.channels % kernels::kQuad != 0 && !m.weights.has_zeros;
  m.x = pixels(e, e.place(node.operands[0]), s.channels, s.padded_pixels, id);
  m.order = channels_last(m.x.rank());
  return true;
}

Place floats(Emitter& e, const ChannelNumbers& n, std::int64_t count) {
  if (n.value != kNoValue) {
    const Place& own = e.place(n.value);
    return view_as(own, {count_of(own.extents)}).value_or(Place{});
  }
  std::vector<float> all(at(count));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = n.numbers[n.numbers.size() == 1 ? 0 : i];
  return e.constant(Tensor::vector(all));
}

// The operands after the zero points, from the epilogue.
bool add_epilogue(Emitter& e, const IntegerEpilogue& p, const DimVector& extents,
                  IntegerProductStep& step, std::vector<Place>& inputs) {
  step.scaled = p.scaled;
  step.bias = p.has_bias;
  step.low = p.low;
  step.high = p.high;
  step.quantized = p.quantized;
  step.y_scale = p.y_scale;
  step.y_zero = p.y_zero;
  step.epilogue = p.program;
  if (p.scaled) {
    const bool one = p.scale.value == kNoValue && p.scale.numbers.size() == 1;
    inputs.push_back(floats(e, p.scale, one ? 1 : step.filters));
    if (inputs.back().buffer < 0) return false;
  }
  if (p.has_bias) {
    inputs.push_back(floats(e, p.bias, step.filters));
    if (inputs.back().buffer < 0) return false;
  }
  std::vector<ValueId> operands = p.operands;
  if (p.other != kNoValue) {
    step.other = true;
    step.mid_scale = p.mid_scale;
    step.mid_low = p.mid_low;
    step.mid_high = p.mid_high;
    step.other_scale = p.other_scale;
    step.other_zero = p.other_zero;
    step.low2 = p.low2;
    step.high2 = p.high2;
    operands = {p.other};
  }
  for (const ValueId v : operands) {
    if (!e.fits_kernels(v)) return false;
    const std::optional<Place> place = Emitter::broadcast(e.place(v), extents);
    if (!place) return false;
    inputs.push_back(*place);
  }
  return true;
}

// The result in the memory of an operand of the epilogue where nobody else needs that.
Place result_place(Emitter& e, NodeId id, NodeId last, const std::vector<int>& order,
                   std::span<const ValueId> operands) {
  const ValueId y = e.node(last).results[0];
  const DimVector& extents = e.extents(y);
  const DimVector strides = strides_in_order(extents, order);
  const NodeId readers[] = {id, last};
  for (const ValueId v : operands) {
    const Place own = e.place(v);
    if (own.dtype == e.graph().value(y).type.dtype && own.extents == extents &&
        own.strides == strides && !e.has_memory_elsewhere(y) && e.may_take_over(own, readers))
      return e.alias(y, own);
  }
  return e.make(y, order);
}

// The channels of an operand that a product adds must lie side by side.
bool lies_well(Emitter& e, ValueId v, std::size_t channel_axis) {
  const Place& p = e.place(v);
  return p.strides[channel_axis] == Dim(1) || p.extents[channel_axis] == Dim(1);
}

}  // namespace

Result<bool> emit_integer_product(Emitter& e, NodeId id) {
  const Node& node = e.node(id);
  for (const ValueId v : node.operands)
    if (v != kNoValue && !e.fits_kernels(v)) return false;
  if (!e.fits_kernels(node.results[0])) return false;
  const bool is_conv = node.primitive == &kConv;
  const std::size_t before = e.step_count();
  const NodeId epilogue_id = e.epilogue_of(id);
  const NodeId last = epilogue_id == kNoNode ? id : epilogue_id;
  IntegerEpilogue epilogue;
  if (epilogue_id != kNoNode) epilogue = *integer_epilogue_for(e.graph(), id, epilogue_id);
  if (epilogue.other != kNoValue &&
      (!e.fits_kernels(epilogue.other) ||
       !lies_well(e, epilogue.other, is_conv ? 1 : e.extents(epilogue.other).size() - 1)))
    return false;
  Emission m;
  if (!(is_conv ? conv(e, id, m) : matmul(e, node, m))) return false;
  m.step.weight_zeros = m.weights.has_zeros;

  std::vector<Place> inputs = {m.x};
  const std::size_t bytes = kernels::packed_integer_product_size(m.step);
  ASSIGN(Tensor packed, Tensor::make(DType::u8, Shape{static_cast<std::int64_t>(bytes)}));
  kernels::pack_integer_product(
      m.step,
      {m.weights.values, m.weights.filter, m.weights.channel, m.weights.tap, m.weights.zeros.data(),
       epilogue.integer_bias.empty() ? nullptr : epilogue.integer_bias.data()},
      reinterpret_cast<std::byte*>(packed.mutable_values<std::uint8_t>().data()));
  inputs.push_back(e.constant(std::move(packed)));
  const auto take_back = [&] {
    e.take_back(before);
    return false;
  };
  if (node.operands.size() > 2 && node.operands[2] != kNoValue) {
    const Place& zero = e.place(node.operands[2]);
    if (!(count_of(zero.extents) == Dim(1))) return take_back();
    const std::optional<Place> one = view_as(zero, {Dim(1)});
    if (!one) return take_back();
    m.step.zero = true;
    inputs.push_back(*one);
  }
  if (m.step.weight_zeros) inputs.push_back(e.constant(Tensor::vector(m.weights.zeros)));
  std::vector<ValueId> operands = epilogue.operands;
  if (epilogue.other != kNoValue) operands = {epilogue.other};
  const DimVector& extents = e.extents(e.node(last).results[0]);
  if (!add_epilogue(e, epilogue, extents, m.step, inputs)) return take_back();
  const Place y = result_place(e, id, last, m.order, operands);
  e.step("kernel.integer_product", std::move(m.step), inputs, {y}, id);
  return true;
}

}  // namespace gossamer::compile
