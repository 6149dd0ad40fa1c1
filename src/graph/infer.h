// InferContext: what a primitive's shape rule sees: types and known contents of operands in, those
// of results out.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace gossamer {

class InferContext {
 public:
  InferContext(const Graph& graph, std::span<const ValueId> operands, std::size_t results,
               std::span<const std::shared_ptr<const Graph>> bodies, std::function<Dim()> fresh);

  std::size_t operand_count() const { return operands_.size(); }
  bool has(std::size_t i) const { return i < operands_.size() && operands_[i] != kNoValue; }
  const Type& type(std::size_t i) const { return graph_.value(operands_[i]).type; }
  // The constant that operand i is, or null.
  const Tensor* constant(std::size_t i) const;
  // Elements of an integer operand as shape arithmetic knows them (constants included), at most
  // kMaxContents.
  std::optional<DimVector> contents(std::size_t i) const;
  std::span<const std::shared_ptr<const Graph>> bodies() const { return bodies_; }

  std::size_t result_count() const { return types_.size(); }
  void set(std::size_t i, Type type) {
    if (i < types_.size()) types_[i] = std::move(type);
  }
  void set(std::size_t i, DType dtype, DimVector shape) {
    set(i, Type::tensor(dtype, std::move(shape)));
  }
  void set_contents(std::size_t i, DimVector contents) {
    if (i < contents_.size()) contents_[i] = std::move(contents);
  }
  // A symbol that no value has yet, for an extent that only running can tell.
  Dim fresh() const { return fresh_(); }
  // So many fresh symbols.
  DimVector fresh_shape(int rank) const;

  // Checks for shape rules; they fail with malformed and name the operand by `what`.
  Status expect_tensor(std::size_t i, std::string_view what) const;
  Status expect_ranked(std::size_t i, std::string_view what, int min_rank = 0,
                       int max_rank = kMaxRank) const;
  Status expect_dtype(std::size_t i, std::string_view what, DType dtype) const;

  const Type& result(std::size_t i) const { return types_[i]; }
  const std::optional<DimVector>& result_contents(std::size_t i) const { return contents_[i]; }

 private:
  const Graph& graph_;
  std::span<const ValueId> operands_;
  std::span<const std::shared_ptr<const Graph>> bodies_;
  std::function<Dim()> fresh_;
  std::vector<Type> types_;
  std::vector<std::optional<DimVector>> contents_;
};

inline constexpr std::int64_t kMaxContents = 1024;

}  // namespace gossamer
