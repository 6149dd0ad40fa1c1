// Matrix products: what to share among threads, blocks of rows that stay in the second level cache,
// panels packed beforehand or on the fly.
#include "kernels/matmul/matmul.h"

#include <algorithm>
#include <limits>
#include <string>

#include "kernels/gemm/bf16.h"
#include "kernels/gemm/finish.h"
#include "kernels/gemm/tiling.h"
#include "kernels/matmul/product_rows.h"

namespace gossamer::kernels {
namespace {

constexpr std::int64_t kBlockFloats = 256 << 10;  // of a's rows in a block
constexpr std::int64_t kStageFloats = 48 << 10;   // of products that wait for their epilogue
constexpr std::int64_t kStagePanels = 16;         // that the stage is wide at most
constexpr std::int64_t kPackFloats = 64 << 10;    // of b packed at a time
constexpr std::int64_t kMaxBlock = 256;           // rows
constexpr std::int64_t kFewRows = 8;              // read a row-major b where it lies

struct Extents {
  std::int64_t outer = 1;  // products, each with its own b
  std::int64_t rows = 1;   // of one product
  std::int64_t k = 0, columns = 0;
};

// How the panels of b are had.
enum class Source {
  packed,   // beforehand
  packing,  // packed chunk by chunk as they are needed
  direct,   // read where they lie, columns side by side
  dots,     // columns of stride K by dot products
};

class MatMul final : public Prepared {
 public:
  void run(const Addresses& addresses, int part, int parts) const override;

  void prepare_blocks(Level level, int threads, std::int64_t a_k_stride);

  Extents size;
  Source source = Source::packed;
  Finish finish;
  RowWalk<1> a_walk, b_walk;  // all rows of a; the first elements of all matrices b
  std::int64_t b_k_stride = 0, b_column_stride = 0;
  bool bias = false;
  float low = 0, high = 0;
  const GemmTable* table = nullptr;

 private:
  struct Run;  // addresses of one share
  Product product(const Run& run) const;
  void run_packed(const Run& run, int part, int parts) const;
  void run_items(const Run& run, int part, int parts) const;
  void rows_by_panels(const Run& run, Product product, std::int64_t outer, Range rows, Range panels,
                      std::int64_t first_panel) const;
  void run_dots(const Run& run, const float* b, std::int64_t outer) const;
  void direct(const Run& run, Product product, const float* b, std::int64_t outer, Range rows,
              Range panels) const;

  Tiling tiling_;
  std::int64_t panels_ = 0, block_ = 1, stage_panels_ = 1;
  std::int64_t chunk_ = 1, chunks_ = 1, splits_ = 1;  // panels of an item; items of a product
  bool by_rows_ = true;
  ProductRows rows_;
  std::size_t out_ = 0, stage_ = 0, scratch_ = 0, pack_ = 0;  // in the workspace
};

struct MatMul::Run {
  const float *a, *b, *bias;
  float* y;
  const void* const* operands;
  std::byte* workspace;
};

void MatMul::prepare_blocks(Level level, int threads, std::int64_t a_k_stride) {
  panels_ = panels_of(size.columns);
  tiling_ = choose_tiling(*table, size.rows, a_walk.steps()[0], panels_);
  flops = 2.0 * static_cast<double>(size.outer * size.rows) * static_cast<double>(size.k) *
          static_cast<double>(size.columns);
  const double a_bytes = 4.0 * static_cast<double>(size.outer * size.rows * size.k);
  const double b_bytes = 4.0 * static_cast<double>(size.outer * size.k * size.columns);
  bytes = a_bytes + b_bytes + 4.0 * static_cast<double>(size.outer * size.rows * size.columns);
  const int wanted = worthwhile_parts(product_time(level, flops, bytes), threads);

  const std::int64_t tiles = (size.rows + tiling_.height - 1) / tiling_.height;
  chunk_ = std::max<std::int64_t>(panels_, 1);
  if (source == Source::packed) {
    by_rows_ = tiles >= 2 * wanted && (a_bytes >= b_bytes || b_bytes < 512e3 || panels_ < wanted);
    parts = static_cast<int>(std::min<std::int64_t>(wanted, by_rows_ ? tiles : panels_));
  } else {
    if (source == Source::packing)
      chunk_ = std::clamp(kPackFloats / (kPanel * std::max<std::int64_t>(size.k, 1)) /
                              tiling_.panels * tiling_.panels,
                          std::int64_t{tiling_.panels}, chunk_);
    chunks_ = (panels_ + chunk_ - 1) / chunk_;
    if (size.outer * chunks_ < 2 * wanted && source != Source::dots)
      splits_ = std::clamp<std::int64_t>(tiles / 4, 1, 2 * wanted);
    parts = static_cast<int>(std::min<std::int64_t>(wanted, size.outer * chunks_ * splits_));
  }
  parts = std::max(parts, 1);

  stage_panels_ = std::min(chunk_, kStagePanels);
  block_ = std::clamp<std::int64_t>(kBlockFloats / std::max<std::int64_t>(size.k, 1),
                                    4 * tiling_.height, kMaxBlock);
  if (finish.staged()) block_ = std::min(block_, kStageFloats / (stage_panels_ * kPanel));
  block_ = std::min(block_ / tiling_.height * tiling_.height, std::max(size.rows, std::int64_t{1}));

  WorkspaceLayout layout;
  rows_ = ProductRows(*table, a_walk, size.k, a_k_stride, block_, layout);
  out_ = layout.add(block_ * static_cast<std::int64_t>(sizeof(float*)));
  if (source == Source::dots) stage_panels_ = panels_;
  if (finish.staged()) {
    const std::int64_t stage = block_ * stage_panels_ * kPanel;
    stage_ = layout.add(4 * stage);
    scratch_ = layout.add(finish.scratch(stage));
  }
  if (source == Source::packing) pack_ = layout.add(4 * chunk_ * kPanel * size.k);
  if (source == Source::direct) pack_ = layout.add(4 * kPanel * size.k);
  workspace = layout.size();
}

void MatMul::run(const Addresses& addresses, int part, int parts_now) const {
  if (size.outer == 0 || size.rows == 0 || size.columns == 0) return;
  Run run;
  run.a = static_cast<const float*>(addresses.inputs[0]);
  run.b = static_cast<const float*>(addresses.inputs[1]);
  run.bias = bias ? static_cast<const float*>(addresses.inputs[2]) : nullptr;
  run.operands = addresses.inputs + (bias ? 3 : 2);
  run.y = static_cast<float*>(addresses.outputs[0]);
  run.workspace = addresses.workspace;
  if (source == Source::packed)
    run_packed(run, part, parts_now);
  else
    run_items(run, part, parts_now);
}

Product MatMul::product(const Run& run) const {
  Product p;
  p.table = table;
  p.tiling = tiling_;
  p.panel = size.k * kPanel;
  p.columns = size.columns;
  p.bias = run.bias;
  p.low = low;
  p.high = high;
  if (finish.sum()) {
    p.adds = true;
    p.addend = Finish::addend(run.y, run.operands);
  }
  return p;
}

void MatMul::run_packed(const Run& run, int part, int parts_now) const {
  Product product = this->product(run);
  product.panels = run.b;
  if (by_rows_)
    rows_by_panels(run, product, 0, share(size.rows, part, parts_now, tiling_.height), {0, panels_},
                   0);
  else
    rows_by_panels(run, product, 0, {0, size.rows}, share(panels_, part, parts_now), 0);
}

void MatMul::run_items(const Run& run, int part, int parts_now) const {
  const Range items = share(size.outer * chunks_ * splits_, part, parts_now);
  auto* pack = reinterpret_cast<float*>(run.workspace + pack_);
  std::int64_t packed = -1;
  for (std::int64_t item = items.begin; item < items.end; ++item) {
    const std::int64_t outer = item / splits_ / chunks_, chunk = item / splits_ % chunks_;
    const Range rows = share(size.rows, static_cast<int>(item % splits_), static_cast<int>(splits_),
                             tiling_.height);
    const Range panels = {chunk * chunk_, std::min((chunk + 1) * chunk_, panels_)};
    const float* b = run.b + b_walk.segment(outer, outer + 1).offsets[0];
    Product product = this->product(run);
    product.panels = pack;
    if (source == Source::dots) {
      run_dots(run, b, outer);
    } else if (source == Source::direct) {
      direct(run, product, b, outer, rows, panels);
    } else {
      if (packed != item / splits_) {
        const std::int64_t first = panels.begin * kPanel;
        pack_panels(*table, b + first * b_column_stride, size.k,
                    std::min(panels.end * kPanel, size.columns) - first, b_k_stride,
                    b_column_stride, pack);
        packed = item / splits_;
      }
      rows_by_panels(run, product, outer, rows, panels, panels.begin);
    }
  }
}

// Whole panels of a row-major b where they lie; a last one that is not full is packed, since a tile
// reads all of its 16 columns.
void MatMul::direct(const Run& run, Product product, const float* b, std::int64_t outer, Range rows,
                    Range panels) const {
  const std::int64_t whole = std::min(panels.end, size.columns / kPanel);
  if (whole < panels.end) {
    auto* pack = reinterpret_cast<float*>(run.workspace + pack_);
    const std::int64_t first = whole * kPanel;
    pack_panels(*table, b + first * b_column_stride, size.k, size.columns - first, b_k_stride,
                b_column_stride, pack);
    rows_by_panels(run, product, outer, rows, {whole, panels.end}, whole);
  }
  product.panels = b;
  product.step = b_k_stride;
  product.panel = kPanel;
  rows_by_panels(run, product, outer, rows, {panels.begin, whole}, 0);
}

// Rows of product `outer` by panels of b; product.panels begins with panel `first_panel`.
void MatMul::rows_by_panels(const Run& run, Product product, std::int64_t outer, Range rows,
                            Range panels, std::int64_t first_panel) const {
  auto** out = reinterpret_cast<float**>(run.workspace + out_);
  auto* stage = reinterpret_cast<float*>(run.workspace + stage_);
  std::byte* scratch = run.workspace + scratch_;
  product.panels -= first_panel * product.panel;
  const std::int64_t all = rows.end - rows.begin, blocks = (all + block_ - 1) / block_;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const std::int64_t begin = all * i / blocks, count = all * (i + 1) / blocks - begin;
    const std::int64_t first = outer * size.rows + rows.begin + begin;
    const auto tiles = rows_.tiles(run.a, first, count, tiling_.height, run.workspace);
    if (!finish.staged()) {
      finish.addresses(run.y, first, count, 0, out);
      run_tiles(product, tiles, panels.begin, panels.end, out, 0);
      continue;
    }
    const std::int64_t width = std::min(stage_panels_ * kPanel, size.columns);
    for (std::int64_t r = 0; r < count; ++r) out[r] = stage + r * width;
    for (std::int64_t p = panels.begin; p < panels.end; p += stage_panels_) {
      const std::int64_t end = std::min(p + stage_panels_, panels.end);
      run_tiles(product, tiles, p, end, out, p * kPanel);
      finish.finish(stage, width, {first, first + count},
                    {p * kPanel, std::min(end * kPanel, size.columns)}, run.y, run.operands,
                    scratch);
    }
  }
}

void MatMul::run_dots(const Run& run, const float* b, std::int64_t outer) const {
  auto* stage = reinterpret_cast<float*>(run.workspace + stage_);
  const std::int64_t width = stage_panels_ * kPanel;
  const std::int64_t first = outer * size.rows;
  for (std::int64_t row = 0; row < size.rows; row += block_) {
    const std::int64_t count = std::min(block_, size.rows - row);
    const auto tiles = rows_.tiles(run.a, first + row, count, 1, run.workspace);
    for (std::int64_t i = 0; i < count; ++i) {
      float* out = stage + i * width;
      if (!finish.staged()) finish.addresses(run.y, first + row + i, 1, 0, &out);
      table->dots(*tiles[static_cast<std::size_t>(i)].rows, b, b_column_stride, size.k,
                  size.columns, run.bias, low, high, out);
    }
    if (finish.staged())
      finish.finish(stage, width, {first + row, first + row + count}, {0, size.columns}, run.y,
                    run.operands, run.workspace + scratch_);
  }
}

Status check(const MatMulStep& step, const Shapes& shapes) {
  const std::size_t fixed = step.bias ? 3 : 2;
  if (shapes.inputs.size() < fixed || shapes.outputs.size() != 1)
    return internal_error("MatMul: wrong number of operands");
  const View &a = shapes.inputs[0], &b = shapes.inputs[1], &y = shapes.outputs[0];
  if (a.dtype != DType::f32 || y.dtype != DType::f32 || (!step.packed && b.dtype != DType::f32))
    return unsupported("MatMul: operands other than f32");
  const int rank = y.rank;
  if (rank < 2 || rank > kMaxAxes || a.rank != rank || (!step.packed && b.rank != rank))
    return internal_error("MatMul: operands of different ranks");
  const auto m = static_cast<std::size_t>(rank) - 2, n = m + 1;
  bool fits = a.extents[m] == y.extents[m];
  for (std::size_t i = 0; i < m; ++i)
    fits = fits && (a.extents[i] == y.extents[i] || a.extents[i] == 1) &&
           (step.packed || b.extents[i] == y.extents[i] || b.extents[i] == 1);
  if (step.packed) {
    constexpr std::int64_t kMost = std::int64_t{1} << 28;  // so that the size can be computed
    fits = fits && step.k >= 0 && step.k <= kMost && step.n >= 0 && step.n <= kMost && b.dense();
    const auto size = fits ? static_cast<std::int64_t>(packed_matmul_size(step.k, step.n)) : 0;
    fits = fits && a.extents[n] == step.k && y.extents[n] == step.n &&
           b.count() * static_cast<std::int64_t>(dtype_size(b.dtype)) >= size;
  } else {
    fits = fits && b.extents[m] == a.extents[n] && b.extents[n] == y.extents[n];
  }
  if (step.bias) {
    const View& bias = shapes.inputs[2];
    fits = fits && bias.dtype == DType::f32 && bias.count() == y.extents[n];
    fits = fits && (bias.count() <= 1 || bias.dense());
  }
  return fits ? Status() : internal_error("MatMul: extents of operands contradict each other");
}

Source choose_source(const Extents& size, std::int64_t b_k_stride, std::int64_t b_column_stride) {
  if (b_column_stride == 1 && size.rows <= kFewRows) return Source::direct;
  if (b_k_stride == 1 && size.rows <= kFewRows / 2) return Source::dots;
  return Source::packing;
}

}  // namespace

namespace {

Result<PreparedPtr> prepare_floats(const MatMulStep& step, const Shapes& shapes, bool pairs) {
  TRY(check(step, shapes));
  const View &a = shapes.inputs[0], &b = shapes.inputs[1], &y = shapes.outputs[0];
  const auto m = static_cast<std::size_t>(y.rank) - 2, n = m + 1;
  const auto stride = [](const View& v, std::size_t axis) {
    return v.extents[axis] == 1 ? 0 : v.strides[axis];
  };
  auto made = std::make_unique<MatMul>();
  made->table = pairs ? &pair_table(shapes.level) : &gemm_table(shapes.level);
  ASSIGN(made->finish, Finish::make(step.epilogue, shapes.level, y, y.rank - 1,
                                    shapes.inputs.subspan(step.bias ? 3 : 2)));
  Extents& size = made->size;
  size.k = a.extents[n];
  size.columns = y.extents[n];
  // Batches that share one b are rows of one product.
  std::size_t shared = m;
  while (shared > 0 && (step.packed || stride(b, shared - 1) == 0)) --shared;
  for (std::size_t i = 0; i <= m; ++i) {
    made->a_walk.add(y.extents[i], {stride(a, i)});
    (i < shared ? size.outer : size.rows) *= y.extents[i];
    if (i < shared) made->b_walk.add(y.extents[i], {stride(b, i)});
  }
  if (!step.packed) {
    made->b_k_stride = size.k == 1 ? 1 : b.strides[m];
    made->b_column_stride = size.columns == 1 ? 1 : b.strides[n];
    made->source = choose_source(size, made->b_k_stride, made->b_column_stride);
  }
  made->bias = step.bias;
  made->low = step.low;
  made->high = step.high;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (step.low != -kInfinity || step.high != kInfinity || made->source == Source::dots)
    made->finish.stage_sum();
  if (const auto& sum = made->finish.sum()) {
    made->low = sum->low;
    made->high = sum->high;
  }
  made->prepare_blocks(shapes.level, shapes.threads, a.strides[n]);
  if (pairs) made->flops *= 2;
  return PreparedPtr(std::move(made));
}

}  // namespace

Result<PreparedPtr> prepare(const MatMulStep& step, const Shapes& shapes) {
  if (!step.bf16) return prepare_floats(step, shapes, false);
  if (!step.packed || step.k % 2 != 0 || shapes.inputs.empty() || shapes.inputs[0].rank < 2 ||
      shapes.inputs[0].rank > kMaxAxes)
    return internal_error("MatMul: bf16 takes a packed matrix with pairs of rows");
  MatMulStep halved = step;
  halved.bf16 = false;
  halved.k /= 2;
  std::vector<View> inputs(shapes.inputs.begin(), shapes.inputs.end());
  ASSIGN(inputs[0], as_pairs(inputs[0], inputs[0].rank - 1));
  Shapes rest = shapes;
  rest.inputs = inputs;
  return prepare_floats(halved, rest, true);
}

std::size_t packed_matmul_size(std::int64_t k, std::int64_t n) {
  return static_cast<std::size_t>(panels_of(n) * kPanel * k) * sizeof(float);
}

void pack_matmul(const float* b, std::int64_t k, std::int64_t n, std::int64_t row_stride,
                 std::int64_t column_stride, float* packed) {
  pack_panels(gemm_table(Level::v2), b, k, n, row_stride, column_stride, packed);
}

void pack_matmul_bf16(const float* b, std::int64_t k, std::int64_t n, std::int64_t row_stride,
                      std::int64_t column_stride, float* packed) {
  std::vector<float> rows(static_cast<std::size_t>(k * n));
  for (std::int64_t i = 0; i < k; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      rows[static_cast<std::size_t>(i * n + j)] = b[i * row_stride + j * column_stride];
  const std::vector<float> pairs = pairs_of(rows.data(), 1, k / 2, n);
  pack_matmul(pairs.data(), k / 2, n, n, 1, packed);
}

}  // namespace gossamer::kernels
