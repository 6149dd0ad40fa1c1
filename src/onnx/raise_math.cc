// Products, reductions, picks and the other primitives that are one operator.
#include <algorithm>
#include <bit>
#include <numeric>

#include "onnx/raise.h"
#include "reference/accumulate.h"
#include "reference/arg_reduce.h"
#include "reference/concat.h"
#include "reference/cumulate.h"
#include "reference/gather.h"
#include "reference/matmul.h"
#include "reference/random.h"
#include "reference/reduce.h"
#include "reference/scatter.h"
#include "reference/shape.h"
#include "reference/softmax.h"
#include "reference/top_k.h"
#include "reference/unique.h"

namespace gossamer::onnx {
namespace {

using Name = Raising::Name;

bool is_byte(DType d) { return d == DType::i8 || d == DType::u8; }

// Integers that wrap to the same low bits when computed as i32.
bool is_narrow_integer(DType d) { return is_integer(d) && dtype_info(d).file_bits < 32; }

Raising::Names all_operands(Raising& r) {
  Raising::Names names;
  for (std::size_t i = 0; i < r.operand_count(); ++i) names.push_back(r.operand(i));
  return names;
}

}  // namespace

Status raise_concat(Raising& r) {
  const std::int64_t axis = r.attributes<ConcatAttributes>().axis;
  r.needs(r.result_type(0).dtype);
  r.result(0, r.emit("Concat", all_operands(r), {attribute("axis", axis)}));
  return {};
}

Status raise_shape(Raising& r) {
  const auto& a = r.attributes<ShapeAttributes>();
  Raising::Attributes attributes;
  const ShapeAttributes whole;
  if (a.start != whole.start) attributes.push_back(attribute("start", a.start));
  if (a.end != whole.end) attributes.push_back(attribute("end", a.end));
  if (!attributes.empty()) r.needs(15);
  r.result(0, r.emit("Shape", {r.operand(0)}, std::move(attributes)));
  return {};
}

// --- products ---

namespace {

// Operand i with its last two axes exchanged if asked.
Result<Name> matrix(Raising& r, std::size_t i, const Name& x, bool transposed) {
  if (!transposed) return x;
  ASSIGN(const int rank, r.rank(i));
  std::vector<int> axes(static_cast<std::size_t>(rank));
  std::iota(axes.begin(), axes.end(), 0);
  std::swap(axes[axes.size() - 1], axes[axes.size() - 2]);
  return r.transpose(x, axes);
}

bool is_one_number(const gossamer::Type& t) { return t.ranked() && t.element_count() == Dim(1); }

Status raise_integer_matmul(Raising& r, const MatMulAttributes& a) {
  bool plain = true;  // zero points that MatMulInteger takes
  for (std::size_t i = 2; i < 4; ++i)
    plain = plain && (!r.has(i) || is_one_number(r.type(i)) ||
                      (i == 3 && r.type(i).ranked() && r.type(i).rank() == 1));
  plain = plain && is_byte(r.dtype(0)) && is_byte(r.dtype(1));
  Name x[2], zero[2];
  for (std::size_t i = 0; i < 2; ++i) {
    x[i] = r.operand(i);
    zero[i] = r.operand(i + 2);
    if (!plain) {
      x[i] = r.cast(x[i], r.dtype(i), DType::i32);
      if (r.has(i + 2)) x[i] = r.emit("Sub", {x[i], r.cast(zero[i], r.dtype(i + 2), DType::i32)});
    }
    ASSIGN(x[i], matrix(r, i, x[i], i == 0 ? a.trans_a : a.trans_b));
  }
  if (plain && r.has(2) && r.type(2).rank() > 1)
    zero[0] = r.emit("Reshape", {zero[0], r.ints({1})});
  r.result(0, plain ? r.emit("MatMulInteger", {x[0], x[1], zero[0], zero[1]})
                    : r.emit("MatMul", {x[0], x[1]}));
  return {};
}

}  // namespace

Status raise_matmul(Raising& r) {
  const auto& a = r.attributes<MatMulAttributes>();
  const DType result = r.result_type(0).dtype;
  if (r.has(2) || r.has(3) || (is_byte(r.dtype(0)) && result == DType::i32))
    return raise_integer_matmul(r, a);
  const bool narrow = is_narrow_integer(result);
  const DType working = narrow ? DType::i32 : result;
  const Name x = r.cast(r.operand(0), r.dtype(0), working);
  const Name w = r.cast(r.operand(1), r.dtype(1), working);
  const bool flat =
      r.type(0).ranked() && r.type(1).ranked() && r.type(0).rank() == 2 && r.type(1).rank() == 2;
  if (flat && (a.trans_a || a.trans_b) && !narrow) {
    Raising::Attributes attributes;
    if (a.trans_a) attributes.push_back(attribute("transA", std::int64_t{1}));
    if (a.trans_b) attributes.push_back(attribute("transB", std::int64_t{1}));
    r.result(0, r.emit("Gemm", {x, w, r.bias()}, std::move(attributes)));
    return {};
  }
  ASSIGN(const Name left, matrix(r, 0, x, a.trans_a));
  ASSIGN(const Name right, matrix(r, 1, w, a.trans_b));
  r.result(0, r.cast(r.emit("MatMul", {left, right}), working, result));
  return {};
}

// --- reductions ---

Status raise_reduce(Raising& r) {
  const auto& a = r.attributes<ReduceAttributes>();
  if (a.axes.empty()) {
    r.result(0, r.operand(0));
    return {};
  }
  constexpr std::string_view kNames[] = {"ReduceSum", "ReduceMean", "ReduceProd",
                                         "ReduceMax", "ReduceMin",  "ReduceLogSumExp"};
  const DType dtype = r.dtype(0);
  const bool order = a.op == ReduceOp::max || a.op == ReduceOp::min;
  if (dtype == DType::boolean) r.needs(20);
  const bool taken = order && is_byte(dtype);
  const DType working = is_narrow_integer(dtype) && !taken ? DType::i32 : dtype;
  const Name x = r.cast(r.operand(0), dtype, working);
  const std::vector<std::int64_t> axes(a.axes.begin(), a.axes.end());
  Raising::Attributes attributes = {attribute("keepdims", std::int64_t{a.keep ? 1 : 0})};
  Raising::Names inputs = {x};
  if (a.op == ReduceOp::sum || r.opset() >= 18)
    inputs.push_back(r.ints(axes));
  else
    attributes.push_back(attribute("axes", axes));
  const Name y = r.emit(kNames[static_cast<std::size_t>(a.op)], inputs, std::move(attributes));
  r.result(0, r.cast(y, working, dtype));
  return {};
}

Status raise_arg_reduce(Raising& r) {
  const auto& a = r.attributes<ArgReduceAttributes>();
  Raising::Attributes attributes = {attribute("axis", std::int64_t{a.axis}),
                                    attribute("keepdims", std::int64_t{a.keep ? 1 : 0})};
  if (a.last) attributes.push_back(attribute("select_last_index", std::int64_t{1}));
  r.result(0, r.emit(a.op == ArgReduceOp::max ? "ArgMax" : "ArgMin", {r.operand(0)},
                     std::move(attributes)));
  return {};
}

Status raise_cumulate(Raising& r) {
  const auto& a = r.attributes<CumulateAttributes>();
  if (a.op == CumulateOp::prod) r.needs(26);
  Raising::Attributes attributes;
  if (a.exclusive) attributes.push_back(attribute("exclusive", std::int64_t{1}));
  if (a.reverse) attributes.push_back(attribute("reverse", std::int64_t{1}));
  const DType dtype = r.dtype(0);
  const DType working = is_narrow_integer(dtype) ? DType::i32 : dtype;
  const Name x = r.cast(r.operand(0), dtype, working);
  const Name y = r.emit(a.op == CumulateOp::sum ? "CumSum" : "CumProd", {x, r.integer(a.axis)},
                        std::move(attributes));
  r.result(0, r.cast(y, working, dtype));
  return {};
}

Status raise_softmax(Raising& r) {
  const auto& a = r.attributes<SoftmaxAttributes>();
  r.result(0, r.emit(a.log ? "LogSoftmax" : "Softmax", {r.operand(0)},
                     {attribute("axis", std::int64_t{a.axis})}));
  return {};
}

Status raise_det(Raising& r) {
  r.result(0, r.emit("Det", {r.operand(0)}));
  return {};
}

// --- picks ---

Status raise_gather(Raising& r) {
  const auto& a = r.attributes<GatherAttributes>();
  const Raising::Names inputs = {r.operand(0), r.operand(1)};
  if (a.mode == GatherMode::nd) {
    Raising::Attributes attributes;
    if (a.batch != 0) attributes.push_back(attribute("batch_dims", std::int64_t{a.batch}));
    const Name indices = r.cast(inputs[1], r.dtype(1), DType::i64);
    r.result(0, r.emit("GatherND", {inputs[0], indices}, std::move(attributes)));
  } else {
    r.result(0, r.emit(a.mode == GatherMode::take ? "Gather" : "GatherElements", inputs,
                       {attribute("axis", std::int64_t{a.axis})}));
  }
  return {};
}

Status raise_scatter(Raising& r) {
  const auto& a = r.attributes<ScatterAttributes>();
  Raising::Attributes attributes;
  Raising::Names inputs = all_operands(r);
  if (a.mode == ScatterMode::along) {
    attributes.push_back(attribute("axis", std::int64_t{a.axis}));
  } else {
    inputs[1] = r.cast(inputs[1], r.dtype(1), DType::i64);
  }
  if (a.combine != ScatterCombine::none) {
    r.needs(a.combine == ScatterCombine::add || a.combine == ScatterCombine::mul ? 16 : 18);
    attributes.push_back(
        attribute("reduction", enum_names(a.combine)[static_cast<std::size_t>(a.combine)]));
  }
  r.result(0, r.emit(a.mode == ScatterMode::along ? "ScatterElements" : "ScatterND",
                     std::move(inputs), std::move(attributes)));
  return {};
}

Status raise_top_k(Raising& r) {
  const auto& a = r.attributes<TopKAttributes>();
  Name k = r.operand(1);
  if (!r.type(1).ranked() || r.type(1).rank() != 1) k = r.reshape(k, {1});
  const Raising::Names out = r.emit_many("TopK", {r.operand(0), k}, 2,
                                         {attribute("axis", std::int64_t{a.axis}),
                                          attribute("largest", std::int64_t{a.largest ? 1 : 0})});
  r.result(0, out[0]);
  r.result(1, out[1]);
  return {};
}

Status raise_unique(Raising& r) {
  const auto& a = r.attributes<UniqueAttributes>();
  Raising::Attributes attributes = {attribute("sorted", std::int64_t{a.sorted ? 1 : 0})};
  if (a.axis >= 0) attributes.push_back(attribute("axis", std::int64_t{a.axis}));
  const Raising::Names out = r.emit_many("Unique", {r.operand(0)}, 4, std::move(attributes));
  for (std::size_t i = 0; i < out.size(); ++i) r.result(i, out[i]);
  return {};
}

Status raise_non_zero(Raising& r) {
  r.result(0, r.emit("NonZero", {r.operand(0)}));
  return {};
}

Status raise_random(Raising& r) {
  const auto& a = r.attributes<RandomAttributes>();
  Result<Tensor> zero = Tensor::make(a.dtype, Shape{1});
  if (!zero.ok()) return std::move(zero).status();
  const Name like = r.emit("ConstantOfShape", {r.operand(0)}, {attribute("value", *zero)});
  Raising::Attributes attributes;
  if (a.fixed)
    attributes.push_back(
        attribute("seed", std::bit_cast<float>(static_cast<std::int32_t>(a.seed))));
  r.result(
      0, r.emit(a.distribution == Distribution::uniform ? "RandomUniformLike" : "RandomNormalLike",
                {like}, std::move(attributes)));
  return {};
}

}  // namespace gossamer::onnx
