// Writing beside the place, then renaming.
#include "base/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

namespace gossamer {
namespace {

// The folder of a path with its slash, or nothing.
std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

// A random name in the folder of `path`.
Result<std::string> temporary_name(const std::string& path) {
  std::uint64_t random[2] = {};
  if (getrandom(random, sizeof random, 0) != sizeof random) {
    return io_error("the system gives no random bytes");
  }
  return fmt::format("{}.gossamer-{:016x}{:016x}", folder_of(path), random[0], random[1]);
}

}  // namespace

Result<AtomicFile> AtomicFile::create(std::string path) {
  if (path.find('\0') != std::string::npos) return usage_error("a path holds a NUL character");
  if (path.empty() || path.ends_with('/')) {
    return usage_error(fmt::format("'{}' names no file to write", path));
  }
  struct stat info{};
  bool replaces = lstat(path.c_str(), &info) == 0;
  if (replaces && S_ISLNK(info.st_mode)) {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::canonical(path, error);
    if (error) return file_error("follow the link", path, error.value());
    path = target.string();
    replaces = stat(path.c_str(), &info) == 0;
  }
  if (replaces && !S_ISREG(info.st_mode)) {
    return usage_error(fmt::format("cannot write '{}': it is {}", path, file_kind(info.st_mode)));
  }
  ASSIGN(std::string temporary, temporary_name(path));
  FileDescriptor fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (!fd.ok()) return file_error("write", path, errno);
  AtomicFile file(std::move(path), std::move(temporary), std::move(fd));
  // What was private stays private.
  if (replaces && fchmod(file.fd_.get(), info.st_mode & 0777) != 0) {
    return file_error("set the permissions of", file.path_, errno);
  }
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  std::swap(fd_, other.fd_);
  return *this;
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return file_error("write", path_, errno);
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status AtomicFile::write_at(std::uint64_t at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (written < 0) {
      if (errno == EINTR) continue;
      return file_error("write", path_, errno);
    }
    at += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status AtomicFile::commit() {
  if (fsync(fd_.get()) != 0) return file_error("write", path_, errno);
  if (!fd_.close()) return file_error("write", path_, errno);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    return file_error("write", path_, errno);
  }
  temporary_.clear();
  // The new name is durable when the folder is; a file system that cannot say so is no failure.
  const std::string folder = folder_of(path_);
  const FileDescriptor at(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (at.ok()) fsync(at.get());
  return {};
}

Status write_file(const std::string& path, std::string_view text) {
  ASSIGN(AtomicFile file, AtomicFile::create(path));
  TRY(file.write(text));
  return file.commit();
}

}  // namespace gossamer
