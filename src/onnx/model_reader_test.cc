// Whole models: header, graphs, functions, limits, and what is refused.
#include <gtest/gtest.h>

#include "onnx/test_messages.h"

namespace gossamer::onnx {
namespace {

using std::string_view_literals::operator""sv;
using test::graph_of;
using test::message;
using test::model;
using test::parse;
using Writer = protozero::pbf_writer;

// A ModelProto of the given IR version and opsets without nodes, plus what add(writer) adds.
template <class Add>
std::string model_with(std::int64_t ir, const std::vector<std::string>& opsets, Add&& add) {
  return message([&](Writer& w) {
    w.add_int64(1, ir);
    for (const std::string& o : opsets) w.add_message(8, o);
    add(w);
  });
}

const auto kEmptyGraph = [](Writer& w) { w.add_message(7, std::string()); };

TEST(ModelReader, ReadsTheHeader) {
  const std::string bytes = model_with(
      8, {test::opset("ai.onnx", 17), test::opset("", 17), test::opset("com.example", 1000)},
      [](Writer& w) {
        w.add_string(2, "maker");
        w.add_string(3, "1.0");
        w.add_string(4, "org");
        w.add_int64(5, 3);
        w.add_string(6, "a model");
        w.add_message(14, test::entry("author", "me"));
        w.add_bytes(20, "\xff");  // training_info is not read
        w.add_message(7, graph_of(1, test::node("n", "Relu")));
      });
  const auto m = parse(bytes);
  ASSERT_TRUE(m.ok()) << m.status().message();
  EXPECT_EQ(m->ir_version, 8);
  EXPECT_EQ(m->producer_name, "maker");
  EXPECT_EQ(m->producer_version, "1.0");
  EXPECT_EQ(m->domain, "org");
  EXPECT_EQ(m->model_version, 3);
  EXPECT_EQ(m->doc, "a model");
  EXPECT_EQ(m->opsets, (std::map<std::string, std::int64_t>{{"", 17}, {"com.example", 1000}}));
  ASSERT_EQ(m->metadata.size(), 1U);
  EXPECT_EQ(m->metadata[0].second, "me");
  EXPECT_EQ(m->file_bytes, bytes.size());
  ASSERT_EQ(m->graph.nodes.size(), 1U);
  EXPECT_EQ(m->graph.nodes[0].inputs, std::vector<std::string>{"x"});
}

TEST(ModelReader, KnowsIrVersionsAndOpsets) {
  for (const std::int64_t ir : {3, 4, 10, 14}) {
    EXPECT_TRUE(parse(model_with(ir, {test::opset("", 28)}, kEmptyGraph)).ok());
  }
  const auto code = [](const std::string& bytes) { return parse(bytes).status().code(); };
  for (const std::int64_t ir : {1, 2, 15}) {
    EXPECT_EQ(code(model_with(ir, {test::opset("", 1)}, kEmptyGraph)), Code::unsupported);
  }
  EXPECT_EQ(code(model_with(-1, {test::opset("", 1)}, kEmptyGraph)), Code::malformed);
  EXPECT_EQ(code(model_with(8, {test::opset("", 29)}, kEmptyGraph)), Code::unsupported);
  EXPECT_EQ(code(model_with(8, {test::opset("", 0)}, kEmptyGraph)), Code::malformed);
  EXPECT_EQ(code(model_with(8, {}, kEmptyGraph)), Code::malformed);
  EXPECT_EQ(code(model_with(8, {test::opset("", 8), test::opset("ai.onnx", 9)}, kEmptyGraph)),
            Code::malformed);
}

TEST(ModelReader, NeedsOneGraph) {
  const auto none = parse(model_with(8, {test::opset("", 17)}, [](Writer&) {}));
  EXPECT_EQ(none.status().message(), "it has no graph");
  const auto two = parse(model_with(8, {test::opset("", 17)}, [](Writer& w) {
    kEmptyGraph(w);
    kEmptyGraph(w);
  }));
  EXPECT_EQ(two.status().code(), Code::malformed);
}

TEST(ModelReader, ReadsTypes) {
  const auto dims = message([](Writer& w) {
    w.add_message(1, message([](Writer& d) { d.add_int64(1, 3); }));
    w.add_message(1, message([](Writer& d) { d.add_string(2, "batch"); }));
    w.add_message(1, message([](Writer& d) { d.add_int64(1, -1); }));
  });
  const auto tensor = message([&](Writer& w) {
    w.add_int32(1, 7);
    w.add_message(2, dims);
  });
  const auto sequence = message(
      [&](Writer& w) { w.add_message(1, message([&](Writer& t) { t.add_message(1, tensor); })); });
  const auto input = message([&](Writer& w) {
    w.add_string(1, "x");
    w.add_message(2, message([&](Writer& t) { t.add_message(4, sequence); }));
  });
  const auto m = parse(model(graph_of(11, input)));
  ASSERT_TRUE(m.ok()) << m.status().message();
  const Type& type = m->graph.inputs.at(0).type;
  ASSERT_EQ(type.kind, Type::Kind::sequence);
  ASSERT_EQ(type.element->kind, Type::Kind::tensor);
  EXPECT_EQ(type.element->dtype, DType::i64);
  const std::vector<Dimension>& shape = *type.element->shape;
  ASSERT_EQ(shape.size(), 3U);
  EXPECT_EQ(shape[0].value, 3);
  EXPECT_EQ(shape[1].param, "batch");
  EXPECT_FALSE(shape[2].value.has_value());
}

TEST(ModelReader, ReadsFunctions) {
  const std::string reference = message([](Writer& w) {
    w.add_string(1, "alpha");
    w.add_enum(20, 1);
    w.add_string(21, "slope");
  });
  const std::string function = message([&](Writer& w) {
    w.add_string(1, "Leaky");
    w.add_string(4, "x");
    w.add_string(5, "y");
    w.add_string(6, "slope");
    w.add_message(7, test::node("n", "LeakyRelu", {reference}));
    w.add_message(9, test::opset("", 16));
    w.add_string(10, "local");
  });
  const auto with = [&](std::int64_t ir, int times) {
    return parse(model_with(ir, {test::opset("", 17)}, [&](Writer& w) {
      kEmptyGraph(w);
      for (int i = 0; i < times; ++i) w.add_message(25, function);
    }));
  };
  const auto m = with(8, 1);
  ASSERT_TRUE(m.ok()) << m.status().message();
  const Function& f = m->functions.at(0);
  EXPECT_EQ(f.opsets.at(""), 16);
  EXPECT_EQ(f.nodes.at(0).attributes.at(0).ref_attr_name, "slope");
  EXPECT_EQ(f.nodes.at(0).attributes.at(0).kind, Attribute::Kind::f);
  EXPECT_EQ(with(7, 1).status().code(), Code::malformed);
  EXPECT_EQ(with(8, 2).status().message(), "function 'Leaky' is given twice");
  // Outside a function nothing can be referred to.
  EXPECT_FALSE(parse(model(graph_of(1, test::node("n", "LeakyRelu", {reference})))).ok());
}

// `depth` graphs, each in an attribute of a node of the one around it. What stands in front of the
// next graph is made from the inside out, since it holds lengths, and joined from the outside in.
std::string nested_graphs(int depth) {
  std::vector<std::string> fronts;
  std::size_t size = 0;  // of the graph made last
  const auto field = [](char tag, std::size_t length) {
    std::string bytes(1, tag);
    protozero::add_varint_to_buffer(&bytes, length);
    return bytes;
  };
  for (int i = 1; i < depth; ++i) {
    const std::string in_attribute = "\x0a\x01g\xa0\x01\x05" + field('\x32', size);
    const std::string in_node = "\x22\x02If" + field('\x2a', in_attribute.size() + size);
    const std::size_t node = in_node.size() + in_attribute.size() + size;
    fronts.push_back(field('\x0a', node) + in_node + in_attribute);
    size += fronts.back().size();
  }
  std::string graph;
  for (auto front = fronts.rbegin(); front != fronts.rend(); ++front) graph += *front;
  return graph;
}

TEST(ModelReader, LimitsDepth) {
  EXPECT_TRUE(parse(model(nested_graphs(64))).ok());
  EXPECT_EQ(parse(model(nested_graphs(65))).status().code(), Code::limit);
  EXPECT_EQ(parse(model(nested_graphs(10'000))).status().code(), Code::limit);
  std::string type = message([](Writer& w) { w.add_message(1, std::string()); });
  for (int i = 0; i < 1000; ++i) {
    const std::string nested = message([&](Writer& w) { w.add_message(1, type); });
    type = message([&](Writer& w) { w.add_message(9, nested); });
  }
  const std::string input = message([&](Writer& w) {
    w.add_string(1, "x");
    w.add_message(2, type);
  });
  EXPECT_EQ(parse(model(graph_of(11, input))).status().code(), Code::limit);
}

TEST(ModelReader, LimitsNodesAndValues) {
  const std::string graph = message([](Writer& w) {
    for (int i = 0; i < 3; ++i) w.add_message(1, test::node("", "Relu"));
  });
  Limits limits;
  limits.max_nodes = 3;
  limits.max_values = 6;
  EXPECT_TRUE(parse(model(graph), limits).ok());
  limits.max_nodes = 2;
  EXPECT_EQ(parse(model(graph), limits).status().code(), Code::limit);
  limits = {};
  limits.max_values = 5;
  EXPECT_EQ(parse(model(graph), limits).status().code(), Code::limit);
}

// What takes few bytes in a file and many in memory is refused before it is held.
TEST(ModelReader, LimitsMemory) {
  const std::string inputs = message([](Writer& w) {
    for (int i = 0; i < 1'500'000; ++i) w.add_message(11, std::string());
  });
  EXPECT_EQ(parse(model(inputs)).status().code(), Code::limit);
  const std::string nodes = message([](Writer& w) {
    for (int i = 0; i < 300'000; ++i) w.add_message(1, std::string());
  });
  EXPECT_EQ(parse(model(nodes)).status().code(), Code::limit);
  EXPECT_EQ(parse(model(graph_of(1, std::string()))).status().message(),
            "node #0: it has no op_type");
}

TEST(ModelReader, RefusesNamesGivenTwice) {
  const std::string value = message([](Writer& w) { w.add_string(1, "x"); });
  const std::string inputs = message([&](Writer& w) {
    w.add_message(11, value);
    w.add_message(11, value);
  });
  EXPECT_EQ(parse(model(inputs)).status().message(), "input 'x' is given twice");
  const std::string tensor = test::raw_tensor("w", 1, {0}, "");
  const std::string initializers = message([&](Writer& w) {
    w.add_message(5, tensor);
    w.add_message(5, tensor);
  });
  EXPECT_EQ(parse(model(initializers)).status().message(), "initializer 'w' is given twice");
}

TEST(ModelReader, RefusesEveryTruncation) {
  const std::string whole = model(message([](Writer& w) {
    w.add_message(1, test::node("conv1", "Conv"));
    w.add_message(5, test::raw_tensor("w", 1, {1}, "1234"));
  }));
  ASSERT_TRUE(parse(whole).ok());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse(whole.substr(0, size)).ok()) << size;
  }
}

TEST(ModelReader, SaysWhatElseAFileMayBe) {
  const auto hint = [](std::string_view bytes) {
    const auto m = parse(std::string(bytes));
    EXPECT_EQ(m.status().code(), Code::malformed);
    return m.status().hint();
  };
  EXPECT_NE(hint("version https://git-lfs.github.com/spec/v1\n").find("LFS"), std::string::npos);
  EXPECT_NE(hint("<!DOCTYPE html><html>").find("web page"), std::string::npos);
  EXPECT_NE(hint("PK\x03\x04\x14\x00"sv).find("zip"), std::string::npos);
  EXPECT_NE(hint("\x80\x04\x95\x10"sv).find("pickle"), std::string::npos);
  EXPECT_NE(hint("hello, world\n").find("text"), std::string::npos);
  EXPECT_EQ(parse("").status().message(), "it is empty");
}

}  // namespace
}  // namespace gossamer::onnx
