// Runner: a model made ready to run on samples, step after step, with carried state.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "runtime/session.h"
#include "samples/samples.h"

namespace gossamer::compress {

// Told of progress: how many of how many samples are done.
using Progress = std::function<void(std::size_t done, std::size_t total)>;

struct RunControl {
  const std::atomic<bool>* cancelled = nullptr;
  int threads = 0;  // 0: as many as the process may use
  Progress progress;
};

class Runner {
 public:
  // Compiles the graph with `values` as its outputs; inputs take what `carry` says of the step
  // before (samples/spec.h). Fails with usage when a carried output is not there.
  static Result<Runner> open(const Graph& graph, std::span<const ValueId> values,
                             const std::map<std::string, std::string>& carry,
                             const RunControl& control);
  // A program with the outputs that it has.
  static Result<Runner> open(std::shared_ptr<const runtime::Program> program,
                             const std::map<std::string, std::string>& carry,
                             const RunControl& control);

  // One step; `carried` holds what the step before left for inputs, and is brought up to date.
  Result<std::vector<Value>> step(const samples::Feeds& feeds, samples::Feeds& carried);

 private:
  std::size_t count_ = 0;                                   // of the values asked for
  std::vector<std::pair<std::string, std::size_t>> carry_;  // input, index of its output
  runtime::RunOptions run_;
  std::shared_ptr<const runtime::Program> program_;
  std::unique_ptr<runtime::Session> session_;
};

// Runs every sample through all of the runners, side by side, and hands each step's values over,
// one list a runner. Fails with what a run or a sample says, or interrupted.
using OnSteps =
    std::function<Status(std::size_t sample, std::span<const std::vector<Value>> values)>;
Status run_together(std::span<Runner> runners, const samples::Samples& samples,
                    std::size_t most_samples, const RunControl& control, const OnSteps& on_steps);

// A model's inputs as samples want to know them.
std::vector<samples::Port> ports_of(const Graph& graph);
std::vector<samples::Port> ports_of(const runtime::Program& program);

}  // namespace gossamer::compress
