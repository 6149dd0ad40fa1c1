// Finding the layer that was spoiled.
#include "compress/culprits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "base/npy.h"
#include "base/test_folder.h"
#include "compress/matching.h"
#include "graph/text.h"
#include "primitives/primitives.h"

namespace gossamer::compress {
namespace {

// Three layers one behind the other; `spoil` is added to one weight of each.
Graph layers(float first, float second, float third, const std::string& between = "") {
  const auto weights = [](unsigned seed, float spoil) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::string out;
    for (int i = 0; i < 64; ++i)
      out += (i == 0 ? "" : ", ") + std::to_string(0.3F * normal(random) + (i == 9 ? spoil : 0));
    return out;
  };
  const std::string input = between.empty() ? "b" : "c";
  Result<Graph> graph =
      parse_graph("graph g(x: f32[4,8]) -> (y) {\n w1: f32[8,8] = constant {" + weights(1, first) +
                      "}\n w2: f32[8,8] = constant {" + weights(2, second) +
                      "}\n w3: f32[8,8] = constant {" + weights(3, third) +
                      "}\n a: f32[4,8] = matmul(x, w1)\n"
                      " b: f32[4,8] = matmul(a, w2)\n" +
                      between + " y: f32[4,8] = matmul(" + input + ", w3)\n}",
                  find_primitive);
  EXPECT_TRUE(graph.ok()) << graph.status().message();
  if (!graph.ok()) return {};
  Origin origin;  // of a file that names them
  origin.outputs = {graph->find("a"), graph->find("b")};
  graph->origins.push_back(origin);
  return std::move(graph).value();
}

class CulpritsTest : public ::testing::Test {
 protected:
  CulpritsTest() {
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (int i = 0; i < 4; ++i) {
      std::vector<float> x(32);
      for (float& v : x) v = normal(random);
      EXPECT_TRUE(write_npy(folder_.file(std::to_string(i) + ".npy"),
                            Tensor::of<float>(Shape({4, 8}), std::span<const float>(x)))
                      .ok());
    }
  }

  Result<Culprits> find(const Graph& a, const Graph& b, const CulpritOptions& options = {}) {
    ASSIGN(const samples::Samples samples, samples::Samples::open(folder_.path(), {}, ports_of(a)));
    return find_culprits(a, b, samples, options);
  }

  TestFolder folder_;
};

TEST_F(CulpritsTest, NamesTheSpoiledLayer) {
  const auto c = find(layers(0, 0, 0), layers(0.01F, 0.5F, 0.01F));
  ASSERT_TRUE(c.ok()) << c.status().message();
  ASSERT_EQ(c->layers.size(), 3U);
  EXPECT_EQ(c->layers[0].name, "b");
  ASSERT_TRUE(c->worst);
  EXPECT_EQ(c->layers[*c->worst].name, "b");
  EXPECT_GT(*c->layers[0].mended_snr, c->output_snr + 6);
  EXPECT_EQ(c->samples, 4U);
  // Noise that only passes through the last layer is not its own.
  for (const LayerDifference& l : c->layers) {
    if (l.name == "y") {
      EXPECT_GT(l.own->snr_db(), l.output_snr + 6);
    }
  }
  EXPECT_EQ(c->tensors.size(), 3U);
  EXPECT_NE(c->tensors[0].name, "a");
}

TEST_F(CulpritsTest, FindsNoneInEqualModels) {
  const auto c = find(layers(0, 0, 0), layers(0, 0, 0));
  ASSERT_TRUE(c.ok()) << c.status().message();
  EXPECT_FALSE(c->worst);
  EXPECT_TRUE(std::isinf(c->output_snr));
}

TEST_F(CulpritsTest, SeesRoundedValuesAsTheirReadersDo) {
  const Graph b = layers(0, 0, 0,
                         " s: f32[] = constant {0.5}\n z: u8[] = constant {128}\n"
                         " q: u8[4,8] = pointwise(b, s, z) program={(f32, f32, u8) y0 = "
                         "quantize<u8> x0 x1 x2}\n"
                         " c: f32[4,8] = pointwise(q, s, z) program={(u8, f32, u8) y0 = "
                         "dequantize<f32> x0 x1 x2}\n");
  const auto c = find(layers(0, 0, 0), b);
  ASSERT_TRUE(c.ok()) << c.status().message();
  int seen = 0;
  for (const TensorDifference& t : c->tensors) {
    if (t.name != "b") continue;
    ++seen;
    EXPECT_EQ(std::isinf(t.difference.snr_db()), !t.dequantized);
  }
  EXPECT_EQ(seen, 2);
  ASSERT_TRUE(c->worst);  // reading the rounded value is the last layer's
  EXPECT_EQ(c->layers[*c->worst].name, "y");
}

TEST_F(CulpritsTest, MatchesNoNamesThatNobodyChose) {
  Graph b = layers(0.5F, 0, 0);
  b.origins.clear();
  const auto c = find(layers(0, 0, 0), b);
  ASSERT_TRUE(c.ok()) << c.status().message();
  ASSERT_EQ(c->layers.size(), 1U);  // from the input to the output
  EXPECT_EQ(c->layers[0].result, "y");
}

}  // namespace
}  // namespace gossamer::compress
