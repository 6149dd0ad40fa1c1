// Tensor: dtype + shape + bytes. Copying a Tensor shares its bytes; bytes that are shared are never
// written. Strings are held as std::string elements. Value adds sequences and optionals.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"
#include "base/status.h"

namespace gossamer {

class Tensor {
 public:
  Tensor() = default;  // f32, shape [0]

  // A zero-filled tensor (empty strings for DType::string). Fails with Code::limit when the size
  // overflows or memory is refused.
  static Result<Tensor> make(DType dtype, Shape shape);
  // Like make, but numeric bytes are left uninitialized.
  static Result<Tensor> make_uninitialized(DType dtype, Shape shape);
  // Shares bytes that somebody else owns: `owner` keeps them alive. `bytes` must be aligned for the
  // element type and hold exactly the elements (in packed file form when `packed`).
  static Tensor borrow(DType dtype, Shape shape, std::span<const std::byte> bytes,
                       std::shared_ptr<const void> owner, bool packed = false);
  // Writable memory of somebody who outlives the tensor and its copies; the same terms otherwise.
  static Tensor over(DType dtype, Shape shape, std::span<std::byte> bytes);
  // Small tensors from values, for tests and constants.
  template <class T>
  static Tensor of(Shape shape, std::span<const T> values);
  template <class T>
  static Tensor scalar(T value) {
    return of<T>(Shape{}, std::span<const T>(&value, 1));
  }
  template <class T>
  static Tensor vector(const std::vector<T>& values) {
    return of<T>(Shape{static_cast<std::int64_t>(values.size())}, std::span<const T>(values));
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  std::int64_t count() const { return count_; }
  std::size_t byte_size() const {
    return bytes_;
  }  // bytes held, packed or not; strings: of the string objects
  // Two- and four-bit elements lie packed, lowest first, as in a file. Only constants are; unpack()
  // before reading.
  bool packed() const { return packed_; }
  Result<Tensor> unpack() const;

  // Elements in row-major order. T must be the dtype's C++ type or, for moving only, its storage
  // type.
  template <class T>
  std::span<const T> values() const {
    return {static_cast<const T*>(data()), static_cast<std::size_t>(count_)};
  }
  // Only for a tensor that shares its bytes with nobody (just made).
  template <class T>
  std::span<T> mutable_values() {
    return {static_cast<T*>(mutable_data()), static_cast<std::size_t>(count_)};
  }
  const void* data() const { return data_.get(); }
  void* mutable_data();
  // Whether this tensor may be written: nobody shares its bytes (of memory that it is `over`, as
  // far as the tensor knows).
  bool unique() const { return data_.use_count() <= 1 && writable_; }
  // Whether the bytes live as long as the tensor does; false when they were borrowed without an
  // owner.
  bool owned() const { return bytes_ == 0 || data_.use_count() > 0; }

  // The same bytes under another shape of the same count, or another dtype of the same element
  // size.
  Tensor reshaped(Shape shape) const;
  Tensor reinterpreted(DType dtype) const;

  // Bitwise equality of dtype, shape and elements.
  bool same_bits(const Tensor& other) const;

 private:
  DType dtype_ = DType::f32;
  bool packed_ = false;
  bool writable_ = false;
  Shape shape_{0};
  std::int64_t count_ = 0;
  std::size_t bytes_ = 0;
  std::shared_ptr<const void> data_;
};

// What a graph's value holds at run time.
struct Value {
  enum class Kind : std::uint8_t { tensor, sequence, optional };
  Kind kind = Kind::tensor;
  Tensor tensor;  // Kind::tensor
  std::shared_ptr<const std::vector<Value>>
      items;  // sequence: its items; optional: one item, or none when empty
  Value() = default;
  Value(Tensor t) : tensor(std::move(t)) {}
  static Value sequence(std::vector<Value> items);
  static Value optional(std::vector<Value> none_or_one);
  bool is_tensor() const { return kind == Kind::tensor; }
  std::span<const Value> list() const;  // items, empty when there are none
};

template <class T>
Tensor Tensor::of(Shape shape, std::span<const T> values) {
  Result<Tensor> t = make(dtype_of<T>, std::move(shape));
  if (!t.ok()) return {};
  std::copy(values.begin(), values.end(), t->template mutable_values<T>().begin());
  return std::move(t).value();
}

// Integers of any width (bool included) as int64; u64 beyond int64 wraps. Fails (usage) on other
// dtypes.
Result<std::vector<std::int64_t>> to_int64s(const Tensor& t);
// Arithmetic floats and integers as doubles. Fails (usage) on other dtypes.
Result<std::vector<double>> to_doubles(const Tensor& t);

}  // namespace gossamer
