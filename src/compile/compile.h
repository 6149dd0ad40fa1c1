// compile: a Graph becomes a Program: where values lie, which kernels compute them, in which order,
// in how much memory.
#pragma once

#include "compile/work.h"
#include "graph/graph.h"
#include "runtime/program.h"

namespace gossamer::compile {

struct CompileOptions {
  // Whether the passes of portable_passes() and target_passes() run first.
  bool optimize = true;
  // False: every step by its scalar code, for tests.
  bool kernels = true;
  // The policy `fast`: products of constant weights in bf16 with sums in f32 where this machine
  // multiplies bf16 clearly faster than f32 and conversions are made up for. All else stays f32.
  bool fast = false;
};

// The graph may have open extents: they are settled when the program is run. Its large constants
// are given up one by one as they are packed, so that a graph that is moved here takes little
// memory beside its program. Fails with unsupported where a graph has what no program can express,
// naming the node. What is done by which code is added to `report`.
Result<runtime::Program> compile(Graph graph, const CompileOptions& options = {},
                                 WorkReport* report = nullptr);

}  // namespace gossamer::compile
