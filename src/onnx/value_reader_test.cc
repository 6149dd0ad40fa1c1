// Stored values and external data: what is read from files of their own.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "onnx/test_messages.h"

namespace gossamer::onnx {
namespace {

namespace fs = std::filesystem;
using test::message;
using Writer = protozero::pbf_writer;

// A folder of its own for one test.
class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "gossamer_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, std::string_view bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  Result<Value> read(std::string_view bytes, const Type& type) {
    return read_value(write("value.pb", bytes), type);
  }

  fs::path folder_;
};

using StoredValue = Files;
using ExternalFiles = Files;

Type type_of(Type::Kind kind, const Type& element = {}) {
  Type type;
  type.kind = kind;
  type.element = std::make_shared<const Type>(element);
  return type;
}

const Type kTensor = type_of(Type::Kind::tensor);
const Type kSequence = type_of(Type::Kind::sequence, kTensor);

std::string one_float(float value) {
  return test::tensor_message("x", 1, {}, [&](Writer& w) { w.add_float(4, value); });
}

// A SequenceProto or OptionalProto.
std::string container(int declared, std::uint32_t field, const std::vector<std::string>& items) {
  return message([&](Writer& w) {
    w.add_string(1, "x");
    w.add_int32(2, declared);
    for (const std::string& item : items) w.add_message(field, item);
  });
}

TEST_F(StoredValue, Tensors) {
  const auto value = read(one_float(2), kTensor);
  ASSERT_TRUE(value.ok()) << value.status().message();
  EXPECT_TRUE(value->tensor.same_bits(Tensor::scalar(2.0F)));
  const auto packed = read(test::raw_tensor("x", 21, {3}, "\x21\x03"), kTensor);
  ASSERT_TRUE(packed.ok());
  EXPECT_FALSE(packed->tensor.packed());
  EXPECT_EQ(packed->tensor.values<U4>()[1], U4{2});
  const auto missing = read_value(folder_ / "none.pb", kTensor);
  EXPECT_FALSE(missing.ok());
}

TEST_F(StoredValue, Sequences) {
  const auto value = read(container(1, 3, {one_float(1), one_float(2)}), kSequence);
  ASSERT_TRUE(value.ok()) << value.status().message();
  EXPECT_EQ(value->kind, Value::Kind::sequence);
  ASSERT_EQ(value->list().size(), 2U);
  EXPECT_TRUE(value->list()[1].tensor.same_bits(Tensor::scalar(2.0F)));
  EXPECT_TRUE(read(container(1, 3, {}), kSequence)->list().empty());
  const auto nested = read(container(3, 5, {container(1, 3, {one_float(1)})}),
                           type_of(Type::Kind::sequence, kSequence));
  ASSERT_TRUE(nested.ok());
  EXPECT_EQ(nested->list()[0].list().size(), 1U);
  EXPECT_FALSE(read(container(3, 3, {one_float(1)}), kSequence).ok());
  EXPECT_EQ(read(container(4, 6, {""}), kSequence).status().code(), Code::unsupported);
}

TEST_F(StoredValue, OptionalsWrappedOrPlain) {
  const Type tensor = type_of(Type::Kind::optional, kTensor);
  const Type sequence = type_of(Type::Kind::optional, kSequence);
  for (const std::string& bytes : {container(1, 3, {one_float(2)}), one_float(2)}) {
    const auto value = read(bytes, tensor);
    ASSERT_TRUE(value.ok()) << value.status().message();
    EXPECT_EQ(value->kind, Value::Kind::optional);
    ASSERT_EQ(value->list().size(), 1U);
    EXPECT_TRUE(value->list()[0].is_tensor());
  }
  const std::string inner = container(1, 3, {one_float(1), one_float(2)});
  for (const std::string& bytes : {container(3, 5, {inner}), inner}) {
    const auto value = read(bytes, sequence);
    ASSERT_TRUE(value.ok()) << value.status().message();
    EXPECT_EQ(value->list()[0].list().size(), 2U);
  }
  EXPECT_TRUE(read(container(0, 3, {}), tensor)->list().empty());
  EXPECT_TRUE(read("", sequence)->list().empty());
  EXPECT_FALSE(read(container(1, 3, {one_float(1), one_float(2)}), tensor).ok());
}

// A model whose one initializer, four floats, lies beside it.
std::string model_beside(const std::vector<std::pair<std::string, std::string>>& entries) {
  return test::model(test::graph_of(5, test::tensor_message("w", 1, {4}, [&](Writer& w) {
                                      for (const auto& [key, value] : entries) {
                                        w.add_message(13, test::entry(key, value));
                                      }
                                      w.add_enum(14, 1);
                                    })));
}

TEST_F(ExternalFiles, AreReadAtTheirOffset) {
  write("w.bin", "....0123456789abcdef....");
  for (const char* location : {"w.bin", "./w.bin"}) {
    const auto path = write(
        "m.onnx",
        model_beside(
            {{"location", location}, {"offset", "4"}, {"length", "16"}, {"checksum", "unused"}}));
    const auto model = read_model(path);
    ASSERT_TRUE(model.ok()) << model.status().message();
    const Tensor& tensor = model->graph.initializers.at(0).tensor;
    EXPECT_EQ(std::memcmp(tensor.data(), "0123456789abcdef", 16), 0);
  }
}

TEST_F(ExternalFiles, AreCheckedAgainstTheTensor) {
  write("w.bin", "0123456789abcdef");
  const auto code = [&](const std::vector<std::pair<std::string, std::string>>& entries) {
    return read_model(write("m.onnx", model_beside(entries))).status().code();
  };
  EXPECT_EQ(code({{"location", "w.bin"}}), Code::ok);
  EXPECT_EQ(code({{"location", "w.bin"}, {"offset", "1"}}), Code::malformed);
  EXPECT_EQ(code({{"location", "w.bin"}, {"length", "15"}}), Code::malformed);
  EXPECT_EQ(code({{"location", "w.bin"}, {"offset", "18446744073709551615"}}), Code::malformed);
  EXPECT_EQ(code({{"location", "w.bin"}, {"offset", "18446744073709551616"}}), Code::malformed);
  EXPECT_EQ(code({{"location", "w.bin"}, {"offset", "-1"}}), Code::malformed);
  EXPECT_EQ(code({{"location", "w.bin"}, {"offset", "0x0"}}), Code::malformed);
  EXPECT_EQ(code({{"location", "none.bin"}}), Code::malformed);
  EXPECT_EQ(code({}), Code::malformed);
}

TEST_F(ExternalFiles, StayBeneathTheFolder) {
  fs::create_directory(folder_ / "model");
  write("w.bin", "0123456789abcdef");
  write("model/hard.bin", "0123456789abcdef");
  fs::create_symlink(folder_ / "w.bin", folder_ / "model/soft.bin");
  fs::create_symlink(folder_, folder_ / "model/up");
  fs::create_hard_link(folder_ / "model/hard.bin", folder_ / "model/second.bin");
  fs::create_directory(folder_ / "model/folder");
  ASSERT_EQ(mkfifo((folder_ / "model/fifo").c_str(), 0600), 0);
  const auto code = [&](const std::string& location) {
    return read_model(write("model/m.onnx", model_beside({{"location", location}})))
        .status()
        .code();
  };
  for (const std::string& location :
       {std::string("../w.bin"), std::string("model/../../w.bin"), (folder_ / "w.bin").string(),
        std::string("soft.bin"), std::string("up/w.bin"), std::string("hard.bin"),
        std::string("folder"), std::string("fifo"), std::string("w.bin\0", 6)}) {
    EXPECT_EQ(code(location), Code::malformed) << location;
  }
}

}  // namespace
}  // namespace gossamer::onnx
