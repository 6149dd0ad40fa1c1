// Every pass, and the list of them.
#pragma once

#include "passes/pass.h"

namespace gossamer {

#define PASS(name, summary) Result<Rewritten> name(const Graph& graph);
#include "passes/passes.def"
#include "passes/target_passes.def"
#undef PASS

// What holds on any machine and can be written back as a standard model, in order of execution.
std::span<const Pass> portable_passes();
// What only the compiler applies, after the portable passes, in order of execution. What they leave
// is a graph like any other, but not one that a person would want back as a standard model.
std::span<const Pass> target_passes();
// The pass of that name in either list, or null.
const Pass* find_pass(std::string_view name);

}  // namespace gossamer
