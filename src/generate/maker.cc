// Maker: values with their ranges, and the operands that nodes are made of.
#include "generate/maker.h"

#include <algorithm>
#include <cmath>

#include "reference/pointwise.h"

namespace gossamer::generate {
namespace {

constexpr std::string_view kSymbols[] = {"n", "m"};

std::optional<std::int64_t> most(std::string_view name) {
  for (std::string_view s : kSymbols)
    if (s == name) return kMaxSymbol;
  return std::nullopt;
}

// Range of an integer type, as far as doubles and i64 arithmetic go.
Range integer_limits(DType dtype) {
  const int bits = dtype_info(dtype).file_bits - (is_signed_integer(dtype) ? 1 : 0);
  const double high = std::ldexp(1.0, std::min(bits, 40)) - 1;
  return {is_signed_integer(dtype) ? -high - 1 : 0, high, 0};
}

}  // namespace

double Range::magnitude() const { return std::max(std::abs(low), std::abs(high)); }

double half_ulp(DType dtype) {
  if (!is_floating(dtype)) return 0;
  if (dtype == DType::f64) return 0x1p-52;
  if (dtype == DType::f32) return 0x1p-23;
  return dtype == DType::f16 ? 0x1p-11 : 0x1p-8;
}

Range input_range(DType dtype) {
  if (dtype == DType::boolean) return {0, 1, 0};
  if (is_floating(dtype)) return {-2, 2, 0};
  return is_signed_integer(dtype) ? Range{-8, 8, 0} : Range{0, 15, 0};
}

bool fits(DType dtype, const Range& range) {
  if (!(range.low <= range.high)) return false;
  if (dtype == DType::boolean) return true;
  if (is_floating(dtype)) return range.magnitude() <= kMaxMagnitude;
  const Range limits = integer_limits(dtype);
  return range.low >= limits.low && range.high <= limits.high;
}

Maker::Maker(Graph& graph, std::shared_ptr<Symbols> symbols, Dice& dice,
             const GenerateOptions& options, int depth)
    : dice_(dice),
      options_(options),
      symbols_(std::move(symbols)),
      build_(graph, symbols_),
      depth_(depth) {}

void Maker::set_dtypes(DType floats, DType integers, bool narrow) {
  float_dtype_ = floats;
  integer_dtype_ = integers;
  max_error_ = narrow ? kMaxNarrowError : kMaxError;
}

Maker Maker::nested(Graph& body) const {
  Maker inner(body, symbols_, dice_, options_, depth_ + 1);
  inner.float_dtype_ = float_dtype_;
  inner.integer_dtype_ = integer_dtype_;
  inner.max_error_ = max_error_;
  return inner;
}

std::optional<Shape> Maker::largest(const Type& type) const {
  if (!type.ranked()) return std::nullopt;
  Shape shape;
  for (const Dim& d : *type.shape) {
    const std::optional<std::int64_t> extent = d.evaluate(most);
    if (!extent) return std::nullopt;
    shape.dims().push_back(*extent);
  }
  return shape;
}

void Maker::offer(ValueId v, const Range& range) {
  const std::optional<Shape> shape = largest(type(v));
  if (!shape || shape->rank() > 6) return;
  const std::optional<std::int64_t> count = shape->checked_count();
  if (count && *count > 0 && *count <= options_.max_elements) pool_.push_back({v, range});
}

std::optional<Known> Maker::find(const Wanted& wanted) {
  std::vector<std::size_t> fitting;
  for (std::size_t i = 0; i < pool_.size(); ++i)
    if (wanted(pool_[i])) fitting.push_back(i);
  if (fitting.empty()) return std::nullopt;
  // The best of two draws is the later one.
  const std::size_t first = dice_.pick(fitting), second = dice_.pick(fitting);
  return pool_[std::max(first, second)];
}

Known Maker::weights(DType dtype, const Shape& shape, double amplitude) {
  std::vector<Scalar> scalars;
  const bool negative = is_floating(dtype) || is_signed_integer(dtype);
  Range range{0, 0, 0};
  const auto steps = static_cast<std::int64_t>(is_floating(dtype) ? 64 : amplitude);
  const double step = is_floating(dtype) ? amplitude / 64 : 1;
  for (std::int64_t i = shape.count(); i > 0; --i) {
    double v = static_cast<double>(dice_.between(negative ? -steps : 0, steps)) * step;
    if (dtype == DType::boolean) v = dice_.chance(50) ? 1 : 0;
    range.low = std::min(range.low, v);
    range.high = std::max(range.high, v);
    scalars.push_back(is_floating(dtype) ? make_scalar(dtype, v)
                                         : make_scalar(dtype, static_cast<std::int64_t>(v)));
  }
  Result<Tensor> made = Tensor::make(dtype, shape);
  if (!made.ok()) return {build_.constant(Tensor()), {}};
  Tensor tensor = std::move(made).value();
  visit_storage(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_unsigned_v<T>) {
      auto out = tensor.mutable_values<T>();
      for (std::size_t i = 0; i < scalars.size(); ++i) out[i] = static_cast<T>(scalars[i].bits);
    }
  });
  return {build_.constant(std::move(tensor)), range};
}

Known Maker::ints(DType dtype, const Shape& shape, const std::vector<std::int64_t>& values) {
  Tensor tensor =
      dtype == DType::i32
          ? Tensor::of<std::int32_t>(shape, std::vector<std::int32_t>(values.begin(), values.end()))
          : Tensor::of<std::int64_t>(shape, values);
  Range range;
  for (std::int64_t v : values) {
    range.low = std::min(range.low, static_cast<double>(v));
    range.high = std::max(range.high, static_cast<double>(v));
  }
  return {build_.constant(std::move(tensor)), range};
}

Known Maker::fresh(DType dtype, const Shape& shape) {
  if (depth_ > 0 || dice_.chance(35)) {
    const Known v = weights(dtype, shape, input_range(dtype).high);
    offer(v.id, v.range);
    return v;
  }
  return take(Type::tensor(dtype, shape), input_range(dtype));
}

Known Maker::take(const Type& type, const Range& range) {
  const Known v{build_.input("x" + std::to_string(build_.graph().inputs.size()), type), range};
  offer(v.id, range);
  return v;
}

Shape Maker::random_shape(int rank, std::int64_t largest_extent) {
  Shape shape;
  for (int i = 0; i < rank; ++i) shape.dims().push_back(dice_.between(1, largest_extent));
  return shape;
}

std::vector<int> Maker::random_axes(int rank, bool may_be_none) {
  std::vector<int> axes;
  for (int i = 0; i < rank; ++i)
    if (dice_.chance(50)) axes.push_back(i);
  if (axes.empty() && !may_be_none && rank > 0) axes.push_back(dice_.axis(rank));
  return axes;
}

Result<Known> Maker::floats(int min_rank, int max_rank, int first_static, double max_magnitude) {
  const auto fitting = [&](const Known& v) {
    if (!is_float(v) || rank(v) < min_rank || rank(v) > max_rank) return false;
    for (int i = first_static; i < rank(v); ++i)
      if (!extent(v, i)) return false;
    return v.range.error <= max_error_ / 4;
  };
  std::optional<Known> x = dice_.chance(85) ? find(fitting) : std::nullopt;
  if (!x) {
    const int r = static_cast<int>(dice_.between(min_rank, max_rank));
    const Shape shape = random_shape(r, 5);
    Type type = Type::tensor(float_dtype_, shape);
    if (depth_ == 0 && options_.symbolic && r > 0 && first_static > 0 && dice_.chance(25)) {
      const auto axis = static_cast<std::size_t>(dice_.axis(std::min(r, first_static)));
      (*type.shape)[axis] = Dim::symbol(
          dice_.pick(std::vector<std::string_view>(std::begin(kSymbols), std::end(kSymbols))));
      x = take(type, input_range(float_dtype_));
    } else {
      x = fresh(float_dtype_, shape);
    }
  }
  return tame(*x, max_magnitude);
}

Known Maker::exact(int min_rank, int max_rank, int first_static) {
  const auto fitting = [&](const Known& v) {
    if (!v.range.exact() || rank(v) < min_rank || rank(v) > max_rank) return false;
    if (dtype(v) == DType::boolean) return false;
    for (int i = first_static; i < rank(v); ++i)
      if (!extent(v, i)) return false;
    return is_arithmetic_float(dtype(v)) || is_arithmetic_integer(dtype(v));
  };
  if (const std::optional<Known> x = dice_.chance(85) ? find(fitting) : std::nullopt) return *x;
  const int r = static_cast<int>(dice_.between(min_rank, max_rank));
  const DType type = dice_.chance(65) ? float_dtype_ : integer_dtype_;
  return fresh(type, random_shape(r, 5));
}

Result<Known> Maker::tame(const Known& x, double magnitude) {
  if (x.range.magnitude() <= magnitude) return x;
  Known y;
  if (magnitude >= 1 && dice_.chance(30)) {
    ASSIGN(y.id, build_.unary(PointwiseOp::tanh, x.id));
    y.range = {-1, 1, x.range.error + 4 * half_ulp(dtype(x))};
  } else {
    // By a power of two: nothing is rounded.
    const double factor =
        std::ldexp(1.0, -static_cast<int>(std::ceil(std::log2(x.range.magnitude() / magnitude))));
    ASSIGN(y.id, build_.pointwise({x.id}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
      return e.mul(in[0], e.like(in[0], factor));
    }));
    y.range = {x.range.low * factor, x.range.high * factor, x.range.error * factor};
  }
  offer(y.id, y.range);
  return y;
}

}  // namespace gossamer::generate
