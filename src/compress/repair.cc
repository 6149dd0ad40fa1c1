// Tries changes on the worst layer, takes the cheapest that helps enough, and looks again.
#include "compress/repair.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "compress/culprits.h"
#include "compress/quantize.h"
#include "passes/passes.h"

namespace gossamer::compress {
namespace {

// A way to quantize one layer.
struct Change {
  std::string name;
  LayerScheme scheme;
};

// Noise by signal of a ratio in dB.
double noise_of(double snr) {
  constexpr double kDecibel = 10;
  return std::pow(10.0, -snr / kDecibel);
}

void add_observers(const LayerScheme& now, std::vector<Change>& out) {
  if (now.activations.none) return;
  for (const Observer o : {Observer::min_max, Observer::percentile, Observer::mse, Observer::kl}) {
    if (o == now.activations.range.observer) continue;
    Change c{"observer " + std::string(enum_names(o)[static_cast<std::size_t>(o)]), now};
    c.scheme.activations.range.observer = o;
    out.push_back(std::move(c));
  }
}

// Those that cost neither time nor size.
std::vector<Change> free_changes(const LayerScheme& now) {
  std::vector<Change> out;
  add_observers(now, out);
  if (now.weights.granularity == Granularity::tensor) {
    out.push_back({"scales by channel", now});
    out.back().scheme.weights.granularity = Granularity::channel;
  }
  if (now.weights.rounding == Rounding::nearest) {
    out.push_back({"rounding reconstruct", now});
    out.back().scheme.weights.rounding = Rounding::reconstruct;
  }
  return out;
}

YAML::Node override_node(const std::string& layer, const LayerScheme& s) {
  const auto name = [](auto e) { return std::string(enum_names(e)[static_cast<std::size_t>(e)]); };
  YAML::Node out;
  out["layers"].push_back(layer);
  if (s.keep) {
    out["keep"] = true;
    return out;
  }
  out["weights"]["bits"] = s.weights.bits;
  out["weights"]["granularity"] = name(s.weights.granularity);
  out["weights"]["rounding"] = name(s.weights.rounding);
  if (s.activations.none) {
    out["activations"] = "none";
  } else {
    out["activations"]["observer"] = name(s.activations.range.observer);
  }
  return out;
}

// A name that a shell pattern matches by itself alone.
std::string literal_pattern(const std::string& name) {
  std::string out;
  for (const char c : name) {
    if (c == '*' || c == '?' || c == '[' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

class Repairer {
 public:
  Repairer(const Recipe& recipe, const samples::Samples& samples, const RepairOptions& options)
      : recipe_(recipe), samples_(samples), options_(options) {}

  Result<Repaired> run(const Graph& graph) {
    TRY(find_step());
    ASSIGN(PassReport optimized, run_passes(graph, portable_passes()));
    out_.compressed.before = optimized.before;
    original_ = std::move(optimized.graph);
    ASSIGN(Graph start, before_quantizing(original_));
    TRY(open_quantizer(std::move(start)));
    ASSIGN(Graph made, made_by(quantize_));
    ASSIGN(out_.drop_before, options_.drop_of(made));
    out_.drop = out_.drop_before;
    if (out_.drop > options_.most_drop && !equalized_) TRY(try_equalizing(made));
    std::set<std::string> given_up;
    for (std::size_t i = 0; i < options_.most_layers && out_.drop > options_.most_drop; ++i) {
      ASSIGN(const std::string layer, worst_layer(made, given_up));
      if (layer.empty()) break;
      ASSIGN(const bool better, repair_layer(layer, made));
      if (!better || quantize_.scheme_of(layer).keep) given_up.insert(layer);
    }
    return finish(std::move(made));
  }

 private:
  StepContext context(std::vector<std::string>* notes = nullptr) const {
    return {&samples_, options_.compress.control, notes};
  }
  void tell(const std::string& what) const {
    if (options_.compress.on_step) options_.compress.on_step(what);
  }

  Status find_step() {
    for (std::size_t i = 0; i < recipe_.steps.size(); ++i) {
      equalized_ = equalized_ || recipe_.steps[i].name == "equalize";
      const auto* q = dynamic_cast<const QuantizeStep*>(recipe_.steps[i].step.get());
      if (q == nullptr) continue;
      if (at_)
        return usage_error("the recipe has several steps quantize: which one to repair?",
                           "say what differs between layers by 'overrides' of a single one");
      at_ = i;
      quantize_ = q->options();
    }
    if (!at_) return usage_error("the recipe has no step quantize to repair");
    return {};
  }

  Result<Graph> steps(Graph graph, std::size_t from, std::size_t to) const {
    for (std::size_t i = from; i < to; ++i) {
      tell(recipe_.steps[i].name);
      Result<Graph> next = recipe_.steps[i].step->apply(graph, context());
      if (!next.ok()) return std::move(next).status().in("step " + recipe_.steps[i].name);
      graph = std::move(next).value();
    }
    return graph;
  }
  Result<Graph> before_quantizing(const Graph& graph) const { return steps(graph, 0, *at_); }

  Status open_quantizer(Graph start) {
    tell("quantize");
    start_ = std::move(start);
    ASSIGN(quantizer_, Quantizer::open(start_, quantize_, context(), true));
    return {};
  }

  Result<Graph> made_by(const QuantizeOptions& options,
                        std::vector<std::string>* notes = nullptr) const {
    Result<Graph> made = quantizer_->apply(options, context(notes));
    if (!made.ok()) return std::move(made).status().in("step quantize");
    return steps(std::move(made).value(), *at_ + 1, recipe_.steps.size());
  }

  Result<double> snr_of(const Graph& made) const {
    RunControl quiet = options_.compress.control;
    quiet.progress = nullptr;
    return outputs_snr(original_, made, samples_, options_.samples, quiet);
  }

  // Channels brought to like ranges, for all layers at once.
  Status try_equalizing(Graph& made) {
    ASSIGN(const Recipe equalize, parse_recipe("steps: [equalize]"));
    tell("repair: equalize");
    Result<Graph> equalized = equalize.steps[0].step->apply(start_, context());
    if (!equalized.ok()) return std::move(equalized).status();
    Graph before = start_;
    std::optional<Quantizer> quantizer = quantizer_;
    TRY(open_quantizer(std::move(equalized).value()));
    ASSIGN(Graph other, made_by(quantize_));
    ASSIGN(const double drop, options_.drop_of(other));
    ASSIGN(const double snr, snr_of(other));
    out_.tries.push_back({"", "equalize", snr, drop < out_.drop});
    if (drop < out_.drop) {
      out_.drop = drop;
      made = std::move(other);
      equalized_ = added_equalize_ = true;
      return {};
    }
    start_ = std::move(before);
    quantizer_ = std::move(quantizer);
    return {};
  }

  // The layer whose mending helps the outputs most; empty when none is left.
  Result<std::string> worst_layer(const Graph& made, const std::set<std::string>& given_up) const {
    tell("repair: layers");
    CulpritOptions o{options_.compress.control, options_.samples, 4};
    o.control.progress = nullptr;
    ASSIGN(const Culprits c, find_culprits(original_, made, samples_, o));
    std::set<std::string> known;
    for (const Layer& l : quantizer_->layers()) known.insert(l.name);
    const LayerDifference* best = nullptr;
    for (const LayerDifference& l : c.layers) {
      if (!known.contains(l.name) || given_up.contains(l.name) || quantize_.scheme_of(l.name).keep)
        continue;
      const auto mended = [](const LayerDifference& x) {
        return x.mended_snr.value_or(-std::numeric_limits<double>::infinity());
      };
      if (best == nullptr || mended(l) > mended(*best)) best = &l;
    }
    return best == nullptr ? std::string() : best->name;
  }

  Result<double> noise_with(const std::string& layer, const Change& change) {
    QuantizeOptions options = quantize_;
    options.overrides.push_back({{literal_pattern(layer)}, change.scheme});
    ASSIGN(const Graph made, made_by(options));
    ASSIGN(const double snr, snr_of(made));
    out_.tries.push_back({layer, change.name, snr, false});
    return noise_of(snr);
  }

  // Takes the cheapest change that brings enough; false when none does, or the metric loses by it.
  Result<bool> repair_layer(const std::string& layer, Graph& made) {
    tell("repair: " + layer);
    const LayerScheme now = quantize_.scheme_of(layer);
    ASSIGN(const double snr, snr_of(made));
    const double before = noise_of(snr);
    Change keep{"keep fp32", now};
    keep.scheme.keep = true;
    ASSIGN(const double kept, noise_with(layer, keep));
    const double most = before - kept;  // what the layer costs
    const std::size_t keep_try = out_.tries.size() - 1;
    if (most <= 0.01 * before) return false;
    std::optional<std::pair<double, Change>> best;
    std::size_t best_try = 0;
    for (Change& c : free_changes(now)) {
      ASSIGN(const double noise, noise_with(layer, c));
      if (best && noise >= best->first) continue;
      best = {noise, std::move(c)};
      best_try = out_.tries.size() - 1;
    }
    if (!best || before - best->first < most / 2) {
      best = {kept, keep};
      best_try = keep_try;
      if (!now.activations.none) {
        Change weights_only{"weights only", now};
        weights_only.scheme.activations.none = true;
        ASSIGN(const double noise, noise_with(layer, weights_only));
        if (before - noise >= most / 2) {
          best = {noise, weights_only};
          best_try = out_.tries.size() - 1;
        }
      }
    }
    QuantizeOptions options = quantize_;
    options.overrides.push_back({{literal_pattern(layer)}, best->second.scheme});
    ASSIGN(Graph other, made_by(options));
    ASSIGN(const double drop, options_.drop_of(other));
    if (drop > out_.drop) return false;  // what helps the numbers need not help the metric
    out_.drop = drop;
    out_.tries[best_try].taken = true;
    quantize_ = std::move(options);
    overrides_.push_back(override_node(literal_pattern(layer), best->second.scheme));
    made = std::move(other);
    return true;
  }

  Result<Repaired> finish(Graph made) {
    ASSIGN(made, made_by(quantize_, &out_.compressed.notes));  // again, for its notes
    TRY(verify(made));
    out_.compressed.after = cost_of(made);
    out_.compressed.graph = std::move(made);
    out_.met = out_.drop <= options_.most_drop;
    ASSIGN(out_.recipe, repaired_recipe());
    return std::move(out_);
  }

  // The recipe's text with what was changed; yaml-cpp reports by exceptions, none leaves.
  Result<std::string> repaired_recipe() const {
    if (overrides_.empty() && !added_equalize_) return recipe_.text;
    try {
      YAML::Node root = YAML::Load(recipe_.text);
      YAML::Node steps = root["steps"];
      YAML::Node step = steps[*at_];
      YAML::Node fields =
          step.IsMap() && step["quantize"].IsMap() ? step["quantize"] : YAML::Node();
      for (const YAML::Node& o : overrides_) fields["overrides"].push_back(o);
      YAML::Node with_fields;
      with_fields["quantize"] = fields;
      YAML::Node list;
      for (std::size_t i = 0; i < steps.size(); ++i) {
        if (i == *at_ && added_equalize_) list.push_back("equalize");
        list.push_back(i == *at_ ? with_fields : steps[i]);
      }
      root["steps"] = list;
      YAML::Emitter text;
      text << root;
      return std::string(text.c_str()) + "\n";
    } catch (const YAML::Exception& e) {
      return internal_error(std::string("the repaired recipe cannot be written: ") + e.what());
    }
  }

  const Recipe& recipe_;
  const samples::Samples& samples_;
  const RepairOptions& options_;
  std::optional<std::size_t> at_;  // of the step quantize
  bool equalized_ = false, added_equalize_ = false;
  QuantizeOptions quantize_;
  Graph original_, start_;
  std::optional<Quantizer> quantizer_;
  std::vector<YAML::Node> overrides_;
  Repaired out_;
};

}  // namespace

Result<Repaired> compress_and_repair(const Graph& graph, const Recipe& recipe,
                                     const samples::Samples& samples,
                                     const RepairOptions& options) {
  return Repairer(recipe, samples, options).run(graph);
}

}  // namespace gossamer::compress
