// Tensors of every element type, from raw and from typed data, and what is refused.
#include <gtest/gtest.h>

#include "onnx/test_messages.h"

namespace gossamer::onnx {
namespace {

using std::string_view_literals::operator""sv;
using test::parse_tensor;
using test::raw_tensor;
using test::tensor_message;
using Writer = protozero::pbf_writer;

struct NarrowCase {
  DType dtype;
  std::int64_t count;
  std::string_view raw;
  std::vector<std::int32_t> entries;   // as int32_data carries them
  std::vector<std::uint8_t> elements;  // bytes at run time
};

class Narrow : public testing::TestWithParam<NarrowCase> {};

std::vector<std::uint8_t> bytes_of(const Tensor& tensor) {
  const Tensor plain = tensor.packed() ? tensor.unpack().value() : tensor;
  const auto* data = static_cast<const std::uint8_t*>(plain.data());
  return {data, data + plain.byte_size()};
}

TEST_P(Narrow, RawAndTypedAgree) {
  const NarrowCase& c = GetParam();
  const int code = dtype_info(c.dtype).onnx_code;
  Result<Tensor> raw = parse_tensor(raw_tensor("w", code, {c.count}, c.raw));
  ASSERT_TRUE(raw.ok()) << raw.status().message();
  EXPECT_EQ(raw->dtype(), c.dtype);
  EXPECT_EQ(raw->shape(), Shape{c.count});
  EXPECT_EQ(bytes_of(*raw), c.elements);
  Result<Tensor> typed = parse_tensor(tensor_message("w", code, {c.count}, [&](Writer& w) {
    w.add_packed_int32(5, c.entries.begin(), c.entries.end());
  }));
  ASSERT_TRUE(typed.ok()) << typed.status().message();
  EXPECT_EQ(bytes_of(*typed), c.elements);
}

INSTANTIATE_TEST_SUITE_P(
    Types, Narrow,
    testing::Values(
        NarrowCase{DType::boolean, 2, "\x01\x00"sv, {1, 0}, {1, 0}},
        NarrowCase{DType::i8, 2, "\x80\x7f"sv, {-128, 127}, {0x80, 0x7F}},
        NarrowCase{DType::u8, 2, "\x00\xff"sv, {0, 255}, {0, 255}},
        NarrowCase{DType::i16, 1, "\xff\x7f"sv, {32767}, {0xFF, 0x7F}},
        NarrowCase{DType::u16, 1, "\xff\xff"sv, {65535}, {0xFF, 0xFF}},
        NarrowCase{DType::f16, 1, "\x00\x3c"sv, {0x3C00}, {0x00, 0x3C}},
        NarrowCase{DType::bf16, 1, "\x80\xbf"sv, {0xBF80}, {0x80, 0xBF}},
        NarrowCase{DType::i32, 1, "\xfe\xff\xff\xff"sv, {-2}, {0xFE, 0xFF, 0xFF, 0xFF}},
        NarrowCase{DType::i4, 3, "\x7f\x08"sv, {0x7F, 0x08}, {0xFF, 0x07, 0xF8}},
        NarrowCase{DType::u4, 3, "\x7f\x08"sv, {0x7F, 0x08}, {0x0F, 0x07, 0x08}},
        NarrowCase{DType::f4e2m1, 3, "\x7f\x08"sv, {0x7F, 0x08}, {0x0F, 0x07, 0x08}},
        NarrowCase{DType::i2, 5, "\xe4\x02"sv, {0xE4, 0x02}, {0x00, 0x01, 0xFE, 0xFF, 0xFE}},
        NarrowCase{DType::u2, 5, "\xe4\x02"sv, {0xE4, 0x02}, {0, 1, 2, 3, 2}},
        NarrowCase{DType::f6e2m3, 5, "\x41\x20\x0c\x3f"sv, {1, 1, 2, 3, 63}, {1, 1, 2, 3, 63}},
        NarrowCase{DType::f6e3m2, 1, "\x21"sv, {33}, {33}},
        NarrowCase{DType::f8e4m3fn, 1, "\x7f"sv, {127}, {127}},
        NarrowCase{DType::f8e4m3fnuz, 1, "\x80"sv, {128}, {128}},
        NarrowCase{DType::f8e5m2, 1, "\x7c"sv, {124}, {124}},
        NarrowCase{DType::f8e5m2fnuz, 1, "\x01"sv, {1}, {1}},
        NarrowCase{DType::f8e8m0, 1, "\xff"sv, {255}, {255}}),
    [](const auto& test) { return std::string(dtype_name(test.param.dtype)); });

TEST(TensorReader, WideTypedData) {
  const auto f32 = parse_tensor(tensor_message("w", 1, {2}, [](Writer& w) {
    w.add_float(4, 1.5F);  // unpacked, as old writers do
    w.add_float(4, -2.0F);
  }));
  EXPECT_TRUE(f32->same_bits(Tensor::vector<float>({1.5F, -2.0F})));
  const std::vector<float> parts = {1, 2, 3, 4};
  const auto c64 = parse_tensor(tensor_message(
      "w", 14, {2}, [&](Writer& w) { w.add_packed_float(4, parts.begin(), parts.end()); }));
  EXPECT_TRUE(c64->same_bits(Tensor::vector<C64>({{1, 2}, {3, 4}})));
  const std::vector<double> doubles = {0.5, -1};
  const auto f64 = parse_tensor(tensor_message(
      "w", 11, {2}, [&](Writer& w) { w.add_packed_double(10, doubles.begin(), doubles.end()); }));
  EXPECT_TRUE(f64->same_bits(Tensor::vector<double>({0.5, -1})));
  const auto c128 = parse_tensor(tensor_message(
      "w", 15, {}, [&](Writer& w) { w.add_packed_double(10, doubles.begin(), doubles.end()); }));
  EXPECT_TRUE(c128->same_bits(Tensor::scalar<C128>({0.5, -1})));
  const std::vector<std::int64_t> ints = {-1, INT64_MIN};
  const auto i64 = parse_tensor(tensor_message(
      "w", 7, {2}, [&](Writer& w) { w.add_packed_int64(7, ints.begin(), ints.end()); }));
  EXPECT_TRUE(i64->same_bits(Tensor::vector<std::int64_t>(ints)));
  const auto u64 =
      parse_tensor(tensor_message("w", 13, {1}, [](Writer& w) { w.add_uint64(11, UINT64_MAX); }));
  EXPECT_TRUE(u64->same_bits(Tensor::vector<std::uint64_t>({UINT64_MAX})));
  const auto u32 =
      parse_tensor(tensor_message("w", 12, {1}, [](Writer& w) { w.add_uint64(11, UINT32_MAX); }));
  EXPECT_TRUE(u32->same_bits(Tensor::vector<std::uint32_t>({UINT32_MAX})));
  const auto strings = parse_tensor(tensor_message("w", 8, {2, 1}, [](Writer& w) {
    w.add_bytes(6, "");
    w.add_bytes(6, "a longer string than fits in place");
  }));
  ASSERT_TRUE(strings.ok());
  EXPECT_EQ(strings->values<std::string>()[1], "a longer string than fits in place");
}

TEST(TensorReader, EmptyTensorsNeedNoData) {
  const auto empty = parse_tensor(tensor_message("w", 8, {0, 3}, [](Writer&) {}));
  ASSERT_TRUE(empty.ok()) << empty.status().message();
  EXPECT_EQ(empty->shape(), (Shape{0, 3}));
}

struct Refused {
  std::string_view what;
  std::string bytes;
  Code code = Code::malformed;
};

void PrintTo(const Refused& r, std::ostream* out) { *out << r.what; }

class RefusedTensor : public testing::TestWithParam<Refused> {};

TEST_P(RefusedTensor, IsRefused) {
  const auto tensor = parse_tensor(GetParam().bytes);
  ASSERT_FALSE(tensor.ok());
  EXPECT_EQ(tensor.status().code(), GetParam().code) << tensor.status().message();
  EXPECT_TRUE(tensor.status().message().starts_with("initializer "));
}

std::string int32_entry(int code, std::int64_t entry) {
  return tensor_message("w", code, {1}, [&](Writer& w) { w.add_int64(5, entry); });
}

constexpr std::int64_t kHuge = std::int64_t{1} << 40;

INSTANTIATE_TEST_SUITE_P(
    Tensors, RefusedTensor,
    testing::Values(
        Refused{"short raw data", raw_tensor("w", 1, {2}, "1234567")},
        Refused{"long raw data", raw_tensor("w", 1, {1}, "12345")},
        Refused{"long packed data", raw_tensor("w", 22, {3}, "123")},
        Refused{"raw strings", raw_tensor("w", 8, {1}, "a")},
        Refused{"a string that is not UTF-8",
                tensor_message("w", 8, {1}, [](Writer& w) { w.add_bytes(6, "\xff"); })},
        Refused{"a boolean of 2", raw_tensor("w", 9, {1}, "\x02")},
        Refused{"no data", tensor_message("w", 1, {2}, [](Writer&) {})},
        Refused{"no type", raw_tensor("w", 0, {1}, "1234")},
        Refused{"an unknown type", raw_tensor("w", 29, {1}, "1234")},
        Refused{"a negative extent", raw_tensor("w", 1, {-1}, "1234")},
        Refused{"too many elements", raw_tensor("w", 1, {kHuge, kHuge}, "1234")},
        Refused{"too many bytes", raw_tensor("w", 1, {kHuge}, "1234"), Code::limit},
        Refused{"too many dimensions", raw_tensor("w", 1, std::vector<std::int64_t>(33, 1), "1234"),
                Code::limit},
        Refused{"no name", raw_tensor("", 1, {1}, "1234")},
        Refused{"raw and typed data", tensor_message("w", 6, {1},
                                                     [](Writer& w) {
                                                       w.add_bytes(9, "1234");
                                                       w.add_int32(5, 1);
                                                     })},
        Refused{"two typed fields", tensor_message("w", 6, {1},
                                                   [](Writer& w) {
                                                     w.add_int32(5, 1);
                                                     w.add_int64(7, 1);
                                                   })},
        Refused{"a typed field of another type",
                tensor_message("w", 1, {1}, [](Writer& w) { w.add_int64(7, 1); })},
        Refused{"too few typed entries",
                tensor_message("w", 7, {2}, [](Writer& w) { w.add_int64(7, 1); })},
        Refused{"half a complex number",
                tensor_message("w", 14, {1}, [](Writer& w) { w.add_float(4, 1); })},
        Refused{"segments",
                tensor_message("w", 1, {1}, [](Writer& w) { w.add_message(3, std::string()); }),
                Code::unsupported},
        Refused{"external data without a folder",
                tensor_message("w", 1, {1},
                               [](Writer& w) {
                                 w.add_message(13, test::entry("location", "w.bin"));
                                 w.add_enum(14, 1);
                               })},
        Refused{"an unknown location",
                tensor_message("w", 1, {0}, [](Writer& w) { w.add_enum(14, 2); })},
        Refused{"i8 of 128", int32_entry(3, 128)}, Refused{"u8 of -1", int32_entry(2, -1)},
        Refused{"u8 of 256", int32_entry(2, 256)}, Refused{"i16 of 32768", int32_entry(5, 32768)},
        Refused{"u16 of 65536", int32_entry(4, 65536)}, Refused{"f16 of -1", int32_entry(10, -1)},
        Refused{"i32 of 2^31", int32_entry(6, std::int64_t{1} << 31)},
        Refused{"a boolean entry of 2", int32_entry(9, 2)},
        Refused{"f6 of 64", int32_entry(27, 64)}, Refused{"i4 of 256", int32_entry(22, 256)},
        Refused{"u32 of 2^32", tensor_message("w", 12, {1}, [](Writer& w) {
                  w.add_uint64(11, std::uint64_t{1} << 32);
                })}));

TEST(TensorReader, BorrowsRawDataWhereAligned) {
  // One of four paddings puts the floats at a multiple of four bytes.
  int borrowed = 0;
  for (int padding = 1; padding <= 4; ++padding) {
    const std::string bytes = test::model(test::graph_of(
        5, raw_tensor(std::string(static_cast<std::size_t>(padding), 'w'), 1, {1}, "1234")));
    auto held = std::make_shared<std::vector<char>>(bytes.begin(), bytes.end());
    const auto model = parse_model(std::as_bytes(std::span(*held)), held, std::nullopt);
    ASSERT_TRUE(model.ok());
    const auto* at = static_cast<const char*>(model->graph.initializers[0].tensor.data());
    borrowed += at >= held->data() && at < held->data() + held->size();
    EXPECT_EQ(std::string_view(at, 4), "1234");
  }
  EXPECT_EQ(borrowed, 1);
}

}  // namespace
}  // namespace gossamer::onnx
