// Runs a model over samples and shows each batch of values to the observers.
#include "compress/observe.h"

#include <algorithm>
#include <cmath>

#include "compile/compile.h"
#include "primitives/primitives.h"
#include "runtime/session.h"

namespace gossamer::compress {
namespace {

// The graph with other outputs: those asked for, then those that inputs carry on.
Graph with_outputs(const Graph& graph, std::span<const ValueId> values,
                   const std::map<std::string, std::string>& carry) {
  Graph out = graph;
  out.outputs.assign(values.begin(), values.end());
  for (const auto& [input, output] : carry)
    for (const ValueId v : graph.outputs)
      if (graph.value(v).name == output) out.outputs.push_back(v);
  return out;
}

// A graph made ready to run on samples.
class Runner {
 public:
  static Result<Runner> open(const Graph& graph, std::span<const ValueId> values,
                             const std::map<std::string, std::string>& carry,
                             const RunControl& control) {
    Runner r;
    r.carry_ = &carry;
    r.count_ = values.size();
    r.run_.cancelled = control.cancelled;
    for (const auto& [input, output] : carry)
      if (std::none_of(graph.outputs.begin(), graph.outputs.end(),
                       [&](ValueId v) { return graph.value(v).name == output; }))
        return usage_error("the recipe carries output '" + output + "', which the model lacks");
    ASSIGN(runtime::Program program, compile::compile(with_outputs(graph, values, carry)));
    runtime::SessionOptions options;
    options.threads = control.threads;
    r.program_ = std::make_shared<const runtime::Program>(std::move(program));
    ASSIGN(r.session_, runtime::Session::open(r.program_, options));
    return r;
  }

  // One step; `carried` holds what the step before left for inputs, and is brought up to date.
  Result<std::vector<Value>> step(const samples::Feeds& feeds, samples::Feeds& carried) {
    std::vector<Value> inputs;
    for (const runtime::Port& port : program_->inputs) {
      const auto kept = carried.find(port.name);
      const auto given = feeds.find(port.name);
      if (kept == carried.end() && given == feeds.end())
        return usage_error("input '" + port.name + "' gets no value from the sample");
      inputs.push_back(kept != carried.end() ? kept->second : given->second);
    }
    ASSIGN(std::vector<Value> results, session_->run(inputs, run_));
    std::size_t i = count_;
    for (const auto& [input, output] : *carry_) carried.insert_or_assign(input, results[i++]);
    results.resize(count_);
    return results;
  }

 private:
  const std::map<std::string, std::string>* carry_ = nullptr;
  std::size_t count_ = 0;
  runtime::RunOptions run_;
  std::shared_ptr<const runtime::Program> program_;
  std::unique_ptr<runtime::Session> session_;
};

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
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (control.progress) control.progress(i, samples.size());
    ASSIGN(const samples::Sample sample, samples.read(i));
    samples::Feeds carried;
    for (const samples::Feeds& feeds : sample.steps) {
      Result<std::vector<Value>> results = runner.step(feeds, carried);
      if (!results.ok()) return std::move(results).status().in(sample.name);
      TRY(on_step(i, *results));
    }
  }
  if (control.progress) control.progress(samples.size(), samples.size());
  return {};
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

std::vector<samples::Port> ports_of(const Graph& graph) {
  std::vector<samples::Port> out;
  for (const ValueId v : graph.inputs) {
    const ValueInfo& info = graph.value(v);
    samples::Port port;
    port.name = info.name;
    port.dtype = info.type.dtype;
    if (info.type.ranked()) {
      port.extents.emplace();
      for (const Dim& d : *info.type.shape) port.extents->push_back(d.constant().value_or(-1));
    }
    out.push_back(std::move(port));
  }
  return out;
}

}  // namespace gossamer::compress
