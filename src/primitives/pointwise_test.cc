// The shape rule of Pointwise: broadcasting over symbols, and shape arithmetic through programs.
// Random's generator.
#include <gtest/gtest.h>

#include "primitives/builder.h"
#include "reference/random.h"

namespace gossamer {
namespace {

class PointwiseRule : public ::testing::Test {
 protected:
  Graph graph_;
  Builder b_{graph_, std::make_shared<Builder::Symbols>()};
};

TEST_F(PointwiseRule, BroadcastsSymbols) {
  const ValueId x = b_.input("x", Type::tensor(DType::f32, DimVector{Dim::symbol("n"), Dim(1)}));
  const ValueId y = b_.input("y", Type::tensor(DType::f32, DimVector{Dim(4)}));
  const auto z = b_.binary(PointwiseOp::add, x, y);
  ASSERT_TRUE(z.ok()) << z.status().message();
  EXPECT_EQ(b_.type(*z).to_string(), "f32[n,4]");
  const ValueId i = b_.input("i", Type::tensor(DType::i64, DimVector{Dim(4)}));
  EXPECT_FALSE(b_.binary(PointwiseOp::add, x, i).ok());
}

TEST_F(PointwiseRule, ShapeArithmeticStaysSymbolic) {
  const ValueId x = b_.input("x", Type::tensor(DType::f32, DimVector{Dim::symbol("h"), Dim(6)}));
  const auto shape = b_.shape_of(x);
  ASSERT_TRUE(shape.ok());
  const auto y = b_.pointwise({*shape, b_.constant_ints({3, -4})},
                              [](ExpressionBuilder& e, std::span<const Ref> in) {
                                const Ref sum = e.add(e.mul(in[0], e.like(in[0], 2)), in[1]);
                                const Ref absent = e.eq(in[0], e.integer(DType::i64, -1));
                                return e.select(absent, in[1], sum);
                              });
  ASSERT_TRUE(y.ok()) << y.status().message();
  const auto contents = b_.contents(*y);
  ASSERT_TRUE(contents.has_value());
  EXPECT_EQ((*contents)[0], Dim(2) * Dim::symbol("h") + Dim(3));
  EXPECT_EQ((*contents)[1], Dim(8));
}

TEST_F(PointwiseRule, ExtentsComeFromContents) {
  const auto r =
      b_.pointwise_over(b_.constant_ints({2, 3}), {},
                        [](ExpressionBuilder& e, std::span<const Ref>) { return e.index(1); });
  ASSERT_TRUE(r.ok());
  EXPECT_EQ(b_.type(*r).to_string(), "i64[2,3]");
  EXPECT_FALSE(
      b_.pointwise_over(b_.constant_ints({-2}), {}, [](ExpressionBuilder& e, std::span<const Ref>) {
          return e.index(0);
        }).ok());
}

TEST(Philox, KnownAnswers) {
  using Block = std::array<std::uint32_t, 4>;
  EXPECT_EQ(reference::philox({0, 0, 0, 0}, {0, 0}),
            (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(reference::philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

}  // namespace
}  // namespace gossamer
