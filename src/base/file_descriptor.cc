// Closing files and wording system errors.
#include "base/file_descriptor.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gossamer {

bool FileDescriptor::close() {
  const int fd = std::exchange(fd_, -1);
  // After EINTR the descriptor is gone on Linux; it is not closed again.
  return fd < 0 || ::close(fd) == 0 || errno == EINTR;
}

Status file_error(std::string_view action, const std::string& path, int error) {
  std::string message =
      fmt::format("cannot {} '{}': {}", action, path, std::generic_category().message(error));
  const bool absent = error == ENOENT || error == ENOTDIR;
  return {absent ? Code::usage : Code::io, std::move(message)};
}

std::string_view file_kind(unsigned mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "a regular file";
    case S_IFDIR:
      return "a directory";
    case S_IFLNK:
      return "a symbolic link";
    case S_IFIFO:
      return "a FIFO";
    case S_IFSOCK:
      return "a socket";
    default:
      return "a device";
  }
}

}  // namespace gossamer
