// Tests of If, Loop and the sequence primitives: graphs in text form, run by the evaluator.
#include <gtest/gtest.h>

#include "graph/run_inference.h"
#include "graph/text.h"
#include "primitives/evaluator.h"
#include "primitives/primitives.h"
#include "reference/loop.h"
#include "reference/sequence.h"

namespace gossamer {
namespace {

Result<std::vector<Value>> run(const Primitive& p, const AttributePtr& a,
                               const std::vector<Value>& operands, std::size_t results = 1) {
  std::vector<const Value*> pointers;
  for (const Value& v : operands) pointers.push_back(&v);
  return evaluate_node(p, a.get(), pointers, results);
}

Value numbers(const std::vector<std::int64_t>& v) { return Tensor::vector(v); }
Value number(std::int64_t v) { return Tensor::scalar(v); }

std::vector<std::int64_t> ints(const Value& v) { return *to_int64s(v.tensor); }

TEST(Sequence, InsertsAtBothEndsAndErases) {
  const AttributePtr none = make_attributes(NoAttributes{});
  const Value s = Value::sequence({numbers({1}), numbers({2, 3})});
  auto front = run(kSequenceInsert, none, {s, numbers({9}), number(-2)});
  ASSERT_TRUE(front.ok());
  EXPECT_EQ(ints((*front)[0].list()[0]), (std::vector<std::int64_t>{9}));
  auto back = run(kSequenceInsert, none, {s, numbers({9}), number(2)});
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(ints((*back)[0].list()[2]), (std::vector<std::int64_t>{9}));
  EXPECT_FALSE(run(kSequenceInsert, none, {s, numbers({9}), number(3)}).ok());
  EXPECT_FALSE(run(kSequenceInsert, none, {s, numbers({9}), number(-3)}).ok());
  auto erased = run(kSequenceErase, none, {s});
  ASSERT_TRUE(erased.ok());
  EXPECT_EQ((*erased)[0].list().size(), 1U);
  EXPECT_FALSE(run(kSequenceErase, none, {Value::sequence({})}).ok());
  EXPECT_FALSE(run(kSequenceAt, none, {s, number(2)}).ok());
  auto last = run(kSequenceAt, none, {s, number(-1)});
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(ints((*last)[0]), (std::vector<std::int64_t>{2, 3}));
}

TEST(Sequence, SplitsByChunksAndLengths) {
  const Value x = numbers({1, 2, 3, 4, 5});
  const AttributePtr keep = make_attributes(SequenceSplitAttributes{});
  auto chunks = run(kSequenceSplit, keep, {x, number(2)});
  ASSERT_TRUE(chunks.ok());
  ASSERT_EQ((*chunks)[0].list().size(), 3U);
  EXPECT_EQ(ints((*chunks)[0].list()[2]), (std::vector<std::int64_t>{5}));
  EXPECT_FALSE(run(kSequenceSplit, keep, {x, number(0)}).ok());
  EXPECT_FALSE(run(kSequenceSplit, keep, {x, numbers({2, 2})}).ok());
  EXPECT_FALSE(run(kSequenceSplit, keep, {x, numbers({6, -1})}).ok());
  auto scalars =
      run(kSequenceSplit, make_attributes(SequenceSplitAttributes{.axis = 0, .keep = false}), {x});
  ASSERT_TRUE(scalars.ok());
  EXPECT_EQ((*scalars)[0].list()[0].tensor.rank(), 0);
}

TEST(Sequence, Joins) {
  const Value s = Value::sequence({numbers({1}), numbers({2})});
  auto stacked = run(kSequenceJoin,
                     make_attributes(SequenceJoinAttributes{.axis = -1, .new_axis = true}), {s});
  ASSERT_TRUE(stacked.ok());
  EXPECT_EQ((*stacked)[0].tensor.shape(), (Shape{1, 2}));
  const AttributePtr plain = make_attributes(SequenceJoinAttributes{});
  EXPECT_FALSE(run(kSequenceJoin, plain, {Value::sequence({})}).ok());
  EXPECT_FALSE(run(kSequenceJoin, plain, {Value::sequence({numbers({1}), number(1)})}).ok());
}

TEST(Optional, HoldsAValueOrNone) {
  const AttributePtr none = make_attributes(NoAttributes{});
  EXPECT_FALSE(run(kOptionalGet, none, {Value::optional({})}).ok());
  EXPECT_TRUE(run(kOptionalGet, none, {Value::optional({number(1)})}).ok());
  auto has = run(kOptionalHas, none, {Value::optional({})});
  ASSERT_TRUE(has.ok());
  EXPECT_FALSE((*has)[0].tensor.values<bool>()[0]);
}

// x handed on `trips` times and stacked on axis 0; the body says whether to go on.
Graph handing_on(bool going) {
  auto body = std::make_shared<Graph>();
  body->name = "body";
  const Type vector = Type::tensor(DType::i64, Shape{2});
  body->inputs = {body->add_value("i", Type::tensor(DType::i64, Shape{})),
                  body->add_value("going", Type::tensor(DType::boolean, Shape{})),
                  body->add_value("x", vector)};
  Node copy;
  copy.primitive = &kCopy;
  auto attributes = copy.primitive->build({});
  copy.attributes = *attributes;
  copy.operands = {body->inputs[2]};
  const ValueId copied = body->add_value("y", vector);
  copy.results = {copied};
  body->append(std::move(copy));
  body->outputs = {body->add_constant("on", Tensor::scalar(going)), copied, copied};

  Graph g;
  g.name = "main";
  g.inputs = {g.add_value("trips", Type::tensor(DType::i64, Shape{})), g.add_value("x", vector)};
  LoopAttributes a;
  a.carried = 1;
  a.conditional = true;
  a.stacked_axes = {0};
  a.stacked_reversed = {false};
  a.stacked_dtypes = {DType::i64};
  a.stacked_extents = {{2}};
  Node loop;
  loop.primitive = &kLoop;
  loop.attributes = make_attributes(std::move(a));
  loop.operands = {g.inputs[0], kNoValue, g.inputs[1]};
  loop.bodies = {body};
  loop.results = {g.add_value("last", {}), g.add_value("all", {})};
  g.outputs = loop.results;
  g.append(std::move(loop));
  return g;
}

TEST(Loop, StacksWhatIterationsGive) {
  Graph g = handing_on(true);
  ASSERT_TRUE(infer_all(g).ok());
  ASSERT_TRUE(verify(g).ok());
  const std::vector<Value> inputs{number(3), numbers({1, 2})};
  auto out = evaluate(g, inputs);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ((*out)[1].tensor.shape(), (Shape{3, 2}));
  const std::vector<Value> none{number(0), numbers({1, 2})};
  out = evaluate(g, none);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ((*out)[1].tensor.shape(), (Shape{0, 2}));
  EXPECT_EQ(ints((*out)[0]), (std::vector<std::int64_t>{1, 2}));
}

TEST(Loop, StopsWhenTheConditionSaysSo) {
  Graph g = handing_on(false);
  ASSERT_TRUE(infer_all(g).ok());
  const std::vector<Value> inputs{number(3), numbers({1, 2})};
  auto out = evaluate(g, inputs);
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ((*out)[1].tensor.shape(), (Shape{1, 2}));
}

TEST(Loop, EndsAtTheBudget) {
  Graph g = handing_on(true);
  ASSERT_TRUE(infer_all(g).ok());
  const std::vector<Value> inputs{number(std::int64_t{1} << 62), numbers({1, 2})};
  EvaluateOptions options;
  options.max_steps = 1000;
  auto out = evaluate(g, inputs, options);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.status().code(), Code::limit);
  options = {};
  options.max_bytes = 4096;
  out = evaluate(g, inputs, options);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.status().code(), Code::limit);
}

// y = one branch's constant; the branches differ in shape.
Graph choosing(std::optional<bool> condition) {
  Graph g;
  g.name = "main";
  ValueId c;
  if (condition) {
    c = g.add_constant("c", Tensor::scalar(*condition));
  } else {
    c = g.add_value("c", Type::tensor(DType::boolean, Shape{}));
    g.inputs = {c};
  }
  Node node;
  node.primitive = &kIf;
  node.attributes = *kIf.build({});
  node.operands = {c};
  for (const std::vector<std::int64_t>& v : {std::vector<std::int64_t>{1, 2}, {3}}) {
    auto body = std::make_shared<Graph>();
    body->name = "branch";
    body->outputs = {body->add_constant("k", Tensor::vector(v))};
    node.bodies.push_back(std::move(body));
  }
  node.results = {g.add_value("y", {})};
  g.outputs = node.results;
  g.append(std::move(node));
  return g;
}

TEST(If, JoinsTheBranchesTypes) {
  Graph g = choosing(std::nullopt);
  ASSERT_TRUE(infer_all(g).ok());
  EXPECT_FALSE(g.value(g.outputs[0]).type.dim(0).is_constant());
  for (bool condition : {true, false}) {
    const std::vector<Value> inputs{Tensor::scalar(condition)};
    auto out = evaluate(g, inputs);
    ASSERT_TRUE(out.ok()) << out.status().message();
    EXPECT_EQ((*out)[0].tensor.count(), condition ? 2 : 1);
  }
}

TEST(If, KnowsTheBranchOfAConstant) {
  Graph g = choosing(false);
  ASSERT_TRUE(infer_all(g).ok());
  const ValueInfo& y = g.value(g.outputs[0]);
  EXPECT_EQ(y.type.to_string(), "i64[1]");
  ASSERT_TRUE(y.contents.has_value());
  EXPECT_EQ((*y.contents)[0], Dim(3));
}

}  // namespace
}  // namespace gossamer
