// Types: text, static shapes, broadcasting, joining.
#include "graph/type.h"

#include <gtest/gtest.h>

namespace gossamer {
namespace {

Type type(std::string_view text) {
  Result<Type> t = Type::parse(text);
  EXPECT_TRUE(t.ok()) << t.status().message();
  return t.ok() ? *t : Type{};
}

DimVector dims(std::string_view extents) {
  return *type("f32[" + std::string(extents) + "]").shape;
}

std::string broadcast_text(std::string_view a, std::string_view b) {
  Result<DimVector> r = broadcast(dims(a), dims(b));
  return r.ok() ? Type::tensor(DType::f32, *r).to_string() : r.status().message();
}

TEST(Type, TextRoundTrips) {
  for (const char* text : {"f32[1,3,h,w]", "f32[*]", "seq(f32[*])", "opt(i64[])", "seq(?)",
                           "opt(seq(string[n]))", "u4[floor_div(h+1,2),min(a,b)]", "boolean[0]"}) {
    EXPECT_EQ(type(text).to_string(), text);
    EXPECT_EQ(type(text), type(text));
  }
  EXPECT_EQ(type("f32[ 2 , w+h ]").to_string(), "f32[2,h+w]");
}

TEST(Type, BadTextIsRefused) {
  std::string many = "f32[1";
  for (int i = 0; i < 32; ++i) many += ",1";
  for (const std::string& text :
       {std::string("f32"), std::string("f33[]"), std::string("f32[1"), std::string("f32[,]"),
        std::string("f32[-1]"), std::string("seq(f32[]"), std::string(""), std::string("f32[1)]"),
        std::string("f32[(]"), many + "]"}) {
    EXPECT_FALSE(Type::parse(text).ok()) << text;
  }
}

TEST(Type, Questions) {
  EXPECT_EQ(type("f32[2,3]").static_shape(), (Shape{2, 3}));
  EXPECT_FALSE(type("f32[2,n]").static_shape());
  EXPECT_FALSE(type("f32[*]").static_shape());
  EXPECT_FALSE(type("seq(f32[2])").static_shape());
  EXPECT_EQ(type("f32[2,n,3]").element_count().to_string(), "6*n");
  EXPECT_EQ(type("f32[]").element_count(), Dim(1));
  EXPECT_EQ(type("opt(seq(f32[2]))").depth(), 2);
  EXPECT_FALSE(type("f32[2]") == type("f32[*]"));
  EXPECT_FALSE(type("seq(?)") == type("seq(f32[*])"));
}

TEST(Type, Broadcast) {
  EXPECT_EQ(broadcast_text("2,1,n", "3,1"), "f32[2,3,n]");
  EXPECT_EQ(broadcast_text("n", "5"), "f32[5]");
  EXPECT_EQ(broadcast_text("n", "m"), "f32[max(m,n)]");
  EXPECT_EQ(broadcast_text("n", "n"), "f32[n]");
  EXPECT_EQ(broadcast_text("", "n,2"), "f32[n,2]");
  EXPECT_EQ(broadcast_text("0", "1"), "f32[0]");
  EXPECT_EQ(broadcast_text("4,2", "3"), "extents 2 and 3 do not broadcast (axis 1)");
}

TEST(Type, Join) {
  int count = 0;
  auto join_text = [&](std::string_view a, std::string_view b) {
    Result<Type> r =
        join(type(a), type(b), [&] { return Dim::symbol("f" + std::to_string(count++)); });
    return r.ok() ? r->to_string() : r.status().message();
  };
  EXPECT_EQ(join_text("f32[2,n]", "f32[3,n]"), "f32[f0,n]");
  EXPECT_EQ(join_text("f32[2]", "f32[2,1]"), "f32[*]");
  EXPECT_EQ(join_text("f32[2]", "f32[*]"), "f32[*]");
  EXPECT_EQ(join_text("seq(f32[2])", "seq(f32[3])"), "seq(f32[f1])");
  EXPECT_EQ(join_text("seq(?)", "seq(f32[3])"), "seq(?)");
  EXPECT_EQ(join_text("f32[2]", "i64[2]"), "types f32[2] and i64[2] do not fit together");
  EXPECT_EQ(join_text("f32[2]", "opt(f32[2])"), "types f32[2] and opt(f32[2]) do not fit together");
}

}  // namespace
}  // namespace gossamer
