// Compiles graphs for chosen values and runs them on samples.
#include "compress/runner.h"

#include <algorithm>

#include "compile/compile.h"

namespace gossamer::compress {

Result<Runner> Runner::open(const Graph& graph, std::span<const ValueId> values,
                            const std::map<std::string, std::string>& carry,
                            const RunControl& control) {
  Graph with_outputs = graph;  // those asked for, then those that inputs carry on
  with_outputs.outputs.assign(values.begin(), values.end());
  std::vector<std::pair<std::string, std::size_t>> places;
  for (const auto& [input, output] : carry) {
    const auto found = std::find_if(graph.outputs.begin(), graph.outputs.end(),
                                    [&](ValueId v) { return graph.value(v).name == output; });
    if (found == graph.outputs.end())
      return usage_error("the recipe carries output '" + output + "', which the model lacks");
    places.emplace_back(input, with_outputs.outputs.size());
    with_outputs.outputs.push_back(*found);
  }
  ASSIGN(runtime::Program program, compile::compile(with_outputs));
  ASSIGN(Runner r, open(std::make_shared<const runtime::Program>(std::move(program)), {}, control));
  r.count_ = values.size();
  r.carry_ = std::move(places);
  return r;
}

Result<Runner> Runner::open(std::shared_ptr<const runtime::Program> program,
                            const std::map<std::string, std::string>& carry,
                            const RunControl& control) {
  Runner r;
  r.count_ = program->outputs.size();
  r.run_.cancelled = control.cancelled;
  for (const auto& [input, output] : carry) {
    const auto found = std::find_if(program->outputs.begin(), program->outputs.end(),
                                    [&](const runtime::Port& port) { return port.name == output; });
    if (found == program->outputs.end())
      return usage_error("the recipe carries output '" + output + "', which the model lacks");
    r.carry_.emplace_back(input, static_cast<std::size_t>(found - program->outputs.begin()));
  }
  runtime::SessionOptions options;
  options.threads = control.threads;
  r.program_ = std::move(program);
  ASSIGN(r.session_, runtime::Session::open(r.program_, options));
  return r;
}

Result<std::vector<Value>> Runner::step(const samples::Feeds& feeds, samples::Feeds& carried) {
  std::vector<Value> inputs;
  for (const runtime::Port& port : program_->inputs) {
    const auto kept = carried.find(port.name);
    const auto given = feeds.find(port.name);
    if (kept == carried.end() && given == feeds.end())
      return usage_error("input '" + port.name + "' gets no value from the sample");
    inputs.push_back(kept != carried.end() ? kept->second : given->second);
  }
  ASSIGN(std::vector<Value> results, session_->run(inputs, run_));
  for (const auto& [input, output] : carry_) carried.insert_or_assign(input, results[output]);
  results.resize(count_);
  return results;
}

Status run_together(std::span<Runner> runners, const samples::Samples& samples,
                    std::size_t most_samples, const RunControl& control, const OnSteps& on_steps) {
  const std::size_t count = std::min(samples.size(), most_samples);
  std::vector<std::vector<Value>> values(runners.size());
  for (std::size_t i = 0; i < count; ++i) {
    if (control.progress) control.progress(i, count);
    ASSIGN(const samples::Sample sample, samples.read(i));
    std::vector<samples::Feeds> carried(runners.size());
    for (const samples::Feeds& feeds : sample.steps) {
      for (std::size_t r = 0; r < runners.size(); ++r) {
        Result<std::vector<Value>> results = runners[r].step(feeds, carried[r]);
        if (!results.ok()) return std::move(results).status().in(sample.name);
        values[r] = std::move(results).value();
      }
      TRY(on_steps(i, values));
    }
  }
  if (control.progress) control.progress(count, count);
  return {};
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

std::vector<samples::Port> ports_of(const runtime::Program& program) {
  std::vector<samples::Port> out;
  for (const runtime::Port& p : program.inputs) {
    samples::Port port;
    port.name = p.name;
    const std::size_t bracket = std::min(p.type.find('['), p.type.size());
    port.dtype = dtype_from_name(std::string_view(p.type).substr(0, bracket)).value_or(DType::f32);
    if (p.is_tensor && bracket < p.type.size()) port.extents = p.extents;
    out.push_back(std::move(port));
  }
  return out;
}

}  // namespace gossamer::compress
