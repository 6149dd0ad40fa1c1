// Tests of passes: graph text in, graph text out.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "graph/text.h"
#include "passes/passes.h"
#include "primitives/primitives.h"

namespace gossamer {

using PassFunction = Result<Rewritten> (*)(const Graph&);

// The text of what a pass makes of a graph, verified; else the message.
inline std::string after(PassFunction pass, std::string_view text) {
  Result<Graph> graph = parse_graph(text, find_primitive);
  if (!graph.ok()) return "cannot parse: " + graph.status().message();
  Result<Rewritten> out = pass(*graph);
  if (!out.ok()) return "pass failed: " + out.status().message();
  const Graph& made = *out ? **out : *graph;
  if (Status s = verify(made); !s.ok()) return "not valid: " + s.message();
  return to_text(made);
}

inline void expect_rewrite(PassFunction pass, std::string_view before, std::string_view expected) {
  Result<Graph> graph = parse_graph(expected, find_primitive);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  EXPECT_EQ(after(pass, before), to_text(*graph));
}

// The pass leaves the graph as it is.
inline void expect_kept(PassFunction pass, std::string_view text) {
  expect_rewrite(pass, text, text);
}

}  // namespace gossamer
