// Python's objects as values of models, and back.
#include "values.h"

#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace gossamer::python {
namespace {

nb::module_ arrays() { return nb::module_::import_("gossamer._arrays"); }

// The element type of a buffer by its format, a character of the struct module.
std::optional<DType> dtype_of_format(const char* format, std::int64_t size) {
  std::string_view f = format ? format : "B";
  if (!f.empty() && (f[0] == '@' || f[0] == '=' || f[0] == '<')) f.remove_prefix(1);
  if (f == "Zf") return DType::c64;
  if (f == "Zd") return DType::c128;
  if (f.size() != 1) return std::nullopt;
  constexpr std::array kSigned = {DType::i8, DType::i16, DType::i32, DType::i64};
  constexpr std::array kUnsigned = {DType::u8, DType::u16, DType::u32, DType::u64};
  const std::size_t log = size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3;
  switch (f[0]) {
    case '?':
      return DType::boolean;
    case 'e':
      return DType::f16;
    case 'f':
      return DType::f32;
    case 'd':
      return DType::f64;
    case 'b':
    case 'h':
    case 'i':
    case 'l':
    case 'q':
    case 'n':
      return kSigned[log];
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
    case 'N':
      return kUnsigned[log];
    default:
      return std::nullopt;
  }
}

// The type inside "seq(...)" or "opt(...)".
Wanted element_of(const Wanted& wanted) {
  Wanted out;
  if (wanted.type.size() > 5) out.type = wanted.type.substr(4, wanted.type.size() - 5);
  out.is_tensor = !out.type.starts_with("seq(") && !out.type.starts_with("opt(");
  out.dtype = dtype_from_name(out.type.substr(0, out.type.find('['))).value_or(DType::f32);
  return out;
}

// Text as (shape, list of str) from the helper.
Value text_value(const nb::tuple& parts) {
  Shape shape;
  for (nb::handle extent : nb::cast<nb::tuple>(parts[0]))
    shape.dims().push_back(nb::cast<std::int64_t>(extent));
  const auto list = nb::cast<nb::list>(parts[1]);
  Tensor t = take(Tensor::make(DType::string, shape));
  std::size_t i = 0;
  for (std::string& s : t.mutable_values<std::string>()) {
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(list[i++].ptr(), &size);
    if (!text) throw nb::python_error();
    s.assign(text, static_cast<std::size_t>(size));
  }
  return Value(std::move(t));
}

nb::object text_array(const Tensor& t) {
  nb::list items;
  for (const std::string& s : t.values<std::string>())
    items.append(nb::steal(
        PyUnicode_DecodeUTF8(s.data(), static_cast<Py_ssize_t>(s.size()), "surrogateescape")));
  nb::list shape;
  for (const std::int64_t extent : t.shape()) shape.append(extent);
  return helper("text_array")(nb::tuple(shape), items);
}

}  // namespace

nb::object helper(const char* name) { return arrays().attr(name); }

void fail(const Status& status) {
  const nb::module_ errors = nb::module_::import_("gossamer._errors");
  const nb::object error =
      errors.attr("make")(std::string(code_name(status.code())), status.message(), status.hint());
  PyErr_SetObject(error.type().ptr(), error.ptr());
  throw nb::python_error();
}

Memory::~Memory() {
  if (held_) PyBuffer_Release(&view_);
}
Memory::Memory(Memory&& other) noexcept
    : view_(other.view_), dtype_(other.dtype_), held_(std::exchange(other.held_, false)) {}
Memory& Memory::operator=(Memory&& other) noexcept {
  std::swap(view_, other.view_);
  std::swap(dtype_, other.dtype_);
  std::swap(held_, other.held_);
  return *this;
}

bool Memory::borrow(nb::handle object, bool writable) {
  if (!PyObject_CheckBuffer(object.ptr())) return false;
  const int flags = PyBUF_FORMAT | PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0);
  if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) {
    PyErr_Clear();
    return false;
  }
  held_ = true;
  const std::optional<DType> dtype = dtype_of_format(view_.format, view_.itemsize);
  const auto size = static_cast<std::size_t>(view_.itemsize);
  if (dtype && dtype_size(*dtype) == size && view_.ndim <= kMaxRank &&
      reinterpret_cast<std::uintptr_t>(view_.buf) % std::min<std::size_t>(size, 16) == 0) {
    dtype_ = *dtype;
    return true;
  }
  PyBuffer_Release(&view_);
  held_ = false;
  return false;
}

std::span<const std::int64_t> Memory::extents() const {
  static_assert(sizeof(Py_ssize_t) == sizeof(std::int64_t));
  return {view_.shape, static_cast<std::size_t>(view_.ndim)};
}

std::optional<Memory> tensor_memory(nb::handle object, const Wanted& wanted, const char* name) {
  Memory memory;
  if (memory.borrow(object)) return memory;
  if (wanted.dtype == DType::string) return std::nullopt;
  const nb::tuple parts =
      nb::cast<nb::tuple>(helper("dense")(object, std::string(dtype_name(wanted.dtype)), name));
  if (!memory.borrow(parts[0]))
    fail(internal_error(std::string("input '") + name + "' could not be made dense"));
  const std::optional<DType> dtype = dtype_from_name(nb::cast<std::string>(parts[1]));
  if (dtype && dtype_size(*dtype) == dtype_size(memory.dtype())) memory.set_dtype(*dtype);
  return memory;
}

Value value_of(nb::handle object, const Wanted& wanted, const char* name) {
  if (wanted.type.starts_with("opt(")) {
    if (object.is_none()) return Value::optional({});
    return Value::optional({value_of(object, element_of(wanted), name)});
  }
  if (wanted.type.starts_with("seq(")) {
    const Wanted element = element_of(wanted);
    std::vector<Value> items;
    for (nb::handle item : nb::cast<nb::list>(helper("sequence")(object, name)))
      items.push_back(value_of(item, element, name));
    return Value::sequence(std::move(items));
  }
  if (wanted.dtype == DType::string)
    return text_value(nb::cast<nb::tuple>(helper("text")(object, name)));
  std::optional<Memory> memory = tensor_memory(object, wanted, name);
  return value_over(*std::move(memory));
}

Value value_over(Memory memory) {
  const Shape shape(memory.extents());
  auto* keeper = std::make_unique<Memory>(std::move(memory)).release();
  // Freed on whatever thread lets go of it last.
  const std::shared_ptr<const void> owner(keeper, [](Memory* m) {
    const nb::gil_scoped_acquire gil;
    const std::unique_ptr<Memory> last(m);
  });
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(keeper->data()),
                                         static_cast<std::size_t>(keeper->bytes()));
  return Value(Tensor::borrow(keeper->dtype(), shape, bytes, owner));
}

nb::object object_of(const Value& value) {
  if (value.kind == Value::Kind::optional)
    return value.list().empty() ? nb::none() : object_of(value.list()[0]);
  if (value.kind == Value::Kind::sequence) {
    nb::list out;
    for (const Value& item : value.list()) out.append(object_of(item));
    return out;
  }
  if (value.tensor.dtype() == DType::string) return text_array(value.tensor);
  const Tensor dense = take(value.tensor.unpack());
  Memory memory;
  nb::object array = new_array(dense.dtype(), dense.shape().dims(), memory);
  if (dense.byte_size() > 0) std::memcpy(memory.data(), dense.data(), dense.byte_size());
  return finished(std::move(array), dense.dtype());
}

namespace {

// What numpy makes arrays with, kept for the life of the process: the interpreter's own order of
// ending must not matter.
struct Numpy {
  PyObject* empty = nullptr;
  std::array<PyObject*, 64> storage{};  // by DType: the dtype that numpy stores it as
  std::array<bool, 64> plain{};         // whether that is what the user gets
};

Numpy& numpy() {
  static Numpy n;
  if (!n.empty) n.empty = nb::object(nb::module_::import_("numpy").attr("empty")).release().ptr();
  return n;
}

PyObject* storage_of(DType dtype) {
  Numpy& n = numpy();
  const auto i = static_cast<std::size_t>(dtype);
  if (!n.storage[i]) {
    const nb::tuple found = nb::cast<nb::tuple>(helper("storage")(std::string(dtype_name(dtype))));
    n.plain[i] = nb::cast<bool>(found[1]);
    n.storage[i] = nb::object(found[0]).release().ptr();
  }
  return n.storage[i];
}

}  // namespace

nb::object new_array(DType dtype, std::span<const std::int64_t> extents, Memory& memory) {
  PyObject* storage = storage_of(dtype);
  const nb::object shape = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(extents.size())));
  for (std::size_t i = 0; i < extents.size(); ++i)
    PyTuple_SetItem(shape.ptr(), static_cast<Py_ssize_t>(i), PyLong_FromLongLong(extents[i]));
  std::array<PyObject*, 2> arguments = {shape.ptr(), storage};
  nb::object array = nb::steal(PyObject_Vectorcall(numpy().empty, arguments.data(), 2, nullptr));
  if (!array.is_valid()) throw nb::python_error();
  if (!memory.borrow(array, true)) fail(internal_error("numpy's array has no memory"));
  return array;
}

nb::object finished(nb::object array, DType dtype) {
  storage_of(dtype);
  if (numpy().plain[static_cast<std::size_t>(dtype)]) return array;
  return helper("finished")(array, std::string(dtype_name(dtype)));
}

}  // namespace gossamer::python
