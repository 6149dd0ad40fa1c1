// Constant and ConstantOfShape.
#include "onnx/lowering.h"

namespace gossamer::onnx {
namespace {

constexpr std::int64_t kMaxDenseBytes = std::int64_t{1} << 31;

// The linear index of entry k, checked by the reader to lie inside `dims`.
std::int64_t position(const SparseTensor& s, std::int64_t k) {
  const auto indices = s.indices.values<std::int64_t>();
  if (s.indices.rank() == 1) return indices[static_cast<std::size_t>(k)];
  const std::int64_t rank = s.dims.rank();
  std::int64_t at = 0;
  for (std::int64_t d = 0; d < rank; ++d)
    at = at * s.dims[static_cast<int>(d)] + indices[static_cast<std::size_t>(k * rank + d)];
  return at;
}

Result<Tensor> densify(const SparseTensor& s) {
  ASSIGN(Tensor values, s.values.unpack());
  const std::optional<std::int64_t> count = s.dims.checked_count();
  const auto size = static_cast<std::int64_t>(dtype_size(values.dtype()));
  if (!count || *count > kMaxDenseBytes / size)
    return limit_error("sparse constant of shape " + s.dims.to_string() + " is too large");
  ASSIGN(Tensor dense, Tensor::make(values.dtype(), s.dims));
  visit_storage(values.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto to = dense.mutable_values<T>();
    const auto from = values.values<T>();
    for (std::int64_t k = 0; k < values.count(); ++k)
      to[static_cast<std::size_t>(position(s, k))] = from[static_cast<std::size_t>(k)];
  });
  return dense;
}

Result<Tensor> constant_of(Lowering& l, const Attribute& a) {
  using Kind = Attribute::Kind;
  if (a.name == "value" && a.kind == Kind::t && a.tensors.size() == 1) return a.tensors[0];
  if (a.name == "value_float" && a.kind == Kind::f) return Tensor::scalar(a.f);
  if (a.name == "value_floats" && a.kind == Kind::floats) return Tensor::vector(a.floats);
  if (a.name == "value_int" && a.kind == Kind::i) return Tensor::scalar(a.i);
  if (a.name == "value_ints" && a.kind == Kind::ints) return Tensor::vector(a.ints);
  if (a.name == "value_string" && a.kind == Kind::s) return Tensor::scalar(a.s);
  if (a.name == "value_strings" && a.kind == Kind::strings) return Tensor::vector(a.strings);
  if (a.name == "sparse_value" && a.kind == Kind::sparse_tensor && a.sparse_tensors.size() == 1)
    return densify(a.sparse_tensors[0]);
  return l.wrong("attribute '" + a.name + "' does not give a constant");
}

}  // namespace

Status lower_constant(Lowering& l) {
  const Attribute* found = nullptr;
  for (const Attribute& a : l.node().attributes) {
    if (!a.name.starts_with("value") && a.name != "sparse_value") continue;
    if (found != nullptr) return l.wrong("more than one value is given");
    found = &a;
  }
  if (found == nullptr) return l.wrong("no value is given");
  ASSIGN(Tensor t, constant_of(l, *found));
  l.output(0, l.b().constant(std::move(t)));
  return {};
}

Status lower_constant_of_shape(Lowering& l) {
  Tensor value = Tensor::scalar(0.0F);
  if (l.has_attribute("value")) {
    ASSIGN(value, l.required_tensor("value"));
    if (value.count() != 1) return l.wrong("attribute 'value' must hold one element");
    ASSIGN(value, value.unpack());
  }
  return l.output(l.b().expand(l.b().constant(value.reshaped(Shape{})), l.input(0)));
}

}  // namespace gossamer::onnx
