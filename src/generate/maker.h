// Maker: a graph under construction for the functions that each add one random node (makers.def).
// It knows of every value the range it lies in and how far a right engine's answer may be off, so
// that no node is made that would amplify errors beyond comparison.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "generate/dice.h"
#include "generate/generate.h"
#include "primitives/builder.h"

namespace gossamer::generate {

// What symbols of inputs stand for, at most and at least.
inline constexpr std::int64_t kMaxSymbol = 5, kMinSymbol = 2;
// Magnitudes that floats stay under.
inline constexpr double kMaxMagnitude = 256;
// Absolute error that a value may have, if its graph has narrow floats or not.
inline constexpr double kMaxError = 2e-4, kMaxNarrowError = 6e-2;

struct Range {
  double low = 0, high = 0;
  double error = 0;  // absolute; 0: every engine gives the same bits
  double magnitude() const;
  bool exact() const { return error == 0; }
};

struct Known {
  ValueId id = kNoValue;
  Range range;
};

// Half the distance of neighboring floats at 1; 0 for what is no float.
double half_ulp(DType dtype);
// The range of numbers that random inputs and constants of a type have.
Range input_range(DType dtype);
// Whether the numbers fit the type: integers must not wrap, floats not grow beyond comparison.
bool fits(DType dtype, const Range& range);

class Maker {
 public:
  using Symbols = Builder::Symbols;
  Maker(Graph& graph, std::shared_ptr<Symbols> symbols, Dice& dice, const GenerateOptions& options,
        int depth);

  Dice& dice() { return dice_; }
  Builder& build() { return build_; }
  const GenerateOptions& options() const { return options_; }
  int depth() const { return depth_; }
  const std::vector<Known>& pool() const { return pool_; }
  // A dtype of this graph's own: most nodes have the same.
  DType float_dtype() const { return float_dtype_; }
  DType integer_dtype() const { return integer_dtype_; }
  void set_dtypes(DType floats, DType integers, bool narrow);
  // A Maker for a body of this graph.
  Maker nested(Graph& body) const;
  double max_error() const { return max_error_; }

  const Type& type(ValueId v) const { return build_.type(v); }
  DType dtype(const Known& v) const { return type(v.id).dtype; }
  int rank(const Known& v) const { return type(v.id).rank(); }
  bool is_float(const Known& v) const { return is_arithmetic_float(dtype(v)); }
  std::optional<std::int64_t> extent(const Known& v, int axis) const {
    return type(v.id).dim(axis).constant();
  }
  // Extents, where symbols stand for their most.
  std::optional<Shape> largest(const Type& type) const;
  bool is_static(const Known& v) const { return type(v.id).static_shape().has_value(); }

  // Hands a value to later nodes, unless its type is too large or not fully known in terms of the
  // inputs' symbols; then it only becomes an output.
  void offer(ValueId v, const Range& range);
  // Whether a node with this range may be made: range and error are small enough.
  bool allowed(DType dtype, const Range& range) const {
    return fits(dtype, range) && range.error <= max_error_;
  }

  // A value of the pool, recent ones more often.
  using Wanted = std::function<bool(const Known&)>;
  std::optional<Known> find(const Wanted& wanted);
  // A constant, or an input of the outermost graph, with numbers of input_range(dtype).
  Known fresh(DType dtype, const Shape& shape);
  // A constant with numbers on the grid in [-amplitude, amplitude]; unsigned: [0, amplitude].
  Known weights(DType dtype, const Shape& shape, double amplitude);
  Known ints(DType dtype, const Shape& shape, const std::vector<std::int64_t>& values);
  // A float of such a rank whose extents from axis `first_static` on are numbers: found, or made.
  Result<Known> floats(int min_rank, int max_rank, int first_static, double max_magnitude);
  // An exactly known number of such a rank, likewise.
  Known exact(int min_rank, int max_rank, int first_static);
  // x brought to [-magnitude, magnitude].
  Result<Known> tame(const Known& x, double magnitude);

  Shape random_shape(int rank, std::int64_t most = 4);
  // Adds an input; in bodies, what is captured.
  Known take(const Type& type, const Range& range);
  std::vector<int> random_axes(int rank, bool may_be_none);

 private:
  Dice& dice_;
  const GenerateOptions& options_;
  std::shared_ptr<Symbols> symbols_;
  Builder build_;
  int depth_;
  DType float_dtype_ = DType::f32, integer_dtype_ = DType::i64;
  double max_error_ = kMaxError;
  std::vector<Known> pool_;
};

// Adds nodes until there are `nodes` more, by the table.
Status grow(Maker& m, int nodes);

#define MAKER(function, primitive, weight) Status function(Maker& m);
#include "generate/makers.def"
#undef MAKER

}  // namespace gossamer::generate
