// Every scalar value there and back; every kind of ill-formed sequence refused.
#include "base/utf8.h"

#include <gtest/gtest.h>

namespace gossamer {
namespace {

TEST(Utf8, EveryScalarValueReadsBack) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (!is_scalar_value(c)) continue;
    std::string text;
    append_utf8(text, c);
    char32_t back = 0;
    ASSERT_EQ(decode_utf8(text, back), text.size());
    ASSERT_EQ(back, c);
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
      ASSERT_EQ(decode_utf8(std::string_view(text).substr(0, cut), back), 0U);
    }
  }
}

TEST(Utf8, RefusesIllFormedSequences) {
  for (const std::string_view bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3(", "\xE2\x28\xA1",
        "ok\xE2\x82"}) {
    EXPECT_FALSE(is_utf8(bad));
    EXPECT_FALSE(utf8_to_utf32(bad));
  }
}

TEST(Utf8, Converts) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_EQ(*utf8_to_utf32("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"), U"a\u00E9\u20AC\U0001F600");
}

}  // namespace
}  // namespace gossamer
