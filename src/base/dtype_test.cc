// The table of element types: names, codes, sizes, dispatch.
#include "base/dtype.h"

#include <gtest/gtest.h>

#include <set>

namespace gossamer {
namespace {

TEST(DType, TableIsInOrderAndNamesReadBack) {
  std::set<int> codes;
  for (int i = 0; i <= static_cast<int>(DType::string); ++i) {
    const auto dtype = static_cast<DType>(i);
    const DTypeInfo& info = dtype_info(dtype);
    EXPECT_EQ(info.dtype, dtype);
    EXPECT_EQ(dtype_from_name(info.name), dtype);
    EXPECT_EQ(dtype_from_onnx(info.onnx_code), dtype);
    codes.insert(info.onnx_code);
  }
  EXPECT_EQ(codes.size(), static_cast<std::size_t>(DType::string) + 1);
}

TEST(DType, UnknownNamesAndCodesAreNothing) {
  EXPECT_FALSE(dtype_from_name("float"));
  EXPECT_FALSE(dtype_from_name(""));
  EXPECT_FALSE(dtype_from_onnx(0));
  EXPECT_FALSE(dtype_from_onnx(-1));
  EXPECT_FALSE(dtype_from_onnx(std::int64_t{1} << 32 | 1));
}

TEST(DType, Classes) {
  EXPECT_TRUE(is_integer(DType::u2));
  EXPECT_FALSE(is_integer(DType::boolean));
  EXPECT_TRUE(is_signed_integer(DType::i2));
  EXPECT_TRUE(is_signed_integer(DType::i64));
  EXPECT_FALSE(is_signed_integer(DType::u2));
  EXPECT_FALSE(is_signed_integer(DType::f32));
  EXPECT_FALSE(is_arithmetic_integer(DType::i4));
  EXPECT_TRUE(is_arithmetic_integer(DType::u8));
  EXPECT_TRUE(is_floating(DType::f8e8m0));
  EXPECT_FALSE(is_arithmetic_float(DType::f8e8m0));
}

TEST(DType, VisitsTheTypeAndAStorageOfItsSize) {
  for (int i = 0; i <= static_cast<int>(DType::string); ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(visit_dtype(dtype, [](auto tag) { return dtype_of<typename decltype(tag)::type>; }),
              dtype);
    EXPECT_EQ(visit_storage(dtype, [](auto tag) { return sizeof(typename decltype(tag)::type); }),
              dtype_size(dtype));
  }
  EXPECT_TRUE(visit_storage(DType::string, [](auto tag) {
    return std::is_same_v<typename decltype(tag)::type, std::string>;
  }));
}

}  // namespace
}  // namespace gossamer
