// What reports show of a model, step by step, and of the machine.
#pragma once

#include "model.h"

namespace gossamer::python {

// Profiles runs on these inputs for so many seconds: "rows", one a step, with time, work and
// weights; "memory", the bytes that live in each of the program's own steps.
nb::dict steps_of(const std::shared_ptr<Ready>& ready, std::vector<Operand> given, double seconds);

// What the machine can give, measured in about half a second.
nb::dict machine();

}  // namespace gossamer::python
