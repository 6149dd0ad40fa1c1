// For tests: small programs made by hand of operations that every build has.
#pragma once

#include "runtime/program.h"

namespace gossamer::package {

// x: f32[n], n at least 4 -> y: f32[3] = x[3], x[2], x[1]; z: a string table; r: one of two bodies
// that a constant picks, f32[3]. Holds constants of every place, symbols, a region, an attribute of
// every simple kind.
runtime::Program test_program();
// x: f32[n] -> y: a gather from a table of `count` floats (mapped when large).
runtime::Program weights_program(std::int64_t count);

// Expects that two programs agree in every field.
void expect_same(const runtime::Program& a, const runtime::Program& b);

}  // namespace gossamer::package
