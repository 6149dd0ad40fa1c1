// Cast, CastLike, BitCast.
#include "onnx/elementwise.h"
#include "onnx/text.h"

namespace gossamer::onnx {
namespace {

// The names that `to` had before opset 6.
Result<DType> dtype_by_old_name(std::string_view name) {
  constexpr std::pair<std::string_view, DType> kNames[] = {
      {"FLOAT", DType::f32},     {"DOUBLE", DType::f64},    {"FLOAT16", DType::f16},
      {"INT8", DType::i8},       {"INT16", DType::i16},     {"INT32", DType::i32},
      {"INT64", DType::i64},     {"UINT8", DType::u8},      {"UINT16", DType::u16},
      {"UINT32", DType::u32},    {"UINT64", DType::u64},    {"BOOL", DType::boolean},
      {"STRING", DType::string}, {"COMPLEX64", DType::c64}, {"COMPLEX128", DType::c128}};
  for (const auto& [known, dtype] : kNames)
    if (known == name) return dtype;
  return malformed("attribute 'to': no element type '" + std::string(name) + "'");
}

Result<CastRounding> rounding_mode(Lowering& l) {
  ASSIGN(std::string mode, l.string_or("round_mode", "up"));
  if (mode == "up") return CastRounding::up;
  if (mode == "down") return CastRounding::down;
  if (mode == "nearest") return CastRounding::nearest;
  return l.wrong("attribute 'round_mode' must be up, down or nearest");
}

bool is_fnuz(DType d) { return d == DType::f8e4m3fnuz || d == DType::f8e5m2fnuz; }

// Narrow floats are written and read by way of f32.
Status lower_text_cast(Lowering& l, DType from, DType to) {
  const auto narrow = [](DType d) { return is_floating(d) && d != DType::f32 && d != DType::f64; };
  Builder& b = l.b();
  if (to == DType::string) {
    ASSIGN(ValueId x, b.cast(l.input(0), narrow(from) ? DType::f32 : from));
    return l.output(add_text(l, {.op = TextOp::format}, {x}));
  }
  ASSIGN(ValueId y,
         add_text(l, {.op = TextOp::parse, .dtype = narrow(to) ? DType::f32 : to}, {l.input(0)}));
  return l.output(b.cast(y, to));
}

Status lower_cast_to(Lowering& l, DType to) {
  if (!l.type(0).is_tensor()) return l.wrong("the input is not a tensor");
  const DType from = l.dtype(0);
  if (from == to) {
    l.output(0, l.input(0));
    return {};
  }
  if (from == DType::string || to == DType::string) return lower_text_cast(l, from, to);
  ASSIGN(std::int64_t saturate, l.int_or("saturate", 1));
  ASSIGN(CastRounding rounding, rounding_mode(l));
  const bool old_infinities =
      l.version() < 24 && saturate != 0 && is_fnuz(to) && is_arithmetic_float(from);
  return l.output(l.b().pointwise({l.input(0)}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    const Ref y = e.cast(in[0], to, saturate != 0, rounding);
    if (!old_infinities) return y;
    // Infinity became NaN before opset 24, in these formats only.
    const Ref infinite = e.eq(e.abs(in[0]), e.like(in[0], std::numeric_limits<double>::infinity()));
    return e.select(infinite, e.like(y, std::numeric_limits<double>::quiet_NaN()), y);
  }));
}

}  // namespace

Status lower_cast(Lowering& l) {
  if (l.version() < 6) {
    ASSIGN(std::string name, l.required_string("to"));
    ASSIGN(DType to, dtype_by_old_name(name));
    return lower_cast_to(l, to);
  }
  if (!l.has_attribute("to")) return l.wrong("required attribute 'to' is missing");
  ASSIGN(DType to, l.dtype_or("to", DType::f32));
  return lower_cast_to(l, to);
}

Status lower_cast_like(Lowering& l) {
  if (!l.type(1).is_tensor()) return l.wrong("input 1 is not a tensor");
  return lower_cast_to(l, l.dtype(1));
}

Status lower_bit_cast(Lowering& l) {
  TRY(expect_numeric(l));
  if (!l.has_attribute("to")) return l.wrong("required attribute 'to' is missing");
  ASSIGN(DType to, l.dtype_or("to", DType::f32));
  const DType from = l.dtype(0);
  if (from == to) {
    l.output(0, l.input(0));
    return {};
  }
  if (dtype_info(from).file_bits != dtype_info(to).file_bits || to == DType::string)
    return l.wrong("cannot reinterpret " + std::string(dtype_name(from)) + " as " +
                   std::string(dtype_name(to)));
  return l.output(l.b().pointwise({l.input(0)}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    return e.bits(in[0], to);
  }));
}

}  // namespace gossamer::onnx
