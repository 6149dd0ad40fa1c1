// FileDescriptor: an open file that closes itself; and how a failed system call becomes a Status.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace gossamer {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() { (void)close(); }

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }
  // Closes now; false (and errno) when the system reports that something written was lost.
  bool close();

 private:
  int fd_ = -1;
};

// "cannot `action` '`path`': <text of the errno value `error`>", Code::io. A path that is not there
// is Code::usage: the caller named it.
Status file_error(std::string_view action, const std::string& path, int error);

// What a file of this st_mode is, for messages: "a directory", "a FIFO", ...
std::string_view file_kind(unsigned mode);

}  // namespace gossamer
