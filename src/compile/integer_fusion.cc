// Peels scale, bias, bounds and quantization off the expression that follows an integer product.
#include "compile/integer_fusion.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "compile/translate.h"
#include "graph/primitive.h"
#include "kernels/integer_product/integer_finish.h"
#include "primitives/primitives.h"
#include "reference/pointwise.h"

namespace gossamer::compile {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

bool is_byte(DType dtype) { return dtype == DType::u8 || dtype == DType::i8; }

bool broadcasts(const DimVector& from, const DimVector& to) {
  if (from.size() > to.size()) return false;
  const std::size_t lead = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i)
    if (!(from[i] == Dim(1)) && !(from[i] == to[lead + i])) return false;
  return true;
}

// Scale and zero point of a quantize or dequantize, both constants of the program.
struct Scaling {
  float scale = 1;
  std::int64_t zero = 0;
};

class Peeler {
 public:
  Peeler(const Graph& graph, NodeId product, NodeId pointwise)
      : graph_(graph),
        node_(graph.node(pointwise)),
        program_(attributes_of<PointwiseAttributes>(node_).program) {
    product_ = graph.node(product).results[0];
    extents_ = *graph.value(product_).type.shape;
    channel_axis_ = graph.node(product).primitive == &kConv ? 1 : extents_.size() - 1;
    const auto where = std::find(node_.operands.begin(), node_.operands.end(), product_);
    now_ = {Ref::Kind::input, static_cast<std::int16_t>(where - node_.operands.begin())};
  }

  std::optional<IntegerEpilogue> peel() {
    IntegerEpilogue e;
    take_integer_bias(e);
    if (step_over_cast()) {
      e.scaled = true;
      take_scale(e);
      take_bias(e);
      take_bounds(e.low, e.high);
      if (take_quantization(e)) return e;
    }
    if (program_.results[0] == now_) return e;
    std::vector<Ref> inputs = {now_};
    for (std::size_t i = 0; i < node_.operands.size(); ++i) {
      const Ref ref{Ref::Kind::input, static_cast<std::int16_t>(i)};
      if (node_.operands[i] == product_ || !reads(ref)) continue;
      inputs.push_back(ref);
      e.operands.push_back(node_.operands[i]);
    }
    std::optional<kernels::VectorProgram> rest = translate(program_, inputs);
    if (!rest || std::ssize(e.operands) > kernels::kMaxIntegerOperands) return std::nullopt;
    e.program = std::move(*rest);
    return e;
  }

 private:
  const Instruction* made_by(Ref r) const {
    return r.kind == Ref::Kind::result ? &program_.instructions[at(r.index)] : nullptr;
  }

  // Whether what is left reads an input.
  bool reads(Ref input) const {
    std::vector<Ref> open = {program_.results[0]};
    while (!open.empty()) {
      const Ref r = open.back();
      open.pop_back();
      if (r == now_) continue;
      if (r == input) return true;
      if (const Instruction* i = made_by(r))
        for (int k = 0; k < pointwise_op_operands(i->op); ++k) open.push_back(i->args[at(k)]);
    }
    return false;
  }

  const Instruction* only_reader() const {
    if (program_.results[0] == now_) return nullptr;
    const Instruction* reader = nullptr;
    for (const Instruction& i : program_.instructions)
      for (int k = 0; k < pointwise_op_operands(i.op); ++k)
        if (i.args[at(k)] == now_) {
          if (reader) return nullptr;
          reader = &i;
        }
    return reader;
  }
  const Instruction* only_reader(PointwiseOp op) const {
    const Instruction* i = only_reader();
    return i && i->op == op ? i : nullptr;
  }
  Ref other_of(const Instruction& i) const { return i.args[0] == now_ ? i.args[1] : i.args[0]; }
  void step_over(const Instruction* i) {
    now_ = {Ref::Kind::result, static_cast<std::int16_t>(i - program_.instructions.data())};
  }

  // Whether a value has one element, or one a channel.
  bool along_channels(ValueId v) const {
    const Type& t = graph_.value(v).type;
    if (!t.ranked() || t.shape->size() > extents_.size()) return false;
    const std::size_t lead = extents_.size() - t.shape->size();
    for (std::size_t i = 0; i < t.shape->size(); ++i) {
      const Dim& d = (*t.shape)[i];
      if (!(d == Dim(1)) && (i + lead != channel_axis_ || !(d == extents_[channel_axis_])))
        return false;
    }
    return true;
  }

  // What a reference stands for when it is the same for all but the channel.
  std::optional<std::vector<float>> numbers(Ref r) const {
    if (r.kind == Ref::Kind::constant) {
      const Scalar& c = program_.constants[at(r.index)];
      if (c.dtype != DType::f32) return std::nullopt;
      return std::vector{std::bit_cast<float>(static_cast<std::uint32_t>(c.bits))};
    }
    if (r.kind == Ref::Kind::input) {
      const ValueId v = node_.operands[at(r.index)];
      const std::optional<Tensor>& t = graph_.value(v).constant;
      if (!t || t->dtype() != DType::f32 || !along_channels(v)) return std::nullopt;
      const auto values = t->values<float>();
      return std::vector<float>(values.begin(), values.end());
    }
    const Instruction& i = program_.instructions[at(r.index)];
    if (i.op == PointwiseOp::cast && i.dtype == DType::f32) return numbers(i.args[0]);
    if (i.op != PointwiseOp::mul || i.dtype != DType::f32) return std::nullopt;
    const auto a = numbers(i.args[0]), b = numbers(i.args[1]);
    if (!a || !b) return std::nullopt;
    return times(*a, *b);
  }
  static std::vector<float> times(const std::vector<float>& a, const std::vector<float>& b) {
    std::vector<float> y(std::max(a.size(), b.size()));
    for (std::size_t i = 0; i < y.size(); ++i)
      y[i] = a[a.size() == 1 ? 0 : i] * b[b.size() == 1 ? 0 : i];
    return y;
  }
  // The same, or a value that only running gives.
  std::optional<ChannelNumbers> channel_numbers(Ref r) const {
    if (std::optional<std::vector<float>> n = numbers(r))
      return ChannelNumbers{std::move(*n), kNoValue};
    if (r.kind != Ref::Kind::input) return std::nullopt;
    const ValueId v = node_.operands[at(r.index)];
    if (v == product_ || graph_.value(v).type.dtype != DType::f32 || !along_channels(v))
      return std::nullopt;
    return ChannelNumbers{{}, v};
  }

  void take_integer_bias(IntegerEpilogue& e) {
    const Instruction* i = only_reader(PointwiseOp::add);
    if (!i || i->dtype != DType::i32) return;
    const Ref r = other_of(*i);
    if (r.kind != Ref::Kind::input) return;
    const ValueId v = node_.operands[at(r.index)];
    const std::optional<Tensor>& t = graph_.value(v).constant;
    const std::optional<std::int64_t> channels = extents_[channel_axis_].constant();
    if (!t || t->dtype() != DType::i32 || !along_channels(v) || !channels) return;
    e.integer_bias.assign(at(*channels), t->values<std::int32_t>()[0]);
    if (t->count() > 1)
      std::copy_n(t->values<std::int32_t>().begin(), t->count(), e.integer_bias.begin());
    step_over(i);
  }

  bool step_over_cast() {
    const Instruction* i = only_reader(PointwiseOp::cast);
    if (!i || i->dtype != DType::f32) return false;
    step_over(i);
    return true;
  }

  void take_scale(IntegerEpilogue& e) {
    e.scale.numbers = {1};
    while (const Instruction* i = only_reader(PointwiseOp::mul)) {
      const std::optional<ChannelNumbers> n = channel_numbers(other_of(*i));
      const bool first = e.scale.numbers == std::vector<float>{1};
      if (!n || (n->value != kNoValue && !first) || e.scale.value != kNoValue) return;
      if (first)
        e.scale = *n;
      else
        e.scale.numbers = times(e.scale.numbers, n->numbers);
      step_over(i);
    }
  }

  void take_bias(IntegerEpilogue& e) {
    const Instruction* i = only_reader(PointwiseOp::add);
    if (!i) return;
    const std::optional<ChannelNumbers> n = channel_numbers(other_of(*i));
    if (!n) return;
    // A bias of one element is made to be one a channel; only constants can.
    if (n->value != kNoValue &&
        !(graph_.value(n->value).type.element_count() == extents_[channel_axis_]))
      return;
    e.bias = *n;
    e.has_bias = true;
    step_over(i);
  }

  std::optional<float> bound(PointwiseOp op) {
    const Instruction* i = only_reader(op);
    if (!i) return std::nullopt;
    const Ref other = other_of(*i);
    const std::optional<std::vector<float>> n = numbers(other);
    if (!n || n->size() != 1 || std::isnan((*n)[0])) return std::nullopt;
    step_over(i);
    return (*n)[0];
  }
  // max, min; or min, max.
  void take_bounds(float& low, float& high) {
    const Ref before = now_;
    if (const std::optional<float> l = bound(PointwiseOp::max)) low = *l;
    if (const std::optional<float> h = bound(PointwiseOp::min)) {
      high = *h;
      if (std::isinf(low))
        if (const std::optional<float> l = bound(PointwiseOp::max)) low = *l;
    }
    if (low <= high) return;
    now_ = before;
    low = -std::numeric_limits<float>::infinity();
    high = std::numeric_limits<float>::infinity();
  }

  std::optional<Scaling> scaling(const Instruction& i) const {
    const std::optional<std::vector<float>> scale = numbers(i.args[1]);
    if (!scale || scale->size() != 1 || !((*scale)[0] > 1e-30F) || !((*scale)[0] < 1e30F))
      return std::nullopt;
    Scalar zero;
    if (i.args[2].kind == Ref::Kind::constant) {
      zero = program_.constants[at(i.args[2].index)];
    } else {
      return std::nullopt;
    }
    if (!is_byte(zero.dtype)) return std::nullopt;
    return Scaling{(*scale)[0], zero.dtype == DType::i8
                                    ? std::int64_t{static_cast<std::int8_t>(zero.bits)}
                                    : static_cast<std::int64_t>(zero.bits & 255)};
  }

  // quantize, or quantize - dequantize - plus another dequantized - bounds - quantize, to the end.
  bool take_quantization(IntegerEpilogue& e) {
    const Instruction* q = only_reader(PointwiseOp::quantize);
    if (!q || !is_byte(q->dtype) || q->precision != DType::f32 || !(q->args[0] == now_))
      return false;
    const std::optional<Scaling> s = scaling(*q);
    if (!s) return take_channel_quantization(e, *q);
    const Ref before = now_;
    step_over(q);
    if (program_.results[0] == now_) {
      e.quantized = true;
      e.y_scale = s->scale;
      e.y_zero = s->zero;
      return true;
    }
    if (take_way_back(e, *q, *s) || take_other(e, *q, *s)) return true;
    now_ = before;
    return false;
  }

  // dequantize with the same scale and zero point, at the end.
  bool take_way_back(IntegerEpilogue& e, const Instruction& q, const Scaling& s) {
    const Instruction* d = only_reader(PointwiseOp::dequantize);
    if (!d || d->dtype != DType::f32 || !(d->args[0] == now_)) return false;
    const std::optional<Scaling> back = scaling(*d);
    const Ref before = now_;
    step_over(d);
    if (!back || back->scale != s.scale || back->zero != s.zero || !(program_.results[0] == now_)) {
      now_ = before;
      return false;
    }
    const auto least = static_cast<float>((q.dtype == DType::i8 ? -128 : 0) - s.zero);
    e.low = std::max(e.low, least * s.scale);
    e.high = std::min(e.high, (least + 255) * s.scale);
    e.quantized = true;
    e.y_scale = s.scale;
    e.y_zero = s.zero;
    return true;
  }

  // Quantization with a scale a channel, at the end: the scales of sums are divided by those, and
  // bounds must be the same in all units.
  bool take_channel_quantization(IntegerEpilogue& e, const Instruction& q) {
    const std::optional<std::vector<float>> to = numbers(q.args[1]);
    const std::optional<std::int64_t> channels = extents_[channel_axis_].constant();
    const std::optional<std::int64_t> zero = one_zero(q.args[2]);
    if (!to || !zero || !channels || std::ssize(*to) != *channels || e.scale.value != kNoValue ||
        e.bias.value != kNoValue ||
        !std::all_of(to->begin(), to->end(), [](float s) { return s > 1e-30F && s < 1e30F; }))
      return false;
    const float least = (q.dtype == DType::i8 ? -128.0F : 0.0F) - static_cast<float>(*zero);
    float low = e.low / (*to)[0], high = e.high / (*to)[0];
    bool same_low = true, same_high = true, low_implied = true, high_implied = true;
    for (const float s : *to) {
      same_low = same_low && e.low / s == low;
      same_high = same_high && e.high / s == high;
      low_implied = low_implied && e.low / s < least + 0.49F;
      high_implied = high_implied && e.high / s > least + 254.51F;
    }
    if ((!same_low && !low_implied) || (!same_high && !high_implied)) return false;
    if (low_implied) low = -std::numeric_limits<float>::infinity();
    if (high_implied) high = std::numeric_limits<float>::infinity();
    const Ref before = now_;
    step_over(&q);
    if (!(program_.results[0] == now_)) {
      now_ = before;
      return false;
    }
    const auto divide = [&](std::vector<float>& v) {
      if (v.size() == 1) v.resize(to->size(), v[0]);
      for (std::size_t c = 0; c < v.size(); ++c) v[c] /= (*to)[c];
    };
    divide(e.scale.numbers);
    if (e.has_bias) divide(e.bias.numbers);
    e.low = low;
    e.high = high;
    e.quantized = true;
    e.y_scale = 1;
    e.y_zero = *zero;
    return true;
  }

  // A zero point that is the same for all channels.
  std::optional<std::int64_t> one_zero(Ref r) const {
    if (r.kind == Ref::Kind::constant) {
      const Scalar& c = program_.constants[at(r.index)];
      if (!is_byte(c.dtype)) return std::nullopt;
      return c.dtype == DType::i8 ? std::int64_t{static_cast<std::int8_t>(c.bits)}
                                  : static_cast<std::int64_t>(c.bits & 255);
    }
    if (r.kind != Ref::Kind::input) return std::nullopt;
    const std::optional<Tensor>& t = graph_.value(node_.operands[at(r.index)]).constant;
    if (!t || !is_byte(t->dtype()) || t->packed() || t->count() == 0) return std::nullopt;
    const auto* bytes = static_cast<const std::uint8_t*>(t->data());
    if (!std::all_of(bytes, bytes + t->byte_size(), [&](auto b) { return b == bytes[0]; }))
      return std::nullopt;
    return t->dtype() == DType::i8 ? std::int64_t{static_cast<std::int8_t>(bytes[0])}
                                   : std::int64_t{bytes[0]};
  }

  bool take_other(IntegerEpilogue& e, const Instruction& q, const Scaling& s) {
    const Instruction* d = only_reader(PointwiseOp::dequantize);
    if (!d || d->dtype != DType::f32 || !(d->args[0] == now_)) return false;
    const std::optional<Scaling> back = scaling(*d);
    if (!back || back->scale != s.scale || back->zero != s.zero) return false;
    step_over(d);
    const Instruction* sum = only_reader(PointwiseOp::add);
    if (!sum) return false;
    const Instruction* other = made_by(other_of(*sum));
    if (!other || other->op != PointwiseOp::dequantize || other->dtype != DType::f32 ||
        other->args[0].kind != Ref::Kind::input)
      return false;
    const ValueId v = node_.operands[at(other->args[0].index)];
    const Type& t = graph_.value(v).type;
    const std::optional<Scaling> os = scaling(*other);
    if (!os || v == product_ || !is_byte(t.dtype) || !t.ranked() || !(*t.shape == extents_))
      return false;
    step_over(sum);
    float low = e.low2, high = e.high2;
    take_bounds(low, high);
    const Instruction* last = only_reader(PointwiseOp::quantize);
    if (!last || !is_byte(last->dtype) || last->precision != DType::f32 || !(last->args[0] == now_))
      return false;
    const std::optional<Scaling> ys = scaling(*last);
    step_over(last);
    if (!ys || !(program_.results[0] == now_)) return false;
    const std::int64_t least = q.dtype == DType::i8 ? -128 : 0;
    e.quantized = true;
    e.other = v;
    e.mid_scale = s.scale;
    e.mid_low = static_cast<float>(least - s.zero);
    e.mid_high = static_cast<float>(least + 255 - s.zero);
    e.other_scale = os->scale;
    e.other_zero = os->zero;
    e.low2 = low;
    e.high2 = high;
    e.y_scale = ys->scale;
    e.y_zero = ys->zero;
    return true;
  }

  const Graph& graph_;
  const Node& node_;
  const PointwiseProgram& program_;
  ValueId product_ = kNoValue;
  DimVector extents_;
  std::size_t channel_axis_ = 0;
  Ref now_;
};

}  // namespace

bool is_integer_product(const Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  if ((n.primitive != &kConv && n.primitive != &kMatMul) || n.operands.size() < 2) return false;
  const auto byte = [&](ValueId v) { return is_byte(graph.value(v).type.dtype); };
  return byte(n.operands[0]) && byte(n.operands[1]) &&
         graph.value(n.results[0]).type.dtype == DType::i32;
}

bool can_have_integer_epilogue(const Graph& graph, NodeId product, NodeId pointwise) {
  if (!is_integer_product(graph, product)) return false;
  const Node& n = graph.node(pointwise);
  const auto& a = attributes_of<PointwiseAttributes>(n);
  if (n.results.size() != 1 || n.results[0] == kNoValue || a.has_extent) return false;
  const ValueId x = graph.node(product).results[0];
  const Type& from = graph.value(x).type;
  const Type& to = graph.value(n.results[0]).type;
  if (!from.ranked() || !to.ranked() || from.rank() < 1 || !(*from.shape == *to.shape))
    return false;
  if (std::count(n.operands.begin(), n.operands.end(), x) != 1) return false;
  for (const ValueId v : n.operands) {
    if (v == kNoValue) return false;
    const Type& t = graph.value(v).type;
    const std::optional<Tensor>& c = graph.value(v).constant;
    if (!t.ranked() || !broadcasts(*t.shape, *to.shape) || (c && c->packed())) return false;
  }
  return integer_epilogue_for(graph, product, pointwise).has_value();
}

std::optional<IntegerEpilogue> integer_epilogue_for(const Graph& graph, NodeId product,
                                                    NodeId pointwise) {
  return Peeler(graph, product, pointwise).peel();
}

}  // namespace gossamer::compile
