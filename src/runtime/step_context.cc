// Operands from slots, results into slots.
#include "runtime/step_context.h"

#include <fmt/format.h>

#include <functional>

#include "base/elements.h"

namespace gossamer::runtime {
namespace {

// Scalar code trusts a boolean to be one; memory that a step of another type wrote may hold
// anything.
Status check_elements(const Tensor& t) {
  const bool plain = t.dtype() == DType::string || dtype_info(t.dtype()).file_bits % 8 == 0;
  if (plain && t.dtype() != DType::boolean) return {};
  if (valid_elements(t.dtype(), {static_cast<const std::byte*>(t.data()), t.byte_size()}))
    return {};
  return malformed(fmt::format("an operand of {} holds what is none", dtype_name(t.dtype())));
}

bool overlap(const Tensor& t, const std::byte* begin, std::size_t bytes) {
  const auto* first = static_cast<const std::byte*>(t.data());
  const std::less<> before;
  return t.byte_size() > 0 && before(first, begin + bytes) && before(begin, first + t.byte_size());
}

}  // namespace

Status StepContext::load() {
  loaded_.reserve(step_.inputs.size());
  for (const SlotId s : step_.inputs) {
    if (s == kNoSlot) {
      operands_.push_back(nullptr);
      continue;
    }
    ASSIGN(Value value, frame_.load(s));
    if (value.is_tensor()) TRY(check_elements(value.tensor));
    loaded_.push_back(std::move(value));
    operands_.push_back(&loaded_.back());
  }
  for (const SlotId s : step_.outputs) wanted_.push_back(s != kNoSlot);
  results_.resize(step_.outputs.size());
  return {};
}

Result<Tensor*> StepContext::make(std::size_t i, DType dtype, Shape shape) {
  const std::optional<std::int64_t> count = shape.checked_count();
  const std::optional<std::int64_t> bytes =
      count ? checked_mul(*count, static_cast<std::int64_t>(dtype_size(dtype))) : std::nullopt;
  if (!bytes || *bytes > run_.options.max_bytes - run_.live_bytes)
    return limit_error(fmt::format("a result of type {}{} exceeds the memory limit of {} bytes",
                                   dtype_name(dtype), shape.to_string(), run_.options.max_bytes));
  if (i >= results_.size()) results_.resize(i + 1);
  std::byte* memory = i < step_.outputs.size() && step_.outputs[i] != kNoSlot
                          ? frame_.memory_for(step_.outputs[i], dtype, shape)
                          : nullptr;
  // What scalar code has checked of its operands must still hold while it writes.
  for (const Value& operand : loaded_)
    if (memory && overlap(operand.tensor, memory, static_cast<std::size_t>(*bytes)))
      memory = nullptr;
  if (memory) {
    results_[i] =
        Value(Tensor::over(dtype, std::move(shape), {memory, static_cast<std::size_t>(*bytes)}));
  } else {
    ASSIGN(Tensor t, Tensor::make_uninitialized(dtype, std::move(shape)));
    results_[i] = Value(std::move(t));
  }
  return &results_[i].tensor;
}

Result<std::vector<Value>> StepContext::run_body(std::size_t body, std::vector<Value> inputs) {
  if (body >= step_.regions.size()) return malformed("a step lacks a region");
  TRY(run_.charge(1));
  return frame_.run_region(step_.regions[body], inputs, run_);
}

Status StepContext::hold(std::int64_t bytes) {
  TRY(run_.hold(bytes));
  held_ += bytes;
  return {};
}

}  // namespace gossamer::runtime
