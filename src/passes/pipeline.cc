// The ordered list of passes.
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

const Pass* find_pass(std::string_view name) {
  for (const Pass& pass : portable_passes())
    if (pass.name == name) return &pass;
  return nullptr;
}

}  // namespace gossamer
