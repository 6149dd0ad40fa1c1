// Tests of ImageDecode: small files of each format, whole, cut short and spoiled.
#include "reference/image_decode.h"

#include <gtest/gtest.h>
#include <png.h>

#include "primitives/evaluator.h"
#include "primitives/primitives.h"

namespace gossamer {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Two rows of two pixels: red, green; blue, white.
const Bytes kPixels{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255};

Result<Tensor> decode(const Bytes& file, PixelFormat format = PixelFormat::rgb) {
  const Value x = Tensor::vector(file);
  const Value* operands[] = {&x};
  const AttributePtr a = make_attributes(ImageDecodeAttributes{format});
  ASSIGN(std::vector<Value> y, evaluate_node(kImageDecode, a.get(), operands, 1));
  return y[0].tensor;
}

Bytes pixels_of(const Bytes& file) {
  Result<Tensor> t = decode(file);
  if (!t.ok()) return {};
  const auto v = t->values<std::uint8_t>();
  return {v.begin(), v.end()};
}

void put(Bytes& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

Bytes pnm() {
  const std::string header = "P6 # two by two\n2 2\n255\n";
  Bytes out(header.begin(), header.end());
  out.insert(out.end(), kPixels.begin(), kPixels.end());
  return out;
}

Bytes bmp() {
  Bytes out{'B', 'M'};
  for (std::uint32_t v : {70U, 0U, 54U, 40U, 2U, 2U}) put(out, v, 4);
  put(out, 1, 2);
  put(out, 24, 2);
  for (int i = 0; i < 6; ++i) put(out, 0, 4);
  for (std::size_t row : {1U, 0U}) {
    for (std::size_t x = 0; x < 2; ++x)
      for (std::size_t k : {2U, 1U, 0U}) out.push_back(kPixels[row * 6 + x * 3 + k]);
    put(out, 0, 2);
  }
  return out;
}

Bytes tiff() {
  Bytes out{'I', 'I', '*', 0};
  put(out, 8, 4);
  const std::uint32_t entries[][3] = {{256, 4, 2}, {257, 4, 2}, {259, 3, 1}, {262, 3, 2},
                                      {273, 4, 0}, {277, 3, 3}, {258, 1, 8}};
  constexpr std::uint32_t kCount = 7;
  put(out, kCount, 2);
  for (const auto& e : entries) {
    put(out, e[0], 2);
    put(out, e[1], 2);
    put(out, 1, 4);
    put(out, e[0] == 273 ? 8 + 2 + kCount * 12 + 4 : e[2], 4);
  }
  put(out, 0, 4);
  out.insert(out.end(), kPixels.begin(), kPixels.end());
  return out;
}

Bytes png() {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = 2;
  image.format = PNG_FORMAT_RGB;
  Bytes out(4096);
  png_alloc_size_t size = out.size();
  png_image_write_to_memory(&image, out.data(), &size, 0, kPixels.data(), 0, nullptr);
  out.resize(size);
  return out;
}

TEST(ImageDecode, ReadsEveryFormat) {
  EXPECT_EQ(pixels_of(pnm()), kPixels);
  EXPECT_EQ(pixels_of(bmp()), kPixels);
  EXPECT_EQ(pixels_of(tiff()), kPixels);
  EXPECT_EQ(pixels_of(png()), kPixels);
}

TEST(ImageDecode, ArrangesChannels) {
  auto bgr = decode(pnm(), PixelFormat::bgr);
  ASSERT_TRUE(bgr.ok());
  EXPECT_EQ(bgr->values<std::uint8_t>()[2], 255);
  auto gray = decode(pnm(), PixelFormat::gray);
  ASSERT_TRUE(gray.ok());
  EXPECT_EQ(gray->shape(), (Shape{2, 2, 1}));
  EXPECT_EQ(gray->values<std::uint8_t>()[0], 76);
  EXPECT_EQ(gray->values<std::uint8_t>()[3], 255);
}

TEST(ImageDecode, GivesNothingForWhatItCannotRead) {
  for (const Bytes& file : {Bytes{}, Bytes{1, 2, 3}, Bytes{'B', 'M'}, Bytes{'P', '6'},
                            Bytes{0xFF, 0xD8, 0xFF, 0xE0}, Bytes{0x89, 'P', 'N', 'G'}}) {
    auto t = decode(file);
    ASSERT_TRUE(t.ok()) << t.status().message();
    EXPECT_EQ(t->shape(), (Shape{0, 0, 3}));
  }
}

TEST(ImageDecode, SurvivesEveryCutAndEverySpoiledByte) {
  for (const Bytes& file : {pnm(), bmp(), tiff(), png()}) {
    for (std::size_t n = 0; n < file.size(); ++n) {
      const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(n));
      EXPECT_TRUE(decode(cut).ok());
      for (std::uint8_t flip : {0x01, 0x80, 0xFF}) {
        Bytes spoiled = file;
        spoiled[n] ^= flip;
        auto t = decode(spoiled);
        EXPECT_TRUE(t.ok() || t.status().code() == Code::limit ||
                    t.status().code() == Code::unsupported);
      }
    }
  }
}

TEST(ImageDecode, RefusesSizesBeforeMakingRoom) {
  const std::string text = "P6 16000000 16000000 255\n";
  auto t = decode(Bytes(text.begin(), text.end()));
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(t->count(), 0);
}

}  // namespace
}  // namespace gossamer
