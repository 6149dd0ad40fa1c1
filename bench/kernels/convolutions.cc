// Convolutions of all kinds, channels last, with bias and bounds; pooling.
#include "harness.h"
#include "kernels/conv/conv.h"
#include "kernels/conv_transpose/conv_transpose.h"
#include "kernels/pool/pool.h"

namespace gossamer::bench {
namespace {

struct Shape2d {
  std::int64_t channels, filters, extent, kernel, stride = 1, group = 1;
};

std::string text(const std::string& family, const Shape2d& s) {
  return family + " " + std::to_string(s.kernel) + "x" + std::to_string(s.kernel) + " s" +
         std::to_string(s.stride) + " " + std::to_string(s.channels) + "->" +
         std::to_string(s.filters) + " on " + std::to_string(s.extent) + "x" +
         std::to_string(s.extent);
}

void add_conv(const std::string& family, const Shape2d& s, Bound bound) {
  kernels::ConvStep step;
  step.kernel = {s.kernel, s.kernel};
  step.strides = {s.stride, s.stride};
  step.pads_begin = {s.kernel / 2, s.kernel / 2};
  step.group = s.group;
  step.channels = s.channels;
  step.filters = s.filters;
  step.bias = true;
  step.low = 0;
  step.high = 6;
  const std::int64_t out = (s.extent + s.stride - 1) / s.stride;
  const auto packed = static_cast<std::int64_t>(kernels::packed_conv_size(step) / sizeof(float));
  Case c = make_case(text(family, s), bound, step,
                     {channels_last(1, s.channels, s.extent, s.extent), row_major({packed}),
                      row_major({s.filters})},
                     {channels_last(1, s.filters, out, out)});
  const auto weights =
      static_cast<std::size_t>(s.filters * s.channels / s.group * s.kernel * s.kernel);
  c.fill.emplace_back(1, [step, weights](void* to) {
    std::vector<float> w(weights);
    for (std::size_t i = 0; i < weights; ++i) w[i] = static_cast<float>(i % 13) / 64 - 0.1f;
    kernels::pack_conv(step, w.data(), static_cast<float*>(to));
  });
  add(std::move(c));
}

void add_transposed(std::int64_t channels, std::int64_t filters, std::int64_t extent) {
  kernels::ConvTransposeStep step;
  step.kernel = {2, 2};
  step.strides = {2, 2};
  step.channels = channels;
  step.filters = filters;
  step.bias = true;
  const auto packed =
      static_cast<std::int64_t>(kernels::packed_conv_transpose_size(step) / sizeof(float));
  add(make_case(
      text("conv_transpose", {channels, filters, extent, 2, 2}), Bound::arithmetic, step,
      {channels_last(1, channels, extent, extent), row_major({packed}), row_major({filters})},
      {channels_last(1, filters, 2 * extent, 2 * extent)}));
}

void add_pool(const std::string& name, kernels::PoolOp op, std::int64_t channels,
              std::int64_t extent) {
  kernels::PoolStep step;
  step.op = op;
  step.axes = {2, 3};
  step.kernel = {3, 3};
  step.strides = {2, 2};
  step.pads_begin = step.pads_end = {1, 1};
  add(make_case(text(name, {channels, channels, extent, 3, 2}), Bound::traffic, step,
                {channels_last(1, channels, extent, extent)},
                {channels_last(1, channels, (extent + 1) / 2, (extent + 1) / 2)}));
}

}  // namespace

void add_convolutions() {
  for (const Shape2d& s :
       {Shape2d{256, 64, 14, 1}, Shape2d{256, 256, 14, 1}, Shape2d{384, 96, 14, 1},
        Shape2d{256, 64, 28, 1}, Shape2d{32, 64, 28, 3}, Shape2d{64, 64, 14, 3},
        Shape2d{128, 128, 14, 3}, Shape2d{64, 64, 28, 3, 2}, Shape2d{32, 64, 28, 5}})
    add_conv("conv", s, Bound::arithmetic);
  add_conv("conv", {3, 32, 224, 3, 2}, Bound::arithmetic);
  add_conv("conv group=4", {128, 128, 14, 3, 1, 4}, Bound::arithmetic);
  for (const Shape2d& s : {Shape2d{96, 96, 28, 3, 1, 96}, Shape2d{192, 192, 14, 3, 1, 192},
                           Shape2d{96, 96, 28, 3, 2, 96}, Shape2d{96, 96, 28, 5, 1, 96},
                           Shape2d{96, 96, 28, 7, 1, 96}})
    add_conv("depthwise", s, Bound::roofline);
  add_conv("depthwise", {144, 144, 112, 3, 1, 144}, Bound::traffic);
  add_transposed(64, 32, 28);
  add_pool("max_pool", kernels::PoolOp::max, 64, 56);
  add_pool("mean_pool", kernels::PoolOp::mean, 64, 56);
}

}  // namespace gossamer::bench
