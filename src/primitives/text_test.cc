// Tests of the primitives on strings, tables and trees.
#include <gtest/gtest.h>

#include <limits>

#include "primitives/evaluator.h"
#include "primitives/primitives.h"
#include "reference/lookup.h"
#include "reference/n_gram.h"
#include "reference/text.h"
#include "reference/text_normalize.h"
#include "reference/text_split.h"
#include "reference/tree_ensemble.h"

namespace gossamer {
namespace {

using Strings = std::vector<std::string>;

Result<std::vector<Value>> run(const Primitive& p, const AttributePtr& a,
                               const std::vector<Value>& operands, std::size_t results = 1) {
  std::vector<const Value*> pointers;
  for (const Value& v : operands) pointers.push_back(&v);
  return evaluate_node(p, a.get(), pointers, results);
}

Strings strings(const Value& v) {
  const auto s = v.tensor.values<std::string>();
  return {s.begin(), s.end()};
}

Value words(const Strings& s) { return Tensor::vector(s); }

AttributePtr text(TextOp op, DType dtype = DType::f32, std::string pattern = {}) {
  return make_attributes(TextAttributes{.op = op, .pattern = std::move(pattern), .dtype = dtype});
}

TEST(Text, BroadcastsAndCompares) {
  const Value rows = Tensor::of<std::string>(Shape{2, 1}, Strings{"a", "b"});
  auto joined = run(kText, text(TextOp::concat), {rows, words({"x", "y", ""})});
  ASSERT_TRUE(joined.ok());
  EXPECT_EQ((*joined)[0].tensor.shape(), (Shape{2, 3}));
  EXPECT_EQ(strings((*joined)[0]), (Strings{"ax", "ay", "a", "bx", "by", "b"}));
  auto none = run(kText, text(TextOp::equal), {words({}), words({"x"})});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ((*none)[0].tensor.count(), 0);
  const Value condition = Tensor::of<bool>(Shape{2, 1}, std::array{true, false});
  auto chosen = run(kText, text(TextOp::select), {condition, words({"p", "q"}), rows});
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(strings((*chosen)[0]), (Strings{"p", "q", "b", "b"}));
}

TEST(Text, MatchesWholeStringsInLinearTime) {
  const std::string long_word(1 << 16, 'a');
  auto y = run(kText, text(TextOp::match, DType::f32, "(a*)*b"), {words({long_word, "aab"})});
  ASSERT_TRUE(y.ok());
  EXPECT_FALSE((*y)[0].tensor.values<bool>()[0]);
  EXPECT_TRUE((*y)[0].tensor.values<bool>()[1]);
  EXPECT_FALSE(run(kText, text(TextOp::match, DType::f32, "(a"), {words({"a"})}).ok());
}

TEST(Text, ReadsNumbers) {
  auto y = run(kText, text(TextOp::parse),
               {words({"3.14", "1e-5", "+INF", "-inf", " 7 ", "1e99", "-1e-99"})});
  ASSERT_TRUE(y.ok());
  const auto v = (*y)[0].tensor.values<float>();
  EXPECT_EQ(v[0], 3.14F);
  EXPECT_EQ(v[1], 1e-5F);
  EXPECT_EQ(v[2], std::numeric_limits<float>::infinity());
  EXPECT_EQ(v[3], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(v[4], 7.0F);
  EXPECT_EQ(v[5], std::numeric_limits<float>::infinity());
  EXPECT_EQ(v[6], 0.0F);
  for (const char* bad : {"", "1x", "++1", "+-1", "one"})
    EXPECT_FALSE(run(kText, text(TextOp::parse), {words({bad})}).ok()) << bad;
  EXPECT_FALSE(run(kText, text(TextOp::parse, DType::i8), {words({"128"})}).ok());
  EXPECT_TRUE(run(kText, text(TextOp::parse, DType::i8), {words({"-128"})}).ok());
}

TEST(Text, WritesTheShortestDigits) {
  const Value x = Tensor::vector(
      std::vector<float>{0.9767611F, 1.0F, std::numeric_limits<float>::quiet_NaN(), -0.0F});
  auto y = run(kText, text(TextOp::format), {x});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(strings((*y)[0]), (Strings{"0.9767611", "1", "NaN", "-0"}));
}

TEST(TextSplit, SplitsBySpacesAndDelimiters) {
  auto y = run(kTextSplit, make_attributes(TextSplitAttributes{}), {words({"  a  b c ", ""})}, 2);
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(strings((*y)[0]), (Strings{"a", "b", "c", "", "", ""}));
  TextSplitAttributes a;
  a.delimiter = "--";
  a.limit = 1;
  y = run(kTextSplit, make_attributes(a), {words({"a--b--c", ""})}, 2);
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(strings((*y)[0]), (Strings{"a", "b--c", "", ""}));
  y = run(kTextSplit, make_attributes(a), {words({})}, 2);
  ASSERT_TRUE(y.ok());
  EXPECT_EQ((*y)[0].tensor.shape(), (Shape{0, 0}));
}

TEST(TextNormalize, DropsStopWordsFirst) {
  TextNormalizeAttributes a;
  a.stop_words = {"MONDAY"};
  a.change = CaseChange::upper;
  auto y = run(kTextNormalize, make_attributes(a), {words({"monday", "\xC3\xA9t\xC3\xA9"})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(strings((*y)[0]), (Strings{"\xC3\x89T\xC3\x89"}));
  y = run(kTextNormalize, make_attributes(a), {words({"Monday"})});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(strings((*y)[0]), (Strings{""}));
}

TEST(Lookup, MatchesNaNAndTheLastOfEqualKeys) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  LookupAttributes a;
  a.keys = Tensor::vector(std::vector<float>{1, nan, 0, 1});
  a.values = Tensor::vector(Strings{"one", "nan", "zero", "last"});
  a.otherwise = Tensor::scalar(std::string("none"));
  auto y = run(kLookup, make_attributes(a),
               {Value(Tensor::vector(std::vector<float>{-nan, 1, -0.0F, 2}))});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(strings((*y)[0]), (Strings{"nan", "last", "zero", "none"}));
}

TEST(NGram, CountsWithSkips) {
  NGramAttributes a;
  a.longest = 2;
  a.skips = 1;
  a.numbers = {{2}, {1, 3}};
  a.indexes = {1, 0};
  const Value x = Tensor::vector(std::vector<std::int64_t>{1, 2, 3, 2});
  auto y = run(kNGram, make_attributes(a), {x});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ((*y)[0].tensor.values<float>()[0], 1.0F);
  EXPECT_EQ((*y)[0].tensor.values<float>()[1], 2.0F);
}

TreeEnsembleAttributes stump() {
  TreeEnsembleAttributes a;
  a.roots = {0};
  a.features = {1};
  a.branches = {TreeBranch::lt};
  a.on_true = {-1};
  a.on_false = {-2};
  a.missing = {true};
  a.splits = {0.5};
  a.leaf_ends = {1, 2};
  a.vote_targets = {0, 0};
  a.vote_weights = {10, 20};
  return a;
}

TEST(TreeEnsemble, FollowsBranches) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Value x = Tensor::of<float>(Shape{3, 2}, std::array{9.0F, 0.25F, 9.0F, 0.5F, 9.0F, nan});
  auto y = run(kTreeEnsemble, make_attributes(stump()), {x});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ((*to_doubles((*y)[0].tensor)), (std::vector<double>{10, 20, 10}));
}

TEST(TreeEnsemble, RefusesCirclesAndMissingFeatures) {
  const Value x = Tensor::of<float>(Shape{1, 2}, std::array{0.0F, 0.0F});
  TreeEnsembleAttributes a = stump();
  a.on_true = {0};
  EXPECT_FALSE(run(kTreeEnsemble, make_attributes(a), {x}).ok());
  a = stump();
  a.features = {2};
  EXPECT_FALSE(run(kTreeEnsemble, make_attributes(a), {x}).ok());
  a = stump();
  a.on_true = {-3};
  EXPECT_FALSE(run(kTreeEnsemble, make_attributes(a), {x}).ok());
}

}  // namespace
}  // namespace gossamer
