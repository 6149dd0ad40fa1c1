// Context: what a primitive's scalar code sees of its caller: operands, results, bodies, limits.
// The evaluator of graphs and the runtime each implement it, so the same code serves both.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/tensor.h"

namespace gossamer {

class Context {
 public:
  virtual ~Context() = default;

  std::size_t operand_count() const { return operands_.size(); }
  // False for an optional operand that was left out.
  bool has(std::size_t i) const { return i < operands_.size() && operands_[i] != nullptr; }
  const Value& value(std::size_t i) const { return *operands_[i]; }
  // Operand i, which the verifier has proved to be a tensor.
  const Tensor& tensor(std::size_t i) const { return operands_[i]->tensor; }

  std::size_t result_count() const { return results_.size(); }
  // False for an optional result that nobody reads: it need not be computed.
  bool wanted(std::size_t i) const { return i < wanted_.size() && wanted_[i]; }
  // Allocates result i, uninitialized; the pointer is valid until the context ends.
  virtual Result<Tensor*> make(std::size_t i, DType dtype, Shape shape) = 0;
  void set(std::size_t i, Value value) { results_[i] = std::move(value); }
  Value& result(std::size_t i) { return results_[i]; }

  // Runs body graph `body` of this node (If: 0 then, 1 else; Loop: 0) on `inputs`.
  virtual Result<std::vector<Value>> run_body(std::size_t body, std::vector<Value> inputs) = 0;
  // Called now and then by long loops: fails with Code::interrupted when the run was cancelled or
  // with Code::limit when it is out of its budget.
  virtual Status poll() = 0;
  // Counts bytes that the node keeps beside its results against the memory limit until it ends.
  virtual Status hold(std::int64_t bytes) { return bytes >= 0 ? Status() : poll(); }
  // A tensor beside the results, uninitialized, whose bytes are held.
  Result<Tensor> scratch(DType dtype, Shape shape) {
    const std::optional<std::int64_t> count = shape.checked_count();
    const std::optional<std::int64_t> bytes =
        count ? checked_mul(*count, static_cast<std::int64_t>(dtype_size(dtype))) : std::nullopt;
    if (!bytes) return limit_error("an intermediate value of " + shape.to_string() + " elements");
    TRY(hold(*bytes));
    return Tensor::make_uninitialized(dtype, std::move(shape));
  }
  // Counts work that is out of proportion to a step (a long sequence copied) against the budget.
  virtual Status charge(std::int64_t steps) { return steps >= 0 ? poll() : Status(); }
  // Seed of this run and number of this node, for counter-based random numbers.
  virtual std::uint64_t seed() const = 0;
  virtual std::uint64_t node_number() const = 0;

 protected:
  std::vector<const Value*> operands_;
  std::vector<Value> results_;
  std::vector<bool> wanted_;
};

}  // namespace gossamer
