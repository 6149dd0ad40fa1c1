// Reduce: walks the kept axes; for each place, or for columns of places side by side, folds what
// the reduced axes span.
#include "kernels/reduce/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/level.h"
#include "kernels/loops.h"
#include "kernels/pointwise/elements.h"
#include "kernels/reduce/reduce_table.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(ReduceTable, reduce_table)
DECLARE_LEVEL_TABLES(TileTable, tile_table)

std::span<const std::string_view> enum_names(ReduceOp) {
  static constexpr std::string_view kNames[] = {"sum", "mean", "prod", "max", "min", "logsumexp"};
  return kNames;
}

bool reducible(ReduceOp op, DType dtype) {
  const bool floats = dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
  const bool integers = dtype == DType::i32 || dtype == DType::i64;
  return floats || (integers && op != ReduceOp::mean && op != ReduceOp::logsumexp);
}

namespace {

constexpr std::int64_t kColumns = 256;  // side by side in one go
constexpr std::int64_t kGather = 1024;  // elements brought together at a time

std::size_t fold_of(ReduceOp op) {
  switch (op) {
    case ReduceOp::prod:
      return static_cast<std::size_t>(Fold::prod);
    case ReduceOp::max:
    case ReduceOp::logsumexp:  // first
      return static_cast<std::size_t>(Fold::max);
    case ReduceOp::min:
      return static_cast<std::size_t>(Fold::min);
    default:
      return static_cast<std::size_t>(Fold::sum);
  }
}

class Reduce final : public Prepared {
 public:
  Reduce(const ReduceStep& step, Loops kept, Loops reduced, const Shapes& shapes)
      : op_(step.op),
        kept_(std::move(kept)),
        reduced_(std::move(reduced)),
        table_(reduce_table(shapes.level)),
        tiles_(tile_table(shapes.level)),
        dtype_(shapes.inputs[0].dtype),
        element_(static_cast<std::size_t>(element_of(dtype_))),
        size_(static_cast<std::int64_t>(dtype_size(dtype_))) {
    const int inner = reduced_.rank - 1;
    stride_ = reduced_.stride(0, inner);
    run_ = reduced_.extents[static_cast<std::size_t>(inner)];
    length_ = reduced_.count();
    runs_ = reduced_.count(inner);
    if (run_ == 0) runs_ = 0;
    mode_ = dtype_ == DType::i32 || dtype_ == DType::i64 ? Mode::integers
            : stride_ == 1 && dtype_ == DType::f32       ? Mode::rows
                                                         : Mode::gathered;
    if (dtype_ == DType::f32 && mode_ != Mode::rows)
      for (int l = 0; l < kept_.rank; ++l)
        if (kept_.stride(kX, l) == 1) {
          kept_.move(l, kept_.rank - 1);
          mode_ = Mode::columns;
        }
    if (mode_ == Mode::gathered) workspace = static_cast<std::size_t>(kGather) * sizeof(float);
    flops = static_cast<double>(shapes.inputs[0].count());
    bytes = flops * static_cast<double>(size_);
    parts = worthwhile_parts(flops * (op_ == ReduceOp::logsumexp ? 0.8 : 0.2), shapes.threads);
  }

  void run(const Addresses& at, int part, int of) const override {
    const auto* x = static_cast<const std::byte*>(at.inputs[0]);
    auto* y = static_cast<std::byte*>(at.outputs[0]);
    if (mode_ == Mode::columns) {
      columns(x, y, part, of);
      return;
    }
    const Range places = share(kept_.count(), part, of);
    if (places.begin >= places.end) return;
    LoopWalk<2> walk(kept_, kept_.rank, places.begin);
    for (std::int64_t i = places.begin; i < places.end; ++i, walk.next()) {
      const std::byte* from = x + walk.offset[kX] * size_;
      std::byte* to = y + walk.offset[kY] * size_;
      if (mode_ == Mode::integers)
        store_integer(fold_integers(from), to);
      else
        store(place(from, reinterpret_cast<float*>(at.workspace)), to);
    }
  }

 private:
  enum class Mode : std::uint8_t { rows, columns, gathered, integers };
  static constexpr std::size_t kY = 0, kX = 1;  // views of the kept loops

  static double neutral(std::size_t fold) {
    constexpr double kInf = std::numeric_limits<double>::infinity();
    constexpr double kNeutral[] = {0, 1, -kInf, kInf, 0, 0};
    return kNeutral[fold];
  }

  // Calls f(offset) for each run of the reduced axes.
  template <class F>
  void each_run(F f) const {
    if (runs_ == 0) return;
    LoopWalk<1> walk(reduced_, reduced_.rank - 1, 0);
    for (std::int64_t r = 0; r < runs_; ++r, walk.next()) f(walk.offset[0]);
  }

  double fold_floats(std::size_t fold, const std::byte* x, float shift, float* gathered) const {
    double result = neutral(fold);
    each_run([&](std::int64_t offset) {
      const std::byte* from = x + offset * size_;
      if (mode_ == Mode::rows) {
        result = table_.row[fold](reinterpret_cast<const float*>(from), run_, result, shift);
        return;
      }
      for (std::int64_t i = 0; i < run_; i += kGather) {
        const std::int64_t n = std::min(kGather, run_ - i);
        tiles_.load[element_](from + i * stride_ * size_, gathered, n, stride_);
        result = table_.row[fold](gathered, n, result, shift);
      }
    });
    return result;
  }

  double place(const std::byte* x, float* gathered) const {
    const double first = fold_floats(fold_of(op_), x, 0, gathered);
    if (op_ == ReduceOp::mean) return first / static_cast<double>(length_);
    if (op_ != ReduceOp::logsumexp || !std::isfinite(first)) return first;
    constexpr auto kFold = static_cast<std::size_t>(Fold::exponentials);
    return first + std::log(fold_floats(kFold, x, static_cast<float>(first), gathered));
  }

  std::int64_t fold_integers(const std::byte* x) const {
    const std::size_t fold = fold_of(op_);
    const bool narrow = dtype_ == DType::i32;
    using I32 = std::numeric_limits<std::int32_t>;
    using I64 = std::numeric_limits<std::int64_t>;
    const std::int64_t neutrals[] = {0, 1, narrow ? I32::min() : I64::min(),
                                     narrow ? I32::max() : I64::max()};
    std::int64_t result = neutrals[fold];
    each_run([&](std::int64_t offset) {
      result = table_.integers[narrow ? 0 : 1][fold](x + offset * size_, run_, stride_, result);
    });
    return result;
  }

  void store_integer(std::int64_t v, std::byte* y) const {
    if (dtype_ == DType::i32)
      *reinterpret_cast<std::int32_t*>(y) = static_cast<std::int32_t>(v);
    else
      *reinterpret_cast<std::int64_t*>(y) = v;
  }
  void store(double v, std::byte* y) const {
    const auto f = static_cast<float>(v);
    if (dtype_ == DType::f32)
      *reinterpret_cast<float*>(y) = f;
    else
      tiles_.store[element_](&f, y, 1, 1);
  }

  void columns(const std::byte* x, std::byte* y, int part, int of) const {
    const int inner = kept_.rank - 1;
    const std::int64_t width = kept_.extents[static_cast<std::size_t>(inner)];
    const std::int64_t chunks = (width + kColumns - 1) / kColumns;
    const Range range = share(kept_.count(inner) * chunks, part, of);
    for (std::int64_t c = range.begin; c < range.end; ++c) {
      const std::int64_t outer = c / chunks, first = c % chunks * kColumns;
      const auto* from = reinterpret_cast<const float*>(x) + kept_.offset(kX, inner, outer) + first;
      const std::int64_t step = kept_.stride(kY, inner);
      auto* to = reinterpret_cast<float*>(y) + kept_.offset(kY, inner, outer) + first * step;
      column_chunk(from, std::min(kColumns, width - first), to, step);
    }
  }

  void column_chunk(const float* x, std::int64_t n, float* y, std::int64_t step) const {
    double results[kColumns];
    const auto fold = [&](std::size_t kind, const float* shifts) {
      std::fill_n(results, n, neutral(kind));
      each_run([&](std::int64_t offset) {
        table_.columns[kind](x + offset, stride_, run_, n, results, shifts);
      });
    };
    fold(fold_of(op_), nullptr);
    if (op_ == ReduceOp::mean)
      for (std::int64_t i = 0; i < n; ++i) results[i] /= static_cast<double>(length_);
    if (op_ == ReduceOp::logsumexp) {
      float top[kColumns];
      for (std::int64_t i = 0; i < n; ++i) top[i] = static_cast<float>(results[i]);
      fold(static_cast<std::size_t>(Fold::exponentials), top);
      for (std::int64_t i = 0; i < n; ++i)
        results[i] = std::isfinite(top[i]) ? top[i] + std::log(results[i]) : top[i];
    }
    for (std::int64_t i = 0; i < n; ++i) y[i * step] = static_cast<float>(results[i]);
  }

  ReduceOp op_;
  Loops kept_, reduced_;
  const ReduceTable& table_;
  const TileTable& tiles_;
  DType dtype_;
  std::size_t element_;
  std::int64_t size_;
  Mode mode_;
  // The reduced axes: `runs_` runs of `run_` elements `stride_` apart; `length_` elements in all.
  std::int64_t stride_, run_, length_, runs_;
};

}  // namespace

Result<PreparedPtr> prepare(const ReduceStep& step, const Shapes& shapes) {
  if (shapes.inputs.size() != 1 || shapes.outputs.size() != 1)
    return internal_error("a reduction has one operand and one result");
  View x = shapes.inputs[0], y = shapes.outputs[0];
  if (x.rank < 0 || x.rank != y.rank || x.dtype != y.dtype || !reducible(step.op, x.dtype))
    return internal_error("operand and result of a reduction do not fit");
  View span = x;  // of the reduced axes alone
  std::array<bool, kMaxAxes> gone{};
  for (const std::int64_t a : step.axes) {
    if (a < 0 || a >= x.rank || gone[static_cast<std::size_t>(a)])
      return internal_error("a reduction has no such axis");
    gone[static_cast<std::size_t>(a)] = true;
  }
  for (std::size_t a = 0; a < static_cast<std::size_t>(x.rank); ++a) {
    if (gone[a] && y.extents[a] != 1) return internal_error("a reduced axis has several elements");
    (gone[a] ? x : span).extents[a] = 1;
  }
  ASSIGN(Loops kept, make_loops(std::span(&y, 1), std::span(&x, 1)));
  ASSIGN(Loops reduced, make_loops(std::span(&span, 1), {}));
  return PreparedPtr(std::make_unique<Reduce>(step, std::move(kept), std::move(reduced), shapes));
}

}  // namespace gossamer::kernels
