// Small primitives for this room's tests and fuzzing, which may not use the real ones.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/primitive.h"

namespace gossamer::fake {

enum class Mode : std::uint8_t { plain, fancy };
inline std::span<const std::string_view> enum_names(Mode) {
  static constexpr std::string_view kNames[] = {"plain", "fancy"};
  return kNames;
}

// One attribute of each kind.
struct Program {
  std::string text;
};
inline AttributeValue to_attribute(const Program& p) { return {Block{p.text}}; }
inline Result<Program> from_attribute(const AttributeValue& v, std::type_identity<Program>) {
  if (const auto* block = std::get_if<Block>(&v.value)) return Program{block->text};
  return malformed("expected {...}");
}
struct ManyAttributes {
  bool flag = false;
  std::int64_t count = 0;
  double real = 0;
  float narrow = 0;
  std::string text;
  Mode mode = Mode::plain;
  DType dtype = DType::f32;
  std::vector<std::int64_t> axes;
  std::vector<std::vector<std::string>> names;
  Tensor table;
  Program program;
  static constexpr auto kFields =
      std::tuple(field("flag", &ManyAttributes::flag), field("count", &ManyAttributes::count),
                 field("real", &ManyAttributes::real), field("narrow", &ManyAttributes::narrow),
                 field("text", &ManyAttributes::text), field("mode", &ManyAttributes::mode),
                 field("dtype", &ManyAttributes::dtype), field("axes", &ManyAttributes::axes),
                 field("names", &ManyAttributes::names), field("table", &ManyAttributes::table),
                 field("program", &ManyAttributes::program));
};

template <class S>
Status no_evaluation(const S&, Context&) {
  return unsupported("a fake primitive does not run");
}

// Result 0 has the type of operand 0, and its contents.
template <class S>
Status infer_keep(const S&, InferContext& c) {
  c.set(0, c.type(0));
  if (std::optional<DimVector> contents = c.contents(0)) c.set_contents(0, *contents);
  return {};
}

// i64 vector of a tensor's extents.
inline Status infer_extents(const NoAttributes&, InferContext& c) {
  TRY(c.expect_ranked(0, "x"));
  c.set(0, DType::i64, {Dim(c.type(0).rank())});
  c.set_contents(0, *c.type(0).shape);
  return {};
}

// x with the shape that an i64 vector holds.
inline Status infer_reshape(const NoAttributes&, InferContext& c) {
  TRY(c.expect_tensor(0, "x"));
  TRY(c.expect_dtype(1, "shape", DType::i64));
  std::optional<DimVector> shape = c.contents(1);
  if (!shape) return malformed("the shape must be known");
  c.set(0, c.type(0).dtype, *shape);
  return {};
}

// Two results whose first extent only running can tell: [n, 2] and [2*n].
inline Status infer_late(const NoAttributes&, InferContext& c) {
  const Dim n = c.fresh();
  c.set(0, DType::i64, {n, Dim(2)});
  c.set(1, DType::i64, {n * 2});
  return {};
}

// The joined type of both bodies' only output.
inline Status infer_branch(const NoAttributes&, InferContext& c) {
  for (const auto& body : c.bodies()) {
    if (body->outputs.size() != 1) return malformed("a branch has one output");
  }
  const Graph& a = *c.bodies()[0];
  const Graph& b = *c.bodies()[1];
  ASSIGN(Type type,
         join(a.value(a.outputs[0]).type, b.value(b.outputs[0]).type, [&] { return c.fresh(); }));
  c.set(0, std::move(type));
  return {};
}

inline Status infer_wrap(const NoAttributes&, InferContext& c) {
  c.set(0, Type::sequence(c.type(0)));
  return {};
}

inline const Primitive kKeep =
    make_primitive<ManyAttributes, infer_keep<ManyAttributes>, no_evaluation<ManyAttributes>>(
        "keep", {.min_operands = 1, .max_operands = kAnyNumber});
inline const Primitive kExtents =
    make_primitive<NoAttributes, infer_extents, no_evaluation<NoAttributes>>("extents", {});
inline const Primitive kReshape =
    make_primitive<NoAttributes, infer_reshape, no_evaluation<NoAttributes>>(
        "reshape", {.min_operands = 2, .max_operands = 2});
inline const Primitive kLate =
    make_primitive<NoAttributes, infer_late, no_evaluation<NoAttributes>>(
        "late", {.min_operands = 1, .max_operands = 1, .min_results = 1, .max_results = 2},
        kLateExtents);
inline const Primitive kBranch =
    make_primitive<NoAttributes, infer_branch, no_evaluation<NoAttributes>>(
        "branch", {.min_operands = 1, .max_operands = kAnyNumber, .bodies = 2});
inline const Primitive kWrap =
    make_primitive<NoAttributes, infer_wrap, no_evaluation<NoAttributes>>("wrap", {});

inline const Primitive* find(std::string_view name) {
  for (const Primitive* p : {&kKeep, &kExtents, &kReshape, &kLate, &kBranch, &kWrap}) {
    if (p->name == name) return p;
  }
  return nullptr;
}

}  // namespace gossamer::fake
