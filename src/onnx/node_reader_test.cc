// Attributes of every kind, and how nodes and attributes are named in errors.
#include <gtest/gtest.h>

#include "onnx/test_messages.h"

namespace gossamer::onnx {
namespace {

using test::message;
using Writer = protozero::pbf_writer;

// An attribute 'a' of the type with the value that add(writer) writes.
template <class Add>
std::string attribute(int type, Add&& add) {
  return message([&](Writer& w) {
    w.add_string(1, "a");
    if (type != 0) w.add_enum(20, type);
    add(w);
  });
}

Result<Attribute> parse_attribute(const std::string& bytes, std::int64_t ir = 8) {
  ASSIGN(const Model m,
         test::parse(test::model(test::graph_of(1, test::node("n", "Op", {bytes})), ir)));
  return m.graph.nodes.at(0).attributes.at(0);
}

TEST(NodeReader, ReadsEveryKindOfAttribute) {
  const auto f = parse_attribute(attribute(1, [](Writer& w) { w.add_float(2, 0.5F); }));
  EXPECT_EQ(f->f, 0.5F);
  const auto i = parse_attribute(attribute(2, [](Writer& w) { w.add_int64(3, -7); }));
  EXPECT_EQ(i->i, -7);
  const auto s = parse_attribute(attribute(3, [](Writer& w) { w.add_bytes(4, "SAME\xff"); }));
  EXPECT_EQ(s->s, "SAME\xff");
  const std::string tensor = test::raw_tensor("", 1, {1}, "1234");
  const auto t = parse_attribute(attribute(4, [&](Writer& w) { w.add_message(5, tensor); }));
  EXPECT_EQ(t->tensors.at(0).shape(), Shape{1});
  const auto g = parse_attribute(attribute(5, [](Writer& w) { w.add_message(6, std::string()); }));
  EXPECT_TRUE(g->graphs.at(0)->nodes.empty());
  const std::vector<float> floats = {1, 2};
  const auto fs = parse_attribute(attribute(6, [&](Writer& w) {
    w.add_float(7, 0);
    w.add_packed_float(7, floats.begin(), floats.end());
  }));
  EXPECT_EQ(fs->floats, (std::vector<float>{0, 1, 2}));
  const std::vector<std::int64_t> ints = {300, -1};
  const auto is = parse_attribute(attribute(7, [&](Writer& w) {
    w.add_int64(8, 1);
    w.add_packed_int64(8, ints.begin(), ints.end());
  }));
  EXPECT_EQ(is->ints, (std::vector<std::int64_t>{1, 300, -1}));
  const auto ss = parse_attribute(attribute(8, [](Writer& w) {
    w.add_bytes(9, "");
    w.add_bytes(9, "b");
  }));
  EXPECT_EQ(ss->strings, (std::vector<std::string>{"", "b"}));
  const auto ts = parse_attribute(attribute(9, [&](Writer& w) {
    w.add_message(10, tensor);
    w.add_message(10, tensor);
  }));
  EXPECT_EQ(ts->tensors.size(), 2U);
  const auto gs =
      parse_attribute(attribute(10, [](Writer& w) { w.add_message(11, std::string()); }));
  EXPECT_EQ(gs->graphs.size(), 1U);
  const auto tp =
      parse_attribute(attribute(13, [](Writer& w) { w.add_message(14, std::string()); }));
  EXPECT_EQ(tp->types.size(), 1U);
  const auto tps =
      parse_attribute(attribute(14, [](Writer& w) { w.add_message(15, std::string()); }));
  EXPECT_EQ(tps->kind, Attribute::Kind::types);
}

TEST(NodeReader, AnAbsentValueIsZero) {
  const auto none = [](Writer&) {};
  EXPECT_EQ(parse_attribute(attribute(2, none))->i, 0);
  EXPECT_EQ(parse_attribute(attribute(7, none))->kind, Attribute::Kind::ints);
  EXPECT_FALSE(parse_attribute(attribute(4, none)).ok());
  EXPECT_FALSE(parse_attribute(attribute(5, none)).ok());
}

TEST(NodeReader, DeducesTheTypeInOldFiles) {
  const std::string untyped = attribute(0, [](Writer& w) { w.add_int64(8, 1); });
  EXPECT_EQ(parse_attribute(untyped, 3)->kind, Attribute::Kind::ints);
  EXPECT_EQ(parse_attribute(untyped, 4).status().message(),
            "node 'n' (Op): attribute 'a': it has no type");
  EXPECT_FALSE(parse_attribute(attribute(0, [](Writer&) {}), 3).ok());
}

TEST(NodeReader, RefusesContradictions) {
  EXPECT_EQ(parse_attribute(attribute(2, [](Writer& w) { w.add_float(7, 1); })).status().message(),
            "node 'n' (Op): attribute 'a': its type is INT, but it holds FLOATS");
  EXPECT_FALSE(parse_attribute(attribute(2, [](Writer& w) {
                 w.add_int64(3, 1);
                 w.add_float(2, 1);
               })).ok());
  EXPECT_FALSE(parse_attribute(attribute(15, [](Writer& w) { w.add_int64(3, 1); })).ok());
  EXPECT_FALSE(parse_attribute(attribute(2, [](Writer& w) { w.add_bytes(3, "1"); })).ok());
  EXPECT_FALSE(parse_attribute(attribute(6, [](Writer& w) { w.add_bytes(7, "123"); })).ok());
  EXPECT_FALSE(parse_attribute(message([](Writer& w) {
                 w.add_enum(20, 2);
                 w.add_int64(3, 1);
               })).ok());
}

TEST(NodeReader, NamesTheNode) {
  const std::string a = attribute(2, [](Writer& w) { w.add_int64(3, 1); });
  const auto why = [](const std::string& node) {
    return test::parse(test::model(test::graph_of(1, node))).status().message();
  };
  EXPECT_EQ(why(test::node("conv1", "Conv", {a, a})),
            "node 'conv1' (Conv): attribute 'a' is given twice");
  EXPECT_EQ(why(test::node("", "Conv", {a, a})), "node #0 (Conv): attribute 'a' is given twice");
  EXPECT_EQ(why(test::node("n", "")), "node 'n': it has no op_type");
  EXPECT_EQ(why(test::node("\xff", "Relu")), "node '\\xff' (Relu): a text is not UTF-8: '\\xff'");
  EXPECT_EQ(why(test::node(std::string_view("a\0b", 3), "Relu")),
            "node 'a\\x00b' (Relu): a text holds a NUL character: 'a\\x00b'");
  const std::string inner = attribute(5, [](Writer& w) {
    w.add_message(6, message([](Writer& g) {
                    g.add_string(2, "then");
                    g.add_message(1, test::node("m", ""));
                  }));
  });
  EXPECT_EQ(why(test::node("n", "If", {inner})),
            "node 'n' (If): attribute 'a': graph 'then': node 'm': it has no op_type");
}

}  // namespace
}  // namespace gossamer::onnx
