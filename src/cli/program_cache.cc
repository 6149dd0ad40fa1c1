// Keys, checks and permissions of kept packages.
#include "cli/program_cache.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <span>

#include "base/cpu.h"
#include "base/mapped_file.h"
#include "cli/verb.h"
#include "gossamer_version.h"
#include "package/package.h"

namespace gossamer::cli {
namespace {

// 128 bits of a fast hash: it tells files apart, and is no defense against one who seeks
// collisions; the folder belongs to the user alone.
class Hash {
 public:
  void add(std::span<const std::byte> bytes) {
    mix(bytes.size());
    std::size_t i = 0;
    for (; i + kWord <= bytes.size(); i += kWord) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i, kWord);
      mix(word);
    }
    std::uint64_t rest = 0;
    if (i < bytes.size()) std::memcpy(&rest, bytes.data() + i, bytes.size() - i);
    mix(rest);
  }
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  std::string text() const { return fmt::format("{:016x}{:016x}", a_, b_); }

 private:
  static constexpr std::size_t kWord = sizeof(std::uint64_t);

  void mix(std::uint64_t word) {
    a_ = (a_ ^ word) * 0x9E3779B97F4A7C15U;
    a_ ^= a_ >> 32U;
    b_ = (b_ + word) * 0xC2B2AE3D27D4EB4FU;
    b_ ^= b_ >> 29U;
  }

  std::uint64_t a_ = 0x243F6A8885A308D3U, b_ = 0x13198A2E03707344U;
};

bool is_private(const std::string& path) {
  struct stat info{};
  return lstat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() &&
         (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

}  // namespace

Result<ProgramCache> ProgramCache::open(const std::string& folder, const std::string& path,
                                        const std::vector<std::string>& options) {
  std::error_code error;
  if (std::filesystem::create_directories(folder, error))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error) return io_error("cannot make the folder '" + folder + "': " + error.message());
  ASSIGN(const MappedFile file, MappedFile::open(path));
  Hash hash;
  hash.add(file.bytes());
  for (const std::string& option : options) hash.add(option);
  hash.add("gossamer " GOSSAMER_VERSION);
  hash.add(level_name(active_level()));
  ProgramCache cache;
  cache.path_ = (std::filesystem::path(folder) / (hash.text() + ".goss")).string();
  return cache;
}

std::shared_ptr<const runtime::Program> ProgramCache::find() const {
  struct stat info{};
  if (lstat(path_.c_str(), &info) != 0) return nullptr;
  if (!is_private(path_)) {
    note("'" + path_ + "' could have been written by others: it is made anew");
    return nullptr;
  }
  Status status = package::check(path_);
  if (status.ok()) {
    Result<package::Package> package = package::open(path_);
    if (package.ok()) return package->program;
    status = std::move(package).status();
  }
  note("the kept package cannot be used and is made anew: " + status.message());
  return nullptr;
}

void ProgramCache::keep(const runtime::Program& program, const std::string& precision) const {
  std::error_code error;
  if (!is_private(path_)) std::filesystem::remove(path_, error);
  const mode_t before = umask(S_IRWXG | S_IRWXO);
  const Status status = package::write(
      program, path_, {.precision = precision, .producer = "gossamer " GOSSAMER_VERSION});
  umask(before);
  if (!status.ok()) note("the compiled model cannot be kept: " + status.message());
}

}  // namespace gossamer::cli
