// AtomicFile: a file that appears whole or not at all. It is written beside its place under a name
// nobody can guess, and moved there by commit(); until then, and when anything fails, what was at
// the place stays as it was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/file_descriptor.h"
#include "base/status.h"

namespace gossamer {

class AtomicFile {
 public:
  // A symbolic link at `path` is followed. Fails with usage when something other than a regular
  // file is at `path` or its folder is missing, io when the system refuses.
  static Result<AtomicFile> create(std::string path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  ~AtomicFile();  // removes what was not committed

  // Appends, unbuffered. After a failure (io) only destruction makes sense.
  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text) { return write(std::as_bytes(std::span(text))); }
  // Replaces bytes that have been written.
  Status write_at(std::uint64_t at, std::span<const std::byte> bytes);
  // Makes the bytes durable and puts the file in its place.
  Status commit();

 private:
  AtomicFile(std::string path, std::string temporary, FileDescriptor fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}

  std::string path_;
  std::string temporary_;  // empty when there is nothing to remove
  FileDescriptor fd_;
};

// Writes a whole file.
Status write_file(const std::string& path, std::string_view text);

}  // namespace gossamer
