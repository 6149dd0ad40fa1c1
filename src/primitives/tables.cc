// Lookup, NGram, TreeEnsemble: tables and trees from before networks.
#include "primitives/primitives.h"
#include "reference/lookup.h"
#include "reference/n_gram.h"
#include "reference/tree_ensemble.h"

namespace gossamer {
namespace {

Status infer_lookup(const LookupAttributes& a, InferContext& c) {
  TRY(c.expect_dtype(0, "input", a.keys.dtype()));
  TRY(reference::check_table(a));
  c.set(0, Type::tensor(a.values.dtype(), c.type(0).shape));
  return {};
}

Status infer_n_gram(const NGramAttributes& a, InferContext& c) {
  const bool words = !a.words.empty();
  TRY(c.expect_tensor(0, "input"));
  const DType dtype = c.type(0).dtype;
  if (words ? dtype != DType::string : dtype != DType::i32 && dtype != DType::i64)
    return malformed("the input must have the pool's type, but is " + c.type(0).to_string());
  TRY(c.expect_ranked(0, "input", 0, 2));
  const std::optional<std::int64_t> columns = a.columns();
  if (!columns) return malformed("an index is negative or too large");
  DimVector shape{Dim(*columns)};
  if (c.type(0).rank() == 2) shape.insert(shape.begin(), c.type(0).dim(0));
  c.set(0, DType::f32, std::move(shape));
  return {};
}

Status infer_trees(const TreeEnsembleAttributes& a, InferContext& c) {
  TRY(c.expect_ranked(0, "input", 2, 2));
  const DType dtype = c.type(0).dtype;
  if (!is_arithmetic_float(dtype) && !is_arithmetic_integer(dtype))
    return malformed("the input must hold numbers, but is " + c.type(0).to_string());
  if (a.dtype != DType::f16 && a.dtype != DType::f32 && a.dtype != DType::f64)
    return malformed("the result must be f16, f32 or f64");
  TRY(reference::check_trees(a));
  c.set(0, a.dtype, {c.type(0).dim(0), Dim(a.targets)});
  return {};
}

}  // namespace

constinit const Primitive kLookup =
    make_primitive<LookupAttributes, infer_lookup, reference::lookup>("lookup", {}, kOpaque);
constinit const Primitive kNGram =
    make_primitive<NGramAttributes, infer_n_gram, reference::n_gram>("n_gram", {}, kOpaque);
constinit const Primitive kTreeEnsemble =
    make_primitive<TreeEnsembleAttributes, infer_trees, reference::tree_ensemble>("tree_ensemble",
                                                                                  {}, kOpaque);

}  // namespace gossamer
