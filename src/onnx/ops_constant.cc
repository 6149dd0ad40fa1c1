// Constant and ConstantOfShape.
#include "onnx/graph_lowering.h"
#include "onnx/lowering.h"

namespace gossamer::onnx {
namespace {

Result<Tensor> constant_of(Lowering& l, const Attribute& a) {
  using Kind = Attribute::Kind;
  if (a.name == "value" && a.kind == Kind::t && a.tensors.size() == 1) return a.tensors[0];
  if (a.name == "value_float" && a.kind == Kind::f) return Tensor::scalar(a.f);
  if (a.name == "value_floats" && a.kind == Kind::floats) return Tensor::vector(a.floats);
  if (a.name == "value_int" && a.kind == Kind::i) return Tensor::scalar(a.i);
  if (a.name == "value_ints" && a.kind == Kind::ints) return Tensor::vector(a.ints);
  if (a.name == "value_string" && a.kind == Kind::s) return Tensor::scalar(a.s);
  if (a.name == "value_strings" && a.kind == Kind::strings) return Tensor::vector(a.strings);
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
  if (found->kind == Attribute::Kind::sparse_tensor && found->sparse_tensors.size() == 1)
    return l.output(densify(l.b(), found->sparse_tensors[0]));
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
  TRY(l.vector_length(0).status());
  return l.output(l.b().expand(l.b().constant(value.reshaped(Shape{})), l.input(0)));
}

}  // namespace gossamer::onnx
