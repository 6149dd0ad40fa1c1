// Copies: joined loops, of which the two innermost go to leaf code that suits their strides.
#include "kernels/copy/copy.h"

#include <algorithm>
#include <bit>

#include "kernels/copy/copy_table.h"
#include "kernels/level.h"
#include "kernels/loops.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(CopyTable, copy_table)

namespace {

constexpr std::size_t kY = 0, kX = 1;  // views of the loops

class Copy final : public Prepared {
 public:
  Copy(Loops loops, std::size_t size, const Shapes& shapes)
      : loops_(std::move(loops)),
        table_(copy_table(shapes.level)),
        size_(static_cast<std::int64_t>(size)),
        log_size_(static_cast<std::size_t>(std::countr_zero(size))) {
    while (loops_.rank < 2) {  // one row
      loops_.move(0, 1);
      loops_.extents[0] = 1;
      for (auto& s : loops_.strides) s[0] = 0;
      ++loops_.rank;
    }
    const int row = loops_.rank - 2, column = loops_.rank - 1;
    if (loops_.stride(kY, column) == 1 && loops_.stride(kX, column) == 1) {
      mode_ = Mode::runs;
    } else if (loops_.stride(kY, column) == 1) {
      for (int l = 0; l < column; ++l)
        if (loops_.stride(kX, l) == 1) {
          loops_.move(l, row);
          mode_ = Mode::transpose;
        }
    }
    rows_ = loops_.extents[static_cast<std::size_t>(row)];
    columns_ = loops_.extents[static_cast<std::size_t>(column)];
    outer_ = loops_.count(row);
    const auto count = static_cast<double>(outer_ * rows_ * columns_);
    bytes = 2 * count * static_cast<double>(size);
    parts = worthwhile_parts(mode_ == Mode::strided ? count : 0.1 * bytes, shapes.threads);
  }

  void run(const Addresses& at, int part, int of) const override {
    // Whole planes where there are enough, else rows, else columns, of each.
    const Range all{0, outer_};
    if (outer_ >= of)
      planes(at, share(outer_, part, of), {0, rows_}, {0, columns_});
    else if (rows_ >= of && mode_ != Mode::transpose)
      planes(at, all, share(rows_, part, of), {0, columns_});
    else
      planes(at, all, {0, rows_}, share(columns_, part, of, 64));
  }

 private:
  enum class Mode : std::uint8_t { strided, transpose, runs };

  void planes(const Addresses& at, Range outer, Range rows, Range columns) const {
    if (outer.begin >= outer.end || rows.begin >= rows.end || columns.begin >= columns.end) return;
    const int row = loops_.rank - 2, column = loops_.rank - 1;
    const std::int64_t xr = loops_.stride(kX, row), yr = loops_.stride(kY, row);
    const std::int64_t xc = loops_.stride(kX, column), yc = loops_.stride(kY, column);
    const auto* x = static_cast<const std::byte*>(at.inputs[0]) +
                    (rows.begin * xr + columns.begin * xc) * size_;
    auto* y =
        static_cast<std::byte*>(at.outputs[0]) + (rows.begin * yr + columns.begin * yc) * size_;
    const std::int64_t m = rows.end - rows.begin, n = columns.end - columns.begin;
    LoopWalk<2> walk(loops_, row, outer.begin);
    for (std::int64_t o = outer.begin; o < outer.end; ++o, walk.next()) {
      const std::byte* from = x + walk.offset[kX] * size_;
      std::byte* to = y + walk.offset[kY] * size_;
      if (mode_ == Mode::runs) {
        table_.runs(from, xr * size_, to, yr * size_, m, n * size_);
      } else if (mode_ == Mode::transpose) {
        table_.transpose[log_size_](from, xc, to, yr, n, m);
      } else {
        for (std::int64_t r = 0; r < m; ++r)
          table_.strided[log_size_](from + r * xr * size_, xc, to + r * yr * size_, yc, n);
      }
    }
  }

  Loops loops_;
  const CopyTable& table_;
  std::int64_t size_;
  std::size_t log_size_;
  Mode mode_ = Mode::strided;
  std::int64_t outer_ = 1, rows_ = 1, columns_ = 1;
};

Status check(const Shapes& shapes) {
  if (shapes.inputs.empty() || shapes.outputs.size() != 1)
    return internal_error("a copy has one operand and one result");
  const View& x = shapes.inputs[0];
  const View& y = shapes.outputs[0];
  if (x.dtype != y.dtype || x.dtype == DType::string || x.rank < 0 || x.rank != y.rank)
    return internal_error("operand and result of a copy do not fit");
  return {};
}

Result<PreparedPtr> make_copy(const View& x, const View& y, const Shapes& shapes) {
  ASSIGN(Loops loops, make_loops(std::span(&y, 1), std::span(&x, 1)));
  return PreparedPtr(std::make_unique<Copy>(std::move(loops), dtype_size(x.dtype), shapes));
}

}  // namespace

Result<PreparedPtr> prepare(const CopyStep&, const Shapes& shapes) {
  TRY(check(shapes));
  return make_copy(shapes.inputs[0], shapes.outputs[0], shapes);
}

Result<PreparedPtr> prepare(const RepeatStep& step, const Shapes& shapes) {
  TRY(check(shapes));
  View x = shapes.inputs[0], y = shapes.outputs[0];
  if (step.axis < 0 || step.axis >= x.rank || step.times < 0)
    return internal_error("a repeat has no such axis");
  auto axis = static_cast<std::size_t>(step.axis);
  const std::int64_t n = x.extents[axis];
  std::int64_t repeated = 0;
  if (__builtin_mul_overflow(n, step.times, &repeated) || y.extents[axis] != repeated)
    return internal_error("a repeat has other extents");
  if (repeated == 0) return make_copy(y, y, shapes);  // nothing to do
  // Another axis of extent 1 makes room where all are in use.
  for (std::size_t a = 0; x.rank == kMaxAxes && a < kMaxAxes; ++a) {
    if (a == axis || x.extents[a] != 1 || y.extents[a] != 1) continue;
    for (View* v : {&x, &y}) {
      std::copy(v->extents.begin() + static_cast<std::ptrdiff_t>(a) + 1, v->extents.end(),
                v->extents.begin() + static_cast<std::ptrdiff_t>(a));
      std::copy(v->strides.begin() + static_cast<std::ptrdiff_t>(a) + 1, v->strides.end(),
                v->strides.begin() + static_cast<std::ptrdiff_t>(a));
      --v->rank;
    }
    if (a < axis) --axis;
  }
  if (x.rank == kMaxAxes)
    return unsupported("repeating along one of 8 axes that all have several elements");
  y = split_axis(y, axis, step.each ? step.times : n);
  x = split_axis(x, axis, step.each ? 1 : n);
  const std::size_t repeats = step.each ? axis + 1 : axis;
  x.extents[repeats] = y.extents[repeats];
  x.strides[repeats] = 0;
  return make_copy(x, y, shapes);
}

}  // namespace gossamer::kernels
