// The way back: operators that stay, operators that are spelled anew, and what a file keeps.
#include "onnx/writer.h"

#include <gtest/gtest.h>

#include "base/test_folder.h"
#include "graph/text.h"
#include "graph/type.h"
#include "onnx/extract.h"
#include "onnx/graph_writer.h"
#include "onnx/lower.h"
#include "onnx/raise.h"
#include "onnx/schemas.h"
#include "primitives/primitives.h"

namespace gossamer::onnx {
namespace {

Type type_of(std::string_view text) {
  const auto type = gossamer::Type::parse(text);
  EXPECT_TRUE(type.ok()) << text;
  return type.ok() ? declared_type(*type) : Type{};
}

// One operator over inputs x0, x1 ..; `constants` follow as initializers.
struct OneOperator {
  std::string op;
  std::vector<std::string> inputs;
  std::vector<Attribute> attributes;
  std::vector<Tensor> constants;
  std::int64_t opset = 21;
};

Model model_of(const OneOperator& o) {
  Model m;
  m.ir_version = 10;
  m.opsets[""] = o.opset;
  m.graph.name = "one";
  Node node;
  node.op_type = o.op;
  node.attributes = o.attributes;
  for (std::size_t i = 0; i < o.inputs.size(); ++i) {
    node.inputs.push_back("x" + std::to_string(i));
    m.graph.inputs.push_back({node.inputs.back(), type_of(o.inputs[i])});
  }
  for (std::size_t i = 0; i < o.constants.size(); ++i) {
    node.inputs.push_back("c" + std::to_string(i));
    m.graph.initializers.push_back({node.inputs.back(), o.constants[i]});
  }
  node.outputs = {"y"};
  m.graph.outputs.push_back({"y", {}});
  m.graph.nodes.push_back(std::move(node));
  return m;
}

Result<Model> rewritten(const Model& model, const WriteOptions& options) {
  ASSIGN(gossamer::Graph graph, lower(std::make_shared<const Model>(model)));
  return to_model(graph, options);
}

std::vector<std::string> operators(const Model& m) {
  std::vector<std::string> out;
  for (const Node& n : m.graph.nodes) out.push_back(n.op_type);
  return out;
}

WriteOptions for_opset(std::int64_t opset) {
  WriteOptions options;
  options.opset = opset;
  return options;
}

const WriteOptions kCanonical = [] {
  WriteOptions options;
  options.canonical = true;
  return options;
}();

Tensor ints(const std::vector<std::int64_t>& v) { return Tensor::vector(v); }

class Spelling : public ::testing::TestWithParam<OneOperator> {};

TEST_P(Spelling, IsTheOperatorThatWasLowered) {
  const OneOperator& o = GetParam();
  const Model model = model_of(o);
  const auto canonical = rewritten(model, kCanonical);
  ASSERT_TRUE(canonical.ok()) << canonical.status().message();
  EXPECT_EQ(operators(*canonical), std::vector<std::string>{o.op});
  // The spelling means the same: lowered again, it is the same operator again.
  const auto again = rewritten(*canonical, kCanonical);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(operators(*again), std::vector<std::string>{o.op});
  const auto stays = rewritten(model, WriteOptions{});
  ASSERT_TRUE(stays.ok()) << stays.status().message();
  EXPECT_EQ(operators(*stays), std::vector<std::string>{o.op});
}

const OneOperator kSpelled[] = {
    {"Relu", {"f32[2,n]"}, {}, {}},
    {"LeakyRelu", {"f32[2,n]"}, {attribute("alpha", 0.2F)}, {}},
    {"Elu", {"f16[4]"}, {attribute("alpha", 1.5F)}, {}},
    {"Selu", {"f32[4]"}, {}, {}},
    {"Celu", {"f32[4]"}, {attribute("alpha", 2.0F)}, {}},
    {"HardSigmoid", {"f32[4]"}, {}, {}},
    {"HardSwish", {"f32[4]"}, {}, {}},
    {"Softplus", {"f32[4]"}, {}, {}},
    {"Softsign", {"bf16[4]"}, {}, {}},
    {"Mish", {"f32[4]"}, {}, {}},
    {"Gelu", {"f32[4]"}, {attribute("approximate", "tanh")}, {}},
    {"Gelu", {"f32[4]"}, {}, {}},
    {"ThresholdedRelu", {"f32[4]"}, {}, {}},
    {"Shrink", {"f32[4]"}, {attribute("lambd", 1.5F), attribute("bias", 0.5F)}, {}},
    {"PRelu", {"f32[2,3]", "f32[3]"}, {}, {}},
    {"Clip", {"f32[4]"}, {}, {Tensor::scalar(0.0F), Tensor::scalar(6.0F)}},
    {"IsInf", {"f32[4]"}, {}, {}},
    {"Add", {"f32[2,3]", "f32[3]"}, {}, {}},
    {"Pow", {"f32[2,3]", "i32[3]"}, {}, {}},
    {"Mod", {"i32[3]", "i32[3]"}, {}, {}},
    {"And", {"boolean[3]", "boolean[3]"}, {}, {}},
    {"BitwiseAnd", {"i32[3]", "i32[3]"}, {}, {}},
    {"Where", {"boolean[3]", "f32[3]", "f32[]"}, {}, {}},
    {"Cast", {"f32[3]"}, {attribute("to", std::int64_t{7})}, {}},
    {"QuantizeLinear", {"f32[2,3]"}, {}, {Tensor::scalar(0.5F), Tensor::scalar(std::uint8_t{3})}},
    {"DequantizeLinear", {"i8[2,3]"}, {}, {Tensor::scalar(0.5F), Tensor::scalar(std::int8_t{3})}},
    {"Transpose", {"f32[a,b,c]"}, {attribute("perm", std::vector<std::int64_t>{2, 0, 1})}, {}},
    {"Reshape", {"f32[2,6]"}, {}, {ints({3, 4})}},
    {"Reshape", {"f32[n,6]"}, {}, {ints({-1, 3})}},
    {"Unsqueeze", {"f32[n,6]"}, {}, {ints({0, 3})}},
    {"Squeeze", {"f32[n,1,6]"}, {}, {ints({1})}},
    {"Slice", {"f32[n,6]"}, {}, {ints({1}), ints({4}), ints({1})}},
    {"Pad", {"f32[n,6]"}, {}, {ints({0, 1, 2, 3})}},
    {"Expand", {"f32[1,6]"}, {}, {ints({5, 6})}},
    {"Tile", {"f32[n,6]"}, {}, {ints({1, 2})}},
    {"Concat", {"f32[n,6]", "f32[m,6]"}, {attribute("axis", std::int64_t{0})}, {}},
    {"MatMul", {"f32[n,6]", "f32[6,2]"}, {}, {}},
    {"MatMulInteger", {"u8[n,6]", "i8[6,2]"}, {}, {}},
    {"Conv", {"f32[n,3,h,w]", "f32[8,3,3,3]"}, {}, {}},
    {"ConvTranspose", {"f32[n,3,h,w]", "f32[3,8,3,3]"}, {}, {}},
    {"MaxPool", {"f32[n,3,8,8]"}, {attribute("kernel_shape", std::vector<std::int64_t>{2, 2})}, {}},
    {"AveragePool",
     {"f32[n,3,8,8]"},
     {attribute("kernel_shape", std::vector<std::int64_t>{2, 2})},
     {}},
    {"ReduceMean", {"f32[n,3]"}, {}, {ints({1})}},
    {"ReduceMax", {"f32[n,3]"}, {attribute("keepdims", std::int64_t{0})}, {ints({1})}},
    {"ArgMax", {"f32[n,3]"}, {attribute("axis", std::int64_t{1})}, {}},
    {"Softmax", {"f32[n,3]"}, {attribute("axis", std::int64_t{1})}, {}},
    {"CumSum", {"f32[n,3]"}, {}, {Tensor::scalar(std::int64_t{1})}},
    {"Gather", {"f32[n,3]", "i64[k]"}, {attribute("axis", std::int64_t{1})}, {}},
    {"GatherND", {"f32[n,3]", "i64[k,1]"}, {}, {}},
    {"ScatterND", {"f32[n,3]", "i64[k,1]", "f32[k,3]"}, {}, {}},
    {"LayerNormalization", {"f32[n,3]", "f32[3]", "f32[3]"}, {}, {}},
    {"RMSNormalization", {"f32[n,3]", "f32[3]"}, {}, {}, 23},
    {"Attention",
     {"f32[b,4,s,8]", "f32[b,2,t,8]", "f32[b,2,t,8]"},
     {attribute("is_causal", std::int64_t{1})},
     {},
     23},
    {"NonZero", {"f32[n,3]"}, {}, {}},
};

INSTANTIATE_TEST_SUITE_P(Table, Spelling, ::testing::ValuesIn(kSpelled), [](const auto& spelled) {
  return spelled.param.op + "_" + std::to_string(spelled.index);
});

TEST(Writer, KeepsNamesMetadataAndSymbols) {
  Model model = model_of({"Relu", {"f32[batch,3]"}, {}, {}});
  model.metadata = {{"author", "somebody"}};
  model.graph.nodes[0].name = "activation";
  const auto written = rewritten(model, WriteOptions{});
  ASSERT_TRUE(written.ok()) << written.status().message();
  EXPECT_EQ(written->metadata, model.metadata);
  EXPECT_EQ(written->opsets, model.opsets);
  ASSERT_EQ(written->graph.inputs.size(), 1U);
  EXPECT_EQ(written->graph.inputs[0].name, "x0");
  EXPECT_EQ((*written->graph.inputs[0].type.shape)[0].param, "batch");
  EXPECT_EQ(written->graph.outputs[0].name, "y");
  EXPECT_EQ(written->graph.nodes[0].name, "activation");
}

TEST(Writer, SpellsWhatMeansSomethingElseAtTheOpsetAsked) {
  // ReduceMax takes its axes as an attribute below 18.
  const Model model = model_of({"ReduceMax", {"f32[n,3]"}, {}, {ints({1})}, 18});
  const auto older = rewritten(model, for_opset(17));
  ASSERT_TRUE(older.ok()) << older.status().message();
  EXPECT_EQ(older->opsets.at(""), 17);
  ASSERT_EQ(older->graph.nodes.size(), 1U);
  EXPECT_EQ(older->graph.nodes[0].inputs.size(), 1U);
  EXPECT_TRUE(older->graph.initializers.empty());
}

TEST(Writer, LiftsTheOpsetToWhatTheModelNeeds) {
  const Model model = model_of({"CumProd", {"f32[n]"}, {}, {Tensor::scalar(std::int64_t{0})}, 26});
  const auto older = rewritten(model, for_opset(17));
  ASSERT_TRUE(older.ok()) << older.status().message();
  EXPECT_EQ(older->opsets.at(""), 26);
}

TEST(Writer, KeepsNamesOfExtentsThatAreNoSymbols) {
  Model model = model_of({"Relu", {"f32[a,b,c,d]"}, {}, {}});
  auto& shape = *model.graph.inputs[0].type.shape;
  const std::vector<std::string> names = {"batch size", "batch_size", "u0", "past + 1"};
  for (std::size_t i = 0; i < names.size(); ++i) shape[i].param = names[i];
  WriteOptions options;
  options.source = &model;
  const auto written = rewritten(model, options);
  ASSERT_TRUE(written.ok()) << written.status().message();
  for (const auto* list : {&written->graph.inputs, &written->graph.outputs})
    for (std::size_t i = 0; i < names.size(); ++i)
      EXPECT_EQ((*list->at(0).type.shape)[i].param, names[i]);
}

TEST(Writer, CutsTheInputOfAPoolWherePadsAreNegative) {
  const auto written =
      rewritten(model_of({"MaxPool",
                          {"f32[n,3,8,8]"},
                          {attribute("kernel_shape", std::vector<std::int64_t>{2, 2}),
                           attribute("pads", std::vector<std::int64_t>{-1, 0, 0, 1})},
                          {}}),
                kCanonical);
  ASSERT_TRUE(written.ok()) << written.status().message();
  EXPECT_EQ(operators(*written), (std::vector<std::string>{"Slice", "MaxPool"}));
  EXPECT_EQ(written->graph.outputs[0].type.shape->at(2).value, 6);
}

TEST(Writer, SpellsOutPadsWhereWindowsSkipMoreThanTheySee) {
  using Ints = std::vector<std::int64_t>;
  const OneOperator pool = {"MaxPool",
                            {"f32[1,2,4,6]"},
                            {attribute("kernel_shape", Ints{1, 3}),
                             attribute("strides", Ints{2, 2}), attribute("auto_pad", "SAME_LOWER")},
                            {}};
  const auto written = rewritten(model_of(pool), kCanonical);
  ASSERT_TRUE(written.ok()) << written.status().message();
  ASSERT_EQ(operators(*written), std::vector<std::string>{"MaxPool"});
  Ints pads;
  for (const Attribute& a : written->graph.nodes[0].attributes) {
    EXPECT_NE(a.name, "auto_pad");
    if (a.name == "pads") pads = a.ints;
  }
  EXPECT_EQ(pads, (Ints{0, 1, 0, 0}));
}

TEST(Writer, RoundsWindowsUpOnlyWhereOneOverhangs) {
  using Ints = std::vector<std::int64_t>;
  for (const auto& [type, ceil] : {std::pair("f32[1,2,4,2]", false), {"f32[1,2,5,2]", true}}) {
    const auto written = rewritten(
        model_of({"MaxPool",
                  {type},
                  {attribute("kernel_shape", Ints{2, 1}), attribute("strides", Ints{2, 2}),
                   attribute("ceil_mode", std::int64_t{1})},
                  {}}),
        kCanonical);
    ASSERT_TRUE(written.ok()) << written.status().message();
    const auto& attributes = written->graph.nodes[0].attributes;
    EXPECT_EQ(std::any_of(attributes.begin(), attributes.end(),
                          [](const Attribute& a) { return a.name == "ceil_mode"; }),
              ceil)
        << type;
  }
}

TEST(Writer, SamplesByCoordinatesThatCanSayThePlace) {
  // A plane of one pixel has no center to center; what divides by a power of two is exact.
  for (const auto& [type, aligned] : {std::pair("f32[2,1,1,5]", 0),
                                      {"f32[2,1,6,7]", 1},
                                      {"f32[2,1,2,4]", 0},
                                      {"f32[2,1,3,5]", 1}}) {
    const auto written = rewritten(
        model_of({"GridSample",
                  {type, "f32[2,1,4,2]"},
                  {attribute("align_corners", std::int64_t{1}), attribute("mode", "linear")},
                  {}}),
        kCanonical);
    ASSERT_TRUE(written.ok()) << written.status().message();
    for (const Node& node : written->graph.nodes)
      for (const Attribute& a : node.attributes) {
        if (a.name == "align_corners") {
          EXPECT_EQ(a.i, aligned) << type;
        }
      }
  }
}

TEST(Writer, CropsBeforeItSpreadsWhateverSaysHowMuch) {
  const auto graph = parse_graph(R"(graph g(x: f32[2,5]) -> (y) {
  one: i64[1] = constant {-1}
  y = copy(x, one) steps={pad 1 2 @1[0] interior 1}
})",
                                 find_primitive);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  const auto written = to_model(*graph, kCanonical);
  ASSERT_TRUE(written.ok()) << written.status().message();
  const auto again = lower(std::make_shared<const Model>(*written));
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->value(again->outputs[0]).type, graph->value(graph->outputs[0]).type);
}

TEST(Writer, AccumulatesNarrowIntegersAsWiderOnes) {
  const OneOperator sum = {"CumSum", {"i32[3]"}, {}, {Tensor::scalar(std::int64_t{0})}};
  auto graph = lower(std::make_shared<const Model>(model_of(sum)));
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  for (gossamer::ValueInfo& v : graph->values)
    if (v.type.is_tensor() && v.type.dtype == DType::i32) v.type.dtype = DType::i8;
  const auto written = to_model(*graph, kCanonical);
  ASSERT_TRUE(written.ok()) << written.status().message();
  EXPECT_EQ(operators(*written), (std::vector<std::string>{"Cast", "CumSum", "Cast"}));
}

TEST(Writer, SpellsSlicesThatMakeUpAValueAsOneSplit) {
  Model model = model_of({"Split", {"f32[n,6]"}, {attribute("axis", std::int64_t{1})}, {}, 13});
  model.graph.initializers.push_back({"sizes", ints({1, 3, 2})});
  Node& node = model.graph.nodes[0];
  node.inputs.emplace_back("sizes");
  node.outputs = {"y", "y1", "y2"};
  for (const char* name : {"y2", "y1"}) model.graph.outputs.push_back({name, {}});
  const auto written = rewritten(model, kCanonical);
  ASSERT_TRUE(written.ok()) << written.status().message();
  ASSERT_EQ(operators(*written), std::vector<std::string>{"Split"});
  EXPECT_EQ(written->graph.nodes[0].outputs, node.outputs);
}

TEST(Writer, SpellsGroupsAsOneOperator) {
  const auto written = rewritten(model_of({"GroupNormalization",
                                           {"f32[n,4,h,w]", "f32[4]", "f32[4]"},
                                           {attribute("num_groups", std::int64_t{2})},
                                           {}}),
                                 kCanonical);
  ASSERT_TRUE(written.ok()) << written.status().message();
  EXPECT_EQ(operators(*written), std::vector<std::string>{"GroupNormalization"});
}

TEST(Writer, GivesAConvolutionTheBiasThatIsAddedBehindIt) {
  const auto graph = parse_graph(R"(graph g(x: f32[1,2,4,4]) -> (y) {
    w: f32[3,2,1,1] = constant {1, 2, 3, 4, 5, 6}
    q: i32[3] = constant {1, 2, 3}
    b: f32[3] = pointwise(q) program={(i32) y0 = cast<f32> x0}
    s: f32[3,1,1] = copy(b) steps={reshape =0 1 1}
    c: f32[1,3,1,1] = constant {1, 2, 3}
    u: f32[1,3,4,4] = conv(x, w)
    v: f32[1,3,4,4] = pointwise(c, u) program={(f32, f32) a = add x0 x1; y0 = max a 0:f32}
    w2: f32[3,3,1,1] = constant {1, 2, 3, 4, 5, 6, 7, 8, 9}
    t: f32[1,3,4,4] = conv(v, w2)
    y: f32[1,3,4,4] = pointwise(t, s) program={(f32, f32) y0 = add x0 x1}
  })",
                                 find_primitive);
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  const auto written = to_model(*graph, {});
  ASSERT_TRUE(written.ok());
  EXPECT_EQ(operators(*written), (std::vector<std::string>{"Cast", "Conv", "Relu", "Conv"}));
  for (const Node& n : written->graph.nodes) {
    if (n.op_type != "Conv") continue;
    EXPECT_EQ(n.inputs.size(), 3U);
  }
}

TEST(Writer, LiftsTheOpsetToOneWhoseOperatorsTakeBfloat16) {
  for (const auto& [dtype, opset] : {std::pair("bf16[4]", 22), std::pair("f32[4]", 17)}) {
    WriteOptions options = for_opset(17);
    options.canonical = true;
    const auto written = rewritten(model_of({"Softsign", {dtype}, {}, {}, 22}), options);
    ASSERT_TRUE(written.ok()) << written.status().message();
    EXPECT_EQ(written->opsets.at(""), opset) << dtype;
  }
}

TEST(Writer, BytesReadBackAsTheyWere) {
  Model model = model_of({"Add", {"f32[2]"}, {}, {Tensor::vector(std::vector<float>{1, 2})}});
  Result<Tensor> narrow = Tensor::make(DType::i4, Shape{3});
  ASSERT_TRUE(narrow.ok());
  narrow->mutable_values<std::uint8_t>()[1] = 0xFF;  // -1
  narrow->mutable_values<std::uint8_t>()[2] = 5;
  model.graph.initializers.push_back({"narrow", *narrow});
  model.graph.initializers.push_back({"words", Tensor::vector(std::vector<std::string>{"a", ""})});
  const auto bytes = serialize(model);
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  const auto held = std::make_shared<const std::string>(*bytes);
  const auto read = parse_model(std::as_bytes(std::span(*held)), held, std::nullopt);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->graph.initializers.size(), 3U);
  const auto unpacked = read->graph.initializers[1].tensor.unpack();
  ASSERT_TRUE(unpacked.ok());
  EXPECT_TRUE(unpacked->same_bits(*narrow));
  EXPECT_EQ(read->graph.initializers[2].tensor.values<std::string>()[0], "a");
  EXPECT_EQ(read->graph.nodes[0].op_type, "Add");
}

TEST(Writer, ShapesOfScalarsAndOpenExtentsStay) {
  Model model = model_of({"Add", {"f32[]", "f32[2]"}, {}, {}});
  (*model.graph.inputs[1].type.shape)[0].value.reset();
  const auto bytes = serialize(model);
  ASSERT_TRUE(bytes.ok()) << bytes.status().message();
  const auto held = std::make_shared<const std::string>(*bytes);
  const auto read = parse_model(std::as_bytes(std::span(*held)), held, std::nullopt);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_TRUE(read->graph.inputs[0].type.shape.has_value());
  EXPECT_TRUE(read->graph.inputs[0].type.shape->empty());
  ASSERT_TRUE(read->graph.inputs[1].type.shape.has_value());
  EXPECT_EQ(read->graph.inputs[1].type.shape->size(), 1U);
}

TEST(Writer, PutsManyBytesIntoAFileBesideTheModel) {
  const Tensor large = Tensor::vector(std::vector<float>(3000, 1.5F));
  Model model = model_of({"Add", {"f32[3000]"}, {}, {large}});
  model.graph.initializers.push_back({"small", Tensor::scalar(2.0F)});
  const TestFolder folder;
  const Status written = write_file(model, folder.file("m.onnx"), {.max_inline_bytes = 5000});
  ASSERT_TRUE(written.ok()) << written.message();
  EXPECT_EQ(folder.entries(), 2U);
  EXPECT_EQ(folder.get("m.onnx.data").size(), 12000U);
  const auto read = read_model(folder.file("m.onnx"));
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_TRUE(read->graph.initializers[0].tensor.same_bits(large));
  EXPECT_EQ(read->graph.initializers[1].tensor.values<float>()[0], 2.0F);
}

// x -Relu-> a -Exp-> b, and b + z -> y.
Model chain() {
  Model m = model_of({"Relu", {"f32[n]"}, {}, {}});
  m.graph.inputs.push_back({"z", type_of("f32[n]")});
  m.graph.nodes[0].outputs = {"a"};
  const auto add = [&](const char* op, std::vector<std::string> inputs, const char* output) {
    Node node;
    node.op_type = op;
    node.inputs = std::move(inputs);
    node.outputs = {output};
    m.graph.nodes.push_back(std::move(node));
  };
  add("Exp", {"a"}, "b");
  add("Add", {"b", "z"}, "y");
  return m;
}

TEST(Extract, CutsOutWhatLiesBetween) {
  const auto graph = extract(std::make_shared<const Model>(chain()), {"a"}, {"b"});
  ASSERT_TRUE(graph.ok()) << graph.status().message();
  const auto written = to_model(*graph, {});
  ASSERT_TRUE(written.ok()) << written.status().message();
  EXPECT_EQ(operators(*written), std::vector<std::string>{"Exp"});
  ASSERT_EQ(written->graph.inputs.size(), 1U);
  EXPECT_EQ(written->graph.inputs[0].name, "a");
  EXPECT_EQ((*written->graph.inputs[0].type.shape)[0].param, "n");
  EXPECT_EQ(written->graph.outputs[0].name, "b");
}

TEST(Extract, RefusesWhatItCannotCutOff) {
  const auto model = std::make_shared<const Model>(chain());
  const auto open = extract(model, {"a"}, {"y"});
  ASSERT_FALSE(open.ok());
  EXPECT_NE(open.status().message().find("'z'"), std::string::npos) << open.status().message();
  EXPECT_EQ(extract(model, {"nothing"}, {"y"}).status().code(), Code::usage);
  EXPECT_EQ(extract(model, {"a"}, {"a"}).status().code(), Code::usage);
  const auto whole = extract(model, {"b", "z"}, {"y"});
  EXPECT_TRUE(whole.ok()) << whole.status().message();
}

TEST(Schemas, TellWhichVersionsSayTheSame) {
  EXPECT_TRUE(same_meaning("", "Relu", 6, 17));   // 13, 14 added types
  EXPECT_FALSE(same_meaning("", "Relu", 17, 6));  // which an older file does not have
  EXPECT_TRUE(same_meaning("", "Relu", 17, 21));  // nothing changed
  EXPECT_FALSE(same_meaning("", "Softmax", 11, 13));
  EXPECT_FALSE(same_meaning("custom", "Relu", 1, 2));
  EXPECT_FALSE(same_meaning("", "Gelu", 20, 17));  // not there yet
}

}  // namespace
}  // namespace gossamer::onnx
