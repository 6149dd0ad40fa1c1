// Opening and mapping files, with or without trust in who named them.
#include "base/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"

namespace gossamer {
namespace {

// O_NONBLOCK: opening a FIFO must not wait for a writer.
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

Status not_regular(Code code, const std::string& name, unsigned mode) {
  return {code, fmt::format("'{}' is {}, not a regular file", name, file_kind(mode))};
}

// Why component `name` of `relative`, looked up in `folder`, did not open.
Status component_error(int folder, const std::string& name, const std::string& relative,
                       int error) {
  struct stat info{};
  const bool seen = fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  if (seen && S_ISLNK(info.st_mode)) {
    return malformed(fmt::format("'{}' leads through a symbolic link ('{}')", relative, name),
                     "put the file itself in the folder");
  }
  if (error == ENOENT) return malformed(fmt::format("'{}' is missing", relative));
  if (error == ENOTDIR) {
    return malformed(fmt::format("'{}': '{}' is not a directory", relative, name));
  }
  return {Code::io, file_error("open", relative, error).message()};
}

// Splits a path that must stay beneath a folder; "." and doubled slashes are dropped.
Result<std::vector<std::string>> components(const std::string& relative) {
  if (relative.find('\0') != std::string::npos) {
    return malformed("a path holds a NUL character");
  }
  if (relative.starts_with('/')) {
    return malformed(fmt::format("'{}' is an absolute path", relative),
                     "name the file relative to the folder");
  }
  std::vector<std::string> names;
  std::string last;
  for (std::size_t begin = 0; begin <= relative.size();) {
    const std::size_t end = std::min(relative.find('/', begin), relative.size());
    last = relative.substr(begin, end - begin);
    if (last == "..") {
      return malformed(fmt::format("'{}' climbs out of its folder with '..'", relative));
    }
    if (!last.empty() && last != ".") names.push_back(last);
    begin = end + 1;
  }
  if (names.empty() || last.empty() || last == ".") {
    return malformed(fmt::format("'{}' names no file", relative));
  }
  return names;
}

struct Unmap {
  std::size_t size = 0;
  void operator()(const void* start) const { munmap(const_cast<void*>(start), size); }
};

}  // namespace

std::shared_ptr<const void> MappedFile::own_part(const std::shared_ptr<const void>& owner,
                                                 std::span<const std::byte> part) {
  if (std::get_deleter<Unmap>(owner) == nullptr) return owner;
  return {part.data(), [owner, size = part.size()](const void* start) {
            constexpr std::uintptr_t kPage = 4096;
            const auto from = (reinterpret_cast<std::uintptr_t>(start) + kPage - 1) / kPage * kPage;
            const auto to = (reinterpret_cast<std::uintptr_t>(start) + size) / kPage * kPage;
            if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
          }};
}

std::string_view MappedFile::text() const {
  return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

Result<MappedFile> MappedFile::map(int fd, std::size_t size, const std::string& name) {
  MappedFile file;
  if (size == 0) return file;
  void* start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (start == MAP_FAILED) {
    const int error = errno;
    if (error != ENOMEM) return file_error("map", name, error);
    return limit_error(fmt::format("no address space to map '{}' ({} bytes)", name, size),
                       "raise the limit on the process's memory");
  }
  file.owner_ = std::shared_ptr<const void>(static_cast<const void*>(start), Unmap{size});
  file.bytes_ = {static_cast<const std::byte*>(start), size};
  return file;
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  if (path.find('\0') != std::string::npos) return usage_error("a path holds a NUL character");
  const FileDescriptor fd(::open(path.c_str(), kReadFlags));
  if (!fd.ok()) {
    const int error = errno;
    struct stat info{};  // a socket, for one, cannot be opened
    const bool seen = stat(path.c_str(), &info) == 0;
    if (seen && !S_ISREG(info.st_mode)) return not_regular(Code::usage, path, info.st_mode);
    return file_error("open", path, error);
  }
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) return file_error("examine", path, errno);
  if (!S_ISREG(info.st_mode)) return not_regular(Code::usage, path, info.st_mode);
  return map(fd.get(), static_cast<std::size_t>(info.st_size), path);
}

Result<MappedFile> MappedFile::open_beneath(const std::string& folder,
                                            const std::string& relative) {
  ASSIGN(const std::vector<std::string> names, components(relative));
  FileDescriptor at(
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at.ok()) return file_error("open the folder", folder, errno);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const int kind = i + 1 < names.size() ? O_DIRECTORY : 0;
    FileDescriptor next(openat(at.get(), names[i].c_str(), kReadFlags | O_NOFOLLOW | kind));
    if (!next.ok()) return component_error(at.get(), names[i], relative, errno);
    at = std::move(next);
  }
  struct stat info{};
  if (fstat(at.get(), &info) != 0) return file_error("examine", relative, errno);
  if (!S_ISREG(info.st_mode)) return not_regular(Code::malformed, relative, info.st_mode);
  if (info.st_nlink > 1) {
    return malformed(fmt::format("'{}' has a second name (a hard link)", relative),
                     "put a copy of its own in the folder");
  }
  return map(at.get(), static_cast<std::size_t>(info.st_size), relative);
}

}  // namespace gossamer
