// What goes along rows or element by element.
#include "harness.h"
#include "kernels/arg_reduce/arg_reduce.h"
#include "kernels/cumulate/cumulate.h"
#include "kernels/normalize/normalize.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/reduce/reduce.h"
#include "kernels/softmax/softmax.h"
#include "kernels/top_k/top_k.h"

namespace gossamer::bench {
namespace {

// One instruction over 64 Ki elements; `operands` of them.
void add_pointwise(std::string_view op, int operands) {
  using Builder = kernels::VectorBuilder;
  Builder b;
  std::vector<Builder::Value> args;
  for (int i = 0; i < operands; ++i) args.push_back(*b.input(DType::f32));
  const std::optional<Builder::Value> y = b.emit(op, DType::f32, args);
  if (!y) return;
  const Builder::Value results[] = {*y};
  std::optional<kernels::VectorProgram> program = b.finish(results);
  if (!program) return;
  const kernels::View v = row_major({1 << 16});
  add(make_case("pointwise " + std::string(op) + " 65536", Bound::traffic,
                kernels::PointwiseStep{*std::move(program)},
                std::vector<kernels::View>(static_cast<std::size_t>(operands), v), {v}));
}

}  // namespace

void add_rows() {
  add_pointwise("add", 2);
  for (const std::string_view op : {"exp", "sigmoid", "tanh", "erf", "log"}) add_pointwise(op, 1);

  const kernels::View rows = row_major({128, 768});
  const kernels::View one = row_major({128, 1});
  kernels::SoftmaxStep softmax;
  softmax.axis = 1;
  add(make_case("softmax 128x768", Bound::traffic, softmax, {rows}, {rows}));
  kernels::NormalizeStep normalize;
  normalize.axes = {1};
  kernels::View scale = rows, none;
  scale.strides[0] = 0;
  none.rank = -1;
  add(make_case("layer_norm 128x768", Bound::traffic, normalize, {rows, scale, scale},
                {rows, none, none}));
  kernels::ReduceStep along;
  along.op = kernels::ReduceOp::mean;
  along.axes = {1};
  add(make_case("reduce mean rows 128x768", Bound::traffic, along, {rows}, {one}));
  kernels::ReduceStep spatial = along;
  spatial.axes = {2, 3};
  add(make_case("reduce mean 7x7 of 1280 channels", Bound::traffic, spatial,
                {channels_last(1, 1280, 7, 7)}, {channels_last(1, 1280, 1, 1)}));
  kernels::ArgReduceStep argmax;
  argmax.axis = 1;
  add(make_case("arg_reduce 128x768", Bound::traffic, argmax, {rows},
                {row_major({128, 1}, DType::i64)}));
  kernels::CumulateStep cumulate;
  cumulate.axis = 1;
  add(make_case("cumulate 128x768", Bound::traffic, cumulate, {rows}, {rows}));
  kernels::TopKStep top;
  top.axis = 1;
  add(make_case("top_k 5 of 1000", Bound::traffic, top, {row_major({1, 1000})},
                {row_major({1, 5}), row_major({1, 5}, DType::i64)}));
}

}  // namespace gossamer::bench
