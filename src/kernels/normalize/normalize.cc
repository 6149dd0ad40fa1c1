// Normalize: statistics of what the normalized axes span, by the folds of reduce, then scaling.
// Rows that lie contiguous, channels side by side (alone or in groups), or rows brought together
// first.
#include "kernels/normalize/normalize.h"

#include <algorithm>
#include <cmath>

#include "kernels/level.h"
#include "kernels/loops.h"
#include "kernels/normalize/normalize_table.h"
#include "kernels/pointwise/elements.h"
#include "kernels/reduce/reduce_table.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(NormalizeTable, normalize_table)
DECLARE_LEVEL_TABLES(ReduceTable, reduce_table)
DECLARE_LEVEL_TABLES(TileTable, tile_table)

namespace {

// Views of the loops, in order.
enum : std::size_t { kY, kX, kScale, kBias, kMean, kInverse, kViews };
constexpr std::int64_t kColumns = 256;    // side by side in one go
constexpr std::int64_t kMostJoined = 64;  // channels of a group that are handled as columns
constexpr std::int64_t kSegment = 1024;   // of scale and bias brought together at a time
constexpr auto kSum = static_cast<std::size_t>(Fold::sum);
constexpr auto kSquares = static_cast<std::size_t>(Fold::squares);

struct Present {
  bool scale, bias, mean, inverse;
};

class Normalize final : public Prepared {
 public:
  Normalize(const NormalizeStep& step, Loops kept, Loops spanned, Present present,
            const Shapes& shapes)
      : kept_(std::move(kept)),
        spanned_(std::move(spanned)),
        present_(present),
        reduce_(reduce_table(shapes.level)),
        table_(normalize_table(shapes.level)),
        tiles_(tile_table(shapes.level)),
        element_(element_of(shapes.inputs[0].dtype)),
        size_(static_cast<std::int64_t>(dtype_size(shapes.inputs[0].dtype))),
        center_(step.center),
        epsilon_(step.epsilon) {
    length_ = spanned_.count();
    choose(shapes.inputs[0].dtype == DType::f32);
    run_ = spanned_.extents[static_cast<std::size_t>(spanned_.rank - 1)];
    runs_ = run_ == 0 ? 0 : spanned_.count(spanned_.rank - 1);
    if (mode_ == Mode::gathered)
      workspace = static_cast<std::size_t>((length_ + 63) / 64 * 64 + kSegment) * sizeof(float);
    const auto count = static_cast<double>(shapes.inputs[0].count());
    flops = 8 * count;
    bytes = 2 * count * static_cast<double>(size_);
    parts = worthwhile_parts((mode_ == Mode::gathered ? 1.0 : 0.3) * count, shapes.threads);
  }

  void run(const Addresses& at, int part, int of) const override {
    if (mode_ == Mode::columns) {
      const std::int64_t width = kept_.extents[static_cast<std::size_t>(kept_.rank - 1)] * joined_;
      const std::int64_t chunk = kColumns / joined_ * joined_;
      const std::int64_t chunks = (width + chunk - 1) / chunk;
      const Range range = share(kept_.count(kept_.rank - 1) * chunks, part, of);
      for (std::int64_t c = range.begin; c < range.end; ++c) {
        const std::int64_t first = c % chunks * chunk;
        columns(at, c / chunks, first, std::min(chunk, width - first));
      }
      return;
    }
    const Range rows = share(kept_.count(), part, of);
    if (rows.begin >= rows.end) return;
    LoopWalk<kViews> walk(kept_, kept_.rank, rows.begin);
    for (std::int64_t r = rows.begin; r < rows.end; ++r, walk.next()) {
      if (mode_ == Mode::rows)
        row(at, walk.offset);
      else
        gathered_row(at, walk.offset);
    }
  }

 private:
  enum class Mode : std::uint8_t { rows, columns, gathered };
  using Offsets = std::array<std::int64_t, kViews>;

  void choose(bool floats) {
    const int inner = spanned_.rank - 1;
    const auto along = [&](std::size_t view) { return spanned_.stride(view, inner); };
    const bool contiguous = along(kX) == 1 && along(kY) == 1;
    if (!floats) return;
    // Columns: every axis but that of a group's channels has one scale and bias for all.
    const std::int64_t extent = spanned_.extents[static_cast<std::size_t>(inner)];
    const bool grouped = contiguous && extent <= kMostJoined && spanned_.count(inner) > 1;
    if (!contiguous || grouped) {
      const std::int64_t step = grouped ? extent : 1;
      bool even = true;
      for (int l = 0; l < spanned_.rank - (grouped ? 1 : 0); ++l)
        even = even && spanned_.stride(kScale, l) == 0 && spanned_.stride(kBias, l) == 0;
      for (int l = 0; even && l < kept_.rank; ++l) {
        if (kept_.stride(kX, l) != step || kept_.stride(kY, l) != step) continue;
        kept_.move(l, kept_.rank - 1);
        join(grouped);
        mode_ = Mode::columns;
        return;
      }
    }
    const auto even = [&](std::size_t view) { return along(view) == 0 || along(view) == 1; };
    if (contiguous && even(kScale) && even(kBias)) mode_ = Mode::rows;
  }

  // Takes the channels of a group out of the spanned loops.
  void join(bool grouped) {
    if (!grouped) return;
    const int inner = spanned_.rank - 1;
    joined_ = spanned_.extents[static_cast<std::size_t>(inner)];
    scale_step_ = spanned_.stride(kScale, inner);
    bias_step_ = spanned_.stride(kBias, inner);
    --spanned_.rank;  // there are others: they count more than one element
  }

  // Calls f(offsets, number) for each innermost run of the spanned axes.
  template <class F>
  void each_run(F f) const {
    if (runs_ == 0) return;
    LoopWalk<4> walk(spanned_, spanned_.rank - 1, 0);
    for (std::int64_t r = 0; r < runs_; ++r, walk.next()) f(walk.offset, r);
  }

  float inverse_of(double squares) const {
    const double variance = squares / static_cast<double>(length_);
    return static_cast<float>(1 / std::sqrt(variance + static_cast<double>(epsilon_)));
  }
  static float* result(const Addresses& at, std::size_t i) {
    return static_cast<float*>(at.outputs[i]);
  }
  static const float* operand(const Addresses& at, std::size_t i) {
    return static_cast<const float*>(at.inputs[i]);
  }
  void store_statistics(const Addresses& at, const Offsets& o, float mean, float inverse) const {
    if (present_.mean) result(at, 1)[o[kMean]] = mean;
    if (present_.inverse) result(at, 2)[o[kInverse]] = inverse;
  }

  void row(const Addresses& at, const Offsets& o) const {
    const float* x = operand(at, 0) + o[kX];
    float* y = result(at, 0) + o[kY];
    const auto fold = [&](std::size_t kind, float shift) {
      double sum = 0;
      each_run([&](const auto& r, std::int64_t) {
        sum = reduce_.row[kind](x + r[kX], run_, sum, shift);
      });
      return sum;
    };
    const auto length = static_cast<double>(length_);
    const float mean = center_ ? static_cast<float>(fold(kSum, 0) / length) : 0;
    const float inverse = inverse_of(fold(kSquares, mean));
    store_statistics(at, o, mean, inverse);
    const int inner = spanned_.rank - 1;
    each_run([&](const auto& r, std::int64_t) {
      AlongRun scale, bias;
      if (present_.scale)
        scale = {operand(at, 1) + o[kScale] + r[kScale], spanned_.stride(kScale, inner)};
      if (present_.bias)
        bias = {operand(at, 2) + o[kBias] + r[kBias], spanned_.stride(kBias, inner)};
      table_.row(x + r[kX], y + r[kY], run_, mean, inverse, scale, bias);
    });
  }

  // `n` columns from `first` on; joined_ neighbors share their statistics.
  void columns(const Addresses& at, std::int64_t outer, std::int64_t first, std::int64_t n) const {
    const int loop = kept_.rank - 1;
    Offsets o{};
    for (std::size_t v = 0; v < kViews; ++v)
      o[v] = kept_.offset(v, loop, outer) + first / joined_ * kept_.stride(v, loop);
    const float* x = operand(at, 0) + o[kX];
    float* y = result(at, 0) + o[kY];
    const int inner = spanned_.rank - 1;
    const std::int64_t sx = spanned_.stride(kX, inner), sy = spanned_.stride(kY, inner);
    double sums[kColumns];
    float mean[kColumns], factor[kColumns], bias[kColumns];
    const auto fold = [&](std::size_t kind, const float* shifts) {
      std::fill_n(sums, n, 0.0);
      each_run([&](const auto& r, std::int64_t) {
        reduce_.columns[kind](x + r[kX], sx, run_, n, sums, shifts);
      });
      for (std::int64_t g = 0; g < n; g += joined_) {
        double sum = 0;
        for (std::int64_t i = g; i < g + joined_; ++i) sum += sums[i];
        std::fill_n(sums + g, joined_, sum);
      }
    };
    std::fill_n(mean, n, 0.0F);
    if (center_) {
      fold(kSum, nullptr);
      for (std::int64_t i = 0; i < n; ++i)
        mean[i] = static_cast<float>(sums[i] / static_cast<double>(length_));
    }
    fold(kSquares, mean);
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t g = i / joined_, k = i % joined_;
      const float inverse = inverse_of(sums[i]);
      Offsets place{};
      for (std::size_t v = 0; v < kViews; ++v) place[v] = o[v] + g * kept_.stride(v, loop);
      if (k == 0) store_statistics(at, place, mean[i], inverse);
      factor[i] = inverse;
      if (present_.scale) factor[i] *= operand(at, 1)[place[kScale] + k * scale_step_];
      bias[i] = present_.bias ? operand(at, 2)[place[kBias] + k * bias_step_] : 0;
    }
    each_run([&](const auto& r, std::int64_t) {
      table_.columns(x + r[kX], sx, y + r[kY], sy, run_, n, mean, factor, bias);
    });
  }

  // Any element type and strides: the row as floats in scratch memory.
  void gathered_row(const Addresses& at, const Offsets& o) const {
    const auto element = static_cast<std::size_t>(element_);
    const int inner = spanned_.rank - 1;
    auto* row = reinterpret_cast<float*>(at.workspace);
    float* segment = row + (length_ + 63) / 64 * 64;
    const auto* x = static_cast<const std::byte*>(at.inputs[0]);
    auto* y = static_cast<std::byte*>(at.outputs[0]);
    each_run([&](const auto& r, std::int64_t i) {
      tiles_.load[element](x + (o[kX] + r[kX]) * size_, row + i * run_, run_,
                           spanned_.stride(kX, inner));
    });
    const double length = static_cast<double>(length_);
    const float mean =
        center_ ? static_cast<float>(reduce_.row[kSum](row, length_, 0, 0) / length) : 0;
    const float inverse = inverse_of(reduce_.row[kSquares](row, length_, 0, mean));
    store_statistics(at, o, mean, inverse);
    table_.row(row, row, length_, mean, inverse, {}, {});
    if (element_ != Element::f32) {
      TileCall call;
      call.y = row;
      call.args[0] = row;
      call.steps[0] = kGroup;
      call.groups = (length_ + kGroup - 1) / kGroup;
      call.element = element_;
      const auto op = static_cast<std::size_t>(VectorOp::narrow);
      tiles_.run[op][static_cast<std::size_t>(VectorType::f32)](call);
    }
    each_run([&](const auto& r, std::int64_t i) {
      float* part = row + i * run_;
      const auto with = [&](std::size_t operand, std::size_t view, auto apply) {
        const auto* from = static_cast<const std::byte*>(at.inputs[operand]);
        const std::int64_t stride = spanned_.stride(view, inner);
        for (std::int64_t k = 0; k < run_; k += kSegment) {
          const std::int64_t n = std::min(kSegment, run_ - k);
          tiles_.load[element](from + (o[view] + r[view] + k * stride) * size_, segment, n, stride);
          apply(part + k, n);
        }
      };
      if (present_.scale)
        with(1, kScale,
             [&](float* p, std::int64_t n) { table_.row(p, p, n, 0, 1, {segment, 1}, {}); });
      if (present_.bias)
        with(2, kBias,
             [&](float* p, std::int64_t n) { table_.row(p, p, n, 0, 1, {}, {segment, 1}); });
      tiles_.store[element](part, y + (o[kY] + r[kY]) * size_, run_, spanned_.stride(kY, inner));
    });
  }

  Loops kept_, spanned_;
  Present present_;
  const ReduceTable& reduce_;
  const NormalizeTable& table_;
  const TileTable& tiles_;
  Element element_;
  std::int64_t size_;
  bool center_;
  float epsilon_;
  Mode mode_ = Mode::gathered;
  // The spanned axes: runs_ runs of run_; length_ elements in all, joined_ channels included.
  std::int64_t length_, run_ = 0, runs_ = 0;
  std::int64_t joined_ = 1, scale_step_ = 0, bias_step_ = 0;
};

bool present(std::span<const View> views, std::size_t i) {
  return views.size() > i && views[i].rank >= 0;
}

// The six views with all extents of x; what is left out repeats nothing.
Result<std::array<View, kViews>> views_of(const Shapes& shapes) {
  if (!present(shapes.inputs, 0) || shapes.inputs.size() > 3 || !present(shapes.outputs, 0) ||
      shapes.outputs.size() > 3)
    return internal_error("a normalization lacks its operand or result");
  const View& x = shapes.inputs[0];
  if (x.dtype != DType::f32 && x.dtype != DType::f16 && x.dtype != DType::bf16)
    return internal_error("normalization has no kernel for this element type");
  View nothing = x;
  nothing.strides.fill(0);
  std::array<View, kViews> v;
  v.fill(nothing);
  v[kY] = shapes.outputs[0];
  v[kX] = x;
  if (present(shapes.inputs, 1)) v[kScale] = shapes.inputs[1];
  if (present(shapes.inputs, 2)) v[kBias] = shapes.inputs[2];
  for (std::size_t i = 0; i < kMean; ++i)
    if (v[i].dtype != x.dtype || v[i].rank != x.rank)
      return internal_error("operands of a normalization do not fit");
  for (std::size_t i = kMean; i < kViews; ++i) {
    if (!present(shapes.outputs, i - kMean + 1)) continue;
    v[i] = shapes.outputs[i - kMean + 1];
    if (v[i].dtype != DType::f32 || v[i].rank != x.rank)
      return internal_error("statistics of a normalization do not fit");
  }
  return v;
}

}  // namespace

Result<PreparedPtr> prepare(const NormalizeStep& step, const Shapes& shapes) {
  using Views = std::array<View, kViews>;
  ASSIGN(Views v, views_of(shapes));
  const Present present_views{present(shapes.inputs, 1), present(shapes.inputs, 2),
                              present(shapes.outputs, 1), present(shapes.outputs, 2)};
  std::array<bool, kMaxAxes> gone{};
  if (step.groups > 0) {
    if (v[kX].rank < 2 || v[kX].extents[1] % step.groups != 0)
      return internal_error("channels do not fall into groups");
    if (v[kX].rank == kMaxAxes) return unsupported("groups of channels in a tensor of 8 axes");
    const std::int64_t members = v[kX].extents[1] / step.groups;
    for (std::size_t i = 0; i < kViews; ++i) {
      const bool statistics = i >= kMean && present(shapes.outputs, i - kMean + 1);
      v[i] = split_axis(v[i], 1, statistics ? 1 : members);
      if (members == 0) v[i].extents[1] = step.groups;
    }
    for (std::size_t a = 2; a < static_cast<std::size_t>(v[kX].rank); ++a) gone[a] = true;
  } else {
    for (const std::int64_t a : step.axes) {
      if (a < 0 || a >= v[kX].rank || gone[static_cast<std::size_t>(a)])
        return internal_error("a normalization has no such axis");
      gone[static_cast<std::size_t>(a)] = true;
    }
  }
  Views kept = v, spanned = v;
  for (std::size_t i = 0; i < kViews; ++i)
    for (std::size_t a = 0; a < static_cast<std::size_t>(v[kX].rank); ++a)
      (gone[a] ? kept : spanned)[i].extents[a] = 1;
  ASSIGN(Loops outer, make_loops(std::span(kept), {}));
  ASSIGN(Loops inner, make_loops(std::span(spanned).first(kMean), {}));
  return PreparedPtr(
      std::make_unique<Normalize>(step, std::move(outer), std::move(inner), present_views, shapes));
}

}  // namespace gossamer::kernels
