// Tensors: allocation and its refusals, sharing, packed elements, strings, comparison.
#include "base/tensor.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>

namespace gossamer {
namespace {

template <std::size_t N>
std::span<const std::byte> bytes_of(const std::uint8_t (&bytes)[N]) {
  return std::as_bytes(std::span<const std::uint8_t>(bytes));
}

TEST(Tensor, MakeIsZeroAlignedAndUnique) {
  Result<Tensor> made = Tensor::make(DType::f32, {2, 3});
  ASSERT_TRUE(made.ok());
  Tensor t = std::move(made).value();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(t.data()) % 64, 0U);
  EXPECT_EQ(t.byte_size(), 24U);
  EXPECT_TRUE(t.unique());
  for (const float v : t.values<float>()) EXPECT_EQ(v, 0.0F);
  Tensor copy = t;
  EXPECT_FALSE(t.unique());
  EXPECT_EQ(copy.data(), t.data());
  copy = Tensor();
  EXPECT_TRUE(t.unique());
}

TEST(Tensor, IsOverMemoryOfSomebodyElse) {
  std::array<float, 4> memory{1, 2, 3, 4};
  Tensor t = Tensor::over(DType::f32, Shape{2, 2}, std::as_writable_bytes(std::span(memory)));
  EXPECT_TRUE(t.unique());
  EXPECT_FALSE(t.owned());
  t.mutable_values<float>()[3] = 5;
  EXPECT_EQ(memory[3], 5);
  EXPECT_TRUE(Tensor::scalar<float>(1).owned());
}

TEST(Tensor, EmptyAndDefaultTensorsHaveNoElements) {
  EXPECT_EQ(Tensor().count(), 0);
  EXPECT_EQ(Tensor().shape(), Shape{0});
  EXPECT_TRUE(Tensor().values<float>().empty());
  Result<Tensor> t = Tensor::make(DType::i64, {3, 0});
  ASSERT_TRUE(t.ok());
  EXPECT_TRUE(t->unique());
  EXPECT_TRUE(t->values<std::int64_t>().empty());
  EXPECT_TRUE(t->same_bits(*Tensor::make(DType::i64, {3, 0})));
}

TEST(Tensor, AllocationBeyondMemoryIsALimit) {
  constexpr std::int64_t kHuge = std::int64_t{1} << 60;
  for (const DType dtype : {DType::u8, DType::c128, DType::string}) {
    const Result<Tensor> t = Tensor::make(dtype, {kHuge});
    ASSERT_FALSE(t.ok());
    EXPECT_EQ(t.status().code(), Code::limit);
    EXPECT_NE(t.status().message().find("bytes"), std::string::npos) << t.status().message();
  }
  EXPECT_EQ(Tensor::make(DType::u8, {-1}).status().code(), Code::limit);
  EXPECT_EQ(Tensor::make(DType::u8, {kHuge, kHuge}).status().code(), Code::limit);
  EXPECT_EQ(Tensor::make(DType::u8, Shape(std::vector<std::int64_t>(33, 1))).status().code(),
            Code::limit);
}

TEST(Tensor, StringsAreKeptAndMovedAsElements) {
  const std::string large(100, 'x');
  const Tensor t = Tensor::vector<std::string>({"a", large, ""});
  EXPECT_EQ(t.dtype(), DType::string);
  Result<Tensor> made = Tensor::make(DType::string, {3});
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->values<std::string>()[2], "");
  visit_storage(t.dtype(), [&](auto tag) {
    using S = typename decltype(tag)::type;
    const auto from = t.values<S>();
    std::copy(from.rbegin(), from.rend(), made->mutable_values<S>().begin());
  });
  EXPECT_EQ(made->values<std::string>()[1], large);
  EXPECT_EQ(made->values<std::string>()[2], "a");
  EXPECT_FALSE(made->same_bits(t));
  EXPECT_TRUE(t.same_bits(Tensor::vector<std::string>({"a", large, ""})));
  const Tensor kept = made->reshaped({1, 3});
  *made = Tensor();
  EXPECT_EQ(kept.values<std::string>()[1], large);
}

TEST(Tensor, BorrowedBytesAreReadOnlyAndKeepTheirOwner) {
  auto owner = std::make_shared<std::vector<std::byte>>(4, std::byte{7});
  const std::weak_ptr<std::vector<std::byte>> watch = owner;
  {
    const std::span<const std::byte> bytes(*owner);
    const Tensor t = Tensor::borrow(DType::u8, {4}, bytes, std::move(owner));
    EXPECT_FALSE(t.unique());
    EXPECT_EQ(t.values<std::uint8_t>()[3], 7);
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, UnpacksFourBits) {
  const std::uint8_t packed[] = {0x8F, 0xF7};  // lowest first: 15, 8, 7; the padding is not zero
  const Tensor i = Tensor::borrow(DType::i4, {3}, bytes_of(packed), nullptr, true);
  ASSERT_TRUE(i.packed());
  const Tensor a = *i.unpack();
  EXPECT_FALSE(a.packed());
  EXPECT_EQ(a.values<I4>()[0].value, -1);
  EXPECT_EQ(a.values<I4>()[1].value, -8);
  EXPECT_EQ(a.values<I4>()[2].value, 7);
  EXPECT_EQ(*to_int64s(i), (std::vector<std::int64_t>{-1, -8, 7}));
  const Tensor u = Tensor::borrow(DType::u4, {3}, bytes_of(packed), nullptr, true);
  EXPECT_EQ(*to_int64s(u), (std::vector<std::int64_t>{15, 8, 7}));
  const std::uint8_t other[] = {0x8F, 0x07};
  EXPECT_TRUE(i.same_bits(Tensor::borrow(DType::i4, {3}, bytes_of(other), nullptr, true)));
  EXPECT_TRUE(i.same_bits(a));
}

TEST(Tensor, UnpacksTwoAndSixBits) {
  const std::uint8_t two[] = {0b11100100, 0b10};
  const Tensor i = Tensor::borrow(DType::i2, {5}, bytes_of(two), nullptr, true);
  EXPECT_EQ(*to_int64s(i), (std::vector<std::int64_t>{0, 1, -2, -1, -2}));
  const Tensor u = Tensor::borrow(DType::u2, {5}, bytes_of(two), nullptr, true);
  EXPECT_EQ(*to_int64s(u), (std::vector<std::int64_t>{0, 1, 2, 3, 2}));
  // 6-bit codes 1, 2, 3, 63, 33 from the lowest bit on.
  const std::uint8_t six[] = {0x81, 0x30, 0xFC, 0x21};
  const Tensor f = *Tensor::borrow(DType::f6e2m3, {5}, bytes_of(six), nullptr, true).unpack();
  const std::uint8_t codes[] = {1, 2, 3, 63, 33};
  for (std::size_t k = 0; k < 5; ++k) EXPECT_EQ(f.values<F6E2M3>()[k].bits, codes[k]);
}

TEST(Tensor, ReshapeAndReinterpretShareBytes) {
  const Tensor t = Tensor::vector<float>({1.0F, -2.0F});
  const Tensor bits = t.reshaped({2, 1}).reinterpreted(DType::u32);
  EXPECT_EQ(bits.data(), t.data());
  EXPECT_EQ(bits.shape(), (Shape{2, 1}));
  EXPECT_EQ(bits.values<std::uint32_t>()[0], 0x3F800000U);
}

TEST(Tensor, SameBitsTellsZerosApartAndTakesNaNAsEqual) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(Tensor::scalar(nan).same_bits(Tensor::scalar(nan)));
  EXPECT_FALSE(Tensor::scalar(0.0F).same_bits(Tensor::scalar(-0.0F)));
  EXPECT_FALSE(Tensor::scalar(1.0F).same_bits(Tensor::vector<float>({1.0F})));
  EXPECT_FALSE(Tensor::scalar(std::int32_t{0}).same_bits(Tensor::scalar(std::uint32_t{0})));
}

TEST(Tensor, NumbersAsInt64AndDouble) {
  EXPECT_EQ(*to_int64s(Tensor::scalar(true)), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(*to_int64s(Tensor::scalar(std::numeric_limits<std::uint64_t>::max())),
            (std::vector<std::int64_t>{-1}));
  EXPECT_EQ(*to_doubles(Tensor::scalar(F16{0x3E00})), (std::vector<double>{1.5}));
  EXPECT_EQ(*to_doubles(Tensor::scalar(BF16{0xC000})), (std::vector<double>{-2.0}));
  EXPECT_EQ(*to_doubles(Tensor::scalar(I4{-3})), (std::vector<double>{-3.0}));
  EXPECT_EQ(to_int64s(Tensor::scalar(1.0F)).status().code(), Code::usage);
  EXPECT_EQ(to_doubles(Tensor::scalar(std::string("1"))).status().code(), Code::usage);
  EXPECT_EQ(to_doubles(Tensor::scalar(F8E5M2{0})).status().code(), Code::usage);
}

TEST(Value, SequencesAndOptionals) {
  const Value s = Value::sequence({Tensor::scalar(1.0F), Tensor::scalar(2.0F)});
  EXPECT_EQ(s.kind, Value::Kind::sequence);
  EXPECT_EQ(s.list().size(), 2U);
  EXPECT_FALSE(s.is_tensor());
  const Value none = Value::optional({});
  EXPECT_EQ(none.kind, Value::Kind::optional);
  EXPECT_TRUE(none.list().empty());
  EXPECT_TRUE(Value().list().empty());
}

}  // namespace
}  // namespace gossamer
