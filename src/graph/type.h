// Type: what is known of a value before it is computed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/shape.h"
#include "graph/dim.h"

namespace gossamer {

using DimVector = std::vector<Dim>;

struct Type {
  enum class Kind : std::uint8_t { tensor, sequence, optional };
  Kind kind = Kind::tensor;
  DType dtype = DType::f32;             // of a tensor
  std::optional<DimVector> shape;       // of a tensor; nothing: unknown rank
  std::shared_ptr<const Type> element;  // of a sequence or an optional; null: unknown

  static Type tensor(DType dtype, std::optional<DimVector> shape);
  static Type tensor(DType dtype, const Shape& shape);
  static Type sequence(Type element);
  static Type optional(Type element);

  bool is_tensor() const { return kind == Kind::tensor; }
  bool ranked() const { return is_tensor() && shape.has_value(); }
  int rank() const { return static_cast<int>(shape->size()); }  // only when ranked
  const Dim& dim(int axis) const { return (*shape)[static_cast<std::size_t>(axis)]; }
  // The shape when every extent is a number.
  std::optional<Shape> static_shape() const;
  // Product of the extents; 1 for a scalar. Only when ranked.
  Dim element_count() const;
  bool operator==(const Type& other) const;
  // How many sequences and optionals are around the innermost type: 0 for a tensor.
  int depth() const;

  std::string to_string()
      const;  // "f32[1,3,h,w]", "f32[*]" for unknown rank, "seq(f32[*])", "opt(i64[])"
  static Result<Type> parse(std::string_view text);
};

Dim count_of(const DimVector& dims);
// Two-way numpy broadcast. Symbols that differ: the one that is not 1 wins when the other is 1;
// when neither is known the result is `max(a, b)` unless equal. Fails (malformed) on numbers that
// do not fit.
Result<DimVector> broadcast(const DimVector& a, const DimVector& b);
// The least type that covers both (for branches): differing extents become `fresh` symbols,
// differing ranks unknown rank. Fails (malformed) when kinds or dtypes differ.
Result<Type> join(const Type& a, const Type& b, const std::function<Dim()>& fresh);

}  // namespace gossamer
