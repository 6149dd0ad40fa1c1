// Mapping files, and refusing what a path from a stranger must not reach.
#include "base/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test_folder.h"

namespace gossamer {
namespace {

namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

TEST(MappedFile, BytesOutliveTheFileObject) {
  const TestFolder folder;
  folder.put("a", "hello");
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
  {
    const Result<MappedFile> file = MappedFile::open(folder.file("a"));
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(file->text(), "hello");
    owner = file->owner();
    bytes = file->bytes();
  }
  EXPECT_EQ(bytes[4], std::byte{'o'});
}

TEST(MappedFile, EmptyFile) {
  const TestFolder folder;
  folder.put("a", "");
  const Result<MappedFile> file = MappedFile::open(folder.file("a"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->size(), 0U);
  EXPECT_EQ(file->text(), "");
}

TEST(MappedFile, RefusesWhatIsNoRegularFile) {
  const TestFolder folder;
  ASSERT_EQ(mkfifo(folder.file("fifo").c_str(), 0600), 0);
  const auto expect = [](const std::string& path, Code code, std::string_view text) {
    const Result<MappedFile> file = MappedFile::open(path);
    ASSERT_FALSE(file.ok()) << path;
    EXPECT_EQ(file.status().code(), code) << path;
    EXPECT_NE(file.status().message().find(text), std::string::npos) << file.status().message();
  };
  expect(folder.file("none"), Code::usage, "No such file");
  expect(folder.file("fifo"), Code::usage, "is a FIFO");
  expect(folder.path(), Code::usage, "is a directory");
  expect("/dev/zero", Code::usage, "is a device");
  expect(std::string("a\0b", 3), Code::usage, "NUL");
}

TEST(MappedFile, TooLittleAddressSpaceIsALimit) {
  if (kSanitized) GTEST_SKIP() << "sanitizers reserve terabytes of addresses";
  const TestFolder folder;
  folder.put("large", "x");
  fs::resize_file(folder.file("large"), std::uintmax_t{1} << 36);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit low = before;
  low.rlim_cur = rlim_t{1} << 34;
  ASSERT_EQ(setrlimit(RLIMIT_AS, &low), 0);
  const Result<MappedFile> file = MappedFile::open(folder.file("large"));
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.status().code(), Code::limit);
  EXPECT_NE(file.status().message().find("68719476736 bytes"), std::string::npos);
}

class Beneath : public testing::Test {
 protected:
  Beneath() {
    fs::create_directory(folder_.file("in"));
    fs::create_directory(folder_.file("in/sub"));
    folder_.put("secret", "s");
    folder_.put("in/plain", "p");
    folder_.put("in/sub/deep", "d");
    fs::create_symlink("plain", folder_.file("in/link"));
    fs::create_symlink("sub", folder_.file("in/sublink"));
    fs::create_symlink("nowhere", folder_.file("in/dangling"));
    fs::create_directory_symlink("in", folder_.file("door"));
    folder_.put("in/twice", "t");
    fs::create_hard_link(folder_.file("in/twice"), folder_.file("in/thrice"));
    EXPECT_EQ(mkfifo(folder_.file("in/fifo").c_str(), 0600), 0);
  }

  Result<MappedFile> open(const std::string& relative) const {
    return MappedFile::open_beneath(folder_.file("in"), relative);
  }

  TestFolder folder_;
};

TEST_F(Beneath, OpensPlainFiles) {
  EXPECT_EQ(open("plain")->text(), "p");
  EXPECT_EQ(open("sub/deep")->text(), "d");
  EXPECT_EQ(open("./sub//deep")->text(), "d");
  EXPECT_EQ(MappedFile::open_beneath(folder_.file("door"), "plain")->text(), "p");
}

TEST_F(Beneath, RefusesEveryWayOut) {
  const std::pair<std::string, std::string> cases[] = {
      {folder_.file("in/plain"), "absolute"},
      {"../secret", "'..'"},
      {"sub/../plain", "'..'"},
      {"..", "'..'"},
      {"link", "symbolic link"},
      {"dangling", "symbolic link"},
      {"sublink/deep", "symbolic link"},
      {"twice", "hard link"},
      {"fifo", "is a FIFO"},
      {"sub", "is a directory"},
      {"plain/", "names no file"},
      {"", "names no file"},
      {".", "names no file"},
      {"none", "is missing"},
      {"none/deep", "is missing"},
      {"plain/deep", "is not a directory"},
      {std::string("plain\0x", 7), "NUL"},
  };
  for (const auto& [relative, text] : cases) {
    const Result<MappedFile> file = open(relative);
    ASSERT_FALSE(file.ok()) << relative;
    EXPECT_EQ(file.status().code(), Code::malformed) << relative;
    EXPECT_NE(file.status().message().find(text), std::string::npos) << file.status().message();
  }
}

}  // namespace
}  // namespace gossamer
