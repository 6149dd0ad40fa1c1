// Between Python's objects and the values of models: numpy arrays by their memory, everything else
// by the helpers of gossamer/_arrays.py.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/tensor.h"
#include "runtime/session.h"

namespace gossamer::python {

namespace nb = nanobind;

// Throws the exception of gossamer/_errors.py that a failed status stands for.
[[noreturn]] void fail(const Status& status);
inline void check(const Status& status) {
  if (!status.ok()) fail(status);
}
template <class T>
T take(Result<T> result) {
  if (!result.ok()) fail(result.status());
  return std::move(result).value();
}

// A function of gossamer/_arrays.py.
nb::object helper(const char* name);

// The memory of an object that has the buffer protocol, dense and row-major, for as long as this
// lives.
class Memory {
 public:
  Memory() = default;
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&& other) noexcept;

  // False, without a Python error, when the object has no such memory of elements that models know.
  bool borrow(nb::handle object, bool writable = false);

  bool held() const { return held_; }
  DType dtype() const { return dtype_; }
  void set_dtype(DType dtype) { dtype_ = dtype; }  // of the same size
  std::span<const std::int64_t> extents() const;
  void* data() const { return view_.buf; }
  std::int64_t bytes() const { return view_.len; }

 private:
  Py_buffer view_{};
  DType dtype_ = DType::f32;
  bool held_ = false;
};

// What a model wants in a place: the text of a type as in "seq(f32[?,80])".
struct Wanted {
  std::string type;
  bool is_tensor = true;
  DType dtype = DType::f32;  // of a tensor
};

// The tensor's memory: of the object where it can be, else of a converted copy. Empty: the object
// holds text, or is no tensor. Throws what the conversion throws.
std::optional<Memory> tensor_memory(nb::handle object, const Wanted& wanted, const char* name);
// Any value that a model takes; memory is borrowed and kept alive by the value.
Value value_of(nb::handle object, const Wanted& wanted, const char* name);
// A tensor over the memory, which lives as long as the tensor.
Value value_over(Memory memory);
// numpy arrays, lists, None; elements are copied.
nb::object object_of(const Value& value);

// An uninitialized numpy array for elements of that type; `memory` looks into it.
nb::object new_array(DType dtype, std::span<const std::int64_t> extents, Memory& memory);
// What the user gets for an array that new_array made.
nb::object finished(nb::object array, DType dtype);

}  // namespace gossamer::python
