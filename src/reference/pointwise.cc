// Runs a Pointwise program: the result is walked in tiles of 1,024 elements, operands are brought
// into tile form by broadcasting, then one instruction after the other runs over the tile.
#include "reference/pointwise.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "reference/pointwise_ops.h"

namespace gossamer {

namespace reference {
namespace {

// Walks a result row-major and gives the element offsets of one operand as rows of equal stride.
class RowWalker {
 public:
  RowWalker() = default;
  RowWalker(const Shape& shape, const std::vector<std::int64_t>& strides) {
    for (int d = 0; d < shape.rank(); ++d) {
      const std::int64_t stride = strides[static_cast<std::size_t>(d)];
      if (shape[d] == 1) continue;
      // An axis that continues the one before becomes part of it.
      if (!extents_.empty() && strides_.back() == stride * shape[d]) {
        extents_.back() *= shape[d];
        strides_.back() = stride;
      } else {
        extents_.push_back(shape[d]);
        strides_.push_back(stride);
      }
    }
    if (extents_.empty()) {
      extents_ = {1};
      strides_ = {0};
    }
    position_.assign(extents_.size(), 0);
  }

  // The operand's elements lie as the result's do.
  bool contiguous() const { return extents_.size() == 1 && (strides_[0] == 1 || extents_[0] == 1); }
  bool constant() const { return extents_.size() == 1 && strides_[0] == 0; }

  // Calls f(offset, stride, length) for the rows that make up the next n elements.
  template <class F>
  void next(std::int64_t n, F f) {
    const std::size_t last = extents_.size() - 1;
    while (n > 0) {
      const std::int64_t take = std::min(n, extents_[last] - position_[last]);
      f(offset_, strides_[last], take);
      n -= take;
      position_[last] += take;
      offset_ += take * strides_[last];
      for (std::size_t d = last; d > 0 && position_[d] == extents_[d]; --d) {
        offset_ += strides_[d - 1] - extents_[d] * strides_[d];
        position_[d] = 0;
        ++position_[d - 1];
      }
    }
  }

 private:
  std::vector<std::int64_t> extents_, strides_, position_;
  std::int64_t offset_ = 0;
};

Result<Shape> result_shape(const PointwiseAttributes& a, Context& c) {
  const std::size_t inputs = a.program.inputs.size();
  if (c.operand_count() != inputs + (a.has_extent ? 1 : 0))
    return malformed("has " + std::to_string(c.operand_count()) + " operands, its program reads " +
                     std::to_string(inputs));
  Shape shape;
  for (std::size_t i = 0; i < c.operand_count(); ++i) {
    if (!c.has(i) || !c.value(i).is_tensor())
      return malformed("operand " + std::to_string(i) + " is not a tensor");
    const Tensor& x = c.tensor(i);
    if (x.dtype() != (i < inputs ? a.program.inputs[i] : DType::i64))
      return malformed("operand " + std::to_string(i) + " has element type " +
                       std::string(dtype_name(x.dtype())));
    if (i < inputs) {
      ASSIGN(shape, broadcast(shape, x.shape()));
      continue;
    }
    if (x.rank() != 1 || x.count() > kMaxRank) return malformed("extent is not a shape");
    const Shape extent(x.values<std::int64_t>());
    if (!extent.checked_count())
      return malformed("cannot make a result of shape " + extent.to_string());
    ASSIGN(shape, broadcast(shape, extent));
  }
  return shape;
}

template <class T>
void fill(void* data, T value, std::int64_t n) {
  std::fill_n(static_cast<T*>(data), n, value);
}

// One run: where each operand and instruction has its tile.
class Run {
 public:
  Run(const PointwiseProgram& program, Context& c, const Shape& shape)
      : program_(program), c_(c), shape_(shape), count_(shape.count()) {}

  Status prepare(std::span<Tensor* const> results) {
    tile_ = std::min<std::int64_t>(kTile, count_);
    const std::size_t slots =
        program_.inputs.size() + program_.constants.size() + program_.instructions.size();
    // 16 bytes an element cover every dtype.
    ASSIGN(scratch_, Tensor::make_uninitialized(DType::c128,
                                                Shape{static_cast<std::int64_t>(slots) * tile_}));
    next_slot_ = static_cast<std::byte*>(scratch_.mutable_data());
    for (std::size_t i = 0; i < program_.inputs.size(); ++i) prepare_input(i);
    for (const Scalar& s : program_.constants) {
      constants_.push_back(take_slot());
      repeat(&s.bits, s.dtype, constants_.back());
    }
    targets_.assign(program_.instructions.size(), nullptr);
    for (std::size_t r = 0; r < results.size(); ++r) {
      const Ref ref = program_.results[r];
      auto* data = static_cast<std::byte*>(results[r]->mutable_data());
      auto& target = ref.kind == Ref::Kind::result ? targets_[static_cast<std::size_t>(ref.index)]
                                                   : no_target_;
      if (ref.kind == Ref::Kind::result && target == nullptr)
        target = data;
      else
        copies_.push_back({ref, data});
    }
    for (std::size_t i = 0; i < program_.instructions.size(); ++i) prepare_instruction(i);
    return {};
  }

  Status run() {
    for (std::int64_t done = 0; done < count_; done += tile_) {
      if (done % (64 * kTile) == 0) TRY(c_.poll());
      const int n = static_cast<int>(std::min(tile_, count_ - done));
      for (Source& s : sources_) s.load(done, n);
      for (std::size_t i = 0; i < program_.instructions.size(); ++i) step(i, done, n);
      for (const Copy& copy : copies_) {
        const std::size_t size = dtype_size(program_.dtype_of(copy.from));
        std::memcpy(copy.to + static_cast<std::size_t>(done) * size, tile_of(copy.from),
                    static_cast<std::size_t>(n) * size);
      }
    }
    return {};
  }

 private:
  // An operand tensor and its tile: a place in the tensor itself, or a buffer.
  struct Source {
    const std::byte* data = nullptr;
    std::size_t size = 0;
    std::byte* buffer = nullptr;  // null: the tensor is read in place
    bool filled = false;          // the buffer holds one value for all tiles
    RowWalker walker;
    const std::byte* tile = nullptr;

    void load(std::int64_t done, int n) {
      if (buffer == nullptr) {
        tile = data + static_cast<std::size_t>(done) * size;
      } else if (!filled) {
        switch (size) {
          case 1:
            return gather<std::uint8_t>(n);
          case 2:
            return gather<std::uint16_t>(n);
          case 4:
            return gather<std::uint32_t>(n);
          case 8:
            return gather<std::uint64_t>(n);
          default:
            return gather<C128>(n);
        }
      }
    }
    template <class T>
    void gather(int n) {
      const T* x = reinterpret_cast<const T*>(data);
      T* y = reinterpret_cast<T*>(buffer);
      walker.next(n, [&](std::int64_t offset, std::int64_t stride, std::int64_t length) {
        const T* from = x + offset;
        if (stride == 1) {
          std::copy_n(from, length, y);
        } else if (stride == 0) {
          std::fill_n(y, length, *from);
        } else {
          for (std::int64_t i = 0; i < length; ++i) y[i] = from[i * stride];
        }
        y += length;
      });
    }
  };
  struct Copy {
    Ref from;
    std::byte* to;
  };

  std::byte* take_slot() {
    std::byte* slot = next_slot_;
    next_slot_ += static_cast<std::size_t>(tile_) * 16;
    return slot;
  }

  // Fills a tile with one element.
  void repeat(const void* element, DType dtype, std::byte* to) {
    const std::size_t size = dtype_size(dtype);
    for (std::int64_t i = 0; i < tile_; ++i)
      std::memcpy(to + static_cast<std::size_t>(i) * size, element, size);
  }

  void prepare_input(std::size_t i) {
    const Tensor& x = c_.tensor(i);
    Source s;
    s.data = static_cast<const std::byte*>(x.data());
    s.size = dtype_size(x.dtype());
    s.walker = RowWalker(shape_, broadcast_strides(x.shape(), shape_));
    if (!s.walker.contiguous()) {
      s.buffer = take_slot();
      s.tile = s.buffer;
      s.filled = s.walker.constant();
      if (s.filled) repeat(s.data, x.dtype(), s.buffer);
    }
    sources_.push_back(std::move(s));
  }

  void prepare_instruction(std::size_t i) {
    const Instruction& in = program_.instructions[i];
    buffers_.push_back(take_slot());
    walkers_.emplace_back();
    if (in.op == PointwiseOp::extent) {
      const std::int64_t extent = shape_[in.axis];
      repeat(&extent, DType::i64, buffers_.back());
    } else if (in.op == PointwiseOp::index) {
      // The coordinate is the offset of a tensor that has stride 1 on this axis and 0 elsewhere.
      std::vector<std::int64_t> strides(static_cast<std::size_t>(shape_.rank()), 0);
      strides[static_cast<std::size_t>(in.axis)] = 1;
      walkers_.back() = RowWalker(shape_, strides);
    }
  }

  // Where instruction i writes the tile that starts at element `done`.
  std::byte* output_of(std::size_t i, std::int64_t done) const {
    if (targets_[i] == nullptr) return buffers_[i];
    const std::size_t size = dtype_size(program_.instructions[i].dtype);
    return targets_[i] + static_cast<std::size_t>(done) * size;
  }

  const void* tile_of(Ref ref) const {
    const auto i = static_cast<std::size_t>(ref.index);
    if (ref.kind == Ref::Kind::input) return sources_[i].tile;
    if (ref.kind == Ref::Kind::constant) return constants_[i];
    return outputs_[i];
  }

  void step(std::size_t i, std::int64_t done, int n) {
    const Instruction& in = program_.instructions[i];
    if (outputs_.size() <= i) outputs_.resize(i + 1);
    std::byte* out = outputs_[i] = output_of(i, done);
    if (in.op == PointwiseOp::index) {
      auto* y = reinterpret_cast<std::int64_t*>(out);
      walkers_[i].next(n, [&](std::int64_t offset, std::int64_t stride, std::int64_t length) {
        for (std::int64_t k = 0; k < length; ++k) *y++ = offset + k * stride;
      });
      return;
    }
    if (in.op == PointwiseOp::extent) {
      if (out != buffers_[i])
        std::memcpy(out, buffers_[i], static_cast<std::size_t>(n) * sizeof(std::int64_t));
      return;
    }
    TileOperand operands[3];
    const auto count = static_cast<std::size_t>(pointwise_op_operands(in.op));
    for (std::size_t k = 0; k < count; ++k)
      operands[k] = {program_.dtype_of(in.args[k]), tile_of(in.args[k])};
    run_tile(in, std::span(operands, count), out, n);
  }

  const PointwiseProgram& program_;
  Context& c_;
  const Shape& shape_;
  std::int64_t count_ = 0;
  std::int64_t tile_ = 0;
  Tensor scratch_;
  std::byte* next_slot_ = nullptr;
  std::vector<Source> sources_;
  std::vector<std::byte*> constants_;
  std::vector<std::byte*> targets_;  // by instruction: the result it writes, or null
  std::byte* no_target_ = nullptr;
  std::vector<Copy> copies_;  // results that are not written by an instruction of their own
  std::vector<std::byte*> buffers_, outputs_;
  std::vector<RowWalker> walkers_;
};

}  // namespace

Status pointwise(const PointwiseAttributes& a, Context& c) {
  const PointwiseProgram& program = a.program;
  TRY(validate(program));
  ASSIGN(Shape shape, result_shape(a, c));
  for (const Instruction& in : program.instructions)
    if ((in.op == PointwiseOp::index || in.op == PointwiseOp::extent) && in.axis >= shape.rank())
      return malformed("program asks for axis " + std::to_string(in.axis) +
                       " of a result of shape " + shape.to_string());
  std::vector<Tensor*> results;
  for (std::size_t i = 0; i < program.results.size(); ++i) {
    ASSIGN(Tensor * y, c.make(i, program.dtype_of(program.results[i]), shape));
    results.push_back(y);
  }
  if (shape.count() == 0) return {};
  Run run(program, c, shape);
  TRY(run.prepare(results));
  return run.run();
}

Scalar apply(const Instruction& instruction, std::span<const Scalar> args) {
  TileOperand operands[3];
  for (std::size_t i = 0; i < args.size(); ++i) operands[i] = {args[i].dtype, &args[i].bits};
  Scalar result{instruction.dtype, 0};
  run_tile(instruction, std::span(operands, args.size()), &result.bits, 1);
  return result;
}

}  // namespace reference

Scalar make_scalar(DType dtype, double value) {
  Scalar s{dtype, 0};
  reference::convert_tile({DType::f64, &value}, dtype, &s.bits, 1);
  return s;
}

Scalar make_scalar(DType dtype, std::int64_t value) {
  Scalar s{dtype, 0};
  reference::convert_tile({DType::i64, &value}, dtype, &s.bits, 1);
  return s;
}

}  // namespace gossamer
