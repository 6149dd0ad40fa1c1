// Transposes, padding, indexing and resizing.
#include <cstring>

#include "harness.h"
#include "kernels/copy/copy.h"
#include "kernels/gather/gather.h"
#include "kernels/resize/resize.h"
#include "kernels/scatter/scatter.h"

namespace gossamer::bench {
namespace {

std::function<void(void*)> counting(std::int64_t count, std::int64_t below) {
  return [count, below](void* to) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t index = i * 7 % below;
      std::memcpy(static_cast<std::byte*>(to) + 8 * i, &index, 8);
    }
  };
}

void add_copies() {
  kernels::View from = row_major({256, 256}), turned = from;
  std::swap(turned.strides[0], turned.strides[1]);
  add(make_case("copy 256x256", Bound::traffic, kernels::CopyStep{}, {from}, {from}));
  add(make_case("transpose 256x256", Bound::traffic, kernels::CopyStep{}, {turned}, {from}));
  const kernels::View heads = row_major({12, 128, 64});
  kernels::View by_row = heads;
  by_row.strides[0] = 64;
  by_row.strides[1] = 12 * 64;
  add(make_case("transpose heads 128x12x64", Bound::traffic, kernels::CopyStep{}, {by_row},
                {heads}));
  add(make_case("channels last 64x28x28", Bound::traffic, kernels::CopyStep{},
                {row_major({1, 64, 28, 28})}, {channels_last(1, 64, 28, 28)}));
  kernels::PadStep pad;
  pad.before = pad.after = {0, 0, 1, 1};
  add(make_case("pad 64x28x28", Bound::traffic, pad, {row_major({1, 64, 28, 28})},
                {row_major({1, 64, 30, 30})}));
  kernels::RepeatStep repeat;
  repeat.axis = 1;
  repeat.times = 4;
  add(make_case("repeat 256x64 by 4", Bound::traffic, repeat, {row_major({256, 64})},
                {row_major({256, 256})}));
}

}  // namespace

void add_movement() {
  add_copies();
  Case gather =
      make_case("gather 128 rows of 384", Bound::traffic, kernels::GatherStep{},
                {row_major({256, 384}), row_major({128}, DType::i64)}, {row_major({128, 384})});
  gather.fill.emplace_back(1, counting(128, 256));
  add(std::move(gather));
  kernels::ScatterStep step;
  step.mode = kernels::ScatterMode::nd;
  Case scatter =
      make_case("scatter 128 rows of 384", Bound::traffic, step,
                {row_major({256, 384}), row_major({128, 1}, DType::i64), row_major({128, 384})},
                {row_major({256, 384})});
  scatter.fill.emplace_back(1, counting(128, 256));
  add(std::move(scatter));
  for (const kernels::ResizeMode mode :
       {kernels::ResizeMode::nearest, kernels::ResizeMode::linear}) {
    kernels::ResizeStep resize;
    resize.axes = {2, 3};
    resize.mode = mode;
    add(make_case(mode == kernels::ResizeMode::nearest ? "resize nearest 64x20x20 to 40x40"
                                                       : "resize linear 64x20x20 to 40x40",
                  Bound::traffic, resize, {channels_last(1, 64, 20, 20)},
                  {channels_last(1, 64, 40, 40)}));
  }
}

}  // namespace gossamer::bench
