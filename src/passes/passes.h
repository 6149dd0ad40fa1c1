// Every pass, and the list of them.
#pragma once

#include "passes/pass.h"

namespace gossamer {

#define PASS(name, summary) Result<Graph> name(const Graph& graph);
#include "passes/passes.def"
#undef PASS

// What holds on any machine and can be written back as a standard model, in order of execution.
std::span<const Pass> portable_passes();
// The pass of that name, or null.
const Pass* find_pass(std::string_view name);

}  // namespace gossamer
