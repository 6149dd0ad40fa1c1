// .npy files: what NumPy writes, and what somebody hostile does.
#include "base/npy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/npy_header.h"
#include "base/test_folder.h"

namespace gossamer {
namespace {

using namespace std::string_literals;

// A file with this header literal and these bytes of items.
std::string file_of(const std::string& header, const std::string& items, int version = 1) {
  std::string file = "\x93NUMPY"s + static_cast<char>(version) + '\0';
  const std::size_t field = version == 1 ? 2 : 4;
  for (std::size_t i = 0; i < field; ++i) {
    file.push_back(static_cast<char>(header.size() >> (8 * i) & 0xFF));
  }
  return file + header + items;
}

std::string header_of(const std::string& descr, const std::string& shape,
                      const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

Result<Tensor> parse(const std::string& file) { return parse_npy(std::as_bytes(std::span(file))); }

// Parses a file that must be fine.
Tensor parsed(const std::string& file) {
  Result<Tensor> t = parse(file);
  EXPECT_TRUE(t.ok()) << t.status().message();
  return t.ok() ? *std::move(t) : Tensor();
}

void expect_failure(const std::string& file, Code code, const std::string& text) {
  const Result<Tensor> t = parse(file);
  ASSERT_FALSE(t.ok()) << text;
  EXPECT_EQ(t.status().code(), code) << t.status().message();
  EXPECT_NE(t.status().message().find(text), std::string::npos) << t.status().message();
}

void expect_round_trip(const Tensor& tensor) {
  const Result<std::string> file = to_npy(tensor);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_TRUE(parsed(*file).same_bits(tensor)) << dtype_name(tensor.dtype());
}

TEST(Npy, WritesWhatNumPyWrites) {
  const Result<std::string> file = to_npy(Tensor::vector<std::int16_t>({1, -2}));
  ASSERT_TRUE(file.ok());
  const std::string header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_EQ(*file, "\x93NUMPY\x01\x00v\x00"s + header + std::string(117 - header.size(), ' ') +
                       "\n\x01\x00\xFE\xFF"s);
}

TEST(Npy, EveryTypeOfNumPyReadsBack) {
  expect_round_trip(Tensor::vector<std::int8_t>({-128, 127}));
  expect_round_trip(Tensor::vector<std::uint8_t>({255}));
  expect_round_trip(Tensor::vector<std::uint16_t>({65535}));
  expect_round_trip(Tensor::vector<std::int32_t>({-7}));
  expect_round_trip(Tensor::vector<std::uint32_t>({7}));
  expect_round_trip(Tensor::scalar(std::numeric_limits<std::int64_t>::min()));
  expect_round_trip(Tensor::scalar(std::numeric_limits<std::uint64_t>::max()));
  expect_round_trip(Tensor::scalar(F16{0x3C00}));
  expect_round_trip(Tensor::scalar(std::numeric_limits<float>::quiet_NaN()));
  expect_round_trip(Tensor::scalar(-0.0));
  expect_round_trip(Tensor::scalar(C64(1, 2)));
  expect_round_trip(Tensor::scalar(C128(1, 2)));
  expect_round_trip(Tensor::scalar(true));
  expect_round_trip(*Tensor::make(DType::f32, {2, 0, 3}));
  expect_round_trip(*Tensor::make(DType::f32, Shape(std::vector<std::int64_t>(32, 1))));
  expect_round_trip(Tensor::vector<std::string>({"", "a\xC3\xA9", "\xF0\x9F\x98\x80 b"}));
  expect_round_trip(*Tensor::make(DType::string, {0}));
  expect_round_trip(*Tensor::make(DType::string, {2, 2}));
}

TEST(Npy, NarrowTypesAreWidened) {
  const auto saved = [](const Tensor& t) { return parsed(*to_npy(t)); };
  EXPECT_TRUE(saved(Tensor::scalar(BF16{0x3FC0})).same_bits(Tensor::scalar(1.5F)));
  EXPECT_TRUE(saved(Tensor::scalar(F8E4M3FN{0x7E})).same_bits(Tensor::scalar(448.0F)));
  EXPECT_TRUE(saved(Tensor::scalar(F8E8M0{0x80})).same_bits(Tensor::scalar(2.0F)));
  EXPECT_TRUE(saved(Tensor::scalar(F6E3M2{0x1F})).same_bits(Tensor::scalar(28.0F)));
  EXPECT_TRUE(saved(Tensor::scalar(I4{-3})).same_bits(Tensor::scalar(std::int8_t{-3})));
  EXPECT_TRUE(saved(Tensor::scalar(U2{3})).same_bits(Tensor::scalar(std::uint8_t{3})));
  const std::byte packed[] = {std::byte{0x2F}};
  EXPECT_TRUE(saved(Tensor::borrow(DType::i4, {2}, packed, nullptr, true))
                  .same_bits(Tensor::vector<std::int8_t>({-1, 2})));
}

TEST(Npy, StringsThatTheFormatWouldSpoilAreRefused) {
  EXPECT_EQ(to_npy(Tensor::scalar("\xFF"s)).status().code(), Code::unsupported);
  EXPECT_EQ(to_npy(Tensor::scalar("a\0"s)).status().code(), Code::unsupported);
  expect_round_trip(Tensor::scalar("a\0b"s));
}

TEST(Npy, ReadsBothByteOrders) {
  EXPECT_TRUE(parsed(file_of(header_of(">i4", "(1,)"), "\x01\x02\x03\x04"))
                  .same_bits(Tensor::vector<std::int32_t>({0x01020304})));
  EXPECT_TRUE(parsed(file_of(header_of(">c8", "()"), "\x3F\x80\0\0\x40\0\0\0"s))
                  .same_bits(Tensor::scalar(C64(1, 2))));
  EXPECT_TRUE(parsed(file_of(header_of(">U2", "()"), "\0\0\0a\0\0\0\xE9"s))
                  .same_bits(Tensor::scalar("a\xC3\xA9"s)));
  EXPECT_TRUE(
      parsed(file_of(header_of("=u1", "()"), "x")).same_bits(Tensor::scalar(std::uint8_t{'x'})));
}

TEST(Npy, ReadsFortranOrder) {
  const Tensor t = parsed(file_of(header_of("|i1", "(2, 3)", "True"), "\0\3\1\4\2\5"s));
  EXPECT_TRUE(
      t.same_bits(Tensor::of<std::int8_t>({2, 3}, std::vector<std::int8_t>{0, 1, 2, 3, 4, 5})));
  const Tensor cube = parsed(file_of(header_of("|S1", "(2,1,3)", "True"), "adbecf"));
  EXPECT_TRUE(cube.same_bits(
      Tensor::of<std::string>({2, 1, 3}, std::vector<std::string>{"a", "b", "c", "d", "e", "f"})));
  EXPECT_EQ(parsed(file_of(header_of("<f4", "(2, 0)", "True"), "")).count(), 0);
}

TEST(Npy, ReadsBytesAndTruthValues) {
  EXPECT_TRUE(parsed(file_of(header_of("|S3", "(2,)"), "ab\0\xFF\0\0"s))
                  .same_bits(Tensor::vector<std::string>({"ab", "\xFF"})));
  const Tensor t = parsed(file_of(header_of("|b1", "(3,)"), "\0\1\2"s));
  const bool truths[] = {false, true, true};
  EXPECT_TRUE(t.same_bits(Tensor::of<bool>({3}, truths)));
}

TEST(Npy, ReadsEveryVersionAndSpelling) {
  for (const int version : {1, 2, 3}) {
    EXPECT_EQ(parsed(file_of(header_of("<f4", "(1,)"), "\0\0\0\0"s, version)).count(), 1);
  }
  EXPECT_EQ(parsed(file_of("{\"shape\":(1L ,2),\"descr\":\"|u1\",\"fortran_order\":False}", "ab"))
                .shape(),
            (Shape{1, 2}));
}

TEST(Npy, RefusesBrokenFiles) {
  expect_failure("", Code::malformed, "signature");
  expect_failure("PK\3\4 and so on", Code::malformed, "signature");
  expect_failure("\x93NUMPY\x01", Code::malformed, "within its header");
  expect_failure("\x93NUMPY\x01\x00v"s, Code::malformed, "within its header");
  expect_failure("\x93NUMPY\x01\x00v\x00{}"s, Code::malformed, "within its header");
  expect_failure("\x93NUMPY\x02\x00\xFF\xFF\xFF\xFF{}"s, Code::limit, "header of 4294967295 bytes");
  expect_failure("\x93NUMPY\x04\x00v\x00{}"s, Code::unsupported, "version 4.0");
  expect_failure(file_of(header_of("<f4", "(2,)"), "1234567"), Code::malformed,
                 "takes 8 bytes of elements, but the file holds 7");
  expect_failure(file_of(header_of("<f4", "(2,)"), "123456789"), Code::malformed, "holds 9");
  expect_failure(file_of(header_of("<U1", "()"), "\0\xD8\0\0"s), Code::malformed, "U+D800");
  expect_failure(file_of(header_of("<U1", "()"), "\0\0\x11\0"s), Code::malformed, "U+110000");
}

TEST(Npy, RefusesBrokenHeaders) {
  for (const char* header :
       {"", "{", "{}", "[]", "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': ()} x",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': ()}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), 'x': 1}",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}",
        "{'descr' '<f4', 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f4' 'fortran_order': False, 'shape': ()}",
        "{'descr': '<f4\\x00', 'fortran_order': False, 'shape': ()}", "{'descr': '<f4",
        "{'descr': 4"}) {
    EXPECT_FALSE(parse_npy_header(header).ok()) << header;
  }
  for (const char* shape : {"1", "(1)", "(,)", "(-1,)", "(1,,2)", "(1 2)", "[1]", "(1.0,)",
                            "(True,)", "(99999999999999999999,)", "(1,", "(-,)", "(0x10,)"}) {
    expect_failure(file_of(header_of("<f4", shape), ""), Code::malformed, "'shape'");
  }
  for (const char* descr : {"", "<", "f4", "<f", "<f4x", "<f-4", "<x4", "<U0", "|S0",
                            "<U99999999999999999999", "<U4611686018427387905"}) {
    expect_failure(file_of(header_of(descr, "()"), ""), Code::malformed, "'descr'");
  }
}

TEST(Npy, RefusesSizesThatOverflow) {
  expect_failure(file_of(header_of("<f8", "(4611686018427387904,)"), ""), Code::malformed,
                 "too many");
  expect_failure(file_of(header_of("<f8", "(4294967296, 4294967296)"), ""), Code::malformed,
                 "too many");
  expect_failure(file_of(header_of("<f8", "(1099511627776,)"), ""), Code::malformed, "holds 0");
  std::string ones = "(";
  for (int i = 0; i < 33; ++i) ones += "1, ";
  expect_failure(file_of(header_of("|u1", ones + ")"), "x"), Code::limit, "rank");
}

TEST(Npy, NamesWhatItDoesNotSupport) {
  for (const char* descr : {"|O", "|V2", "<V1", "<M8[ns]", "<m8", "<f16", "<c32", "<i3"}) {
    expect_failure(file_of(header_of(descr, "()"), ""), Code::unsupported, descr);
  }
  expect_failure(file_of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", ""),
                 Code::unsupported, "structured");
  const Result<Tensor> bf16 = parse(file_of(header_of("<V2", "()"), ""));
  EXPECT_NE(bf16.status().hint().find("float32"), std::string::npos);
}

TEST(Npy, FilesNameThemselvesInErrors) {
  const TestFolder folder;
  ASSERT_TRUE(write_npy(folder.file("a.npy"), Tensor::scalar(1.0F)).ok());
  EXPECT_TRUE(read_npy(folder.file("a.npy"))->same_bits(Tensor::scalar(1.0F)));
  folder.put("b.npy", "nothing");
  const Result<Tensor> bad = read_npy(folder.file("b.npy"));
  EXPECT_NE(bad.status().message().find("b.npy"), std::string::npos);
  EXPECT_EQ(read_npy(folder.file("c.npy")).status().code(), Code::usage);
}

TEST(Npy, NoTruncationOrByteFlipCrashes) {
  const std::string file = *to_npy(Tensor::vector<std::string>({"ab", "c"}));
  for (std::size_t i = 0; i < file.size(); ++i) {
    EXPECT_FALSE(parse(file.substr(0, i)).ok());
    for (const unsigned char flip : {0x01, 0x20, 0x80, 0xFF}) {
      std::string changed = file;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
      (void)parse(changed).ok();
    }
  }
}

}  // namespace
}  // namespace gossamer
