// Folds constant scales and shifts (batch normalization, biases, input normalization) into the
// weights of the Conv, ConvTranspose or MatMul next to them: what remains is one sum per output
// channel. Weights that others read too, and kinds other than f32 and f64, stay.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "passes/activation_pattern.h"
#include "passes/affine.h"
#include "passes/passes.h"
#include "passes/rewriter.h"
#include "reference/conv.h"
#include "reference/conv_transpose.h"
#include "reference/matmul.h"

namespace gossamer {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Weights as [groups][outer][middle][inner], with the place of channels in it.
struct Layout {
  std::int64_t groups = 1, outer = 1, middle = 1, inner = 1;
  bool output_is_outer = true;  // else the output channels are `middle`

  std::int64_t outputs() const { return groups * (output_is_outer ? outer : middle); }
  std::int64_t inputs() const { return groups * (output_is_outer ? middle : outer); }
  // Calls f(flat index of the first, output channel, input channel) for every run of `inner`
  // weights.
  template <class F>
  void each(const F& f) const {
    std::size_t i = 0;
    for (std::int64_t g = 0; g < groups; ++g)
      for (std::int64_t o = 0; o < outer; ++o)
        for (std::int64_t m = 0; m < middle; ++m, i += at(inner)) {
          const std::size_t first = at(g * outer + o), second = at(g * middle + m);
          if (output_is_outer)
            f(i, first, second);
          else
            f(i, second, first);
        }
  }
};

// A linear operation with constant weights.
struct Linear {
  const Node* node = nullptr;
  Tensor weights;
  Layout layout;
  int rank = 0;          // of the result
  int channel_axis = 0;  // of x and of the result
  bool pads = false;     // zeros may come into the sum
};

bool any(const std::vector<std::int64_t>& v) {
  return std::any_of(v.begin(), v.end(), [](std::int64_t x) { return x != 0; });
}

bool set_conv(Linear& l, std::int64_t group, bool transposed) {
  const Shape& s = l.weights.shape();
  if (s.rank() < 3 || l.rank != s.rank() || group < 1 || s[0] % group != 0) return false;
  l.layout = {group, s[0] / group, s[1], s.count(2, s.rank()), !transposed};
  l.channel_axis = 1;
  return true;
}

std::optional<Linear> as_linear(const Rewriter& r, const Node* node, const Type& result) {
  const bool there = node && node->operands.size() == 2 && result.ranked();
  if (!there) return std::nullopt;
  const ValueId w = node->operands[1];
  const std::optional<Tensor>& weights = r.graph().value(w).constant;
  if (!weights || r.reads(w) > 1) return std::nullopt;
  if (weights->dtype() != DType::f32 && weights->dtype() != DType::f64) return std::nullopt;
  Linear l{.node = node, .weights = *weights, .layout = {}, .rank = result.rank()};
  bool fits = false;
  if (node->primitive == &kConv) {
    const auto& a = attributes_of<ConvAttributes>(*node);
    l.pads = any(a.pads) || a.auto_pad != AutoPad::none;
    fits = set_conv(l, a.group, false);
  } else if (node->primitive == &kConvTranspose) {
    const auto& a = attributes_of<ConvTransposeAttributes>(*node);
    // At the edges fewer taps meet, so that no constant can stand for a shift before it.
    l.pads = true;
    fits = set_conv(l, a.group, true);
  } else if (node->primitive == &kMatMul) {
    const auto& a = attributes_of<MatMulAttributes>(*node);
    const Shape& s = weights->shape();
    const Type& x = r.graph().value(node->operands[0]).type;
    fits = s.rank() == 2 && x.ranked() && x.rank() >= 2 && !a.trans_a;
    if (fits) l.layout = {1, s[0], s[1], 1, a.trans_b};
    l.channel_axis = l.rank - 1;
  }
  if (!fits) return std::nullopt;
  return l;
}

// Weights times a number per output and per input channel.
Result<Tensor> scaled(const Linear& l, const std::vector<double>& outputs,
                      const std::vector<double>& inputs) {
  ASSIGN(Tensor out, Tensor::make_uninitialized(l.weights.dtype(), l.weights.shape()));
  const auto fill = [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::span<const T> w = l.weights.values<T>();
    const std::span<T> y = out.mutable_values<T>();
    const auto run = static_cast<std::size_t>(l.layout.inner);
    l.layout.each([&](std::size_t i, std::size_t o, std::size_t c) {
      for (std::size_t k = 0; k < run; ++k)
        y[i + k] = static_cast<T>(double{w[i + k]} * outputs[o] * inputs[c]);
    });
  };
  if (l.weights.dtype() == DType::f32)
    fill(TypeTag<float>{});
  else
    fill(TypeTag<double>{});
  return out;
}

bool all_equal(const std::vector<double>& v, double x) {
  return std::all_of(v.begin(), v.end(), [x](double y) { return y == x; });
}

// What a shift of the input channels adds to each output channel.
std::vector<double> shift_through(const Linear& l, const std::vector<double>& inputs) {
  std::vector<double> sums(at(l.layout.outputs()), 0);
  if (all_equal(inputs, 0)) return sums;
  const auto add = [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::span<const T> w = l.weights.values<T>();
    const auto run = static_cast<std::size_t>(l.layout.inner);
    l.layout.each([&](std::size_t i, std::size_t o, std::size_t c) {
      for (std::size_t k = 0; k < run; ++k) sums[o] += double{w[i + k]} * inputs[c];
    });
  };
  if (l.weights.dtype() == DType::f32)
    add(TypeTag<float>{});
  else
    add(TypeTag<double>{});
  return sums;
}

bool all_finite(const std::vector<double>& v) {
  return std::all_of(v.begin(), v.end(), [](double y) { return std::isfinite(y); });
}

// linear(x, weights) + shift per output channel.
Result<ValueId> rebuilt(Rewriter& r, const Linear& l, ValueId x, Tensor weights,
                        const std::vector<double>& shift) {
  const std::string name = r.graph().value(l.node->operands[1]).name;
  const ValueId w = r.b().constant(std::move(weights), name);
  ASSIGN(std::vector<ValueId> y, r.b().add(*l.node->primitive, l.node->attributes, {x, w}));
  if (all_equal(shift, 0)) return y[0];
  Shape shape{static_cast<std::int64_t>(shift.size())};
  for (int d = l.channel_axis + 1; d < l.rank; ++d) shape.dims().push_back(1);
  ASSIGN(Tensor t, Tensor::make(l.weights.dtype(), std::move(shape)));
  if (t.dtype() == DType::f32)
    std::transform(shift.begin(), shift.end(), t.mutable_values<float>().begin(),
                   [](double v) { return static_cast<float>(v); });
  else
    std::copy(shift.begin(), shift.end(), t.mutable_values<double>().begin());
  const ValueId bias = r.b().constant(std::move(t), name + ".bias");
  return r.b().binary(PointwiseOp::add, y[0], bias);
}

struct Channels {
  std::vector<double> scale, shift;
};

std::optional<Channels> per_channel(const Affine& a, int rank, int axis, std::int64_t count) {
  const auto scale = along_axis(a.scale, rank, axis, count);
  const auto shift = along_axis(a.shift, rank, axis, count);
  if (!scale || !shift || !all_finite(*scale) || !all_finite(*shift)) return std::nullopt;
  return Channels{*scale, *shift};
}

const Node* producer_of(const Rewriter& r, ValueId v) {
  const NodeId id = r.graph().value(v).producer;
  return id == kNoNode ? nullptr : &r.graph().node(id);
}

// A Pointwise node after a linear one, with a shift in between perhaps.
Result<bool> fold_after(Rewriter& r, NodeId id) {
  Node node = r.node(id);
  node.operands = r.operands(id);
  std::optional<Affine> a = as_affine(r.graph(), node);
  if (!a || r.reads(a->x) != 1) return false;
  const Node* below = producer_of(r, a->x);
  std::optional<Affine> between;
  if (below && below->primitive == &kPointwise) {
    between = as_affine(r.graph(), *below);
    if (!between || r.reads(between->x) != 1) return false;
    below = producer_of(r, between->x);
  }
  const Type& type = r.graph().value(between ? between->x : a->x).type;
  const std::optional<Linear> l = as_linear(r, below, type);
  if (!l) return false;
  const std::int64_t outputs = l->layout.outputs();
  std::optional<Channels> total = per_channel(*a, l->rank, l->channel_axis, outputs);
  if (!total) return false;
  if (between) {
    const auto inner = per_channel(*between, l->rank, l->channel_axis, outputs);
    if (!inner) return false;
    for (std::size_t c = 0; c < at(outputs); ++c) {
      total->shift[c] += total->scale[c] * inner->shift[c];
      total->scale[c] *= inner->scale[c];
    }
  } else if (all_equal(total->scale, 1)) {
    return false;  // a bias already
  }
  const Linear& linear = *l;
  const Node kept = *below;
  ASSIGN(Tensor weights,
         scaled(linear, total->scale, std::vector<double>(at(linear.layout.inputs()), 1)));
  Linear own = linear;
  own.node = &kept;
  ASSIGN(ValueId y, rebuilt(r, own, kept.operands[0], std::move(weights), total->shift));
  TRY(r.replace(node.results[0], y));
  return true;
}

// A linear node after a Pointwise one.
Result<bool> fold_before(Rewriter& r, const ActivationPatterns& activations, NodeId id) {
  Node node = r.node(id);
  node.operands = r.operands(id);
  const std::optional<Linear> l = as_linear(r, &node, r.old().value(node.results[0]).type);
  const Node* before = l ? r.producer(node.operands[0], kPointwise) : nullptr;
  if (!before || r.reads(node.operands[0]) != 1) return false;
  // An activation without its last factor would be recognized by nobody.
  if (activations.match(r.graph(), node.operands[0])) return false;
  const std::optional<Affine> a = as_affine(r.graph(), *before);
  if (!a) return false;
  const Type& x = r.graph().value(a->x).type;
  if (!x.ranked() || !(x == r.graph().value(node.operands[0]).type)) return false;
  const int axis = node.primitive == &kMatMul ? x.rank() - 1 : 1;
  const auto channels = per_channel(*a, x.rank(), axis, l->layout.inputs());
  if (!channels || (l->pads && !all_equal(channels->shift, 0))) return false;
  ASSIGN(Tensor weights,
         scaled(*l, std::vector<double>(at(l->layout.outputs()), 1), channels->scale));
  const ValueId source = a->x;
  ASSIGN(ValueId y, rebuilt(r, *l, source, std::move(weights), shift_through(*l, channels->shift)));
  TRY(r.replace(node.results[0], y));
  return true;
}

Result<bool> rule(Rewriter& r, const ActivationPatterns& activations, NodeId id) {
  const Primitive* p = r.node(id).primitive;
  if (p == &kPointwise) return fold_after(r, id);
  if (p == &kConv || p == &kConvTranspose || p == &kMatMul) return fold_before(r, activations, id);
  return false;
}

}  // namespace

Result<Rewritten> fold_scale_and_shift(const Graph& graph) {
  ASSIGN(const ActivationPatterns activations, ActivationPatterns::make());
  return rewrite(graph, [&activations](Rewriter& r) -> NodeRule {
    return [&](NodeId id) { return rule(r, activations, id); };
  });
}

}  // namespace gossamer
