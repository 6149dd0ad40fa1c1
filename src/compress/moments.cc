// Second moments of layers' inputs, and weights rounded so that the layers' outputs stay (GPTQ).
#include "compress/moments.h"

#include <algorithm>
#include <map>

#include "primitives/builder.h"
#include "primitives/primitives.h"
#include "reference/conv.h"
#include "reference/matmul.h"

namespace gossamer::compress {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }
constexpr std::int64_t kLongestRow = 2048;

// Adds x x^T to the upper half.
void add_outer(float* sums, const float* x, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    const float xi = x[i];
    if (xi == 0) continue;
    float* row = sums + i * n;
    for (std::size_t j = i; j < n; ++j) row[j] += xi * x[j];
  }
}

// Adds x x^T of many x: of long ones by the kernels for products.
class Products {
 public:
  explicit Products(const RunControl& control) : control_(control) {}

  // Calls `row(k, to)` for each of `count` rows, which writes size numbers; adds to the upper half
  // and to the first moments.
  template <class F>
  Status add(Moments& m, std::int64_t group, std::int64_t count, const F& row) {
    const std::int64_t size = m.size;
    float* sums = &m.sums[at(group * size * size)];
    double* first = &m.first[at(group * size)];
    if (group == 0) m.rows += count;
    constexpr std::int64_t kShort = 48;
    if (size < kShort) {
      std::vector<float> x(at(size));
      for (std::int64_t k = 0; k < count; ++k) {
        row(k, x.data());
        for (std::int64_t i = 0; i < size; ++i) first[i] += double{x[at(i)]};
        add_outer(sums, x.data(), x.size());
      }
      return {};
    }
    for (std::int64_t begin = 0; begin < count; begin += kPanel) {
      const std::int64_t rows = std::min(kPanel, count - begin);
      ASSIGN(Tensor panel, Tensor::make(DType::f32, Shape{kPanel, size}));  // zeros
      for (std::int64_t k = 0; k < rows; ++k) {
        float* x = panel.mutable_values<float>().data() + k * size;
        row(begin + k, x);
        for (std::int64_t i = 0; i < size; ++i) first[i] += double{x[i]};
      }
      TRY(add_panel(sums, std::move(panel)));
    }
    return {};
  }

 private:
  static constexpr std::int64_t kPanel = 256;

  Status add_panel(float* sums, Tensor panel) {
    const std::int64_t size = panel.shape()[1];
    ASSIGN(Runner* const runner, runner_for(size));
    samples::Feeds carried;
    ASSIGN(const std::vector<Value> results,
           runner->step({{"x", Value(std::move(panel))}}, carried));
    const auto product = results[0].tensor.values<float>();
    for (std::int64_t i = 0; i < size; ++i)
      for (std::int64_t j = i; j < size; ++j) sums[i * size + j] += product[at(i * size + j)];
    return {};
  }

  // Of x [panel, size]: its transpose by it.
  Result<Runner*> runner_for(std::int64_t size) {
    const auto known = runners_.find(size);
    if (known != runners_.end()) return &known->second;
    Graph graph;
    Builder b(graph, std::make_shared<Builder::Symbols>());
    const ValueId x = b.input("x", Type::tensor(DType::f32, Shape{kPanel, size}));
    MatMulAttributes attributes;
    attributes.trans_a = true;
    ASSIGN(const ValueId product, b.one(kMatMul, attributes, {x, x}));
    graph.outputs = {product};
    ASSIGN(Runner runner, Runner::open(graph, graph.outputs, {}, control_));
    return &runners_.emplace(size, std::move(runner)).first->second;
  }

  const RunControl& control_;
  std::map<std::int64_t, Runner> runners_;  // by size
};

void mirror(Moments& m) {
  for (std::int64_t g = 0; g < m.groups; ++g) {
    float* a = &m.sums[at(g * m.size * m.size)];
    for (std::int64_t i = 0; i < m.size; ++i)
      for (std::int64_t j = i + 1; j < m.size; ++j) a[j * m.size + i] = a[i * m.size + j];
  }
}

// The windows that a convolution of one or two spatial axes multiplies with its weights.
class Windows {
 public:
  Windows(const ConvAttributes& a, const Shape& x, const Shape& w) : group_(a.group), cin_(w[1]) {
    const int axes = x.rank() - 2;
    for (int i = 0; i < axes; ++i) {
      const std::size_t d = at(2 - axes + i), k = at(i);  // a single axis goes along rows
      kernel_[d] = w[2 + i];
      in_[d] = x[2 + i];
      if (!a.strides.empty()) stride_[d] = a.strides[k];
      if (!a.dilations.empty()) dilation_[d] = a.dilations[k];
      if (!a.pads.empty()) before_[d] = a.pads[k];
      const std::int64_t after = a.pads.empty() ? 0 : a.pads[k + at(axes)];
      const std::int64_t reach = (kernel_[d] - 1) * dilation_[d] + 1;
      out_[d] = std::max<std::int64_t>((in_[d] + before_[d] + after - reach) / stride_[d] + 1, 0);
    }
  }

  std::int64_t count() const { return out_[0] * out_[1]; }

  // Window `p` of channel group `g` of one image, in the order of the weights' elements.
  void gather(const float* image, std::int64_t g, std::int64_t p, float* x) const {
    const std::int64_t top = p / out_[1] * stride_[0] - before_[0];
    const std::int64_t left = p % out_[1] * stride_[1] - before_[1];
    std::size_t i = 0;
    for (std::int64_t c = 0; c < cin_; ++c) {
      const float* plane = image + (g * cin_ + c) * in_[0] * in_[1];
      for (std::int64_t ky = 0; ky < kernel_[0]; ++ky)
        for (std::int64_t kx = 0; kx < kernel_[1]; ++kx, ++i) {
          const std::int64_t y = top + ky * dilation_[0], xx = left + kx * dilation_[1];
          const bool inside = y >= 0 && y < in_[0] && xx >= 0 && xx < in_[1];
          x[i] = inside ? plane[y * in_[1] + xx] : 0;
        }
    }
  }
  std::int64_t groups() const { return group_; }

 private:
  std::int64_t group_, cin_;
  std::array<std::int64_t, 2> kernel_{1, 1}, in_{1, 1}, stride_{1, 1}, dilation_{1, 1}, before_{},
      out_{1, 1};
};

Status add_conv(Moments& m, const Graph& graph, const Layer& layer, const Tensor& x,
                std::int64_t positions, Products& products) {
  const auto& a = attributes_of<ConvAttributes>(graph.node(layer.node));
  const Windows windows(a, x.shape(), graph.value(layer.weights).constant->shape());
  const std::int64_t stride = std::max<std::int64_t>(windows.count() / positions, 1);
  const std::int64_t image = x.count() / std::max<std::int64_t>(x.shape()[0], 1);
  const std::int64_t count = (windows.count() + stride - 1) / stride;
  for (std::int64_t n = 0; n < x.shape()[0]; ++n) {
    const float* from = x.values<float>().data() + n * image;
    for (std::int64_t g = 0; g < m.groups; ++g)
      TRY(products.add(m, g, count, [&](std::int64_t k, float* to) {
        windows.gather(from, g, k * stride, to);
      }));
  }
  return {};
}

Status add_matmul(Moments& m, const Tensor& x, std::int64_t positions, Products& products) {
  const std::int64_t rows = x.count() / m.size;
  const std::int64_t stride = std::max<std::int64_t>(rows / positions, 1);
  return products.add(m, 0, (rows + stride - 1) / stride, [&](std::int64_t k, float* to) {
    const float* from = x.values<float>().data() + k * stride * m.size;
    std::copy(from, from + m.size, to);
  });
}

bool suits(const Graph& graph, const Layer& layer) {
  const Node& node = graph.node(layer.node);
  const Shape& w = graph.value(layer.weights).constant->shape();
  if (node.primitive == &kConv)
    return (w.rank() == 3 || w.rank() == 4) &&
           attributes_of<ConvAttributes>(node).auto_pad == AutoPad::none;
  return node.primitive == &kMatMul && w.rank() == 2;
}

}  // namespace

Result<std::map<std::size_t, Moments>> second_moments(const Graph& graph,
                                                      std::span<const Layer> layers,
                                                      const samples::Samples& samples,
                                                      const RunControl& control,
                                                      std::int64_t positions) {
  std::map<std::size_t, Moments> out;
  std::vector<ValueId> values;
  std::vector<std::size_t> place(layers.size());
  Products products(control);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    if (!suits(graph, layer)) continue;
    Moments m;
    m.size = Rows(graph.value(layer.weights).constant->shape(), layer.output_axis).size;
    const Node& node = graph.node(layer.node);
    m.groups = node.primitive == &kConv ? attributes_of<ConvAttributes>(node).group : 1;
    if (m.size > kLongestRow || m.size < 2) continue;
    m.sums.assign(at(m.groups * m.size * m.size), 0);
    m.first.assign(at(m.groups * m.size), 0);
    out.emplace(i, std::move(m));
    const auto known = std::find(values.begin(), values.end(), layer.input);
    place[i] = static_cast<std::size_t>(known - values.begin());
    if (known == values.end()) values.push_back(layer.input);
  }
  const OnStep look = [&](std::size_t, std::span<const Value> results) -> Status {
    for (auto& [i, m] : out) {
      const Tensor& x = results[place[i]].tensor;
      if (x.count() == 0) continue;
      const bool conv = graph.node(layers[i].node).primitive == &kConv;
      const std::int64_t places = std::min(positions, 4 * m.size);  // short rows need fewer
      TRY(conv ? add_conv(m, graph, layers[i], x, places, products)
               : add_matmul(m, x, places, products));
    }
    return {};
  };
  TRY(run_samples(graph, values, samples, control, look));
  for (auto& [i, m] : out) mirror(m);
  return out;
}

}  // namespace gossamer::compress
