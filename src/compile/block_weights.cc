// Recognizes MatMul(x, dequantize(q, scale, zero)), scale and zero repeated by Copies.
#include "compile/block_weights.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <variant>

#include "kernels/block_product/block_table.h"
#include "primitives/primitives.h"
#include "reference/copy.h"
#include "reference/matmul.h"
#include "reference/pointwise.h"

namespace gossamer::compile {
namespace {

constexpr std::int64_t kMostBlock = 256;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Bytes of whole or unpacked 4- and 8-bit elements, as unsigned numbers.
class Bytes {
 public:
  explicit Bytes(const Tensor& t)
      : data_(static_cast<const std::uint8_t*>(t.data())),
        shift_(t.dtype() == DType::i8   ? 128
               : t.dtype() == DType::i4 ? 8
                                        : 0),
        mask_(bits_of(t.dtype()) == 4 ? 15 : 255) {}
  static int bits_of(DType d) {
    if (d == DType::u4 || d == DType::i4) return 4;
    return d == DType::u8 || d == DType::i8 ? 8 : 0;
  }
  int operator[](std::int64_t i) const { return (data_[i] + shift_) & mask_; }

 private:
  const std::uint8_t* data_;
  int shift_, mask_;
};

// A scale or zero point: where the number for row k and column n of the weights lies in a tensor.
struct Parameter {
  Tensor tensor;
  std::int64_t block = 0;  // along K; 0: the same all along
  std::int64_t block_stride = 0, column_stride = 0;
  std::int64_t index(std::int64_t k, std::int64_t n) const {
    return (block == 0 ? 0 : k / block * block_stride) + n * column_stride;
  }
};

class Finder {
 public:
  Finder(const Graph& graph, const std::vector<std::int32_t>& uses) : graph_(graph), uses_(uses) {}

  std::optional<BlockProductAt> find(NodeId id, bool pack) {
    const Node& product = graph_.node(id);
    if (product.primitive != &kMatMul || product.operands.size() != 2) return std::nullopt;
    const auto& a = attributes_of<MatMulAttributes>(product);
    const Type& x = graph_.value(product.operands[0]).type;
    const Type& y = graph_.value(product.results[0]).type;
    if (a.trans_a || x.dtype != DType::f32 || y.dtype != DType::f32 || !x.ranked() || x.rank() < 2)
      return std::nullopt;
    trans_ = a.trans_b;
    const Node* w = made_for_one(product.operands[1], kPointwise);
    if (!w || w->results.size() != 1) return std::nullopt;
    const auto& p = attributes_of<PointwiseAttributes>(*w);
    const auto& all = p.program.instructions;
    if (p.has_extent || all.size() != 1 || all[0].op != PointwiseOp::dequantize ||
        all[0].dtype != DType::f32 || all[0].args[0].kind != Ref::Kind::input)
      return std::nullopt;
    const Tensor* q = constant(w->operands[at(all[0].args[0].index)]);
    if (!q || q->rank() != 2) return std::nullopt;
    kernels::BlockProductStep& s = found_.step;
    s.k = q->shape()[trans_ ? 1 : 0];
    s.n = q->shape()[trans_ ? 0 : 1];
    if (s.k < 1 || s.n < 1) return std::nullopt;
    s.bits = Bytes::bits_of(q->dtype());
    const auto scale = parameter(*w, p.program, all[0].args[1]);
    auto zero = parameter(*w, p.program, all[0].args[2]);
    if (!scale || !zero || scale->tensor.dtype() != DType::f32 ||
        zero->tensor.dtype() != q->dtype())
      return std::nullopt;
    s.block =
        std::min(scale->block == 0 ? s.k : scale->block, zero->block == 0 ? s.k : zero->block);
    if (scale->block % s.block != 0 || zero->block % s.block != 0) return std::nullopt;
    Result<Tensor> plain = zero->tensor.unpack();
    if (!plain.ok()) return std::nullopt;
    zero->tensor = std::move(*plain);
    const Bytes zeros(zero->tensor);
    for (std::int64_t i = 0; i < zero->tensor.count(); ++i)
      s.zeros = s.zeros || zeros[i] != 1 << (s.bits - 1);
    if (s.bits == 0 || !kernels::fits_block_product(s)) return std::nullopt;
    found_.nodes.push_back(graph_.value(product.operands[1]).producer);
    if (pack && !pack_weights(*q, *scale, *zero)) return std::nullopt;
    return std::move(found_);
  }

 private:
  const Tensor* constant(ValueId v) const {
    if (v == kNoValue) return nullptr;
    const std::optional<Tensor>& t = graph_.value(v).constant;
    return t ? &*t : nullptr;
  }
  // The node that makes a value which has one reader.
  const Node* made_for_one(ValueId v, const Primitive& primitive) const {
    if (v == kNoValue || graph_.value(v).producer == kNoNode || uses_[at(v)] != 1) return nullptr;
    const Node& n = graph_.node(graph_.value(v).producer);
    return n.primitive == &primitive ? &n : nullptr;
  }

  std::optional<Parameter> parameter(const Node& w, const PointwiseProgram& program, Ref ref) {
    Parameter p;
    if (ref.kind == Ref::Kind::constant) {
      const Scalar& c = program.constants[at(ref.index)];
      if (c.dtype == DType::f32) {
        p.tensor = Tensor::scalar(std::bit_cast<float>(static_cast<std::uint32_t>(c.bits)));
        return p;
      }
      if (Bytes::bits_of(c.dtype) == 0) return std::nullopt;
      Result<Tensor> t = Tensor::make(c.dtype, Shape{});
      if (!t.ok()) return std::nullopt;
      *static_cast<std::uint8_t*>(t->mutable_data()) = static_cast<std::uint8_t>(c.bits);
      p.tensor = std::move(*t);
      return p;
    }
    if (ref.kind != Ref::Kind::input) return std::nullopt;
    const ValueId v = w.operands[at(ref.index)];
    if (const Tensor* t = constant(v)) return fitting(*t, 0);
    const Node* copy = made_for_one(v, kCopy);
    if (!copy || copy->operands.size() != 1) return std::nullopt;
    const Tensor* t = constant(copy->operands[0]);
    const StepList& steps = attributes_of<CopyAttributes>(*copy).steps;
    if (!t || steps.size() != 1 || t->rank() != 2) return std::nullopt;
    const auto* repeat = std::get_if<RepeatStep>(&steps[0]);
    if (!repeat || !repeat->each || repeat->axis != (trans_ ? 1 : 0) ||
        !repeat->times.is_literal() || repeat->times.value < 1)
      return std::nullopt;
    found_.nodes.push_back(graph_.value(v).producer);
    return fitting(*t, repeat->times.value);
  }

  // A tensor that broadcasts to the weights, its elements along K repeated where `block` is not 0.
  std::optional<Parameter> fitting(const Tensor& t, std::int64_t block) const {
    Parameter p;
    p.tensor = t;
    p.block = block;
    const std::int64_t k = found_.step.k, n = found_.step.n;
    if (t.count() == 1 && block == 0) return p;
    if (t.rank() < 1 || t.rank() > 2) return std::nullopt;
    const std::int64_t rows = t.rank() == 2 ? t.shape()[0] : 1, columns = t.shape()[t.rank() - 1];
    const std::int64_t along_k = trans_ ? columns : rows, along_n = trans_ ? rows : columns;
    if (along_n != 1 && along_n != n) return std::nullopt;
    p.block_stride = block == 0 ? 0 : trans_ ? 1 : columns;
    p.column_stride = along_n == 1 ? 0 : trans_ ? columns : 1;
    if (block == 0 ? along_k == 1 : along_k <= k / block && along_k * block == k) return p;
    if (block != 0 || along_k != k) return std::nullopt;
    return with_repeats(std::move(p), trans_ ? 1 : columns, along_n);
  }

  // The same of a tensor as long as K: equal neighbors are a block.
  std::optional<Parameter> with_repeats(Parameter p, std::int64_t stride, std::int64_t n) const {
    if (p.tensor.packed() || p.tensor.count() == 0) return std::nullopt;
    const auto size = static_cast<std::int64_t>(p.tensor.byte_size()) / p.tensor.count();
    const auto* bytes = static_cast<const char*>(p.tensor.data());
    const auto same = [&](std::int64_t block) {
      for (std::int64_t k = 0; k < found_.step.k; ++k)
        for (std::int64_t c = 0; c < n; ++c)
          if (std::memcmp(bytes + (k * stride + c * p.column_stride) * size,
                          bytes + (k / block * block * stride + c * p.column_stride) * size,
                          at(size)) != 0)
            return false;
      return true;
    };
    for (std::int64_t block = kMostBlock; block >= kernels::kBlockRun; block /= 2)
      if (found_.step.k % block == 0 && same(block)) {
        p.block = block;
        p.block_stride = block * stride;
        return p;
      }
    return std::nullopt;
  }

  bool pack_weights(const Tensor& packed_q, const Parameter& scale, const Parameter& zero) {
    const kernels::BlockProductStep& s = found_.step;
    const Result<Tensor> q = packed_q.unpack();
    const auto bytes = static_cast<std::int64_t>(kernels::packed_block_product_size(s));
    Result<Tensor> to = Tensor::make(DType::u8, Shape{bytes});
    if (!q.ok() || !to.ok()) return false;
    const Bytes numbers(*q), zeros(zero.tensor);
    const std::span<const float> scales = scale.tensor.values<float>();
    kernels::BlockWeights w;
    w.q = [&](std::int64_t k, std::int64_t n) {
      return numbers[trans_ ? n * s.k + k : k * s.n + n];
    };
    w.scale = [&](std::int64_t b, std::int64_t n) {
      return scales[at(scale.index(b * s.block, n))];
    };
    w.zero = [&](std::int64_t b, std::int64_t n) { return zeros[zero.index(b * s.block, n)]; };
    kernels::pack_block_product(s, w, reinterpret_cast<std::byte*>(to->mutable_data()));
    found_.weights = std::move(*to);
    return true;
  }

  const Graph& graph_;
  const std::vector<std::int32_t>& uses_;
  BlockProductAt found_;
  bool trans_ = false;
};

}  // namespace

std::optional<BlockProductAt> block_product_at(const Graph& graph, NodeId id,
                                               const std::vector<std::int32_t>& uses, bool pack) {
  return Finder(graph, uses).find(id, pack);
}

}  // namespace gossamer::compile
