// Runs a model over samples and shows each batch of values to the observers.
#include "compress/observe.h"

#include <algorithm>
#include <cmath>

#include "primitives/primitives.h"

namespace gossamer::compress {
namespace {

// Adds a tensor's sums and magnitudes along its channel axis.
void add_channels(Observation& o, const Tensor& t, int axis) {
  if (axis < 0 || axis >= t.rank() || t.count() == 0) return;
  const std::int64_t channels = t.shape()[axis], inner = t.shape().count(axis + 1, t.rank());
  const auto n = static_cast<std::size_t>(channels);
  if (o.channel_sums.empty()) {
    o.channel_sums.assign(n, 0);
    o.channel_most.assign(n, 0);
  }
  if (o.channel_sums.size() != n) return;
  const float* x = t.values<float>().data();
  const std::int64_t outer = t.count() / (channels * inner);
  for (std::int64_t k = 0; k < outer; ++k)
    for (std::size_t c = 0; c < n; ++c, x += inner) {
      double sum = 0;
      float most = o.channel_most[c];
      for (std::int64_t i = 0; i < inner; ++i) {
        sum += x[i];
        most = std::max(most, std::abs(x[i]));
      }
      o.channel_sums[c] += sum;
      o.channel_most[c] = most;
    }
  o.per_channel += outer * inner;
}

void add_tensor(Observation& o, const Tensor& t, int axis) {
  const auto values = t.values<float>();
  if (values.empty()) return;
  const bool first = o.histogram.count() == 0;
  o.histogram.add(values);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  constexpr double kKeep = 0.9;
  o.average.low = first ? *low : kKeep * o.average.low + (1 - kKeep) * *low;
  o.average.high = first ? *high : kKeep * o.average.high + (1 - kKeep) * *high;
  add_channels(o, t, axis);
}

}  // namespace

Status run_samples(const Graph& graph, std::span<const ValueId> values,
                   const samples::Samples& samples, const RunControl& control,
                   const OnStep& on_step) {
  ASSIGN(Runner runner, Runner::open(graph, values, samples.spec().carry, control));
  return run_together(std::span(&runner, 1), samples, samples.size(), control,
                      [&](std::size_t sample, std::span<const std::vector<Value>> results) {
                        return on_step(sample, results[0]);
                      });
}

ChannelAxes inputs_of(const Graph& graph, std::span<const Layer> layers) {
  ChannelAxes out;
  for (const Layer& l : layers) {
    const Type& type = graph.value(l.input).type;
    const bool matmul = graph.node(l.node).primitive == &kMatMul;
    out.emplace(l.input, !type.ranked() ? -1 : matmul ? type.rank() - 1 : 1);
  }
  return out;
}

Result<std::map<ValueId, Observation>> observe(const Graph& graph, const ChannelAxes& values,
                                               const samples::Samples& samples,
                                               const RunControl& control) {
  std::map<ValueId, Observation> out;
  std::vector<ValueId> order;
  order.reserve(values.size());
  for (const auto& [v, axis] : values) order.push_back(v);
  TRY(run_samples(graph, order, samples, control,
                  [&](std::size_t, std::span<const Value> results) -> Status {
                    for (std::size_t i = 0; i < order.size(); ++i)
                      add_tensor(out[order[i]], results[i].tensor, values.at(order[i]));
                    return {};
                  }));
  for (const auto& [v, o] : out)
    if (o.histogram.not_finite() > 0)
      return usage_error("value '" + graph.value(v).name + "' is NaN or infinite on " +
                             std::to_string(o.histogram.not_finite()) + " of its numbers",
                         "a model that overflows on its samples cannot be calibrated; look at the "
                         "preprocessing");
  return out;
}

}  // namespace gossamer::compress
