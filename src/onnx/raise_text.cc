// Strings, lookups in tables, trees and decoding of images.
#include <algorithm>
#include <limits>
#include <numeric>

#include "onnx/raise.h"
#include "reference/image_decode.h"
#include "reference/lookup.h"
#include "reference/n_gram.h"
#include "reference/text.h"
#include "reference/text_normalize.h"
#include "reference/text_split.h"
#include "reference/tree_ensemble.h"

namespace gossamer::onnx {

Status raise_text(Raising& r) {
  const auto& a = r.attributes<TextAttributes>();
  Raising::Names inputs;
  for (std::size_t i = 0; i < r.operand_count(); ++i) inputs.push_back(r.operand(i));
  const auto cast_to = [&](DType dtype) {
    return r.emit("Cast", inputs, {attribute("to", std::int64_t{dtype_info(dtype).onnx_code})});
  };
  switch (a.op) {
    case TextOp::concat:
      r.needs(20);
      r.result(0, r.emit("StringConcat", inputs));
      return {};
    case TextOp::equal:
      r.needs(19);
      r.result(0, r.emit("Equal", inputs));
      return {};
    case TextOp::select:
      r.result(0, r.emit("Where", inputs));
      return {};
    case TextOp::match:
      r.needs(20);
      r.result(0, r.emit("RegexFullMatch", inputs, {attribute("pattern", a.pattern)}));
      return {};
    case TextOp::parse:
      r.result(0, cast_to(a.dtype));
      return {};
    case TextOp::format:
      r.result(0, cast_to(DType::string));
      return {};
  }
  return internal_error("a text operation of no kind");
}

Status raise_text_split(Raising& r) {
  const auto& a = r.attributes<TextSplitAttributes>();
  r.needs(20);
  Raising::Attributes attributes;
  if (!a.delimiter.empty()) attributes.push_back(attribute("delimiter", a.delimiter));
  if (a.limit != std::numeric_limits<std::int64_t>::max())
    attributes.push_back(attribute("maxsplit", a.limit));
  const Raising::Names out = r.emit_many("StringSplit", {r.operand(0)}, 2, std::move(attributes));
  r.result(0, out[0]);
  r.result(1, out[1]);
  return {};
}

Status raise_text_normalize(Raising& r) {
  const auto& a = r.attributes<TextNormalizeAttributes>();
  constexpr std::string_view kChanges[] = {"NONE", "LOWER", "UPPER"};
  Raising::Attributes attributes = {
      attribute("case_change_action", kChanges[static_cast<std::size_t>(a.change)]),
      attribute("is_case_sensitive", std::int64_t{a.case_sensitive ? 1 : 0})};
  if (!a.stop_words.empty()) attributes.push_back(attribute("stopwords", a.stop_words));
  r.result(0, r.emit("StringNormalizer", {r.operand(0)}, std::move(attributes)));
  return {};
}

// The standard wants the pool by length of its n-grams, and where each length begins.
Status raise_n_gram(Raising& r) {
  const auto& a = r.attributes<NGramAttributes>();
  const bool words = a.numbers.empty();
  const std::size_t count = words ? a.words.size() : a.numbers.size();
  const auto length = [&](std::size_t i) {
    return words ? a.words[i].size() : a.numbers[i].size();
  };
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t x, std::size_t y) { return length(x) < length(y); });
  std::vector<std::int64_t> starts, indexes, numbers;
  std::vector<std::string> strings;
  for (const std::size_t i : order) {
    const std::size_t at = words ? strings.size() : numbers.size();
    while (starts.size() < length(i)) starts.push_back(static_cast<std::int64_t>(at));
    if (words)
      strings.insert(strings.end(), a.words[i].begin(), a.words[i].end());
    else
      numbers.insert(numbers.end(), a.numbers[i].begin(), a.numbers[i].end());
    indexes.push_back(a.indexes[i]);
  }
  while (static_cast<std::int64_t>(starts.size()) < a.longest)
    starts.push_back(static_cast<std::int64_t>(words ? strings.size() : numbers.size()));
  constexpr std::string_view kModes[] = {"TF", "IDF", "TFIDF"};
  Raising::Attributes attributes = {attribute("mode", kModes[static_cast<std::size_t>(a.mode)]),
                                    attribute("min_gram_length", a.shortest),
                                    attribute("max_gram_length", a.longest),
                                    attribute("max_skip_count", a.skips),
                                    attribute("ngram_counts", std::move(starts)),
                                    attribute("ngram_indexes", indexes)};
  attributes.push_back(words ? attribute("pool_strings", std::move(strings))
                             : attribute("pool_int64s", std::move(numbers)));
  if (!a.weights.empty()) attributes.push_back(attribute("weights", a.weights));
  r.result(0, r.emit("TfIdfVectorizer", {r.operand(0)}, std::move(attributes)));
  return {};
}

Status raise_lookup(Raising& r) {
  const auto& a = r.attributes<LookupAttributes>();
  r.result(0,
           r.emit_learned("LabelEncoder", 4, {r.operand(0)},
                          {attribute("keys_tensor", a.keys), attribute("values_tensor", a.values),
                           attribute("default_tensor", a.otherwise.reshaped(Shape{1}))}));
  return {};
}

Status raise_image_decode(Raising& r) {
  constexpr std::string_view kFormats[] = {"RGB", "BGR", "Grayscale"};
  const PixelFormat format = r.attributes<ImageDecodeAttributes>().format;
  r.needs(20);
  r.result(0, r.emit("ImageDecoder", {r.operand(0)},
                     {attribute("pixel_format", kFormats[static_cast<std::size_t>(format)])}));
  return {};
}

// --- trees ---

namespace {

// `values` as a vector of a float type.
Result<Tensor> floats_of(const std::vector<double>& values, DType dtype) {
  if (dtype == DType::f64) return Tensor::vector(values);
  if (dtype != DType::f32) return unsupported("trees of this element type have no spelling");
  return Tensor::vector(std::vector<float>(values.begin(), values.end()));
}

// Where a branch leads: the standard numbers leaves from 0 and says which ones they are.
void add_branch(Raising::Attributes& out, std::string_view name,
                const std::vector<std::int64_t>& to) {
  std::vector<std::int64_t> ids, leaves;
  for (const std::int64_t t : to) {
    ids.push_back(t < 0 ? -1 - t : t);
    leaves.push_back(t < 0 ? 1 : 0);
  }
  out.push_back(attribute("nodes_" + std::string(name) + "nodeids", std::move(ids)));
  out.push_back(attribute("nodes_" + std::string(name) + "leafs", std::move(leaves)));
}

Result<Tensor> members_of(const TreeEnsembleAttributes& a, DType dtype) {
  std::vector<double> list;
  std::size_t next = 0;
  for (const std::int64_t end : a.member_ends) {
    for (; next < static_cast<std::size_t>(end); ++next) list.push_back(a.members[next]);
    list.push_back(std::numeric_limits<double>::quiet_NaN());
  }
  return floats_of(list, dtype);
}

}  // namespace

Status raise_tree_ensemble(Raising& r) {
  const auto& a = r.attributes<TreeEnsembleAttributes>();
  bool plain = a.base.empty();  // one vote a leaf, every root a node
  for (std::size_t i = 0; i < a.leaf_ends.size(); ++i)
    plain = plain && a.leaf_ends[i] == static_cast<std::int64_t>(i) + 1;
  for (const std::int64_t root : a.roots) plain = plain && root >= 0;
  if (!plain || r.dtype(0) != a.dtype) return r.refuse("an ensemble of this form has no spelling");
  ASSIGN(Tensor splits, floats_of(a.splits, a.dtype));
  ASSIGN(Tensor weights, floats_of(a.vote_weights, a.dtype));
  std::vector<std::uint8_t> modes;
  for (const TreeBranch b : a.branches) modes.push_back(static_cast<std::uint8_t>(b));
  Raising::Attributes attributes = {
      attribute("aggregate_function", static_cast<std::int64_t>(a.aggregate)),
      attribute("n_targets", a.targets),
      attribute("tree_roots", a.roots),
      attribute("nodes_featureids", a.features),
      attribute("nodes_modes", Tensor::vector(modes)),
      attribute("nodes_splits", std::move(splits)),
      attribute("leaf_targetids", a.vote_targets),
      attribute("leaf_weights", std::move(weights))};
  add_branch(attributes, "true", a.on_true);
  add_branch(attributes, "false", a.on_false);
  if (std::find(a.missing.begin(), a.missing.end(), true) != a.missing.end())
    attributes.push_back(attribute("nodes_missing_value_tracks_true",
                                   std::vector<std::int64_t>(a.missing.begin(), a.missing.end())));
  if (!a.member_ends.empty()) {
    ASSIGN(Tensor members, members_of(a, a.dtype));
    attributes.push_back(attribute("membership_values", std::move(members)));
  }
  r.result(0, r.emit_learned("TreeEnsemble", 5, {r.operand(0)}, std::move(attributes)));
  return {};
}

}  // namespace gossamer::onnx
