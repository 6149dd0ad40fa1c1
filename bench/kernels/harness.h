// Cases of kernels for google-benchmark: a step with its operands, run on one core at each level
// that the machine has, and held against what that core can give.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernel.h"

namespace gossamer::bench {

// What a case is held against.
enum class Bound {
  arithmetic,  // the float operations of the step, by the level's own instructions
  traffic,     // the bytes of its operands and results, each once, from the smallest cache that
               // holds them all, or from memory
  roofline,    // whichever of the two takes longer
};

struct Case {
  std::string name;  // family and shape
  Bound bound = Bound::traffic;
  std::vector<kernels::View> inputs, outputs;
  std::function<Result<kernels::PreparedPtr>(const kernels::Shapes&)> prepare;
  // Index of an operand to be filled otherwise than with small random numbers, and how.
  std::vector<std::pair<std::size_t, std::function<void(void*)>>> fill = {};
  bool all_threads = false;  // besides one core also on as many threads as the process may use
};

template <class Step>
Case make_case(std::string name, Bound bound, const Step& step, std::vector<kernels::View> inputs,
               std::vector<kernels::View> outputs) {
  Case c;
  c.name = std::move(name);
  c.bound = bound;
  c.inputs = std::move(inputs);
  c.outputs = std::move(outputs);
  c.prepare = [step](const kernels::Shapes& shapes) { return prepare(step, shapes); };
  return c;
}

// Registers the case, once a level.
void add(Case added);

// Dense f32, row-major; with channels last in memory, of extents [n, c, h, w].
kernels::View row_major(std::vector<std::int64_t> extents, DType dtype = DType::f32);
kernels::View channels_last(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w);

// One function a file of cases.
void add_products();
void add_convolutions();
void add_rows();
void add_movement();

}  // namespace gossamer::bench
