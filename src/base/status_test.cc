// Status and Result: what a failure carries outward.
#include "base/status.h"

#include <gtest/gtest.h>

namespace gossamer {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return usage_error("the value is odd", "give an even one");
  return value / 2;
}

Result<int> quarter(int value) {
  ASSIGN(const int once, half(value));
  ASSIGN(int twice, half(once));
  return twice;
}

Status check(int value) {
  TRY(quarter(value).ok() ? Status() : quarter(value).status());
  return {};
}

TEST(Status, FineHasNoMessage) {
  const Status fine;
  EXPECT_TRUE(fine.ok());
  EXPECT_EQ(fine.code(), Code::ok);
  EXPECT_EQ(fine.message(), "");
  EXPECT_EQ(fine.hint(), "");
}

TEST(Status, ContextGoesInFrontAndTheFirstHintStays) {
  Status s = malformed("too short").in("node 'a'").in("file 'b'").with_hint("one").with_hint("two");
  EXPECT_EQ(s.message(), "file 'b': node 'a': too short");
  EXPECT_EQ(s.hint(), "one");
  const Status copy = s;
  s = io_error("other");
  EXPECT_EQ(copy.message(), "file 'b': node 'a': too short");
  EXPECT_TRUE(Status().in("nowhere").ok());
}

TEST(Status, MacrosPassFailuresOn) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).status().code(), Code::usage);
  EXPECT_EQ(quarter(6).status().hint(), "give an even one");
  EXPECT_TRUE(check(4).ok());
  EXPECT_EQ(check(2).message(), "the value is odd");
}

TEST(Status, EveryCodeHasItsName) {
  EXPECT_EQ(code_name(Code::ok), "ok");
  EXPECT_EQ(code_name(Code::limit), "limit");
  EXPECT_EQ(code_name(Code::io), "io");
  EXPECT_EQ(code_name(Code::interrupted), "interrupted");
}

}  // namespace
}  // namespace gossamer
