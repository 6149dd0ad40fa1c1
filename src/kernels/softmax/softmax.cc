// Softmax: picks rows, columns side by side, or rows brought together first.
#include "kernels/softmax/softmax.h"

#include <algorithm>

#include "kernels/level.h"
#include "kernels/loops.h"
#include "kernels/pointwise/elements.h"
#include "kernels/softmax/softmax_table.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(SoftmaxTable, softmax_table)
DECLARE_LEVEL_TABLES(TileTable, tile_table)

namespace {

constexpr std::size_t kY = 0, kX = 1;  // views of the loops
constexpr std::int64_t kColumns = 64;  // side by side in one go

class Softmax final : public Prepared {
 public:
  Softmax(const SoftmaxStep& step, Loops loops, const Shapes& shapes)
      : loops_(std::move(loops)),
        table_(softmax_table(shapes.level)),
        tiles_(tile_table(shapes.level)),
        element_(element_of(shapes.inputs[0].dtype)),
        size_(static_cast<std::int64_t>(dtype_size(shapes.inputs[0].dtype))),
        log_(step.log) {
    const View& x = shapes.inputs[0];
    const auto axis = static_cast<std::size_t>(step.axis);
    n_ = x.extents[axis];
    sx_ = n_ == 1 ? 1 : x.strides[axis];
    sy_ = n_ == 1 ? 1 : shapes.outputs[0].strides[axis];
    const int inner = loops_.rank - 1;
    const auto count = static_cast<double>(x.count());
    if (x.dtype == DType::f32 && sx_ == 1 && sy_ == 1) {
      mode_ = Mode::rows;
    } else if (x.dtype == DType::f32 && loops_.stride(kX, inner) == 1 &&
               loops_.stride(kY, inner) == 1) {
      mode_ = Mode::columns;
    } else {
      workspace = static_cast<std::size_t>(n_) * sizeof(float);
    }
    flops = 5 * count;
    bytes = 2 * count * static_cast<double>(size_);
    parts = worthwhile_parts(0.7 * count, shapes.threads);
    if (x.count() == 0) n_ = 0;
  }

  void run(const Addresses& at, int part, int of) const override {
    if (n_ == 0) return;
    const auto* x = static_cast<const std::byte*>(at.inputs[0]);
    auto* y = static_cast<std::byte*>(at.outputs[0]);
    if (mode_ == Mode::columns) {
      columns(x, y, part, of);
      return;
    }
    const Range rows = share(loops_.count(), part, of);
    if (rows.begin >= rows.end) return;
    LoopWalk<2> walk(loops_, loops_.rank, rows.begin);
    for (std::int64_t r = rows.begin; r < rows.end; ++r, walk.next())
      row(x + walk.offset[kX] * size_, y + walk.offset[kY] * size_,
          reinterpret_cast<float*>(at.workspace));
  }

 private:
  enum class Mode : std::uint8_t { rows, columns, gathered };

  void row(const std::byte* x, std::byte* y, float* gathered) const {
    if (mode_ == Mode::rows) {
      table_.row(reinterpret_cast<const float*>(x), reinterpret_cast<float*>(y), n_, log_);
      return;
    }
    const auto element = static_cast<std::size_t>(element_);
    tiles_.load[element](x, gathered, n_, sx_);
    table_.row(gathered, gathered, n_, log_);
    tiles_.store[element](gathered, y, n_, sy_);
  }

  void columns(const std::byte* x, std::byte* y, int part, int of) const {
    const int inner = loops_.rank - 1;
    const std::int64_t width = loops_.extents[static_cast<std::size_t>(inner)];
    const std::int64_t chunks = (width + kColumns - 1) / kColumns;
    const Range range = share(loops_.count(inner) * chunks, part, of);
    for (std::int64_t c = range.begin; c < range.end; ++c) {
      const std::int64_t outer = c / chunks, first = c % chunks * kColumns;
      const auto* from =
          reinterpret_cast<const float*>(x) + loops_.offset(kX, inner, outer) + first;
      auto* to = reinterpret_cast<float*>(y) + loops_.offset(kY, inner, outer) + first;
      table_.columns(from, sx_, to, sy_, n_, std::min(kColumns, width - first), log_);
    }
  }

  Loops loops_;  // of the other axes
  const SoftmaxTable& table_;
  const TileTable& tiles_;
  Element element_;
  std::int64_t size_, n_ = 0, sx_ = 0, sy_ = 0;
  Mode mode_ = Mode::gathered;
  bool log_;
};

}  // namespace

Result<PreparedPtr> prepare(const SoftmaxStep& step, const Shapes& shapes) {
  if (shapes.inputs.size() != 1 || shapes.outputs.size() != 1)
    return internal_error("softmax has one operand and one result");
  View x = shapes.inputs[0], y = shapes.outputs[0];
  if (x.dtype != y.dtype ||
      (x.dtype != DType::f32 && x.dtype != DType::f16 && x.dtype != DType::bf16))
    return internal_error("softmax has no kernel for these element types");
  if (step.axis < 0 || step.axis >= x.rank || x.rank != y.rank)
    return internal_error("softmax has no such axis");
  const auto axis = static_cast<std::size_t>(step.axis);
  if (x.extents[axis] != y.extents[axis])
    return internal_error("views of one step have different extents");
  x.extents[axis] = y.extents[axis] = 1;
  ASSIGN(Loops loops, make_loops(std::span(&y, 1), std::span(&x, 1)));
  return PreparedPtr(std::make_unique<Softmax>(step, std::move(loops), shapes));
}

}  // namespace gossamer::kernels
