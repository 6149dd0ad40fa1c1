// Sums to y, a block of rows and columns at a time.
#include "kernels/integer_product/integer_finish.h"

#include <algorithm>
#include <cstring>

#include "kernels/level.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(IntegerTable, integer_table)

namespace {

bool is_byte(DType dtype) { return dtype == DType::u8 || dtype == DType::i8; }

bool fits(const View& v, const View& y) {
  bool ok = v.rank == y.rank;
  for (std::size_t a = 0; ok && a < static_cast<std::size_t>(y.rank); ++a)
    ok = v.extents[a] == y.extents[a] || v.extents[a] == 1;
  return ok;
}

Status check(const IntegerProductStep& step, const View& y, std::span<const View> operands) {
  const auto wrong = [] { return internal_error("IntegerProduct: an epilogue does not fit"); };
  for (const View& v : operands)
    if (!fits(v, y)) return wrong();
  if (!step.epilogue.empty()) {
    const VectorProgram& p = step.epilogue;
    if (step.quantized || step.other || std::ssize(operands) > kMaxIntegerOperands ||
        p.inputs.size() != operands.size() + 1 || p.outputs.size() != 1 ||
        p.inputs[0] != (step.scaled ? DType::f32 : DType::i32) || p.outputs[0] != y.dtype)
      return wrong();
    for (std::size_t i = 0; i < operands.size(); ++i)
      if (p.inputs[i + 1] != operands[i].dtype) return wrong();
    return {};
  }
  if (operands.size() != (step.other ? 1U : 0U)) return wrong();
  if (step.other && (!step.quantized || !is_byte(operands[0].dtype))) return wrong();
  const bool right =
      step.quantized ? step.scaled && (is_byte(y.dtype) || (y.dtype == DType::f32 && !step.other))
                     : y.dtype == (step.scaled ? DType::f32 : DType::i32);
  return right ? Status() : wrong();
}

}  // namespace

Result<SumFinish> SumFinish::make(const IntegerProductStep& step, Level level, const View& y,
                                  std::span<const View> operands) {
  TRY(check(step, y, operands));
  SumFinish f;
  f.step_ = step;
  f.table_ = &integer_table(level);
  f.level_ = level;
  const int least = y.dtype == DType::i8 ? -128 : 0;
  f.quantized_low_ = static_cast<float>(least - step.y_zero);
  f.quantized_high_ = static_cast<float>(least + 255 - step.y_zero);
  f.tensors_ = 1 + operands.size();
  f.walk_ = RowWalk<kTensors>(f.tensors_);
  const std::size_t column = step.kernel.empty() ? static_cast<std::size_t>(y.rank) - 1 : 1;
  const auto view = [&](std::size_t t) -> const View& { return t == 0 ? y : operands[t - 1]; };
  const auto stride = [&](std::size_t t, std::size_t axis) {
    return view(t).extents[axis] == 1 ? 0 : view(t).strides[axis] * f.sizes_[t];
  };
  for (std::size_t t = 0; t < f.tensors_; ++t) {
    f.sizes_[t] = static_cast<std::int64_t>(dtype_size(view(t).dtype));
    f.column_strides_[t] = stride(t, column);
  }
  f.y_bytes_ = f.sizes_[0];
  f.columns_ = y.extents[column];
  f.direct_ = f.columns_ == 1 || f.column_strides_[0] == f.y_bytes_;
  f.y_signed_ = y.dtype == DType::i8;
  f.other_signed_ = step.other && operands[0].dtype == DType::i8;
  if (step.other && f.columns_ > 1 && f.column_strides_[1] != 1)
    return unsupported("IntegerProduct: a second operand whose channels lie apart");
  for (std::size_t a = 0; a < static_cast<std::size_t>(y.rank); ++a) {
    if (a == column) continue;
    std::array<std::int64_t, kTensors> strides{};
    for (std::size_t t = 0; t < f.tensors_; ++t) strides[t] = stride(t, a);
    f.walk_.add(y.extents[a], strides);
    if (step.other) f.other_walk_.add(y.extents[a], {strides[1]});
  }
  return f;
}

std::size_t SumFinish::scratch(std::int64_t rows, std::int64_t columns) const {
  const auto pointers = static_cast<std::size_t>(rows * 2 * 8 + 63) / 64 * 64;
  return std::max(pointers + static_cast<std::size_t>(direct_ ? 0 : rows * columns * 4),
                  block_scratch(step_.epilogue));
}

void SumFinish::finish(const Block& block) const {
  if (!step_.epilogue.empty()) return run_program(block);
  const std::int64_t count = block.rows.end - block.rows.begin;
  const std::int64_t columns = block.columns.end - block.columns.begin;
  auto** out = reinterpret_cast<void**>(block.scratch);
  auto** others = reinterpret_cast<const std::uint8_t**>(block.scratch) + count;
  auto* stage = reinterpret_cast<char*>(block.scratch) + (count * 2 * 8 + 63) / 64 * 64;
  if (direct_) {
    char* base = static_cast<char*>(block.y) + block.columns.begin * y_bytes_;
    walk_.addresses(base, block.rows.begin, count, reinterpret_cast<char**>(out));
  } else {
    for (std::int64_t i = 0; i < count; ++i) out[i] = stage + i * columns * y_bytes_;
  }
  to_rows(block, out, others);
  if (!direct_) scatter(block, out);
}

// The sums of each row of the block to where `out` says.
void SumFinish::to_rows(const Block& block, void** out, const std::uint8_t** others) const {
  const std::int64_t count = block.rows.end - block.rows.begin;
  const std::int64_t columns = block.columns.end - block.columns.begin;
  if (!step_.scaled) {
    for (std::int64_t i = 0; i < count; ++i)
      std::memcpy(out[i], block.sums + i * block.stride, static_cast<std::size_t>(columns) * 4);
    return;
  }
  const IntegerFinish t = rows(block, out, others);
  if (to_bytes())
    table_->to_bytes(t);
  else
    table_->to_floats(t);
}

IntegerFinish SumFinish::fill(const Block& block) const {
  const std::int64_t count = block.rows.end - block.rows.begin;
  auto** out = reinterpret_cast<void**>(block.scratch);
  auto** others = reinterpret_cast<const std::uint8_t**>(block.scratch) + count;
  walk_.addresses(static_cast<char*>(block.y), block.rows.begin, count,
                  reinterpret_cast<char**>(out));
  IntegerFinish t = rows(block, out, others);
  move(t, block);
  return t;
}

IntegerFinish SumFinish::rows(const Block& block, void** out, const std::uint8_t** others) const {
  IntegerFinish t;
  t.sums = block.sums;
  t.stride = block.stride;
  t.rows = block.rows.end - block.rows.begin;
  t.columns = block.columns.end - block.columns.begin;
  t.scale = block.scales;
  t.bias = block.biases;
  t.out = out;
  t.low = step_.low;
  t.high = step_.high;
  if (!step_.quantized) return t;
  if (!to_bytes()) {
    t.low = step_.low / step_.y_scale;
    t.high = step_.high / step_.y_scale;
    t.ratio = step_.y_scale;
    t.rounds = true;
    return t;
  }
  t.zero = static_cast<std::int32_t>(step_.y_zero);
  t.is_signed = y_signed_;
  if (step_.other) {
    const auto* base = static_cast<const std::uint8_t*>(block.operands[0]);
    other_walk_.addresses(base, block.rows.begin, t.rows, others);
    t.other = others;
    t.other_offset = block.columns.begin * column_strides_[1];
    t.low = std::max(step_.low / step_.mid_scale, step_.mid_low);
    t.high = std::min(step_.high / step_.mid_scale, step_.mid_high);
    t.ratio = step_.mid_scale / step_.y_scale;
    t.other_ratio = step_.other_scale / step_.y_scale;
    t.flip = other_signed_ ? 0x80808080U : 0;
    t.other_zero = static_cast<std::int32_t>(step_.other_zero) + (other_signed_ ? 128 : 0);
    t.low2 = std::max(step_.low2 / step_.y_scale, quantized_low_);
    t.high2 = std::min(step_.high2 / step_.y_scale, quantized_high_);
    return t;
  }
  // A bound that rounds to the outermost byte is that byte's.
  t.low = std::max(step_.low / step_.y_scale, quantized_low_);
  t.high = std::min(step_.high / step_.y_scale, quantized_high_);
  t.saturates = block.small && t.low < quantized_low_ + 0.49F && t.high > quantized_high_ - 0.49F;
  return t;
}

// From rows side by side to columns that lie apart.
void SumFinish::scatter(const Block& block, const void* const* rows) const {
  const std::int64_t count = block.rows.end - block.rows.begin;
  const std::int64_t columns = block.columns.end - block.columns.begin;
  const std::int64_t step = column_strides_[0];
  for (std::int64_t row = 0; row < count;) {
    const auto s = walk_.segment(block.rows.begin + row, block.rows.end);
    char* to = static_cast<char*>(block.y) + s.offsets[0] + block.columns.begin * step;
    const std::int64_t row_step = walk_.steps()[0];
    const auto move = [&](auto tag) {
      using T = decltype(tag);
      for (std::int64_t c = 0; c < columns; ++c)
        for (std::int64_t i = 0; i < s.count; ++i)
          *reinterpret_cast<T*>(to + i * row_step + c * step) =
              static_cast<const T*>(rows[row + i])[c];
    };
    if (y_bytes_ == 1)
      move(std::uint8_t{});
    else
      move(std::uint32_t{});
    row += s.count;
  }
}

void SumFinish::run_program(const Block& block) const {
  const std::int64_t columns = block.columns.end - block.columns.begin;
  std::int32_t* sums = block.sums;
  for (std::int64_t row = block.rows.begin; row < block.rows.end;) {
    const auto s = walk_.segment(row, block.rows.end);
    if (step_.scaled) {
      IntegerFinish t;
      t.stride = block.stride;
      t.rows = 1;
      t.columns = columns;
      t.scale = block.scales;
      t.bias = block.biases;
      t.low = step_.low;
      t.high = step_.high;
      for (std::int64_t i = 0; i < s.count; ++i) {
        t.sums = sums + i * block.stride;
        void* out = sums + i * block.stride;
        t.out = &out;
        table_->to_floats(t);
      }
    }
    std::array<BlockInput, kTensors> inputs;
    inputs[0] = {sums, block.stride, 1};
    const std::int64_t first = block.columns.begin;
    for (std::size_t t = 1; t < tensors_; ++t)
      inputs[t] = {static_cast<const char*>(block.operands[t - 1]) + s.offsets[t] +
                       first * column_strides_[t],
                   walk_.steps()[t] / sizes_[t], column_strides_[t] / sizes_[t]};
    const BlockOutput out = {
        static_cast<char*>(block.y) + s.offsets[0] + first * column_strides_[0],
        walk_.steps()[0] / sizes_[0], columns_ == 1 ? 1 : column_strides_[0] / sizes_[0]};
    run_block(step_.epilogue, level_, s.count, columns, inputs.data(), &out, block.scratch);
    sums += s.count * block.stride;
    row += s.count;
  }
}

}  // namespace gossamer::kernels
