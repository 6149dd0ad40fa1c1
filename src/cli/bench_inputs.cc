// Made-up inputs, and repeating given ones to a batch.
#include "cli/bench_inputs.h"

#include <cstring>
#include <random>

#include "cli/runnable.h"
#include "onnx/bind.h"

namespace gossamer::cli {
namespace {

// Standard normal numbers for floats, zeros for the rest.
Result<Tensor> made_up(DType dtype, const Shape& shape) {
  ASSIGN(Tensor t, Tensor::make(dtype, shape));
  if (dtype != DType::f32) return t;
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (float& x : t.mutable_values<float>()) x = normal(generator);
  return t;
}

// One answer's input, `batch` times over.
Result<Tensor> repeated(const Tensor& one, std::int64_t batch) {
  Shape shape = one.shape();
  shape.dims()[0] = batch;
  ASSIGN(Tensor out, Tensor::make_uninitialized(one.dtype(), shape));
  auto* to = static_cast<std::byte*>(out.mutable_data());
  for (std::int64_t i = 0; i < batch; ++i)
    std::memcpy(to + static_cast<std::size_t>(i) * one.byte_size(), one.data(), one.byte_size());
  return out;
}

// Repeats a given input where its first axis is open and it is for one answer.
Status spread(Value& value, std::int64_t batch) {
  if (!value.is_tensor() || value.tensor.dtype() == DType::string || value.tensor.rank() == 0 ||
      value.tensor.shape()[0] != 1)
    return {};
  ASSIGN(Tensor all, repeated(value.tensor, batch));
  value = Value(std::move(all));
  return {};
}

Status no_open_axis() {
  return usage_error("no input has an open first axis for --batch to fix",
                     "the model is for one batch; its file says which");
}

// Whether that input's first axis is left open.
bool is_open(const onnx::ValueInfo& info, const onnx::LowerOptions& options) {
  return info.type.kind == onnx::Type::Kind::tensor && info.type.shape &&
         !info.type.shape->empty() && !info.type.shape->front().value &&
         !options.shapes.contains(info.name);
}

Result<Shape> shape_of(const onnx::ValueInfo& info, const onnx::LowerOptions& options,
                       std::int64_t batch) {
  if (const auto given = options.shapes.find(info.name); given != options.shapes.end())
    return given->second;
  if (!info.type.shape)
    return usage_error("input '" + info.name + "' has no shape",
                       "give one with --input or --shape");
  Shape shape;
  for (const onnx::Dimension& d : *info.type.shape) {
    const auto dim = options.dims.find(d.param);
    if (d.value)
      shape.dims().push_back(*d.value);
    else if (!d.param.empty() && dim != options.dims.end())
      shape.dims().push_back(dim->second);
    else if (batch > 0 && shape.rank() == 0)
      shape.dims().push_back(batch);
    else
      return usage_error(
          "input '" + info.name + "' " + onnx::to_text(info.type) + " has open extents",
          "give it with --input NAME=FILE.npy or fix them with --shape or --dim");
  }
  return shape;
}

}  // namespace

Result<std::map<std::string, Value>> make_inputs(const onnx::Model& model,
                                                 onnx::LowerOptions options,
                                                 const InputOptions& given) {
  ASSIGN(auto feeds, read_npy_inputs(given.inputs, input_names(model)));
  bool open = false;
  if (given.batch > 0)
    for (const onnx::ValueInfo* info : onnx::free_inputs(model)) {
      if (!is_open(*info, options)) continue;
      open = true;
      // Other axes of the same symbol follow.
      const std::string& symbol = info->type.shape->front().param;
      if (!symbol.empty()) options.dims.emplace(symbol, given.batch);
      if (const auto feed = feeds.find(info->name); feed != feeds.end())
        TRY(spread(feed->second, given.batch));
    }
  if (given.batch > 0 && !open) return no_open_axis();
  for (const onnx::ValueInfo* info : onnx::free_inputs(model)) {
    if (feeds.contains(info->name) || info->type.kind != onnx::Type::Kind::tensor) continue;
    ASSIGN(const Shape shape, shape_of(*info, options, given.batch));
    ASSIGN(Tensor t, made_up(info->type.dtype, shape));
    feeds.emplace(info->name, Value(std::move(t)));
  }
  return feeds;
}

Result<std::map<std::string, Value>> make_inputs(const runtime::Program& program,
                                                 const InputOptions& given) {
  ASSIGN(auto feeds, read_npy_inputs(given.inputs, input_names(program)));
  bool open = false;
  for (const runtime::Port& port : program.inputs) {
    if (port.slot == runtime::kNoSlot) continue;
    std::vector<std::int64_t> extents = port.extents;
    const bool batched = given.batch > 0 && !extents.empty() && extents[0] < 0;
    if (batched) extents[0] = given.batch;
    open = open || batched;
    if (const auto feed = feeds.find(port.name); feed != feeds.end()) {
      if (batched) TRY(spread(feed->second, given.batch));
      continue;
    }
    const Shape shape(extents);
    if (!port.is_tensor || !shape.checked_count())
      return usage_error("input '" + port.name + "' " + port.type + " has open extents",
                         "give it with --input NAME=FILE.npy");
    ASSIGN(Tensor t, made_up(program.slots[static_cast<std::size_t>(port.slot)].dtype, shape));
    feeds.emplace(port.name, Value(std::move(t)));
  }
  if (given.batch > 0 && !open) return no_open_axis();
  return feeds;
}

}  // namespace gossamer::cli
