// Runs a Pointwise program one element at a time on values that are a number, a symbolic integer,
// or unknown. Numbers go through the scalar code, so they wrap and round as they will at run time.
#include "primitives/symbolic.h"

#include <optional>
#include <variant>

namespace gossamer {
namespace {

// monostate: unknown. A Dim is never a plain number.
using Element = std::variant<std::monostate, Scalar, Dim>;

Element from_dim(DType dtype, const Dim& d) {
  if (std::optional<std::int64_t> v = d.constant()) return make_scalar(dtype, *v);
  if (dtype == DType::i64 || dtype == DType::i32) return d;
  return {};
}

std::int64_t as_int(const Scalar& s) {
  const Instruction widen{.op = PointwiseOp::cast, .dtype = DType::i64};
  return static_cast<std::int64_t>(reference::apply(widen, std::span(&s, 1)).bits);
}

// A known integer as a Dim.
std::optional<Dim> as_dim(const Element& e) {
  if (const Dim* d = std::get_if<Dim>(&e)) return *d;
  if (const Scalar* s = std::get_if<Scalar>(&e))
    if (is_integer(s->dtype)) return Dim(as_int(*s));
  return std::nullopt;
}

bool not_negative(const Dim& d) { return (d + Dim(1)).certainly_positive(); }

Element boolean(bool v) { return Scalar{DType::boolean, v ? 1U : 0U}; }
std::optional<bool> as_bool(const Element& e) {
  const Scalar* s = std::get_if<Scalar>(&e);
  if (s == nullptr || s->dtype != DType::boolean) return std::nullopt;
  return s->bits != 0;
}

// Comparison of symbolic integers, when it is decidable.
Element compare(PointwiseOp op, const Dim& a, const Dim& b) {
  const Dim above = a - b;
  const Dim below = b - a;
  if (op == PointwiseOp::eq) {
    if (above.is_constant()) return boolean(above.constant() == 0);
    if (above.certainly_positive() || below.certainly_positive()) return boolean(false);
  } else if (op == PointwiseOp::lt) {
    if (below.certainly_positive()) return boolean(true);
    if (not_negative(above)) return boolean(false);
  } else {
    if (not_negative(below)) return boolean(true);
    if (above.certainly_positive()) return boolean(false);
  }
  return {};
}

Element symbolic_unary(const Instruction& in, const Dim& a) {
  switch (in.op) {
    case PointwiseOp::neg:
      return from_dim(in.dtype, Dim(0) - a);
    case PointwiseOp::abs:
      if (not_negative(a)) return from_dim(in.dtype, a);
      return {};
    case PointwiseOp::sign:
      if (a.certainly_positive()) return make_scalar(in.dtype, std::int64_t{1});
      return {};
    case PointwiseOp::cast:
      if (in.dtype == DType::boolean && a.certainly_positive()) return boolean(true);
      return from_dim(in.dtype, a);  // unknown unless the target is a wide integer
    default:
      return {};
  }
}

Element symbolic_binary(const Instruction& in, const Dim& a, const Dim& b) {
  switch (in.op) {
    case PointwiseOp::add:
      return from_dim(in.dtype, a + b);
    case PointwiseOp::sub:
      return from_dim(in.dtype, a - b);
    case PointwiseOp::mul:
      return from_dim(in.dtype, a * b);
    case PointwiseOp::min:
      return from_dim(in.dtype, min(a, b));
    case PointwiseOp::max:
      return from_dim(in.dtype, max(a, b));
    case PointwiseOp::div:
      if (not_negative(a) && b.certainly_positive()) return from_dim(in.dtype, floor_div(a, b));
      return {};
    case PointwiseOp::mod:
      if (b.certainly_positive()) return from_dim(in.dtype, floor_mod(a, b));
      return {};
    case PointwiseOp::rem:
      if (not_negative(a) && b.certainly_positive()) return from_dim(in.dtype, floor_mod(a, b));
      return {};
    case PointwiseOp::eq:
    case PointwiseOp::lt:
    case PointwiseOp::le:
      return compare(in.op, a, b);
    default:
      return {};
  }
}

// Logic with one side known.
Element logic(PointwiseOp op, const Element& a, const Element& b) {
  for (const Element* e : {&a, &b}) {
    const std::optional<bool> v = as_bool(*e);
    if (v && *v == (op == PointwiseOp::logical_or)) return boolean(*v);
  }
  return {};
}

class Interpreter {
 public:
  Interpreter(const PointwiseProgram& program, const Shape& shape, const InferContext& c)
      : program_(program), shape_(shape), position_(static_cast<std::size_t>(shape.rank()), 0) {
    for (std::size_t i = 0; i < program.inputs.size(); ++i) load_input(i, c);
    for (const Scalar& s : program.constants) constants_.push_back(s);
    values_.resize(program.instructions.size());
  }

  void run() {
    for (std::size_t i = 0; i < program_.instructions.size(); ++i)
      values_[i] = step(program_.instructions[i]);
  }
  Element value(Ref ref) const {
    const auto i = static_cast<std::size_t>(ref.index);
    if (ref.kind == Ref::Kind::constant) return constants_[i];
    if (ref.kind == Ref::Kind::result) return values_[i];
    const Input& in = inputs_[i];
    if (in.elements.empty()) return {};
    std::int64_t offset = 0;
    for (std::size_t d = 0; d < position_.size(); ++d) offset += position_[d] * in.strides[d];
    return in.elements[static_cast<std::size_t>(offset)];
  }
  void advance() {
    for (int d = shape_.rank() - 1; d >= 0; --d) {
      auto& p = position_[static_cast<std::size_t>(d)];
      if (++p < shape_[d]) return;
      p = 0;
    }
  }

 private:
  struct Input {
    std::vector<Element> elements;  // empty: unknown
    std::vector<std::int64_t> strides;
  };

  void load_input(std::size_t i, const InferContext& c) {
    Input in;
    const std::optional<Shape> shape = c.type(i).static_shape();
    if (shape && shape->checked_count().value_or(kMaxContents + 1) <= kMaxContents) {
      in.strides = broadcast_strides(*shape, shape_);
      const Tensor* t = c.constant(i);
      if (std::optional<DimVector> dims = c.contents(i)) {
        for (const Dim& d : *dims) in.elements.push_back(from_dim(program_.inputs[i], d));
      } else if (t != nullptr && !t->packed() && t->dtype() != DType::string &&
                 dtype_size(t->dtype()) <= 8) {
        load_constant(*t, in.elements);
      }
    }
    inputs_.push_back(std::move(in));
  }

  static void load_constant(const Tensor& t, std::vector<Element>& elements) {
    visit_storage(t.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::type;
      if constexpr (std::is_unsigned_v<T>)
        for (T v : t.values<T>()) elements.push_back(Scalar{t.dtype(), v});
    });
  }

  Element step(const Instruction& in) const {
    if (in.op == PointwiseOp::index)
      return make_scalar(DType::i64, position_[static_cast<std::size_t>(in.axis)]);
    if (in.op == PointwiseOp::extent) return make_scalar(DType::i64, shape_[in.axis]);
    const int count = pointwise_op_operands(in.op);
    std::vector<Element> args;
    std::vector<Scalar> numbers;
    for (int k = 0; k < count; ++k) {
      args.push_back(value(in.args[static_cast<std::size_t>(k)]));
      if (const Scalar* s = std::get_if<Scalar>(&args.back())) numbers.push_back(*s);
    }
    if (numbers.size() == args.size()) return reference::apply(in, numbers);
    if (in.op == PointwiseOp::select) {
      if (std::optional<bool> c = as_bool(args[0])) return *c ? args[1] : args[2];
      return args[1] == args[2] ? args[1] : Element{};
    }
    if (in.op == PointwiseOp::logical_and || in.op == PointwiseOp::logical_or)
      return logic(in.op, args[0], args[1]);
    const std::optional<Dim> a = as_dim(args[0]);
    if (count == 1) return a ? symbolic_unary(in, *a) : Element{};
    const std::optional<Dim> b = as_dim(args[1]);
    return a && b && count == 2 ? symbolic_binary(in, *a, *b) : Element{};
  }

  const PointwiseProgram& program_;
  const Shape& shape_;
  std::vector<std::int64_t> position_;
  std::vector<Input> inputs_;
  std::vector<Element> constants_, values_;
};

}  // namespace

void propagate_contents(const PointwiseProgram& program, const DimVector& shape, InferContext& c) {
  const std::optional<Shape> extents = Type::tensor(DType::i64, shape).static_shape();
  if (!extents) return;
  const std::optional<std::int64_t> count = extents->checked_count();
  if (!count || *count > kMaxContents) return;
  std::vector<std::optional<DimVector>> contents(program.results.size());
  bool any = false;
  for (std::size_t r = 0; r < contents.size(); ++r) {
    const DType d = program.dtype_of(program.results[r]);
    if (!is_integer(d) && d != DType::boolean) continue;
    contents[r].emplace();
    any = true;
  }
  if (!any) return;
  Interpreter interpreter(program, *extents, c);
  for (std::int64_t i = 0; i < *count; ++i, interpreter.advance()) {
    interpreter.run();
    any = false;
    for (std::size_t r = 0; r < contents.size(); ++r) {
      if (!contents[r]) continue;
      const Element e = interpreter.value(program.results[r]);
      if (std::optional<bool> b = as_bool(e))
        contents[r]->push_back(Dim(*b ? 1 : 0));
      else if (std::optional<Dim> d = as_dim(e))
        contents[r]->push_back(*d);
      else
        contents[r].reset();
      any = any || contents[r].has_value();
    }
    if (!any) return;
  }
  for (std::size_t r = 0; r < contents.size(); ++r)
    if (contents[r]) c.set_contents(r, std::move(*contents[r]));
}

Result<std::optional<DimVector>> shape_from_extent(InferContext& c, std::size_t operand) {
  TRY(c.expect_dtype(operand, "extent", DType::i64));
  if (!c.type(operand).shape) return std::optional<DimVector>();
  TRY(c.expect_ranked(operand, "extent", 1, 1));
  const std::optional<std::int64_t> rank = c.type(operand).dim(0).constant();
  if (!rank) return std::optional<DimVector>();
  if (*rank < 0 || *rank > kMaxRank)
    return malformed("extent has " + std::to_string(*rank) + " elements, a shape has at most " +
                     std::to_string(kMaxRank));
  std::optional<DimVector> extent = c.contents(operand);
  if (!extent) return std::optional<DimVector>(c.fresh_shape(static_cast<int>(*rank)));
  for (const Dim& d : *extent)
    if (d.is_constant() && *d.constant() < 0)
      return malformed("extent " + d.to_string() + " is negative");
  return extent;
}

}  // namespace gossamer
