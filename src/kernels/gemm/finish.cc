// Takes blocks of products to y, segment by segment of evenly spaced rows.
#include "kernels/gemm/finish.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace gossamer::kernels {
namespace {

Status check(const VectorProgram& epilogue, const View& y, std::span<const View> operands) {
  if (y.dtype != DType::f32) return unsupported("products are stored as f32 only");
  if (epilogue.empty())
    return operands.empty() ? Status() : internal_error("operands of an epilogue without one");
  if (operands.size() > static_cast<std::size_t>(kMaxEpilogueOperands))
    return unsupported("an epilogue of more than " + std::to_string(kMaxEpilogueOperands) +
                       " operands");
  if (epilogue.inputs.size() != operands.size() + 1 || epilogue.inputs[0] != DType::f32 ||
      epilogue.outputs.size() != 1 || epilogue.outputs[0] != DType::f32)
    return internal_error("an epilogue does not fit its operands");
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const View& v = operands[i];
    bool fits = v.rank == y.rank && v.dtype == epilogue.inputs[i + 1];
    for (std::size_t a = 0; fits && a < static_cast<std::size_t>(y.rank); ++a)
      fits = v.extents[a] == y.extents[a] || v.extents[a] == 1;
    if (!fits) return internal_error("an operand of an epilogue does not fit its result");
  }
  return {};
}

// The bounds of x + operand, or of that with a lower bound.
std::optional<Finish::Sum> sum_of(const VectorProgram& p) {
  using Kind = VectorOperand::Kind;
  if (p.instructions.size() != 1 || p.inputs.size() != 2 || p.inputs[1] != DType::f32)
    return std::nullopt;
  const VectorInstruction& in = p.instructions[0];
  const bool bounded = in.op == VectorOp::addmax;
  if ((in.op != VectorOp::add && !bounded) || in.type != VectorType::f32 ||
      in.args[0].kind != Kind::input || in.args[1].kind != Kind::input ||
      in.args[0].index == in.args[1].index)
    return std::nullopt;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (!bounded) return Finish::Sum{-kInfinity, kInfinity};
  if (in.args[2].kind != Kind::constant) return std::nullopt;
  const auto bits = static_cast<std::uint32_t>(p.constants[in.args[2].index].bits);
  const auto low = std::bit_cast<float>(bits);
  if (std::isnan(low)) return std::nullopt;
  return Finish::Sum{low, kInfinity};
}

}  // namespace

std::int64_t Finish::addend(const float* y, const void* const* operands) {
  return (reinterpret_cast<std::intptr_t>(operands[0]) - reinterpret_cast<std::intptr_t>(y)) /
         static_cast<std::int64_t>(sizeof(float));
}

void Finish::stage_sum() {
  if (sum_) staged_ = true;
  sum_.reset();
}

Result<Finish> Finish::make(const VectorProgram& epilogue, Level level, const View& y,
                            int column_axis, std::span<const View> operands) {
  TRY(check(epilogue, y, operands));
  Finish f;
  f.epilogue_ = epilogue;
  f.table_ = &gemm_table(level);
  f.level_ = level;
  f.tensors_ = 1 + operands.size();
  f.walk_ = RowWalk<kTensors>(f.tensors_);
  const auto view = [&](std::size_t t) -> const View& { return t == 0 ? y : operands[t - 1]; };
  const auto stride = [&](std::size_t t, std::size_t axis) {
    return view(t).extents[axis] == 1 ? 0 : view(t).strides[axis];
  };
  for (std::size_t t = 0; t < f.tensors_; ++t) {
    f.column_strides_[t] = stride(t, static_cast<std::size_t>(column_axis));
    f.sizes_[t] = static_cast<std::int64_t>(dtype_size(view(t).dtype));
  }
  if (y.extents[static_cast<std::size_t>(column_axis)] == 1) f.column_strides_[0] = 1;
  for (std::size_t a = 0; a < static_cast<std::size_t>(y.rank); ++a) {
    const std::int64_t extent = y.extents[a];
    if (a == static_cast<std::size_t>(column_axis)) continue;
    std::array<std::int64_t, kTensors> strides{};
    for (std::size_t t = 0; t < f.tensors_; ++t) strides[t] = stride(t, a);
    f.walk_.add(extent, strides);
  }
  f.columns_ = y.extents[static_cast<std::size_t>(column_axis)];
  const bool one_column = f.columns_ == 1;
  f.across_ = !f.epilogue_.empty() &&
              (one_column || (f.column_strides_[0] != 1 && f.walk_.steps()[0] == 1));
  if (!operands.empty() && f.column_strides_[0] == 1) {
    bool alike = true;
    for (std::size_t a = 0; a < static_cast<std::size_t>(y.rank); ++a)
      alike = alike && operands[0].extents[a] == y.extents[a] && stride(0, a) == stride(1, a);
    if (alike) f.sum_ = sum_of(f.epilogue_);
  }
  f.staged_ = (!f.epilogue_.empty() && !f.sum_) || f.column_strides_[0] != 1;
  return f;
}

void Finish::addresses(float* y, std::int64_t row, std::int64_t count, std::int64_t column,
                       float** out) const {
  walk_.addresses(y + column * column_strides_[0], row, count, out);
}

const float* Finish::whole_rows(const float* y, std::int64_t row, std::int64_t count) const {
  if (column_strides_[0] != 1 || walk_.steps()[0] != columns_ || !matrices_.empty()) return nullptr;
  const RowWalk<kTensors>::Segment s = walk_.segment(row, row + count);
  return s.count == count ? y + s.offsets[0] : nullptr;
}

void Finish::place_side_by_side(std::vector<Offsets> matrices) {
  matrices_ = std::move(matrices);
  stage_sum();
  staged_ = true;
}

void Finish::finish(float* stage, std::int64_t stride, Range rows, Range columns, float* y,
                    const void* const* operands, std::byte* scratch) const {
  if (matrices_.empty()) {
    finish_matrix(stage, stride, rows, columns, y, operands, {}, scratch);
    return;
  }
  for (std::int64_t m = columns.begin / columns_; m * columns_ < columns.end; ++m) {
    const std::int64_t first = m * columns_;
    const Range own = {std::max(columns.begin, first), std::min(columns.end, first + columns_)};
    finish_matrix(stage + (own.begin - columns.begin), stride, rows,
                  {own.begin - first, own.end - first}, y, operands,
                  matrices_[static_cast<std::size_t>(m)], scratch);
  }
}

void Finish::finish_matrix(float* stage, std::int64_t stride, Range rows, Range columns, float* y,
                           const void* const* operands, const Offsets& at,
                           std::byte* scratch) const {
  const std::array<std::int64_t, kTensors>& steps = walk_.steps();
  Place place;
  place.columns = columns.end - columns.begin;
  for (std::int64_t row = rows.begin; row < rows.end;) {
    const RowWalk<kTensors>::Segment s = walk_.segment(row, rows.end);
    place.rows = s.count;
    place.y = y + at[0] + s.offsets[0] + columns.begin * column_strides_[0];
    for (std::size_t t = 1; t < tensors_; ++t) {
      const auto* base = static_cast<const char*>(operands[t - 1]);
      place.inputs[t] = {
          base + (at[t] + s.offsets[t] + columns.begin * column_strides_[t]) * sizes_[t], steps[t],
          column_strides_[t]};
    }
    if (across_)
      finish_across(stage, stride, place, scratch);
    else
      finish_rows(stage, stride, place, scratch);
    stage += s.count * stride;
    row += s.count;
  }
}

void Finish::finish_rows(float* stage, std::int64_t stride, Place& place,
                         std::byte* scratch) const {
  const std::int64_t step = walk_.steps()[0];
  const bool direct = column_strides_[0] == 1;
  if (!epilogue_.empty()) {
    place.inputs[0] = {stage, stride, 1};
    const BlockOutput out = direct ? BlockOutput{place.y, step, 1} : BlockOutput{stage, stride, 1};
    run_block(epilogue_, level_, place.rows, place.columns, place.inputs.data(), &out, scratch);
  }
  if (!direct || epilogue_.empty())
    copy_out(stage, stride, place.rows, place.columns, step, place.y);
}

// The block transposed: long rows for the epilogue.
void Finish::finish_across(const float* stage, std::int64_t stride, Place& place,
                           std::byte* scratch) const {
  auto* across = reinterpret_cast<float*>(scratch + block_scratch(epilogue_));
  const std::int64_t step = walk_.steps()[0], rows = place.columns, columns = place.rows;
  table_->transpose(stage, stride, across, columns, rows, columns);
  place.inputs[0] = {across, columns, 1};
  for (std::size_t t = 1; t < tensors_; ++t) std::swap(place.inputs[t].row, place.inputs[t].column);
  const bool direct = step == 1;
  const BlockOutput out =
      direct ? BlockOutput{place.y, column_strides_[0], 1} : BlockOutput{across, columns, 1};
  run_block(epilogue_, level_, rows, columns, place.inputs.data(), &out, scratch);
  if (direct) return;
  for (std::int64_t c = 0; c < columns; ++c) place.y[c * step] = across[c];
}

void Finish::copy_out(const float* stage, std::int64_t stride, std::int64_t rows,
                      std::int64_t columns, std::int64_t row_stride, float* y) const {
  if ((row_stride == 1 || rows == 1) && column_strides_[0] != 1) {
    table_->transpose(stage, stride, y, column_strides_[0], columns, rows);
    return;
  }
  if (column_strides_[0] == 1) {
    table_->move_rows(stage, stride, y, row_stride, rows, columns);
    return;
  }
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t c = 0; c < columns; ++c)
      y[r * row_stride + c * column_strides_[0]] = stage[r * stride + c];
}

}  // namespace gossamer::kernels
