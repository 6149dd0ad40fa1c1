// Runs both models side by side on samples and ranks what they differ in.
#include "compress/culprits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "compress/layers.h"
#include "compress/matching.h"
#include "passes/passes.h"
#include "primitives/primitives.h"

namespace gossamer::compress {
namespace {

using measure::Difference;

constexpr double kInfinite = std::numeric_limits<double>::infinity();

bool add_values(Difference& d, const Value& a, const Value& b) {
  if (!a.is_tensor() || !b.is_tensor() || a.tensor.dtype() != DType::f32 ||
      b.tensor.dtype() != DType::f32 || a.tensor.count() != b.tensor.count())
    return false;
  d.add(a.tensor.values<float>(), b.tensor.values<float>());
  return true;
}

using Outputs = std::vector<ValueId>;

// What a softmax made an output of: its differences are not hidden by saturation.
ValueId scores_of(const Graph& graph, ValueId output) {
  const NodeId producer = graph.value(output).producer;
  if (producer == kNoNode || graph.node(producer).primitive != &kSoftmax) return output;
  return graph.node(producer).operands[0];
}

// The outputs of a name that both models have, before their softmax where both end with one.
std::pair<Outputs, Outputs> common_outputs(const Graph& a, const Graph& b) {
  std::pair<Outputs, Outputs> out;
  for (const ValueId v : a.outputs)
    for (const ValueId w : b.outputs) {
      if (b.value(w).name != a.value(v).name) continue;
      const ValueId of_a = scores_of(a, v), of_b = scores_of(b, w);
      const bool both = of_a != v && of_b != w;
      out.first.push_back(both ? of_a : v);
      out.second.push_back(both ? of_b : w);
    }
  return out;
}

struct Side {
  const Graph& graph;
  std::span<const ValueId> outputs;
};

// Noise by signal of the outputs, summed over the outputs.
Result<double> noise_between(const Side& a, const Side& b, const samples::Samples& samples,
                             std::size_t most_samples, const RunControl& control) {
  std::vector<Runner> runners;
  for (const Side* side : {&a, &b}) {
    ASSIGN(Runner runner, Runner::open(side->graph, side->outputs, samples.spec().carry, control));
    runners.push_back(std::move(runner));
  }
  std::vector<Difference> differences(a.outputs.size());
  TRY(run_together(runners, samples, most_samples, control,
                   [&](std::size_t, std::span<const std::vector<Value>> values) -> Status {
                     for (std::size_t i = 0; i < differences.size(); ++i)
                       add_values(differences[i], values[0][i], values[1][i]);
                     return {};
                   }));
  double sum = 0;
  for (const Difference& d : differences) sum += d.noise_to_signal();
  return sum;
}

double decibels(double noise) {
  constexpr double kDecibel = 10;
  return noise == 0 ? kInfinite : -kDecibel * std::log10(noise);
}

class Search {
 public:
  Search(const Graph& a, const Graph& b, const samples::Samples& samples,
         const CulpritOptions& options)
      : a_(a), b_(b), samples_(samples), options_(options) {}

  Result<Culprits> run() {
    matches_ = match_values(a_, b_);
    units_ = units_of(a_, b_, matches_);
    std::tie(a_outputs_, b_outputs_) = common_outputs(a_, b_);
    TRY(observe());
    name_layers();
    rank();
    TRY(mend_worst());
    return std::move(out_);
  }

 private:
  const std::map<std::string, std::string>& carry() const { return samples_.spec().carry; }

  // One pass over the samples: A's values, B's, and A's units on B's.
  Status observe() {
    Graph with_units = b_;
    std::vector<ValueId> of_a, of_b;
    for (const Match& m : matches_) of_a.push_back(m.a);
    for (const Match& m : matches_) of_b.push_back(m.b);
    std::vector<std::size_t> rounded, added;  // matches, units
    for (std::size_t m = 0; m < matches_.size(); ++m) {
      if (matches_[m].rounded == kNoValue) continue;
      rounded.push_back(m);
      of_b.push_back(matches_[m].rounded);
    }
    for (std::size_t u = 0; u < units_.size(); ++u) {
      const Result<ValueId> v = add_unit(with_units, a_, units_[u], matches_);
      if (!v.ok()) continue;  // what was added before it failed is read by nobody
      added.push_back(u);
      of_b.push_back(*v);
    }
    own_.resize(units_.size());
    direct_.resize(matches_.size());
    rounded_.resize(rounded.size());
    rounded_of_ = rounded;
    std::vector<Runner> runners;
    ASSIGN(Runner run_a, Runner::open(a_, of_a, carry(), options_.control));
    ASSIGN(Runner run_b, Runner::open(with_units, of_b, carry(), options_.control));
    runners.push_back(std::move(run_a));
    runners.push_back(std::move(run_b));
    return run_together(
        runners, samples_, options_.samples, options_.control,
        [&](std::size_t sample, std::span<const std::vector<Value>> values) -> Status {
          out_.samples = sample + 1;
          const std::vector<Value>&x = values[0], &y = values[1];
          for (std::size_t m = 0; m < matches_.size(); ++m) add_values(direct_[m], x[m], y[m]);
          std::size_t next = matches_.size();
          for (std::size_t r = 0; r < rounded.size(); ++r)
            add_values(rounded_[r], x[rounded[r]], y[next++]);
          for (const std::size_t u : added) {
            if (!own_[u]) own_[u].emplace();
            add_values(*own_[u], y[next++], y[units_[u].result]);
          }
          return {};
        });
  }

  void name_layers() {
    std::map<NodeId, std::string> names;
    for (const Layer& l : find_layers(a_)) names.emplace(l.node, l.name);
    for (std::size_t u = 0; u < units_.size(); ++u) {
      LayerDifference l;
      l.result = matches_[units_[u].result].name;
      for (const NodeId n : units_[u].nodes)
        if (const auto found = names.find(n); found != names.end() && !l.has_weights) {
          l.name = found->second;
          l.has_weights = true;
        }
      if (l.name.empty()) l.name = a_.node(units_[u].nodes.back()).name;
      if (l.name.empty()) l.name = l.result;
      l.input_snr = kInfinite;
      for (const std::size_t m : units_[u].inputs)
        l.input_snr = std::min(l.input_snr, direct_[m].snr_db());
      l.output_snr = direct_[units_[u].result].snr_db();
      l.own = std::move(own_[u]);
      out_.layers.push_back(std::move(l));
    }
    for (std::size_t m = 0; m < matches_.size(); ++m)
      if (a_.value(matches_[m].a).producer != kNoNode)
        out_.tensors.push_back({matches_[m].name, false, direct_[m]});
    for (std::size_t r = 0; r < rounded_of_.size(); ++r)
      out_.tensors.push_back({matches_[rounded_of_[r]].name, true, std::move(rounded_[r])});
  }

  // What a layer adds to its inputs' noise, by signal: of its own where that was had.
  static double own_noise(const LayerDifference& l) {
    if (l.own) return l.own->noise_to_signal();
    const auto ratio = [](double db) {
      constexpr double kDecibel = 10;
      return std::isinf(db) && db > 0 ? 0.0 : std::pow(10.0, -db / kDecibel);
    };
    return std::max(0.0, ratio(l.output_snr) - ratio(l.input_snr));
  }

  void rank() {
    std::stable_sort(out_.tensors.begin(), out_.tensors.end(),
                     [](const TensorDifference& x, const TensorDifference& y) {
                       return x.difference.snr_db() < y.difference.snr_db();
                     });
    std::vector<std::size_t> order(units_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
      return own_noise(out_.layers[x]) > own_noise(out_.layers[y]);
    });
    std::vector<LayerDifference> layers;
    std::vector<Unit> units;
    for (const std::size_t i : order) {
      layers.push_back(std::move(out_.layers[i]));
      units.push_back(std::move(units_[i]));
    }
    out_.layers = std::move(layers);
    units_ = std::move(units);
  }

  Result<double> output_noise(const Graph& other, std::span<const ValueId> outputs) const {
    return noise_between({a_, a_outputs_}, {other, outputs}, samples_, options_.samples,
                         options_.control);
  }

  Status mend_worst() {
    if (b_outputs_.empty()) return {};
    ASSIGN(const double noise, output_noise(b_, b_outputs_));
    out_.output_snr = decibels(noise);
    if (noise == 0) return {};
    double best = noise;
    for (std::size_t i = 0; i < std::min(options_.mend, units_.size()); ++i) {
      if (own_noise(out_.layers[i]) == 0 || !out_.layers[i].own) continue;
      Graph mended = b_;
      const Match& result = matches_[units_[i].result];
      ASSIGN(const ValueId v, add_unit(mended, a_, units_[i], matches_));
      TRY(redirect(mended, result.b, v));
      Outputs outputs = b_outputs_;
      std::replace(outputs.begin(), outputs.end(), result.b, v);
      ASSIGN(const double now, output_noise(mended, outputs));
      out_.layers[i].mended_snr = decibels(now);
      if (now < best) {
        best = now;
        out_.worst = i;
      }
    }
    if (!out_.worst && !out_.layers.empty() && own_noise(out_.layers[0]) > 0) out_.worst = 0;
    return {};
  }

  const Graph &a_, &b_;
  const samples::Samples& samples_;
  const CulpritOptions& options_;
  std::vector<Match> matches_;
  std::vector<Unit> units_;
  Outputs a_outputs_, b_outputs_;
  std::vector<Difference> direct_, rounded_;    // by match; by rounded_of_
  std::vector<std::size_t> rounded_of_;         // matches
  std::vector<std::optional<Difference>> own_;  // by unit
  Culprits out_;
};

}  // namespace

Result<Culprits> find_culprits(const Graph& a, const Graph& b, const samples::Samples& samples,
                               const CulpritOptions& options) {
  ASSIGN(PassReport optimized, run_passes(a, portable_passes()));
  // Somebody else's tool may have begun from the model as it was.
  const bool as_it_was = match_values(a, b).size() > match_values(optimized.graph, b).size();
  return Search(as_it_was ? a : optimized.graph, b, samples, options).run();
}

Result<double> outputs_snr(const Graph& a, const Graph& b, const samples::Samples& samples,
                           std::size_t most_samples, const RunControl& control) {
  const auto [of_a, of_b] = common_outputs(a, b);
  ASSIGN(const double noise, noise_between({a, of_a}, {b, of_b}, samples, most_samples, control));
  return decibels(noise);
}

}  // namespace gossamer::compress
