// The shape rule of Copy and the builder's spellings of movement, with symbols.
#include <gtest/gtest.h>

#include <limits>

#include "primitives/builder.h"

namespace gossamer {
namespace {

constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

class Movement : public ::testing::Test {
 protected:
  ValueId x(DimVector shape) { return b_.input("x", Type::tensor(DType::f32, std::move(shape))); }

  // The shape that the steps give to a tensor of `shape`, or "" when they do not fit.
  std::string shape_after(std::string_view steps, DimVector shape, std::vector<ValueId> args = {}) {
    Result<StepList> list = parse_steps(steps);
    if (!list.ok()) return "no steps";
    Result<ValueId> y = b_.copy(x(std::move(shape)), *list, std::move(args));
    return y.ok() ? b_.type(*y).to_string() : "";
  }

  const Dim n_ = Dim::symbol("n"), h_ = Dim::symbol("h");
  Graph graph_;
  Builder b_{graph_, std::make_shared<Builder::Symbols>()};
};

TEST_F(Movement, ReshapesSymbols) {
  EXPECT_EQ(shape_after("reshape =0 2 *", {n_, 6}), "f32[n,2,3]");
  EXPECT_EQ(shape_after("reshape 0*1 *", {n_, h_, 6}),
            Type::tensor(DType::f32, DimVector{n_ * h_, 6}).to_string());
  EXPECT_EQ(shape_after("reshape *", {n_, 2}),
            Type::tensor(DType::f32, DimVector{n_ * Dim(2)}).to_string());
  EXPECT_EQ(shape_after("reshape 4 *", {3, 3}), "");
  EXPECT_EQ(shape_after("reshape 4", {3}), "");
  EXPECT_EQ(shape_after("reshape =1", {3}), "");
  EXPECT_EQ(shape_after("reshape 0 *", {0, 3}), "f32[0,3]");
  EXPECT_EQ(shape_after("reshape 0 *", {0}), "f32[0,1]");
  EXPECT_EQ(shape_after("reshape 0 *", {n_}), "");
}

TEST_F(Movement, ReshapesByOperands) {
  const ValueId unknown = b_.input("s", Type::tensor(DType::i64, DimVector{2}));
  // What the other extents leave follows even though it comes at run time.
  EXPECT_EQ(shape_after("reshape @1[0] 3", {n_, 3}, {unknown}), "f32[n,3]");
  const std::string both = shape_after("reshape @1[0] @1[1]", {n_, 3}, {unknown});
  EXPECT_TRUE(both.starts_with("f32[u")) << both;
  EXPECT_EQ(shape_after("reshape @2[0]", {3}, {unknown}), "");
  EXPECT_EQ(shape_after("reshape @1[0]?=0 @1[1]", {n_, 3}, {b_.constant_ints({0, -1})}),
            "f32[n,3]");
}

TEST_F(Movement, SlicesSymbols) {
  EXPECT_EQ(shape_after("slice 0 0:9223372036854775807", {n_}), "f32[n]");
  EXPECT_EQ(shape_after("slice 0 0:2147483647", {n_}), "f32[n]");
  EXPECT_EQ(shape_after("slice 0 -1:-9223372036854775808:-1", {n_}), "f32[n]");
  const Dim longer = n_ + Dim(5);
  EXPECT_EQ(shape_after("slice 0 2:9223372036854775807", {longer}),
            Type::tensor(DType::f32, DimVector{n_ + Dim(3)}).to_string());
  EXPECT_EQ(shape_after("slice 0 1:-1", {longer}),
            Type::tensor(DType::f32, DimVector{n_ + Dim(3)}).to_string());
  EXPECT_EQ(shape_after("slice 0 0:4", {longer}), "f32[4]");
  EXPECT_EQ(shape_after("slice 0 -3:9223372036854775807", {longer}), "f32[3]");
  EXPECT_EQ(shape_after("slice 0 1:9:3", {10}), "f32[3]");
  EXPECT_EQ(shape_after("slice 0 2:9223372036854775807", {n_}),
            Type::tensor(DType::f32, DimVector{max(n_ - Dim(2), Dim(0))}).to_string());
}

TEST_F(Movement, PadsExpandsRepeats) {
  EXPECT_EQ(shape_after("pad 0 1 2", {n_}),
            Type::tensor(DType::f32, DimVector{n_ + Dim(3)}).to_string());
  EXPECT_EQ(shape_after("pad 0 0 0 interior 1", {4}), "f32[7]");
  EXPECT_EQ(shape_after("pad 0 -3 -3", {4}), "");
  EXPECT_EQ(shape_after("expand 2 1 1", {n_, 1}), "f32[2,n,1]");
  EXPECT_EQ(shape_after("expand 3", {2}), "");
  EXPECT_EQ(shape_after("repeat 0 2 each", {n_}),
            Type::tensor(DType::f32, DimVector{n_ * Dim(2)}).to_string());
  EXPECT_EQ(shape_after("window 0 3 2 1", {7, h_}), "f32[3,3,h]");
  EXPECT_EQ(shape_after("diagonal 0 1", {n_, 3}), "f32[3]");
  EXPECT_EQ(shape_after("permute 1 0", {n_, 3}), "f32[3,n]");
  EXPECT_EQ(shape_after("permute 0 0", {n_, 3}), "");
}

TEST_F(Movement, KnowsNoRank) {
  const ValueId v = b_.input("v", Type::tensor(DType::f32, std::nullopt));
  Result<ValueId> y = b_.reshape_to(v, {-1, 3});
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(b_.rank(*y), 2);
  EXPECT_FALSE(b_.squeeze(v, {0}).ok());
}

TEST_F(Movement, ShapeArithmeticPassesThrough) {
  const ValueId v = x({n_, 3, h_});
  Result<ValueId> shape = b_.shape_of(v);
  ASSERT_TRUE(shape.ok());
  Result<ValueId> last = b_.slice(*shape, 0, -1, kEnd);
  ASSERT_TRUE(last.ok());
  EXPECT_EQ(b_.contents(*last), DimVector{h_});
  Result<ValueId> joined = b_.concat({*last, b_.constant_ints({-1}), *shape}, 0);
  ASSERT_TRUE(joined.ok());
  EXPECT_EQ(b_.contents(*joined), (DimVector{h_, -1, n_, 3, h_}));
  Result<ValueId> padded = b_.copy(*last, {PadStep{0, 1, 0}, RepeatStep{0, 2, false}});
  ASSERT_TRUE(padded.ok());
  EXPECT_EQ(b_.contents(*padded), (DimVector{0, h_, 0, h_}));
  // A known extent among them is a number.
  Result<ValueId> middle = b_.dim_of(v, 1);
  ASSERT_TRUE(middle.ok());
  const std::optional<Tensor> known = b_.known(*middle);
  ASSERT_TRUE(known.has_value());
  EXPECT_TRUE(known->same_bits(Tensor::vector<std::int64_t>({3})));
}

TEST_F(Movement, NothingToDoAddsNothing) {
  const ValueId v = x({n_, 3});
  EXPECT_EQ(*b_.transpose(v, {0, 1}), v);
  EXPECT_EQ(*b_.reshape_to(v, {-1, 3}), v);
  EXPECT_EQ(*b_.slice(v, 1, 0, 3), v);
  EXPECT_EQ(*b_.slice(v, 0, 0, kEnd), v);
  EXPECT_EQ(*b_.unsqueeze(v, {}), v);
  EXPECT_EQ(*b_.concat({v}, 0), v);
  EXPECT_EQ(*b_.copy(v, {}), v);
  EXPECT_EQ(*b_.expand(v, b_.constant_ints({1, 3})), v);
  EXPECT_TRUE(graph_.nodes.empty());
}

TEST_F(Movement, MovesAxes) {
  const ValueId v = x({n_, 1, 3});
  EXPECT_EQ(b_.type(*b_.unsqueeze(v, {0, 4})).to_string(), "f32[1,n,1,3,1]");
  EXPECT_EQ(b_.type(*b_.squeeze(v, {1})).to_string(), "f32[n,3]");
  EXPECT_FALSE(b_.squeeze(v, {2}).ok());
  EXPECT_FALSE(b_.squeeze(v, {3}).ok());
  EXPECT_FALSE(b_.unsqueeze(v, {1, 1}).ok());
}

}  // namespace
}  // namespace gossamer
