// Tests the wire format: fields of all types, broken bytes, counts, and names in messages.
#include "onnx/wire.h"

#include <gtest/gtest.h>

namespace gossamer::onnx {
namespace {

using std::string_view_literals::operator""sv;

TEST(Wire, WalksFieldsOfAllTypes) {
  Fields fields("\x08\x96\x01\x12\x02hi\x1d\x00\x00\x80\x3f\x21\x01\0\0\0\0\0\0\0"sv);
  ASSERT_TRUE(fields.next());
  EXPECT_EQ(fields.number(), 1U);
  EXPECT_EQ(*fields.varint(), 150U);
  EXPECT_EQ(fields.bytes().status().code(), Code::malformed);
  ASSERT_TRUE(fields.next());
  EXPECT_EQ(*fields.bytes(), "hi");
  ASSERT_TRUE(fields.next());
  EXPECT_EQ(*fields.float32(), 1.0F);
  ASSERT_TRUE(fields.next());
  EXPECT_EQ(fields.bits(), 1U);
  EXPECT_FALSE(fields.next());
  EXPECT_TRUE(fields.status().ok());
}

TEST(Wire, RefusesBrokenBytes) {
  for (const Bytes broken : {
           "\x08"sv,                                              // no value
           "\x08\x80"sv,                                          // value cut short
           "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,  // eleven bytes
           "\x12\x05hi"sv,                                        // longer than what is left
           "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,      // length 2^64 - 1
           "\x12\x82\x80\x80\x80\x10hi"sv,                        // length 2^32 + 2
           "\x1d\0\0\0"sv,                                        // three bytes of four
           "\x21\0\0\0\0"sv,                                      // four bytes of eight
           "\x00\x01"sv,                                          // field 0
           "\x0b"sv,                                              // a group
           "\x0f"sv,                                              // wire type 7
           "\x80\x80\x80\x80\x80\x01"sv,                          // a tag beyond 32 bits
       }) {
    Fields fields(broken);
    EXPECT_FALSE(fields.next());
    EXPECT_EQ(fields.status().code(), Code::malformed);
    EXPECT_FALSE(fields.next());
  }
}

TEST(Wire, CountsRepeatedFields) {
  Fields fields("\x08\x01\x0a\x03\x80\x01\x05\x10\x07\x08\x02"sv);
  ASSERT_TRUE(fields.next());
  EXPECT_EQ(fields.count_left(), 3U);
  EXPECT_EQ(fields.count_elements_left(Wire::varint), 4U);
}

TEST(Wire, KnowsUtf8) {
  for (const Bytes good : {""sv, "conv1"sv, "\xc3\xa9"sv, "\xe2\x82\xac"sv, "\xf0\x9f\x98\x80"sv}) {
    EXPECT_TRUE(is_utf8(good));
  }
  for (const Bytes bad : {"\x80"sv, "\xc3"sv, "\xc0\x80"sv, "\xe0\x80\x80"sv, "\xed\xa0\x80"sv,
                          "\xf4\x90\x80\x80"sv, "\xff"sv, "a\xe2\x82"sv}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(Wire, NamesInMessagesAreShortAndPrintable) {
  EXPECT_EQ(quote_name("conv\n\xff\xc3\xa9"), "'conv\\x0a\\xff\xc3\xa9'");
  EXPECT_LT(quote_name(std::string(10'000, 'x')).size(), 130U);
}

}  // namespace
}  // namespace gossamer::onnx
