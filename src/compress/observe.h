// Observing: running a graph on samples and keeping statistics of some of its values.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "compress/histogram.h"
#include "compress/layers.h"
#include "compress/range.h"
#include "compress/runner.h"

namespace gossamer::compress {

// Of one value over all samples.
struct Observation {
  Histogram histogram;
  Range average;  // least and greatest of a sample, averaged (factor 0.9 a sample)
  std::vector<double> channel_sums;  // along the channel axis; empty: there is none
  std::vector<float> channel_most;   // largest magnitudes, likewise
  std::int64_t per_channel = 0;      // numbers in each of the sums
};

// Runs the samples through the graph with `values` as its outputs, compiled, and hands each step's
// numbers over; carried inputs take the outputs of the step before. Fails with what a run or a
// sample says, or interrupted.
using OnStep = std::function<Status(std::size_t sample, std::span<const Value> values)>;
Status run_samples(const Graph& graph, std::span<const ValueId> values,
                   const samples::Samples& samples, const RunControl& control,
                   const OnStep& on_step);

// The values to look at, each with the axis of its channels (-1: none).
using ChannelAxes = std::map<ValueId, int>;
// What the layers read.
ChannelAxes inputs_of(const Graph& graph, std::span<const Layer> layers);

// Statistics of f32 values. Fails with usage, naming the value, when one is NaN or infinite.
Result<std::map<ValueId, Observation>> observe(const Graph& graph, const ChannelAxes& values,
                                               const samples::Samples& samples,
                                               const RunControl& control);

}  // namespace gossamer::compress
