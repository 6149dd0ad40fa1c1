// Recipe: what to do to a model, as a small YAML text; the same recipe, samples and seed give the
// same model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compress/step.h"
#include "samples/spec.h"

namespace gossamer::compress {

struct NamedStep {
  std::string name;
  StepPtr step;
};

struct Recipe {
  std::string text;  // as it was read
  samples::SampleSpec samples;
  std::vector<NamedStep> steps;

  bool needs_samples() const;
};

// Fails with usage, naming the line, on anything that it does not know.
Result<Recipe> parse_recipe(std::string_view text);
Result<Recipe> read_recipe(const std::string& path);
// Only what it says of samples; steps need not be there, and are not looked at.
Result<samples::SampleSpec> read_sample_spec(const std::string& path);

}  // namespace gossamer::compress
