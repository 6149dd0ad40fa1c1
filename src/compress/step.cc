// The steps that a recipe can name, from steps.def.
#include "compress/step.h"

#include <fnmatch.h>

#include <algorithm>
#include <array>

namespace gossamer::compress {

std::span<const StepInfo> all_steps() {
  static constexpr std::array kSteps = {
#define STEP(name, summary) StepInfo{#name, summary, parse_##name},
#include "compress/steps.def"
#undef STEP
  };
  return kSteps;
}

void LayerFilter::read(Fields& fields) {
  fields.read("layers", include);
  fields.read("except", exclude);
}

bool LayerFilter::chooses(const std::string& name) const {
  const auto any = [&](const std::vector<std::string>& patterns) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) {
      return fnmatch(p.c_str(), name.c_str(), 0) == 0;
    });
  };
  return (include.empty() || any(include)) && !any(exclude);
}

}  // namespace gossamer::compress
