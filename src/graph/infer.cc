// InferContext: contents of constants as extents, and the checks that shape rules share.
#include "graph/infer.h"

#include <algorithm>

namespace gossamer {
namespace {

std::optional<DimVector> contents_of(const Tensor& tensor) {
  const bool integral = is_integer(tensor.dtype()) || tensor.dtype() == DType::boolean;
  if (!integral || tensor.count() > kMaxContents) return std::nullopt;
  Result<Tensor> plain = tensor.unpack();
  if (!plain.ok()) return std::nullopt;
  Result<std::vector<std::int64_t>> numbers = to_int64s(*plain);
  if (!numbers.ok()) return std::nullopt;
  const bool wrapped = tensor.dtype() == DType::u64 &&
                       std::any_of(numbers->begin(), numbers->end(), [](auto n) { return n < 0; });
  if (wrapped) return std::nullopt;
  return DimVector(numbers->begin(), numbers->end());
}

}  // namespace

InferContext::InferContext(const Graph& graph, std::span<const ValueId> operands,
                           std::size_t results,
                           std::span<const std::shared_ptr<const Graph>> bodies,
                           std::function<Dim()> fresh)
    : graph_(graph),
      operands_(operands),
      bodies_(bodies),
      fresh_(std::move(fresh)),
      types_(results),
      contents_(results) {}

const Tensor* InferContext::constant(std::size_t i) const {
  if (!has(i)) return nullptr;
  const std::optional<Tensor>& constant = graph_.value(operands_[i]).constant;
  return constant ? &*constant : nullptr;
}

std::optional<DimVector> InferContext::contents(std::size_t i) const {
  if (!has(i)) return std::nullopt;
  const ValueInfo& value = graph_.value(operands_[i]);
  if (value.contents) return value.contents;
  return value.constant ? contents_of(*value.constant) : std::nullopt;
}

DimVector InferContext::fresh_shape(int rank) const {
  DimVector shape;
  for (int i = 0; i < rank; ++i) shape.push_back(fresh());
  return shape;
}

Status InferContext::expect_tensor(std::size_t i, std::string_view what) const {
  const std::string name(what);
  if (!has(i)) return malformed(name + " is missing");
  if (type(i).is_tensor()) return {};
  return malformed(name + " must be a tensor, but is " + type(i).to_string());
}

Status InferContext::expect_ranked(std::size_t i, std::string_view what, int min_rank,
                                   int max_rank) const {
  TRY(expect_tensor(i, what));
  const std::string name(what);
  if (!type(i).ranked()) return malformed("the rank of " + name + " must be known");
  const int rank = type(i).rank();
  if (rank >= min_rank && rank <= max_rank) return {};
  const std::string wanted = min_rank == max_rank ? std::to_string(min_rank)
                             : max_rank == kMaxRank
                                 ? "at least " + std::to_string(min_rank)
                                 : std::to_string(min_rank) + " to " + std::to_string(max_rank);
  return malformed(name + " must have rank " + wanted + ", but is " + type(i).to_string());
}

Status InferContext::expect_dtype(std::size_t i, std::string_view what, DType dtype) const {
  TRY(expect_tensor(i, what));
  if (type(i).dtype == dtype) return {};
  return malformed(std::string(what) + " must be " + std::string(dtype_name(dtype)) + ", but is " +
                   type(i).to_string());
}

}  // namespace gossamer
