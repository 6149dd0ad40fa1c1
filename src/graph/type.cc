// Types: construction, text, broadcasting and joining.
#include "graph/type.h"

#include <algorithm>

namespace gossamer {
namespace {

constexpr int kMaxTypeNesting = 16;

bool same_element(const std::shared_ptr<const Type>& a, const std::shared_ptr<const Type>& b) {
  if (a == b) return true;
  return a && b && *a == *b;
}

Result<DimVector> parse_extents(std::string_view text) {
  DimVector dims;
  if (text.empty()) return dims;
  int nesting = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (c == '(') ++nesting;
    if (c == ')') --nesting;
    if (c != ',' || (nesting > 0 && i < text.size())) continue;
    std::string_view part = text.substr(start, i - start);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (dims.size() == static_cast<std::size_t>(kMaxRank)) {
      return malformed("a shape of more than " + std::to_string(kMaxRank) + " extents");
    }
    ASSIGN(Dim dim, Dim::parse(part));
    if (dim.is_constant() && *dim.constant() < 0) return malformed("negative extent");
    dims.push_back(std::move(dim));
    start = i + 1;
  }
  return dims;
}

Result<Type> parse_type(std::string_view text, int nesting) {
  if (nesting > kMaxTypeNesting) return malformed("a type nested too deeply");
  const bool is_sequence = text.starts_with("seq(");
  if (is_sequence || text.starts_with("opt(")) {
    if (!text.ends_with(')')) return malformed("expected ')' at the end of a type");
    const std::string_view inner = text.substr(4, text.size() - 5);
    Type type;
    type.kind = is_sequence ? Type::Kind::sequence : Type::Kind::optional;
    if (inner != "?") {
      ASSIGN(Type element, parse_type(inner, nesting + 1));
      type.element = std::make_shared<const Type>(std::move(element));
    }
    return type;
  }
  const std::size_t open = text.find('[');
  if (open == std::string_view::npos || !text.ends_with(']')) {
    return malformed("'" + std::string(text.substr(0, 64)) +
                     "' is not a type such as f32[1,n], seq(f32[*]) or opt(i64[])");
  }
  const std::optional<DType> dtype = dtype_from_name(text.substr(0, open));
  if (!dtype) {
    return malformed("unknown element type '" +
                     std::string(text.substr(0, std::min(open, std::size_t{64}))) + "'");
  }
  const std::string_view extents = text.substr(open + 1, text.size() - open - 2);
  if (extents == "*") return Type::tensor(*dtype, std::nullopt);
  ASSIGN(DimVector dims, parse_extents(extents));
  return Type::tensor(*dtype, std::move(dims));
}

Status do_not_fit(const Type& a, const Type& b) {
  return malformed("types " + a.to_string() + " and " + b.to_string() + " do not fit together");
}

}  // namespace

Type Type::tensor(DType dtype, std::optional<DimVector> shape) {
  Type type;
  type.dtype = dtype;
  type.shape = std::move(shape);
  return type;
}

Type Type::tensor(DType dtype, const Shape& shape) {
  return tensor(dtype, DimVector(shape.begin(), shape.end()));
}

Type Type::sequence(Type element) {
  Type type;
  type.kind = Kind::sequence;
  type.element = std::make_shared<const Type>(std::move(element));
  return type;
}

Type Type::optional(Type element) {
  Type type = sequence(std::move(element));
  type.kind = Kind::optional;
  return type;
}

std::optional<Shape> Type::static_shape() const {
  if (!ranked()) return std::nullopt;
  std::vector<std::int64_t> extents;
  for (const Dim& dim : *shape) {
    std::optional<std::int64_t> extent = dim.constant();
    if (!extent) return std::nullopt;
    extents.push_back(*extent);
  }
  return Shape(std::move(extents));
}

Dim Type::element_count() const { return count_of(*shape); }

bool Type::operator==(const Type& other) const {
  if (kind != other.kind) return false;
  if (!is_tensor()) return same_element(element, other.element);
  return dtype == other.dtype && shape == other.shape;
}

int Type::depth() const {
  int depth = 0;
  for (const Type* t = element.get(); t != nullptr; t = t->element.get()) ++depth;
  return depth;
}

std::string Type::to_string() const {
  if (!is_tensor()) {
    const std::string inner = element ? element->to_string() : "?";
    return (kind == Kind::sequence ? "seq(" : "opt(") + inner + ")";
  }
  std::string text(dtype_name(dtype));
  if (!shape) return text + "[*]";
  text += '[';
  for (std::size_t i = 0; i < shape->size(); ++i) {
    if (i > 0) text += ',';
    text += (*shape)[i].to_string();
  }
  return text + "]";
}

Result<Type> Type::parse(std::string_view text) { return parse_type(text, 0); }

Dim count_of(const DimVector& dims) {
  Dim count = 1;
  for (const Dim& dim : dims) count = count * dim;
  return count;
}

Result<DimVector> broadcast(const DimVector& a, const DimVector& b) {
  const DimVector& longer = a.size() >= b.size() ? a : b;
  const DimVector& shorter = a.size() >= b.size() ? b : a;
  DimVector result = longer;
  const std::size_t offset = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    Dim& x = result[offset + i];
    const Dim& y = shorter[i];
    if (x == y || y == Dim(1)) continue;
    if (x == Dim(1)) {
      x = y;
    } else if (x.is_constant() && y.is_constant()) {
      return malformed("extents " + x.to_string() + " and " + y.to_string() +
                       " do not broadcast (axis " + std::to_string(offset + i) + ")");
    } else if (y.is_constant()) {
      x = y;  // the unknown extent must be 1 or this number
    } else if (!x.is_constant()) {
      x = max(x, y);
    }
  }
  return result;
}

Result<Type> join(const Type& a, const Type& b, const std::function<Dim()>& fresh) {
  if (a.kind != b.kind) return do_not_fit(a, b);
  Type result = a;
  if (!a.is_tensor()) {
    result.element = nullptr;
    if (a.element && b.element) {
      ASSIGN(Type element, join(*a.element, *b.element, fresh));
      result.element = std::make_shared<const Type>(std::move(element));
    }
    return result;
  }
  if (a.dtype != b.dtype) return do_not_fit(a, b);
  if (!a.shape || !b.shape || a.shape->size() != b.shape->size()) {
    result.shape.reset();
    return result;
  }
  for (std::size_t i = 0; i < b.shape->size(); ++i) {
    if (!((*a.shape)[i] == (*b.shape)[i])) (*result.shape)[i] = fresh();
  }
  return result;
}

}  // namespace gossamer
