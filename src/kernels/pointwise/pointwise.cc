// Pointwise over whole tensors: the axes become one or two inner loops, which run_block does, and
// loops around them.
#include "kernels/pointwise/pointwise.h"

#include <algorithm>
#include <string>

#include "kernels/loops.h"
#include "kernels/pointwise/block.h"

namespace gossamer::kernels {
namespace {

// Nanoseconds an element on a slow day, for sharing.
double cost(const VectorProgram& p) {
  double ns = 0.05 * static_cast<double>(p.inputs.size() + p.outputs.size());
  for (const VectorInstruction& in : p.instructions) {
    const bool heavy = (in.op >= VectorOp::exp && in.op <= VectorOp::sigmoid) ||
                       in.op == VectorOp::silu || in.op == VectorOp::div;
    const bool library = (in.op >= VectorOp::tan && in.op <= VectorOp::atanh) ||
                         in.op == VectorOp::pow || in.op == VectorOp::mod || in.op == VectorOp::rem;
    ns += library ? 5 : heavy ? 0.5 : 0.06;
  }
  return ns;
}

class Pointwise final : public Prepared {
 public:
  Pointwise(const VectorProgram& program, Loops loops, const Shapes& shapes)
      : program_(program), loops_(std::move(loops)), level_(shapes.level) {
    const int rank = loops_.rank;
    columns_ = loops_.extents[static_cast<std::size_t>(rank - 1)];
    rows_ = rank > 1 ? loops_.extents[static_cast<std::size_t>(rank - 2)] : 1;
    outer_ = 1;
    for (int i = 0; i < rank - 2; ++i) outer_ *= loops_.extents[static_cast<std::size_t>(i)];
    const auto count = static_cast<double>(outer_ * rows_ * columns_);
    flops = count * static_cast<double>(program.instructions.size());
    for (const DType d : program.inputs) bytes += count * static_cast<double>(dtype_size(d));
    for (const DType d : program.outputs) bytes += count * static_cast<double>(dtype_size(d));
    parts = worthwhile_parts(count * cost(program), shapes.threads);
    workspace = block_scratch(program);
  }

  void run(const Addresses& at, int part, int of) const override {
    if (outer_ * rows_ >= of) {
      const Range rows = share(outer_ * rows_, part, of);
      run(at, rows, {0, columns_});
    } else {
      run(at, {0, outer_ * rows_}, share(columns_, part, of, 256));
    }
  }

 private:
  void run(const Addresses& at, Range rows, Range columns) const {
    for (std::int64_t r = rows.begin; r < rows.end;) {
      const std::int64_t begin = r % rows_;
      const std::int64_t end = std::min(rows_, begin + rows.end - r);
      block(at, r / rows_, {begin, end}, columns);
      r += end - begin;
    }
  }

  void block(const Addresses& at, std::int64_t outer, Range rows, Range columns) const {
    BlockInput inputs[kMaxVectorInputs];
    BlockOutput outputs[kMaxVectorInputs];
    const std::size_t results = program_.outputs.size();
    const auto place = [&](std::size_t view, auto base, DType dtype, auto& to) {
      to.column = loops_.stride(view, loops_.rank - 1);
      to.row = loops_.rank > 1 ? loops_.stride(view, loops_.rank - 2) : 0;
      const std::int64_t offset = loops_.offset(view, loops_.rank - 2, outer) +
                                  rows.begin * to.row + columns.begin * to.column;
      to.data = base + offset * static_cast<std::int64_t>(dtype_size(dtype));
    };
    for (std::size_t i = 0; i < results; ++i)
      place(i, static_cast<std::byte*>(at.outputs[i]), program_.outputs[i], outputs[i]);
    for (std::size_t i = 0; i < program_.inputs.size(); ++i)
      place(results + i, static_cast<const std::byte*>(at.inputs[i]), program_.inputs[i],
            inputs[i]);
    run_block(program_, level_, rows.end - rows.begin, columns.end - columns.begin, inputs, outputs,
              at.workspace);
  }

  VectorProgram program_;
  Loops loops_;
  Level level_;
  std::int64_t outer_, rows_, columns_;
};

// Operands as they repeat to the extents of the results: some are known only now.
Result<std::vector<View>> broadcast(std::span<const View> inputs, const View& y) {
  std::vector<View> out(inputs.begin(), inputs.end());
  for (View& v : out) {
    if (v.rank != y.rank) return internal_error("operands of a pointwise step have other ranks");
    for (std::size_t i = 0; i < static_cast<std::size_t>(y.rank); ++i) {
      if (v.extents[i] == y.extents[i]) continue;
      if (v.extents[i] != 1)
        return Status(Code::malformed, "extents " + std::to_string(v.extents[i]) + " and " +
                                           std::to_string(y.extents[i]) +
                                           " do not broadcast (axis " + std::to_string(i) + ")");
      v.extents[i] = y.extents[i];
      v.strides[i] = 0;
    }
  }
  return out;
}

}  // namespace

Result<PreparedPtr> prepare(const PointwiseStep& step, const Shapes& shapes) {
  const VectorProgram& p = step.program;
  const auto fits = [](std::span<const View> views, const std::vector<DType>& dtypes) {
    return std::equal(views.begin(), views.end(), dtypes.begin(), dtypes.end(),
                      [](const View& v, DType d) { return v.dtype == d && v.rank >= 0; });
  };
  if (p.empty() || !fits(shapes.inputs, p.inputs) || !fits(shapes.outputs, p.outputs))
    return internal_error("operands or results of a pointwise step do not fit its program");
  ASSIGN(const std::vector<View> inputs, broadcast(shapes.inputs, shapes.outputs[0]));
  ASSIGN(Loops loops, make_loops(shapes.outputs, inputs));
  return PreparedPtr(std::make_unique<Pointwise>(p, std::move(loops), shapes));
}

}  // namespace gossamer::kernels
