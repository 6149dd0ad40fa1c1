// The text form of a Graph: one line a node, stable, read and written. docs/text-form.md describes
// it.
//
//   graph main(x: f32[1,3,h,w], y: i64[n]) -> (out) {
//     w: f32[2] = constant {1, 2.5}
//     big: f32[64,3,7,7] = constant #9408           (elided; `full` prints every element)
//     c: f32[1,64,h,w] = concat(x, w) axis=1
//     p: f32[1,64,h,w] = pointwise(c, w) program={a = add x0 x1; y0 = mul a 0.5}
//     (v: f32[5], i: i64[5]) = top_k(c, k) axis=1
//     r: f32[*] = if(cond, x) {
//       graph then(x: f32[3]) -> (z) { ... }
//       graph else(x: f32[3]) -> (z) { ... }
//     }
//   }
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "graph/graph.h"
#include "graph/primitive.h"

namespace gossamer {

struct TextOptions {
  std::int64_t max_constant_elements = 16;  // larger constants are elided as #count
  bool full = false;  // print every element of every constant, so that parsing gives it back
};

std::string to_text(const Graph& graph, const TextOptions& options = {});

// Parses what to_text printed. Types of results may be left out: they are inferred. An elided
// constant is refused. Fails with malformed and the line and column. The result is verified.
Result<Graph> parse_graph(std::string_view text,
                          const std::function<const Primitive*(std::string_view)>& find_primitive);

// "f32[2]{1, 2.5}", as attributes and constants print tensors.
std::string to_text(const Tensor& tensor);

}  // namespace gossamer
