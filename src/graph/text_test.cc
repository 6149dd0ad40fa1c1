// The text form: what is printed, that it reads back, and what is refused and where.
#include "graph/text.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/float_bits.h"
#include "graph/fake_primitives.h"

namespace gossamer {
namespace {

// What a text reads as and prints to, or the message why not.
std::string reprint(std::string_view text) {
  Result<Graph> graph = parse_graph(text, fake::find);
  if (!graph.ok()) return graph.status().message();
  return to_text(*graph, {.max_constant_elements = 0, .full = true});
}

std::string message(std::string_view text) {
  Result<Graph> graph = parse_graph(text, fake::find);
  return graph.ok() ? "fine" : graph.status().message();
}

// A line of a graph whose input is x: f32[2,n].
std::string in_graph(std::string_view lines, std::string_view output = "x") {
  return "graph main(x: f32[2,n]) -> (" + std::string(output) + ") {\n" + std::string(lines) +
         "}\n";
}

TEST(Text, RoundTripOfEveryForm) {
  const std::string text =
      R"(graph main(x: f32[1,3,h,floor_div(w+1,2)], cond: boolean[], s: seq(f32[*])) -> (y, r, "a b") {
  unused: i64[0] = constant {}
  a: f32[1,3,h,floor_div(w+1,2)] = keep(x)
  k: f32[2] = constant {1, 2.5}
  "a b": f32[2] = keep(k, _, x) flag=true count=-3 real=1.5 narrow=0.1 text="q\"\\\n\x01" mode=fancy dtype=bf16 axes=[1, -2] names=[["a"], [], ["b", "c"]] table=u8[2,1]{1, 255} program={a = {b}; y0 = c}
  (v: i64[u7,2], /conv/Add_output:0: i64[2*u7]) = late(x)
  (_, w: i64[2*u3]) = late(x)
  y: i64[u7,2] = keep(v)
  r: f32[*] = branch(cond, x) {
    graph then(x: f32[2]) -> (z) {
      z: f32[2] = keep(x)
    }
    graph else(x: f32[2,2]) -> (x) {
    }
  }
}
)";
  EXPECT_EQ(reprint(text), text);
}

TEST(Text, TypesMayBeLeftOut) {
  EXPECT_EQ(reprint(R"(# a comment
graph main(x: f32[2,n]) -> (y) {
  (a, b) = late(x)  # another
  c: i64[u0,2] = keep(a2)
}
)"),
            "line 4, column 23: 'a2' is not computed before this line");
  EXPECT_EQ(reprint(R"(
graph main(x: f32[2,u4]) -> (y) { # here too
  e = extents(x)
  y = reshape(x, e)
  (a, b) = late(x)
  z = keep(a)
})"),
            R"(graph main(x: f32[2,u4]) -> (y) {
  e: i64[2] = extents(x)
  y: f32[2,u4] = reshape(x, e)
  (a: i64[u5,2], b: i64[2*u5]) = late(x)
  z: i64[u5,2] = keep(a)
}
)");
}

TEST(Text, ContentsOfStoredSymbolsFlow) {
  const std::string text = R"(graph main(x: f32[2]) -> (r) {
  (v: i64[rows,2], _) = late(x)
  e: i64[2] = extents(v)
  r: f32[rows,2] = reshape(x, e)
}
)";
  EXPECT_EQ(reprint(text), text);
}

TEST(Text, LargeConstantsAreElidedUnlessFull) {
  Graph graph;
  graph.name = "g";
  const ValueId big = graph.add_constant("big", Tensor::vector(std::vector<std::int64_t>(17, 3)));
  graph.outputs = {big};
  EXPECT_EQ(to_text(graph), "graph g() -> (big) {\n  big: i64[17] = constant #17\n}\n");
  EXPECT_EQ(message(to_text(graph)), "line 2, column 27: constant 'big' is elided");
  Result<Graph> back = parse_graph(to_text(graph, {.full = true}), fake::find);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_TRUE(back->value(0).constant->same_bits(*graph.value(0).constant));
}

template <class T>
void expect_round_trip(const std::vector<T>& values, const std::string& printed) {
  const Tensor tensor = Tensor::vector(values);
  EXPECT_EQ(to_text(tensor), printed);
  Graph graph;
  graph.name = "g";
  graph.outputs = {graph.add_constant("k", tensor)};
  Result<Graph> back = parse_graph(to_text(graph, {.full = true}), fake::find);
  ASSERT_TRUE(back.ok()) << back.status().message();
  EXPECT_TRUE(back->value(0).constant->same_bits(tensor)) << printed;
}

TEST(Text, ElementsOfEveryKind) {
  expect_round_trip<float>({0.1F, -0.0F, 1e30F, std::numeric_limits<float>::denorm_min(), INFINITY,
                            -INFINITY, NAN, std::bit_cast<float>(0xffc00001U)},
                           "f32[8]{0.1, -0, 1e+30, 1e-45, inf, -inf, nan, 0xffc00001}");
  expect_round_trip<double>({0.1, 5e-324, 1.7976931348623157e308},
                            "f64[3]{0.1, 5e-324, 1.7976931348623157e+308}");
  expect_round_trip<std::int64_t>({std::numeric_limits<std::int64_t>::min(), 7},
                                  "i64[2]{-9223372036854775808, 7}");
  expect_round_trip<std::uint64_t>({~0ULL}, "u64[1]{18446744073709551615}");
  expect_round_trip<std::int8_t>({-128, 127}, "i8[2]{-128, 127}");

  expect_round_trip<I4>({{-8}, {7}}, "i4[2]{-8, 7}");
  expect_round_trip<U2>({{3}}, "u2[1]{3}");
  expect_round_trip<std::string>({"", "a\"b\\\n\xff"}, R"(string[2]{"", "a\"b\\\n\xff"})");
  expect_round_trip<C64>({{1.5F, -0.0F}, {INFINITY, 0.1F}}, "c64[2]{(1.5, -0), (inf, 0.1)}");
  expect_round_trip<F16>({float_to_f16(0.1F), float_to_f16(65504.0F)}, "f16[2]{0.1, 6.55e+04}");
  expect_round_trip<BF16>({float_to_bf16(3.14159F)}, "bf16[1]{3.14}");
  expect_round_trip<F8E8M0>({{0}, {127}, {255}}, "f8e8m0[3]{5.877472e-39, 1, nan}");
}

TEST(Text, Booleans) {
  const bool values[] = {true, false};
  EXPECT_EQ(to_text(Tensor::of<bool>(Shape{2}, values)), "boolean[2]{true, false}");
  EXPECT_EQ(message(in_graph("  k: boolean[2] = constant {true, 1}\n")),
            "line 2, column 35: '1' is not a value of type boolean");
}

template <class T>
void expect_all_codes(int count) {
  std::vector<T> all;
  for (int i = 0; i < count; ++i) {
    T value{};
    value.bits = static_cast<decltype(value.bits)>(i);
    all.push_back(value);
  }
  expect_round_trip<T>(all, to_text(Tensor::vector(all)));
}

TEST(Text, EveryNarrowFloatRoundTrips) {
  expect_all_codes<F4E2M1>(16);
  expect_all_codes<F6E2M3>(64);
  expect_all_codes<F6E3M2>(64);
  expect_all_codes<F8E4M3FN>(256);
  expect_all_codes<F8E4M3FNUZ>(256);
  expect_all_codes<F8E5M2>(256);
  expect_all_codes<F8E5M2FNUZ>(256);
  expect_all_codes<F8E8M0>(256);
  expect_all_codes<F16>(65536);
  expect_all_codes<BF16>(65536);
}

TEST(Text, FloatAttributesKeepTheirBits) {
  for (float value : {0.1F, 1e-5F, 1.0F / 3, -0.0F, 16777216.0F, 3.4028235e38F, 1e-45F}) {
    fake::ManyAttributes a;
    a.narrow = value;
    Graph graph;
    graph.name = "g";
    const ValueId x = graph.add_value("x", Type::tensor(DType::f32, Shape{}));
    const ValueId y = graph.add_value("y", graph.value(x).type);
    graph.inputs = {x};
    Node node;
    node.primitive = &fake::kKeep;
    node.attributes = make_attributes(a);
    node.operands = {x};
    node.results = {y};
    graph.append(std::move(node));
    Result<Graph> back = parse_graph(to_text(graph), fake::find);
    ASSERT_TRUE(back.ok()) << back.status().message();
    const float got = attributes_of<fake::ManyAttributes>(back->node(0)).narrow;
    EXPECT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(value));
  }
}

TEST(Text, PackedConstantsPrintTheirElements) {
  static constexpr std::byte kBytes[] = {std::byte{0x21}, std::byte{0x0f}};
  Graph graph;
  graph.name = "g";
  graph.outputs = {
      graph.add_constant("k", Tensor::borrow(DType::i4, Shape{3}, kBytes, nullptr, true))};
  EXPECT_EQ(to_text(graph), "graph g() -> (k) {\n  k: i4[3] = constant {1, 2, -1}\n}\n");
}

TEST(Text, NamesAreQuotedWhenNeeded) {
  Graph graph;
  graph.name = "";
  for (const char* name :
       {"_", "-a", "a-b", "a:0", "a:", "a b", "\xc3\xa4", "1", "a->b", "graph", "constant"}) {
    graph.inputs.push_back(graph.add_value(name, Type::tensor(DType::f32, std::nullopt)));
  }
  const std::string text = to_text(graph);
  EXPECT_EQ(text,
            "graph \"\"(\"_\": f32[*], \"-a\": f32[*], a-b: f32[*], a:0: f32[*], \"a:\": f32[*], "
            "\"a b\": f32[*], "
            "\"\\xc3\\xa4\": f32[*], 1: f32[*], \"a->b\": f32[*], graph: f32[*], constant: f32[*]) "
            "-> () {\n}\n");
  EXPECT_EQ(reprint(text), text);
}

TEST(Text, MessagesSayWhere) {
  EXPECT_EQ(message(""), "line 1, column 1: expected 'graph'");
  EXPECT_EQ(message("graph g() -> () {\n"), "line 2, column 1: expected a name or '}'");
  EXPECT_EQ(message("graph g() -> (y) {\n}"), "line 1, column 17: the output 'y' is not computed");
  EXPECT_EQ(message("graph g() -> () {\n}\nx"),
            "line 3, column 1: unexpected text after the graph");
  EXPECT_EQ(message(in_graph("  y = nothing(x)\n")),
            "line 2, column 7: unknown primitive 'nothing'");
  EXPECT_EQ(message(in_graph("  x = keep(x)\n")), "line 2, column 14: 'x' is there already");
  EXPECT_EQ(message(in_graph("  y = keep()\n")),
            "line 2, column 7: it has 0 operands, but takes at least 1");
  EXPECT_EQ(message(in_graph("  y = keep(_)\n")),
            "line 2, column 7: operand 0 must not be left out");
  EXPECT_EQ(message(in_graph("  y = keep(x) count=1.5\n")),
            "line 2, column 7: attribute 'count': expected an integer");
  EXPECT_EQ(message(in_graph("  y = keep(x) size=1\n")),
            "line 2, column 7: unknown attribute 'size'");
  EXPECT_EQ(message(in_graph("  y = keep(x) count=1 count=2\n")),
            "line 2, column 28: attribute 'count' is there twice");
  EXPECT_EQ(message(in_graph("  y = keep(x) count=1x\n")),
            "line 2, column 21: '1x' is not a number");
  EXPECT_EQ(
      message(in_graph("  y: f32[3] = keep(x)\n")),
      "line 2, column 15: node #0 (keep): result 'y' has type f32[3], but its node gives f32[2,n]");
  EXPECT_EQ(message(in_graph("  (v: i64[a,2], w: i64[2*b]) = late(x)\n")),
            "line 2, column 32: node #0 (late): result 'w' has type i64[2*b], but its node gives "
            "i64[2*fresh.0]");
  EXPECT_EQ(message(in_graph("  y: f33[3] = keep(x)\n")),
            "line 2, column 6: unknown element type 'f33'");
  EXPECT_EQ(message(in_graph("  k: i8[2] = constant {1, 300}\n")),
            "line 2, column 27: '300' is not a value of type i8");
  EXPECT_EQ(message(in_graph("  k: i8[2] = constant {1}\n")),
            "line 2, column 25: expected 2 elements, got 1");
  EXPECT_EQ(message(in_graph("  k: i8[2] = constant {1, 2, 3}\n")),
            "line 2, column 28: expected '}' after 2 elements");
  EXPECT_EQ(message(in_graph("  k: i8[99999999999] = constant {1}\n")),
            "line 2, column 34: fewer elements than the shape [99999999999] has");
  EXPECT_EQ(message(in_graph("  k: i8[n] = constant {1}\n")),
            "line 2, column 23: a constant's type must have a shape of numbers");
  EXPECT_EQ(message(in_graph("  y = keep(x) z = keep(x)\n")),
            "line 2, column 7: unknown attribute 'z'");
  EXPECT_EQ(message("graph g(x: f32[fresh.0]) -> () {\n}"),
            "line 1, column 24: 'fresh.0' is reserved");
  EXPECT_EQ(message(in_graph("  y = branch(x)\n")),
            "line 2, column 7: it has 0 bodies, but takes 2");
}

TEST(Text, HostileTextIsRefused) {
  std::string bodies = "graph a() -> () { y = branch(x) { ";
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "graph a(x: f32[]) -> () { y = branch(x) {";
  EXPECT_NE(message(many).find("bodies nested too deeply"), std::string::npos);
  EXPECT_NE(message(in_graph("  y = keep(x) axes=" + std::string(10000, '[')))
                .find("lists nested too deeply"),
            std::string::npos);
  EXPECT_NE(message(in_graph("  y = keep(x) program=" + std::string(10000, '{')))
                .find("without its closing brace"),
            std::string::npos);
  std::string seq;
  for (int i = 0; i < 10000; ++i) seq += "seq(";
  EXPECT_NE(message("graph g(x: " + seq + "f32[]" + std::string(10000, ')') + ") -> () {}")
                .find("nested too deeply"),
            std::string::npos);
  std::string wraps = "  y0 = wrap(x)\n";
  for (int i = 0; i < 100; ++i)
    wraps += "  y" + std::to_string(i + 1) + " = wrap(y" + std::to_string(i) + ")\n";
  EXPECT_NE(message(in_graph(wraps)).find("nested too deeply"), std::string::npos);
}

}  // namespace
}  // namespace gossamer
