// Files appear whole or not at all.
#include "base/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "base/test_folder.h"

namespace gossamer {
namespace {

namespace fs = std::filesystem;

TEST(AtomicFile, WritesAndReplaces) {
  const TestFolder folder;
  ASSERT_TRUE(write_file(folder.file("a"), "one").ok());
  EXPECT_EQ(folder.get("a"), "one");
  fs::permissions(folder.file("a"), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(write_file(folder.file("a"), "two").ok());
  EXPECT_EQ(folder.get("a"), "two");
  EXPECT_EQ(fs::status(folder.file("a")).permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, LeavesTheOldFileUntilCommit) {
  const TestFolder folder;
  folder.put("a", "old");
  {
    Result<AtomicFile> file = AtomicFile::create(folder.file("a"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write(std::string_view("half")).ok());
    EXPECT_EQ(folder.get("a"), "old");
    EXPECT_EQ(folder.entries(), 2U);
    const AtomicFile moved = std::move(*file);
    EXPECT_EQ(folder.entries(), 2U);
  }
  EXPECT_EQ(folder.get("a"), "old");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, FollowsALink) {
  const TestFolder folder;
  folder.put("real", "old");
  fs::create_symlink("real", folder.file("link"));
  ASSERT_TRUE(write_file(folder.file("link"), "new").ok());
  EXPECT_EQ(folder.get("real"), "new");
  EXPECT_TRUE(fs::is_symlink(folder.file("link")));
}

TEST(AtomicFile, RefusesPlacesThatTakeNoFile) {
  const TestFolder folder;
  EXPECT_EQ(write_file(folder.path(), "x").code(), Code::usage);
  EXPECT_EQ(write_file(folder.path() + "/", "x").code(), Code::usage);
  EXPECT_EQ(write_file("", "x").code(), Code::usage);
  EXPECT_EQ(write_file("/dev/null", "x").code(), Code::usage);
  EXPECT_EQ(write_file(folder.file("none/a"), "x").code(), Code::usage);
  EXPECT_EQ(write_file("/proc/a", "x").ok(), false);
  EXPECT_EQ(folder.entries(), 0U);
}

TEST(AtomicFile, ARefusedWriteNamesThePlaceAndLeavesNothing) {
  const TestFolder folder;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 4096;
  const auto old = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  const Status status = write_file(folder.file("a"), std::string(10000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old);
  EXPECT_EQ(status.code(), Code::io);
  EXPECT_EQ(status.message(), "cannot write '" + folder.file("a") + "': File too large");
  EXPECT_EQ(folder.entries(), 0U);
}

}  // namespace
}  // namespace gossamer
