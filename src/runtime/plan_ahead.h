// Planning memory when a model is compiled, with more time than a run has.
#pragma once

#include <optional>
#include <vector>

#include "base/shape.h"
#include "runtime/program.h"

namespace gossamer::runtime {

// The shapes of all inputs when they are fixed, or nothing.
std::optional<std::vector<Shape>> fixed_inputs(const Program& program);

// Gives a program of fixed shapes the static plan, for runs on so many threads (0: as many as the
// process may use) at this machine's level, where that is smaller than what a session finds by
// itself. Leaves others as they are. Fails as make_plan does.
Status plan_ahead(Program& program, int threads);

}  // namespace gossamer::runtime
