// Samples from files: what is found, in which order, and what becomes of it.
#include "samples/samples.h"

#include <gtest/gtest.h>
#include <png.h>
#include <sndfile.h>

#include <filesystem>
#include <fstream>

#include "base/npy.h"
#include "base/test_folder.h"

namespace gossamer::samples {
namespace {

namespace fs = std::filesystem;

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

void write_array(const fs::path& path, const std::vector<float>& values) {
  fs::create_directories(path.parent_path());
  ASSERT_TRUE(write_npy(path.string(), Tensor::vector(values)).ok());
}

// height x width pixels of red, green, blue and how opaque they are.
void write_picture(const fs::path& path, int height, int width, std::vector<std::uint8_t> rgba) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGBA;
  ASSERT_NE(png_image_write_to_file(&image, path.c_str(), 0, rgba.data(), 0, nullptr), 0);
}

Port port(std::string name, std::vector<std::int64_t> extents) {
  Port p;
  p.name = std::move(name);
  p.extents = std::move(extents);
  return p;
}

std::vector<float> numbers(const Samples& s, std::size_t i, const std::string& input = "x") {
  const auto sample = s.read(i);
  EXPECT_TRUE(sample.ok()) << sample.status().message();
  if (!sample.ok()) return {};
  const auto v = sample->steps.at(0).at(input).tensor.values<float>();
  return {v.begin(), v.end()};
}

TEST(Samples, ComeInOneOrderAndInTheSameOneWhenShuffled) {
  const TestFolder folder;
  for (int i = 0; i < 6; ++i)
    write_array(folder.file("d/" + std::to_string(i) + ".npy"), {static_cast<float>(i)});
  write_array(folder.file("d/skipped.npy"), {9});
  SampleSpec spec;
  spec.exclude = {"*skipped*"};
  const std::string path = folder.file("d");
  const auto plain = Samples::open(path, spec, {port("x", {1})});
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  ASSERT_EQ(plain->size(), 6U);
  EXPECT_EQ(numbers(*plain, 4), std::vector<float>{4});

  spec.shuffle = 7;
  spec.count = 3;
  spec.skip = 1;
  const auto once = Samples::open(path, spec, {port("x", {1})});
  const auto again = Samples::open(path, spec, {port("x", {1})});
  ASSERT_TRUE(once.ok() && again.ok());
  ASSERT_EQ(once->size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(numbers(*once, i), numbers(*again, i));
}

TEST(Samples, PreparesPictures) {
  const TestFolder folder;
  // A clear pixel shows the background.
  write_picture(folder.file("a.png"), 2, 2,
                {255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 9, 9, 9, 0});
  SampleSpec spec;
  InputSpec& input = spec.inputs["x"];
  input.kind = InputSpec::Kind::image;
  input.image.channels = ColorOrder::bgr;
  input.image.mean = {0.5};
  input.image.deviation = {0.5};
  input.image.background = {255, 255, 255};
  const auto s = Samples::open(folder.path(), spec, {port("x", {-1, 3, 2, 2})});
  ASSERT_TRUE(s.ok()) << s.status().message();
  EXPECT_EQ(numbers(*s, 0), (std::vector<float>{-1, -1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1}));

  spec.inputs["x"].image.layout = ImageLayout::nhwc;
  spec.inputs["x"].image.crop = ImageSize{1, 1};
  const auto cropped = Samples::open(folder.path(), spec, {port("x", {1, 1, 1, 3})});
  ASSERT_TRUE(cropped.ok());
  EXPECT_EQ(numbers(*cropped, 0), (std::vector<float>{-1, -1, 1}));
}

TEST(Samples, ShrinksPicturesByTheirMean) {
  const TestFolder folder;
  std::vector<std::uint8_t> rgba;
  for (int i = 0; i < 64; ++i) {
    const auto v = static_cast<std::uint8_t>(i % 8 < 4 ? 0 : 200);
    rgba.insert(rgba.end(), {v, v, v, 255});
  }
  write_picture(folder.file("a.png"), 8, 8, rgba);
  SampleSpec spec;
  InputSpec& input = spec.inputs["x"];
  input.kind = InputSpec::Kind::image;
  input.image.shorter_side = 2;
  input.image.channels = ColorOrder::gray;
  input.image.scale = 1;
  const auto s = Samples::open(folder.path(), spec, {port("x", {1, 1, 2, 2})});
  ASSERT_TRUE(s.ok());
  const std::vector<float> v = numbers(*s, 0);
  ASSERT_EQ(v.size(), 4U);
  EXPECT_NEAR(v[0] + v[1], 200, 1);
  EXPECT_LT(v[0], 60);
}

TEST(Samples, CutsSoundsIntoFramesWithStateCarried) {
  const TestFolder folder;
  SF_INFO info = {};
  info.samplerate = 8000;
  info.channels = 1;
  info.format = SF_FORMAT_WAV | SF_FORMAT_FLOAT;
  SNDFILE* file = sf_open(folder.file("a.wav").c_str(), SFM_WRITE, &info);
  ASSERT_NE(file, nullptr);
  const std::vector<float> samples = {0.1F, 0.2F, 0.3F, 0.4F, 0.5F};
  sf_writef_float(file, samples.data(), 5);
  sf_close(file);
  SampleSpec spec;
  InputSpec& input = spec.inputs["x"];
  input.kind = InputSpec::Kind::audio;
  input.audio.frame = 2;
  spec.inputs["rate"].kind = InputSpec::Kind::constant;
  spec.inputs["rate"].constant = Tensor::scalar<std::int64_t>(8000);
  spec.carry["state"] = "new_state";
  Port rate = port("rate", {});
  rate.dtype = DType::i64;
  const auto s =
      Samples::open(folder.path(), spec, {port("x", {1, 2}), rate, port("state", {2, -1, 3})});
  ASSERT_TRUE(s.ok()) << s.status().message();
  const auto sample = s->read(0);
  ASSERT_TRUE(sample.ok()) << sample.status().message();
  ASSERT_EQ(sample->steps.size(), 3U);
  EXPECT_EQ(sample->steps[2].at("x").tensor.values<float>()[0], 0.5F);
  EXPECT_EQ(sample->steps[2].at("x").tensor.values<float>()[1], 0);
  EXPECT_EQ(sample->steps[0].at("state").tensor.shape(), Shape({2, 1, 3}));
}

TEST(Samples, ReadsRowsOfTables) {
  const TestFolder folder;
  write_text(folder.file("t.csv"), "a,b\n1,2\n\n3.5,-4\n");
  const auto s = Samples::open(folder.file("t.csv"), {}, {port("x", {1, 2})});
  ASSERT_TRUE(s.ok());
  ASSERT_EQ(s->size(), 2U);
  EXPECT_EQ(numbers(*s, 1), (std::vector<float>{3.5F, -4}));
  write_text(folder.file("t.csv"), "a,b\n1,two\n");
  const auto bad = Samples::open(folder.file("t.csv"), {}, {port("x", {1, 2})});
  ASSERT_TRUE(bad.ok());
  const auto sample = bad->read(0);
  ASSERT_FALSE(sample.ok());
  EXPECT_NE(sample.status().message().find("column 'b'"), std::string::npos);
}

TEST(Samples, SayWhatDoesNotFit) {
  const TestFolder folder;
  write_array(folder.file("a.npy"), {1, 2, 3});
  write_array(folder.file("nan.npy"), {1, std::numeric_limits<float>::quiet_NaN()});
  const std::string path = folder.path();
  EXPECT_EQ(Samples::open(path + "/none", {}, {port("x", {2})}).status().code(), Code::usage);
  const auto s = Samples::open(path, {}, {port("x", {2})});
  ASSERT_TRUE(s.ok());
  EXPECT_NE(s->read(0).status().message().find("a.npy: input 'x' wants [2], the sample has"),
            std::string::npos)
      << s->read(0).status().message();
  EXPECT_NE(s->read(1).status().message().find("NaN"), std::string::npos);
  const auto two = Samples::open(path, {}, {port("x", {2}), port("y", {2})});
  ASSERT_TRUE(two.ok());
  EXPECT_EQ(two->read(0).status().code(), Code::usage);
}

}  // namespace
}  // namespace gossamer::samples
