// Dims: canonical form, folding of the functions, text, evaluation, limits.
#include "graph/dim.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace gossamer {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

Dim s(std::string_view name) { return Dim::symbol(name); }

std::string parsed(std::string_view text) {
  Result<Dim> dim = Dim::parse(text);
  return dim.ok() ? dim->to_string() : "error: " + dim.status().message();
}

TEST(Dim, EqualExpressionsCompareAndPrintEqual) {
  const Dim a = (s("h") + 1) * (s("w") - 1);
  const Dim b = s("w") * s("h") - s("h") + s("w") - 1;
  EXPECT_EQ(a, b);
  EXPECT_EQ(a.to_string(), "h*w-h+w-1");
  EXPECT_EQ(s("h") - s("h"), Dim(0));
  EXPECT_FALSE(s("h") == s("w"));
  EXPECT_FALSE(s("h") == Dim(0));
  EXPECT_EQ((Dim(2) * s("h") * s("h") + 3).to_string(), "2*h*h+3");
  EXPECT_EQ((Dim(3) - s("h")).to_string(), "-h+3");
}

TEST(Dim, ExactDivisionIsRecognized) {
  EXPECT_EQ(floor_div(Dim(4) * s("h") * s("w"), 4), s("h") * s("w"));
  EXPECT_EQ(floor_div(s("h") * s("w"), s("w")), s("h"));
  EXPECT_EQ(floor_div((s("h") + 1) * (s("w") + 2) * 6, s("w") * 2 + 4), s("h") * 3 + 3);
  EXPECT_EQ(floor_div(s("h"), s("h")), Dim(1));
  EXPECT_EQ(floor_div(s("h") + 1, s("w")).to_string(), "floor_div(h+1,w)");
  EXPECT_EQ((s("w") * floor_div(s("h"), s("w"))).to_string(), "floor_div(h,w)*w");
  EXPECT_EQ(floor_mod(s("h") * s("w"), s("w")), Dim(0));
}

TEST(Dim, DivisionByANumberTakesWholePartsOut) {
  EXPECT_EQ((floor_div(s("h") - 1, 2) + 1).to_string(), "floor_div(h+1,2)");
  EXPECT_EQ(ceil_div(s("h"), 2).to_string(), "floor_div(h+1,2)");
  EXPECT_EQ(floor_div(s("h") * 2 + 5, 4).to_string(), "floor_div(h,2)+1");
  EXPECT_EQ(floor_div(floor_div(s("h") + 1, 2) + 1, 2).to_string(), "floor_div(h+3,4)");
  EXPECT_EQ(floor_div(s("h"), -2), floor_div(Dim(0) - s("h"), 2));
  EXPECT_EQ(floor_mod(s("h") * 6 + 9, 4).to_string(), "floor_mod(2*h+1,4)");
  EXPECT_EQ(floor_mod(s("h") * 6 + 4, 4).to_string(), "2*floor_mod(h,2)");
}

TEST(Dim, NumbersFold) {
  EXPECT_EQ(floor_div(Dim(-7), 2), Dim(-4));
  EXPECT_EQ(floor_div(Dim(7), -2), Dim(-4));
  EXPECT_EQ(ceil_div(Dim(7), 2), Dim(4));
  EXPECT_EQ(ceil_div(Dim(-7), 2), Dim(-3));
  EXPECT_EQ(ceil_div(Dim(7), -2), Dim(-3));
  EXPECT_EQ(floor_mod(Dim(-7), 3), Dim(2));
  EXPECT_EQ(floor_mod(Dim(7), -3), Dim(-2));
  EXPECT_EQ(ceil_div(Dim(kMost), 2), Dim(kMost / 2 + 1));
  EXPECT_EQ(min(Dim(2), 3), Dim(2));
  EXPECT_EQ(max(Dim(2), 3), Dim(3));
}

TEST(Dim, MinAndMaxDropWhatCannotMatter) {
  EXPECT_EQ(max(s("h"), 0), s("h"));
  EXPECT_EQ(min(s("h"), s("h") + 3), s("h"));
  EXPECT_EQ(max(s("w"), s("h")).to_string(), "max(h,w)");
  EXPECT_EQ(max(max(s("w"), s("a")), max(s("h"), s("w"))).to_string(), "max(a,h,w)");
  EXPECT_EQ(min(s("h"), 5).to_string(), "min(5,h)");
  EXPECT_EQ(max(s("h") - s("w"), 0).to_string(), "max(0,h-w)");
  EXPECT_EQ(max(min(s("h"), 512), s("h")), s("h"));
  EXPECT_EQ(min(s("h"), max(s("w"), s("h") + 1)), s("h"));
}

TEST(Dim, CertainlyPositive) {
  EXPECT_TRUE((s("h") * 2 + 1).certainly_positive());
  EXPECT_TRUE(max(s("h"), 1).certainly_positive());
  EXPECT_TRUE((floor_div(s("h"), 2) + 1).certainly_positive());
  EXPECT_TRUE(Dim(3).certainly_positive());
  EXPECT_FALSE(s("h").certainly_positive());
  EXPECT_FALSE((s("h") - 1).certainly_positive());
  EXPECT_FALSE((s("h") - s("w") + 1).certainly_positive());
  EXPECT_FALSE(Dim(0).certainly_positive());
}

TEST(Dim, OverflowGivesAnOpaqueSymbol) {
  const Dim a = Dim(kMost) + 1;
  EXPECT_FALSE(a.is_constant());
  EXPECT_EQ(a, Dim(1) + Dim(kMost));
  EXPECT_FALSE(a == Dim(kMost) + 2);
  EXPECT_FALSE((a + 1).certainly_positive());
  EXPECT_FALSE((Dim(kLeast) - 1).is_constant());
  EXPECT_FALSE((s("h") * kMost * 2).constant().has_value());
  for (const Dim& d : {floor_div(Dim(kLeast), -1), floor_div(Dim(1), 0), floor_mod(Dim(kLeast), -1),
                       floor_div(s("h"), kLeast), floor_mod(s("h"), 0), a, a * a}) {
    Result<Dim> back = Dim::parse(d.to_string());
    ASSERT_TRUE(back.ok()) << d.to_string();
    EXPECT_EQ(*back, d);
  }
  EXPECT_FALSE(floor_div(s("h"), 0).evaluate([](auto) { return 3; }).has_value());
  EXPECT_FALSE((s("h") * 4).evaluate([](auto) { return kMost / 2; }).has_value());
}

TEST(Dim, LargeExpressionsBecomeOpaqueButStayEqual) {
  auto large = [] {
    Dim sum;
    for (int i = 0; i < 100; ++i) sum = sum + s("a" + std::to_string(i));
    return sum;
  };
  EXPECT_EQ(large(), large());
  EXPECT_LT(large().to_string().size(), 1100U);
  Dim nested = s("h");
  for (int i = 0; i < 1000; ++i) nested = floor_div(nested + s("w"), s("k"));
  EXPECT_LT(nested.to_string().size(), 1100U);
  Dim power = s("h") + 1;
  for (int i = 0; i < 100; ++i) power = power * (s("h") + s("w") + 1);
  EXPECT_LT(power.to_string().size(), 1100U);
}

TEST(Dim, Parse) {
  EXPECT_EQ(parsed("2*h*w+1"), "2*h*w+1");
  EXPECT_EQ(parsed("-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(parsed("h-9223372036854775808"), "h-9223372036854775808");
  EXPECT_EQ(parsed("-(h-w)*2"), "-2*h+2*w");
  EXPECT_EQ(parsed("ceil_div(h,2)"), "floor_div(h+1,2)");
  EXPECT_EQ(parsed("max(c,b,a)"), "max(a,b,c)");
  EXPECT_EQ(parsed("min"), "min");
  for (const char* bad : {"", "h+", "2h", "h w", "floor_div(h)", "foo(1)", "(h", "h)",
                          "9223372036854775808", ".5", "floor_div(1,2", "*"}) {
    EXPECT_FALSE(Dim::parse(bad).ok()) << bad;
  }
  EXPECT_FALSE(Dim::parse(std::string(100000, '(')).ok());
  EXPECT_FALSE(Dim::parse(std::string(8000, '(')).ok());
}

TEST(Dim, SymbolNamesAreCleaned) {
  EXPECT_EQ(s("batch size").to_string(), "batch_size");
  EXPECT_EQ(s("2x").to_string(), "_2x");
  EXPECT_EQ(s("").to_string(), "_");
  const std::string long_name(1000, 'a');
  EXPECT_FALSE(s(long_name) == s(long_name + "b"));
  EXPECT_LT(s(long_name).to_string().size(), 130U);
}

TEST(Dim, SubstituteFolds) {
  const Dim d = max(floor_div(s("h") * s("w"), s("w") + 1), 2);
  auto with = [&](std::string_view name, Dim value) {
    return d.substitute(
        [&](std::string_view n) { return n == name ? std::optional(value) : std::nullopt; });
  };
  EXPECT_EQ(with("w", 0), Dim(2));
  EXPECT_EQ(with("h", s("w") + 1).to_string(), "max(2,w)");
  EXPECT_EQ(with("x", 0), d);
  EXPECT_EQ(d.symbols(), (std::vector<std::string>{"h", "w"}));
}

// A random expression beside its value at h=h, w=w.
std::pair<Dim, std::int64_t> random_dim(std::mt19937& random, std::int64_t h, std::int64_t w,
                                        int depth) {
  auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  if (depth == 0 || pick(5) == 0) {
    switch (pick(3)) {
      case 0:
        return {s("h"), h};
      case 1:
        return {s("w"), w};
      default: {
        const std::int64_t c = pick(15) - 7;
        return {Dim(c), c};
      }
    }
  }
  auto [a, x] = random_dim(random, h, w, depth - 1);
  auto [b, y] = random_dim(random, h, w, depth - 1);
  switch (pick(8)) {
    case 0:
      return {a + b, x + y};
    case 1:
      return {a - b, x - y};
    case 2:
      return {a * b, x * y};
    case 3:
      return {min(a, b), std::min(x, y)};
    case 4:
      return {max(a, b), std::max(x, y)};
    default:
      break;
  }
  if (y == 0) return {a, x};
  const std::int64_t q = x / y - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0);
  switch (pick(3)) {
    case 0:
      return {floor_div(a, b), q};
    case 1:
      return {floor_mod(a, b), x - q * y};
    default:
      return {ceil_div(a, b), q + (q * y != x ? 1 : 0)};
  }
}

TEST(Dim, RandomExpressionsEvaluateAsWrittenAndRoundTrip) {
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    const std::int64_t h = random() % 20;
    const std::int64_t w = random() % 20;
    const auto [dim, value] = random_dim(random, h, w, 4);
    const std::optional<std::int64_t> got =
        dim.evaluate([&](std::string_view name) -> std::optional<std::int64_t> {
          if (name == "h") return h;
          return name == "w" ? std::optional(w) : std::nullopt;
        });
    EXPECT_EQ(got.value_or(value), value) << dim.to_string() << " h=" << h << " w=" << w;
    EXPECT_TRUE(!dim.certainly_positive() || value > 0) << dim.to_string();
    Result<Dim> back = Dim::parse(dim.to_string());
    ASSERT_TRUE(back.ok()) << dim.to_string();
    EXPECT_EQ(*back, dim) << dim.to_string() << " read as " << back->to_string();
  }
}

}  // namespace
}  // namespace gossamer
