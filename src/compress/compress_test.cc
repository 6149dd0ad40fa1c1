// Recipes, the statistics behind them, and what quantizing leaves of a graph's answers.
#include "compress/compress.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "base/npy.h"
#include "base/test_folder.h"
#include "compress/layers.h"
#include "compress/quantize_weights.h"
#include "compress/scale_groups.h"
#include "graph/text.h"
#include "primitives/evaluator.h"
#include "primitives/primitives.h"

namespace gossamer::compress {
namespace {

// --- histograms and ranges ---

TEST(Histogram, CountsAllWhateverTheOrder) {
  std::vector<float> values;
  std::mt19937 random(3);
  std::normal_distribution<float> normal(2, 0.01F);
  for (int i = 0; i < 5000; ++i) values.push_back(normal(random));
  values.push_back(-1000);
  values.push_back(70000);
  values.push_back(std::numeric_limits<float>::infinity());
  Histogram forward, backward;
  for (const float v : values) forward.add(std::span(&v, 1));
  for (auto it = values.rbegin(); it != values.rend(); ++it) backward.add(std::span(&*it, 1));
  for (const Histogram* h : {&forward, &backward}) {
    EXPECT_EQ(h->count(), 5002);
    EXPECT_EQ(h->not_finite(), 1);
    EXPECT_EQ(h->least(), -1000);
    EXPECT_EQ(h->greatest(), 70000);
    double sum = 0;
    for (const double n : h->bins()) sum += n;
    EXPECT_EQ(sum, 5002);
    const auto bin = static_cast<std::size_t>((2 - h->low()) / h->width());
    EXPECT_GE(h->bins()[bin] + h->bins()[bin - 1] + h->bins()[bin + 1], 5000);
  }
}

TEST(Range, EachObserverDealsWithAnOutlier) {
  Histogram h;
  std::vector<float> values;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (int i = 0; i < 100000; ++i) values.push_back(normal(random));
  values.push_back(100);
  h.add(values);
  for (std::size_t i = 0; i < enum_names(Observer{}).size(); ++i) {
    RangeOptions o;
    o.observer = static_cast<Observer>(i);
    o.percentile = 99.9;
    const Range r = choose_range(h, {-3.5, 3.5}, o);
    EXPECT_LE(r.low, -2.5) << enum_names(Observer{})[i];
    EXPECT_GE(r.high, 2.5) << enum_names(Observer{})[i];
    if (o.observer == Observer::min_max) {
      EXPECT_EQ(r.high, 100);
    } else {
      EXPECT_LT(r.high, 95) << enum_names(Observer{})[i];
    }
    o.symmetric = true;
    const Range s = choose_range(h, {-3.5, 3.5}, o);
    EXPECT_EQ(s.low, -s.high);
  }
}

TEST(Range, ZeroIsAlwaysExact) {
  for (const Range r : {Range{-1, 5}, Range{2, 5}, Range{-5, -2}, Range{0, 0}}) {
    const Linear q = linear_for(r, 0, 255, false);
    EXPECT_GT(q.scale, 0);
    EXPECT_GE(q.zero_point, 0);
    EXPECT_LE(q.zero_point, 255);
  }
  EXPECT_EQ(linear_for({0, 2.55}, 0, 255, false).zero_point, 0);
  EXPECT_FLOAT_EQ(linear_for({0, 2.55}, 0, 255, false).scale, 0.01F);
  EXPECT_EQ(linear_for({-1, 0.5}, -127, 127, true).zero_point, 0);
}

// --- weights ---

TEST(Weights, ReconstructionChangesAnswersLessThanRoundingDoes) {
  constexpr std::int64_t kRows = 8, kSize = 24, kPoints = 200;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> weights(kRows * kSize), points(kPoints * kSize);
  for (float& w : weights) w = normal(random);
  for (std::int64_t p = 0; p < kPoints; ++p) {  // inputs that go together
    const float common = normal(random);
    for (std::int64_t k = 0; k < kSize; ++k)
      points[static_cast<std::size_t>(p * kSize + k)] = common + 0.2F * normal(random);
  }
  Moments m;
  m.size = kSize;
  m.sums.assign(kSize * kSize, 0);
  for (std::int64_t p = 0; p < kPoints; ++p)
    for (std::int64_t i = 0; i < kSize; ++i)
      for (std::int64_t j = 0; j < kSize; ++j)
        m.sums[static_cast<std::size_t>(i * kSize + j)] +=
            points[static_cast<std::size_t>(p * kSize + i)] *
            points[static_cast<std::size_t>(p * kSize + j)];
  const Rows rows(Shape({kRows, kSize}), 0);
  WeightScheme scheme;
  scheme.bits = 4;
  QuantizedWeights q = quantize_nearest(weights, rows, scheme);
  const auto error = [&] {
    double sum = 0;
    for (std::int64_t p = 0; p < kPoints; ++p)
      for (std::int64_t r = 0; r < kRows; ++r) {
        double d = 0;
        for (std::int64_t k = 0; k < kSize; ++k)
          d += (double{weights[rows.index(r, k)]} -
                double{q.scale(r, k)} * q.codes[rows.index(r, k)]) *
               double{points[static_cast<std::size_t>(p * kSize + k)]};
        sum += d * d;
      }
    return sum;
  };
  const double nearest = error();
  reconstruct(weights, rows, scheme, m, q);
  EXPECT_LT(error(), nearest / 3);
  for (const std::int8_t c : q.codes) EXPECT_LE(std::abs(c), 7);
}

TEST(Rows, GoAlongAnyAxis) {
  const Rows first(Shape({2, 3}), 0), second(Shape({2, 3}), 1), middle(Shape({2, 3, 4}), 1);
  EXPECT_EQ(first.index(1, 2), 5U);
  EXPECT_EQ(second.index(2, 1), 5U);
  EXPECT_EQ(middle.size, 8);
  EXPECT_EQ(middle.index(1, 5), (1U * 3 + 1) * 4 + 1);
}

// --- recipes ---

TEST(Recipe, NamesTheLineOfAMistake) {
  const auto message = [](std::string_view text) {
    const auto r = parse_recipe(text);
    return r.ok() ? std::string("fine") : r.status().message();
  };
  EXPECT_EQ(message("steps: [quantize]"), "fine");
  EXPECT_NE(message("steps:\n- quantise\n").find("line 2: there is no step 'quantise'"),
            std::string::npos);
  EXPECT_NE(
      message("steps:\n- quantize:\n    bits: 8\n").find("line 3: step quantize has no field"),
      std::string::npos);
  EXPECT_NE(message("steps:\n- quantize: {weights: {bits: 3}}").find("2, 4 or 8"),
            std::string::npos);
  EXPECT_NE(message("steps: [quantize]\nsamples:\n  count: none\n").find("line 3"),
            std::string::npos);
  EXPECT_NE(message("steps: [").find("line"), std::string::npos);
  EXPECT_NE(message("").find("no steps"), std::string::npos);
  EXPECT_NE(message("- a\n- b").find("must be a map"), std::string::npos);
  EXPECT_NE(message("steps: [quantize: {activations: {observer: best}}]").find("one of min_max"),
            std::string::npos);
}

// --- the whole way ---

class Compress : public ::testing::Test {
 protected:
  Compress() {
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    for (int i = 0; i < 12; ++i) {
      std::vector<float> x(2 * 6 * 6);
      for (float& v : x) v = normal(random);
      inputs_.push_back(Tensor::of<float>(Shape({1, 2, 6, 6}), std::span<const float>(x)));
      EXPECT_TRUE(write_npy(folder_.file(std::to_string(i) + ".npy"), inputs_.back()).ok());
    }
    std::string w2;
    for (int i = 0; i < 216; ++i)
      w2 += (i == 0 ? "" : ", ") + std::to_string(0.1F * normal(random));
    Result<Graph> graph = parse_graph(R"(graph g(x: f32[1,2,6,6]) -> (y) {
      w: f32[3,2,1,1] = constant {0.5, -0.25, 1, 0.75, -0.6, 0.3}
      b: f32[3,1,1] = constant {0.1, -0.2, 0.3}
      v: f32[1,3,6,6] = conv(x, w)
      u: f32[1,3,6,6] = pointwise(v, b) program={(f32, f32) a = add x0 x1; y0 = max a 0:f32}
      s: f32[1,108] = copy(u) steps={reshape 1 108}
      w2: f32[108,2] = constant {)" + w2 + R"(}
      y: f32[1,2] = matmul(s, w2)
    })",
                                      find_primitive);
    EXPECT_TRUE(graph.ok()) << graph.status().message();
    graph_ = std::move(graph).value();
  }

  Result<Compressed> apply(const std::string& text) {
    ASSIGN(const Recipe recipe, parse_recipe(text));
    ASSIGN(const samples::Samples samples,
           samples::Samples::open(folder_.path(), recipe.samples, ports_of(graph_)));
    return compress(graph_, recipe, &samples, {});
  }

  // The largest difference of an answer over the largest answer.
  double difference(const Graph& other) {
    double most = 0, range = 0;
    for (const Tensor& x : inputs_) {
      const Value v(x);
      const auto a = evaluate(graph_, std::span(&v, 1)), b = evaluate(other, std::span(&v, 1));
      EXPECT_TRUE(a.ok() && b.ok());
      if (!a.ok() || !b.ok()) return 1e9;
      for (std::size_t i = 0; i < 2; ++i) {
        const double p = (*a)[0].tensor.values<float>()[i], q = (*b)[0].tensor.values<float>()[i];
        most = std::max(most, std::abs(p - q));
        range = std::max(range, std::abs(p));
      }
    }
    return most / range;
  }

  TestFolder folder_;
  std::vector<Tensor> inputs_;
  Graph graph_;
};

TEST_F(Compress, QuantizesEveryLayerAndKeepsTheAnswers) {
  ASSERT_EQ(find_layers(graph_).size(), 2U);
  const auto out = apply("steps: [quantize: {weights: {rounding: reconstruct}}]");
  ASSERT_TRUE(out.ok()) << out.status().message();
  const std::string text = to_text(out->graph);
  EXPECT_NE(text.find("i8[3,2,1,1] = constant"), std::string::npos) << text;
  EXPECT_NE(text.find("i8[108,2] = constant"), std::string::npos);
  EXPECT_NE(text.find("i32[3] = constant"), std::string::npos);
  EXPECT_LT(out->after.constant_bytes, out->before.constant_bytes / 2);
  const double d = difference(out->graph);
  EXPECT_GT(d, 0);
  EXPECT_LT(d, 0.03);
}

TEST_F(Compress, LeavesOutWhatTheRecipeExcepts) {
  const auto out = apply("steps: [quantize: {except: ['y'], activations: none}]");
  ASSERT_TRUE(out.ok()) << out.status().message();
  const std::string text = to_text(out->graph);
  EXPECT_NE(text.find("i8[3,2,1,1] = constant"), std::string::npos);
  EXPECT_EQ(text.find("i8[108,2]"), std::string::npos);
  EXPECT_EQ(text.find("quantize<u8>"), std::string::npos);
  EXPECT_LT(difference(out->graph), 0.01);
}

TEST_F(Compress, FewerBitsCostMore) {
  const auto eight = apply("steps: [quantize: {activations: none}]");
  const auto four = apply("steps: [quantize: {weights: {bits: 4}, activations: none}]");
  ASSERT_TRUE(eight.ok() && four.ok()) << four.status().message();
  EXPECT_LT(difference(eight->graph), difference(four->graph));
  EXPECT_LT(difference(four->graph), 0.3);
}

TEST_F(Compress, BlocksCostLessThanWholeRows) {
  const auto rows = apply("steps: [quantize: {weights: {bits: 4}, activations: none}]");
  const auto blocks = apply(
      "steps: [quantize: {weights: {bits: 4, granularity: block, block: 16}, activations: none}]");
  ASSERT_TRUE(rows.ok() && blocks.ok()) << blocks.status().message();
  const std::string text = to_text(blocks->graph);
  // 108 inputs: 6 blocks of 16 and one of 12.
  EXPECT_NE(text.find("f32[7,2] = constant"), std::string::npos) << text;
  EXPECT_LT(difference(blocks->graph), difference(rows->graph));
}

TEST_F(Compress, CastsWeightsToHalf) {
  for (const std::string to : {"f16", "bf16"}) {
    const auto out = apply("steps: [cast: {to: " + to + "}]");
    ASSERT_TRUE(out.ok()) << out.status().message();
    EXPECT_NE(to_text(out->graph).find(to + "[108,2] = constant"), std::string::npos);
    EXPECT_LT(out->after.constant_bytes, out->before.constant_bytes * 0.55);
    EXPECT_LT(difference(out->graph), to == "f16" ? 1e-3 : 1e-2);
  }
}

TEST(Tables, BecomeBytes) {
  std::string numbers;
  for (int i = 0; i < 8192; ++i) numbers += (i == 0 ? "" : ", ") + std::to_string(i % 97 - 40);
  Result<Graph> graph = parse_graph(R"(graph g(i: i64[3]) -> (y) {
    t: f32[512,16] = constant {)" + numbers +
                                        R"(}
    x: f32[3,16] = gather(t, i)
    w: f32[16,1] = constant {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
    y: f32[3,1] = matmul(x, w)
  })",
                                    find_primitive);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  const auto recipe = parse_recipe("steps: [quantize: {activations: none, correct_bias: false}]");
  ASSERT_TRUE(recipe.ok());
  const auto out = compress(*graph, *recipe, nullptr, {});
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_NE(to_text(out->graph).find("i8[512,16] = constant"), std::string::npos);
  const Value at(Tensor::vector(std::vector<std::int64_t>{0, 500, 77}));
  const auto a = evaluate(*graph, std::span(&at, 1)), b = evaluate(out->graph, std::span(&at, 1));
  ASSERT_TRUE(a.ok() && b.ok());
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_NEAR((*a)[0].tensor.values<float>()[i], (*b)[0].tensor.values<float>()[i], 40);
}

// --- channels ---

class Equalize : public Compress {
 protected:
  void use(const std::string& text) {
    Result<Graph> graph = parse_graph(text, find_primitive);
    ASSERT_TRUE(graph.ok()) << graph.status().message();
    graph_ = std::move(graph).value();
  }
};

// Two layers, channels of unlike reach between them, a residual addition and a cut at 6.
constexpr std::string_view kUneven = R"(graph g(x: f32[1,2,6,6]) -> (y) {
  w: f32[3,2,1,1] = constant {0.5, -0.25, 0.01, 0.0075, -6, 3}
  b: f32[3,1,1] = constant {0.1, -0.002, 0.3}
  v: f32[1,3,6,6] = conv(x, w)
  u: f32[1,3,6,6] = pointwise(v, b) program={(f32, f32) y0 = add x0 x1}
  w2: f32[3,2,1,1] = constant {0.25, 0.5, -0.01, 0.02, 1, 3}
  v2: f32[1,3,6,6] = conv(x, w2)
  s: f32[1,3,6,6] = pointwise(u, v2) program={(f32, f32) a = add x0 x1; b = max a 0:f32; y0 = min 6:f32 b}
  w3: f32[2,3,1,1] = constant {0.5, 40, -0.25, 0.7, -30, 0.1}
  t: f32[1,2,6,6] = conv(s, w3)
  y: f32[1,2] = reduce(t) op=mean axes=[2, 3]
})";

TEST_F(Equalize, FindsWhatPassesFactorsOn) {
  use(std::string(kUneven));
  const auto groups = find_scale_groups(graph_);
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].channels, 3);
  EXPECT_EQ(groups[0].producers.size(), 3U);  // two weights, one bias
  EXPECT_EQ(groups[0].consumers.size(), 1U);
  ASSERT_EQ(groups[0].bounds.size(), 1U);
  EXPECT_EQ(groups[0].bounds[0].limit, 6);
}

TEST_F(Equalize, KeepsTheAnswersAndHelpsQuantizing) {
  use(std::string(kUneven));
  const auto alone = apply("steps: [equalize: {strength: 1, margin: 1}]");
  ASSERT_TRUE(alone.ok()) << alone.status().message();
  EXPECT_LT(difference(alone->graph), 1e-4);
  EXPECT_NE(to_text(alone->graph), to_text(graph_));
  const auto plain = apply("steps: [quantize]");
  const auto even = apply("steps: [equalize: {strength: 1, margin: 1}, quantize]");
  ASSERT_TRUE(plain.ok() && even.ok());
  EXPECT_LT(difference(even->graph), difference(plain->graph));
}

TEST_F(Equalize, LeavesWhatOthersSee) {
  // The value between is an output; behind the second layer a sigmoid.
  use(R"(graph g(x: f32[1,2,6,6]) -> (v, y) {
    w: f32[2,2,1,1] = constant {0.5, -0.25, 0.01, 0.0075}
    v: f32[1,2,6,6] = conv(x, w)
    u: f32[1,2,6,6] = conv(v, w)
    s: f32[1,2,6,6] = pointwise(u) program={(f32) y0 = sigmoid x0}
    t: f32[1,2,6,6] = conv(s, w)
    y: f32[1,2] = reduce(t) op=mean axes=[2, 3]
  })");
  EXPECT_TRUE(find_scale_groups(graph_).empty());
}

TEST_F(Compress, SaysWhenSamplesAreMissing) {
  const auto recipe = parse_recipe("steps: [quantize]");
  ASSERT_TRUE(recipe.ok());
  const auto out = compress(graph_, *recipe, nullptr, {});
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.status().code(), Code::usage);
}

}  // namespace
}  // namespace gossamer::compress
