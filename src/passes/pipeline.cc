// The two ordered lists of passes.
#include "passes/passes.h"

namespace gossamer {

std::span<const Pass> portable_passes() {
  static constexpr Pass kPasses[] = {
#define PASS(name, summary) {#name, summary, &name},
#include "passes/passes.def"
#undef PASS
  };
  return kPasses;
}

std::span<const Pass> target_passes() {
  static constexpr Pass kPasses[] = {
#define PASS(name, summary) {#name, summary, &name},
#include "passes/target_passes.def"
#undef PASS
  };
  return kPasses;
}

const Pass* find_pass(std::string_view name) {
  for (const auto list : {portable_passes(), target_passes()})
    for (const Pass& pass : list)
      if (pass.name == name) return &pass;
  return nullptr;
}

}  // namespace gossamer
