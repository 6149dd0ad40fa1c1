// Loop, one iteration after the other.
#include "reference/loop.h"

#include <algorithm>
#include <limits>

#include "reference/if.h"

namespace gossamer::reference {
namespace {

constexpr std::int64_t kEndless = std::numeric_limits<std::int64_t>::max();

// Slice `at` of x along `axis`, without that axis.
Result<Tensor> slice_at(const Tensor& x, int axis, std::int64_t at) {
  Shape shape = x.shape();
  const std::int64_t outer = shape.count(0, axis);
  const std::int64_t inner = shape.count(axis + 1, shape.rank());
  const std::int64_t row = shape[axis] * inner;
  shape.dims().erase(shape.dims().begin() + axis);
  ASSIGN(Tensor out, Tensor::make_uninitialized(x.dtype(), std::move(shape)));
  visit_storage(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto from = x.values<T>();
    auto to = out.mutable_values<T>();
    for (std::int64_t o = 0; o < outer; ++o)
      std::copy_n(from.begin() + o * row + at * inner, inner, to.begin() + o * inner);
  });
  return out;
}

// Joins elements of one dtype and shape along a new axis.
Status stack(std::span<const Tensor> elements, int axis, bool reversed, std::size_t result,
             Context& c) {
  Shape shape = elements[0].shape();
  for (const Tensor& e : elements)
    if (!(e.shape() == shape) || e.dtype() != elements[0].dtype())
      return malformed("iterations give elements of shapes " + shape.to_string() + " and " +
                       e.shape().to_string() + ", which cannot be stacked");
  if (axis > shape.rank()) return malformed("the axis to stack on is out of range");
  const std::int64_t outer = shape.count(0, axis);
  const std::int64_t inner = shape.count(axis, shape.rank());
  const auto count = static_cast<std::int64_t>(elements.size());
  shape.dims().insert(shape.dims().begin() + axis, count);
  ASSIGN(Tensor * out, c.make(result, elements[0].dtype(), std::move(shape)));
  visit_storage(out->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto to = out->mutable_values<T>();
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t at = reversed ? count - 1 - k : k;
      const auto from = elements[static_cast<std::size_t>(k)].values<T>();
      for (std::int64_t o = 0; o < outer; ++o)
        std::copy_n(from.begin() + o * inner, inner, to.begin() + (o * count + at) * inner);
    }
  });
  return {};
}

Result<Tensor> rank_as(Tensor one, int rank) {
  return rank == 0 ? std::move(one) : one.reshaped(Shape{1});
}

class Run {
 public:
  Run(const LoopAttributes& a, Context& c)
      : a_(a), c_(c), carried_count_(static_cast<std::size_t>(a.carried)), stacks_(a.stacked()) {}

  Status run() {
    TRY(start());
    for (std::int64_t i = 0; i < trips_ && going_; ++i) {
      TRY(c_.poll());
      ASSIGN(std::vector<Value> inputs, inputs_of(i));
      ASSIGN(std::vector<Value> outputs, c_.run_body(0, std::move(inputs)));
      TRY(take(std::move(outputs)));
    }
    return finish();
  }

 private:
  Status start() {
    if (c_.operand_count() < a_.own_operands()) return internal_error("operands are missing");
    trips_ = kEndless;
    for (std::size_t k = 0; k < a_.scanned(); ++k) {
      const Tensor& x = scanned(k);
      if (a_.axes[k] >= x.rank()) return malformed("the axis to scan is out of range");
      const std::int64_t length = x.shape()[a_.axes[k]];
      if (k > 0 && length != length_)
        return malformed("the scanned axes have lengths " + std::to_string(length_) + " and " +
                         std::to_string(length));
      length_ = length;
      trips_ = length;
    }
    if (c_.has(0)) {
      ASSIGN(std::vector<std::int64_t> trips, to_int64s(c_.tensor(0)));
      if (trips.size() != 1) return malformed("the trip count must hold one number");
      trips_ = std::max<std::int64_t>(trips[0], 0);
      if (a_.scanned() > 0 && trips_ > length_)
        return malformed("more iterations are asked for than the scanned axes are long");
    }
    if (c_.has(1)) {
      ASSIGN(going_, condition_of(c_.value(1)));
    }
    for (std::size_t k = 0; k < carried_count_; ++k) carried_.push_back(c_.value(2 + k));
    return {};
  }

  const Tensor& scanned(std::size_t k) const { return c_.tensor(2 + carried_count_ + k); }

  Result<std::vector<Value>> inputs_of(std::int64_t i) {
    std::vector<Value> inputs;
    if (a_.conditional) {
      ASSIGN(Tensor number, rank_as(Tensor::scalar<std::int64_t>(i), a_.iteration_rank));
      ASSIGN(Tensor going, rank_as(Tensor::scalar<bool>(going_), a_.condition_rank));
      inputs.emplace_back(std::move(number));
      inputs.emplace_back(std::move(going));
    }
    inputs.insert(inputs.end(), carried_.begin(), carried_.end());
    for (std::size_t k = 0; k < a_.scanned(); ++k) {
      const std::int64_t at = a_.reversed[k] ? length_ - 1 - i : i;
      ASSIGN(Tensor slice, slice_at(scanned(k), a_.axes[k], at));
      inputs.emplace_back(std::move(slice));
    }
    for (std::size_t k = a_.own_operands(); k < c_.operand_count(); ++k)
      inputs.push_back(c_.value(k));
    return inputs;
  }

  Status take(std::vector<Value> outputs) {
    const std::size_t first = a_.conditional ? 1 : 0;
    if (outputs.size() != first + carried_count_ + a_.stacked())
      return internal_error("the body gives another number of results");
    if (a_.conditional) {
      ASSIGN(going_, condition_of(outputs[0]));
    }
    for (std::size_t k = 0; k < carried_count_; ++k) carried_[k] = std::move(outputs[first + k]);
    for (std::size_t k = 0; k < a_.stacked(); ++k) {
      Value& element = outputs[first + carried_count_ + k];
      if (!element.is_tensor()) return malformed("only tensors can be stacked");
      TRY(c_.hold(static_cast<std::int64_t>(element.tensor.byte_size() + sizeof(Tensor))));
      stacks_[k].push_back(std::move(element.tensor));
    }
    return {};
  }

  Status finish() {
    for (std::size_t k = 0; k < carried_count_; ++k) c_.set(k, std::move(carried_[k]));
    for (std::size_t k = 0; k < a_.stacked(); ++k) {
      const std::size_t result = carried_count_ + k;
      if (!stacks_[k].empty()) {
        TRY(stack(stacks_[k], a_.stacked_axes[k], a_.stacked_reversed[k], result, c_));
        continue;
      }
      std::vector<std::int64_t> dims = a_.stacked_extents[k];
      for (std::int64_t& d : dims) d = std::max<std::int64_t>(d, 0);
      if (a_.stacked_axes[k] > static_cast<int>(dims.size()))
        return malformed("the axis to stack on is out of range");
      dims.insert(dims.begin() + a_.stacked_axes[k], 0);
      ASSIGN([[maybe_unused]] Tensor * out, c_.make(result, a_.stacked_dtypes[k], Shape(dims)));
    }
    return {};
  }

  const LoopAttributes& a_;
  Context& c_;
  std::size_t carried_count_;
  std::int64_t trips_ = 0;
  std::int64_t length_ = 0;  // of the scanned axes
  bool going_ = true;
  std::vector<Value> carried_;
  std::vector<std::vector<Tensor>> stacks_;
};

}  // namespace

Status loop(const LoopAttributes& a, Context& c) { return Run(a, c).run(); }

}  // namespace gossamer::reference
