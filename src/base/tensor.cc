// Tensor: allocation, sharing, unpacking, comparison; and Value.
#include "base/tensor.h"

#include <fmt/format.h>

#include <sys/mman.h>

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/float_bits.h"

namespace gossamer {
namespace {

constexpr std::size_t kAlignment = 64;

struct Free {
  void operator()(void* bytes) const { std::free(bytes); }
};

Status refused(DType dtype, const Shape& shape, std::string_view bytes) {
  return limit_error(fmt::format("no memory for a tensor of {}{} ({} bytes)", dtype_name(dtype),
                                 shape.to_string(), bytes));
}

// The bytes of `count` elements, or nothing when that overflows.
std::optional<std::size_t> run_time_bytes(DType dtype, std::int64_t count) {
  const auto bytes = checked_mul(count, static_cast<std::int64_t>(dtype_size(dtype)));
  // Room for rounding up to the alignment.
  if (!bytes || !checked_add(*bytes, kAlignment)) return std::nullopt;
  return static_cast<std::size_t>(*bytes);
}

// The bytes of `count` elements in packed file form, or nothing when that overflows.
std::optional<std::size_t> packed_bytes(DType dtype, std::int64_t count) {
  const auto bits = checked_mul(count, dtype_info(dtype).file_bits);
  if (!bits || !checked_add(*bits, 7)) return std::nullopt;
  return static_cast<std::size_t>((*bits + 7) / 8);
}

// From so many bytes on, memory comes straight from the system: zeroed, in huge pages where it has
// them, and given back as soon as nobody needs it. The heap would keep it.
constexpr std::size_t kMapped = std::size_t{2} << 20U;

std::shared_ptr<const void> map_bytes(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  madvise(memory, bytes, MADV_HUGEPAGE);
  return std::shared_ptr<const void>(memory, [bytes](void* p) { munmap(p, bytes); });
}

std::shared_ptr<const void> allocate_bytes(std::size_t bytes) {
  if (bytes >= kMapped) return map_bytes(bytes);
  const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + kAlignment - 1) / kAlignment;
  std::unique_ptr<void, Free> memory(std::aligned_alloc(kAlignment, rounded * kAlignment));
  if (!memory) return nullptr;
  return std::shared_ptr<void>(std::move(memory));
}

std::shared_ptr<const void> allocate_strings(std::size_t count) {
  try {
    auto strings = std::make_shared<std::vector<std::string>>(count);
    void* first = strings->data();
    return std::shared_ptr<const void>(std::move(strings), first);
  } catch (const std::bad_alloc&) {
    return nullptr;
  } catch (const std::length_error&) {
    return nullptr;
  }
}

}  // namespace

Result<Tensor> Tensor::make_uninitialized(DType dtype, Shape shape) {
  if (shape.rank() > kMaxRank) {
    return limit_error(
        fmt::format("a tensor of rank {} is beyond the greatest rank, {}", shape.rank(), kMaxRank));
  }
  const std::optional<std::int64_t> count = shape.checked_count();
  if (!count) {
    return limit_error(
        fmt::format("the shape {} has a negative extent or too many elements", shape.to_string()));
  }
  const std::optional<std::size_t> bytes = run_time_bytes(dtype, *count);
  if (!bytes) return refused(dtype, shape, "more than 2^63");

  Tensor t;
  t.data_ = dtype == DType::string ? allocate_strings(static_cast<std::size_t>(*count))
                                   : allocate_bytes(*bytes);
  if (t.data_.use_count() == 0) return refused(dtype, shape, std::to_string(*bytes));
  t.dtype_ = dtype;
  t.shape_ = std::move(shape);
  t.count_ = *count;
  t.bytes_ = *bytes;
  t.writable_ = true;
  return t;
}

Result<Tensor> Tensor::make(DType dtype, Shape shape) {
  Result<Tensor> t = make_uninitialized(dtype, std::move(shape));
  if (t.ok() && dtype != DType::string && t->byte_size() < kMapped)
    std::memset(t->mutable_data(), 0, t->byte_size());
  return t;
}

Tensor Tensor::borrow(DType dtype, Shape shape, std::span<const std::byte> bytes,
                      std::shared_ptr<const void> owner, bool packed) {
  Tensor t;
  t.dtype_ = dtype;
  t.packed_ = packed && dtype_info(dtype).file_bits % 8 != 0;
  t.count_ = shape.checked_count().value_or(0);
  t.shape_ = std::move(shape);
  t.bytes_ = bytes.size();
  t.data_ = std::shared_ptr<const void>(std::move(owner), bytes.data());
  assert(t.shape_.checked_count().has_value());
  assert(t.bytes_ == (t.packed_ ? packed_bytes(dtype, t.count_) : run_time_bytes(dtype, t.count_)));
  return t;
}

Tensor Tensor::over(DType dtype, Shape shape, std::span<std::byte> bytes) {
  Tensor t = borrow(dtype, std::move(shape), bytes, nullptr);
  t.writable_ = true;
  return t;
}

void* Tensor::mutable_data() {
  assert(unique());
  return const_cast<void*>(data_.get());
}

Result<Tensor> Tensor::unpack() const {
  if (!packed_) return *this;
  const std::optional<std::size_t> needed = packed_bytes(dtype_, count_);
  if (!needed || *needed > bytes_) {
    return malformed(fmt::format("{} packed bytes are too few for {}{}", bytes_, dtype_name(dtype_),
                                 shape_.to_string()));
  }
  ASSIGN(Tensor result, make_uninitialized(dtype_, shape_));
  const auto* from = static_cast<const std::uint8_t*>(data());
  auto* to = static_cast<std::uint8_t*>(result.mutable_data());
  const unsigned width = static_cast<unsigned>(dtype_info(dtype_).file_bits);
  const unsigned mask = (1U << width) - 1;
  // The bits above an element: ones for a negative one, so that it is sign-extended.
  const unsigned sign = is_signed_integer(dtype_) ? 1U << (width - 1) : 0;
  unsigned bits = 0;  // what is left of the bytes read so far
  unsigned held = 0;  // how many bits that is
  for (std::int64_t i = 0; i < count_; ++i) {
    if (held < width) {
      bits |= unsigned{*from++} << held;
      held += 8;
    }
    const unsigned element = bits & mask;
    to[i] = static_cast<std::uint8_t>((element ^ sign) - sign);
    bits >>= width;
    held -= width;
  }
  return result;
}

Tensor Tensor::reshaped(Shape shape) const {
  assert(shape.checked_count() == count_);
  Tensor t = *this;
  t.shape_ = std::move(shape);
  return t;
}

Tensor Tensor::reinterpreted(DType dtype) const {
  assert(dtype_size(dtype) == dtype_size(dtype_));
  assert((dtype == DType::string) == (dtype_ == DType::string));
  assert(!packed_ || dtype_info(dtype).file_bits == dtype_info(dtype_).file_bits);
  Tensor t = *this;
  t.dtype_ = dtype;
  return t;
}

bool Tensor::same_bits(const Tensor& other) const {
  if (dtype_ != other.dtype_ || shape_ != other.shape_) return false;
  if (packed_ || other.packed_) {
    // The padding of the last byte must not count.
    const Result<Tensor> a = unpack();
    const Result<Tensor> b = other.unpack();
    return a.ok() && b.ok() && a->same_bits(*b);
  }
  if (dtype_ == DType::string) {
    const auto a = values<std::string>();
    return std::equal(a.begin(), a.end(), other.values<std::string>().begin());
  }
  return bytes_ == 0 || std::memcmp(data(), other.data(), bytes_) == 0;
}

Value Value::sequence(std::vector<Value> items) {
  Value v;
  v.kind = Kind::sequence;
  v.items = std::make_shared<const std::vector<Value>>(std::move(items));
  return v;
}

Value Value::optional(std::vector<Value> none_or_one) {
  assert(none_or_one.size() <= 1);
  Value v = sequence(std::move(none_or_one));
  v.kind = Kind::optional;
  return v;
}

std::span<const Value> Value::list() const {
  return items ? std::span<const Value>(*items) : std::span<const Value>();
}

namespace {

// Calls convert(element) for each element of a tensor of the dtypes that `accepted` lets through.
template <class To, class Accepted>
Result<std::vector<To>> convert_all(const Tensor& t, Accepted accepted, std::string_view what) {
  if (!accepted(t.dtype())) {
    return usage_error(fmt::format("a tensor of {} is not of {}", dtype_name(t.dtype()), what));
  }
  ASSIGN(const Tensor plain, t.unpack());
  std::vector<To> result;
  result.reserve(static_cast<std::size_t>(plain.count()));
  visit_dtype(plain.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (const T& value : plain.values<T>()) {
      if constexpr (std::is_arithmetic_v<T>) {
        result.push_back(static_cast<To>(value));
      } else if constexpr (requires { value.value; }) {
        result.push_back(static_cast<To>(value.value));
      } else if constexpr (requires { to_double(value); }) {
        result.push_back(static_cast<To>(to_double(value)));
      }
    }
  });
  return result;
}

}  // namespace

Result<std::vector<std::int64_t>> to_int64s(const Tensor& t) {
  const auto accepted = [](DType d) { return d == DType::boolean || is_integer(d); };
  return convert_all<std::int64_t>(t, accepted, "integers");
}

Result<std::vector<double>> to_doubles(const Tensor& t) {
  const auto accepted = [](DType d) { return is_arithmetic_float(d) || is_integer(d); };
  return convert_all<double>(t, accepted, "numbers");
}

}  // namespace gossamer
