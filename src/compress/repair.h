// Repair: quantizing the layers that spoil a model's answers in another way, one after another,
// until a stated drop of a metric is met.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compress/compress.h"

namespace gossamer::compress {

// What was tried on a layer, and what the outputs' signal-to-noise ratio became by it.
struct RepairTry {
  std::string layer;   // empty: all of them
  std::string change;  // "observer kl", "keep fp32"
  double snr = 0;      // dB
  bool taken = false;
};

struct Repaired {
  Compressed compressed;
  std::string recipe;  // that gives this model: the one given, with overrides
  std::vector<RepairTry> tries;
  double drop_before = 0, drop = 0;
  bool met = false;  // drop is at most what was asked for
};

struct RepairOptions {
  CompressOptions compress;
  double most_drop = 0;  // of the metric
  // What the metric loses with this model in the place of the first.
  std::function<Result<double>(const Graph&)> drop_of;
  std::size_t samples = 16;  // that the outputs of each try are compared on
  std::size_t most_layers = 64;
};

// Compresses by the recipe, whose one step quantize is then changed for the layer where the answer
// goes wrong (compress/culprits.h), again and again: equalized channels first where the recipe has
// no such step, then another observer, a scale a channel, reconstructed rounding, and only where
// these bring less than half of what the layer costs integer weights alone, or fp32. Ends when the
// drop is met, or when no layer's change helps. Fails with usage when the recipe has no single step
// quantize.
Result<Repaired> compress_and_repair(const Graph& graph, const Recipe& recipe,
                                     const samples::Samples& samples, const RepairOptions& options);

}  // namespace gossamer::compress
