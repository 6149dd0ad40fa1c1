// MappedFile: a regular file's bytes, read-only, in the address space. Copies share the mapping.
// A file that somebody shortens while it is mapped makes reads fail with SIGBUS: what must not
// depend on others' good behavior is copied first.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace gossamer {

class MappedFile {
 public:
  MappedFile() = default;  // no bytes

  // Follows symbolic links. Fails with usage when the file is not there or is not a regular file,
  // io when the system refuses it, limit when there is no address space for it.
  static Result<MappedFile> open(const std::string& path);

  // Opens `relative` strictly beneath `folder`, on behalf of somebody who is not trusted with other
  // files: no absolute path, no "..", no symbolic link below `folder`, no file that has a second
  // (hard) link, only a regular file. Breaking these, and a missing file, is malformed.
  static Result<MappedFile> open_beneath(const std::string& folder, const std::string& relative);

  std::span<const std::byte> bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  // The same bytes as text.
  std::string_view text() const;
  // Keeps the bytes mapped; null for an empty file.
  const std::shared_ptr<const void>& owner() const { return owner_; }

  // An owner of `part` of what `owner` keeps. Where that is a mapped file, the part's pages stop
  // counting as this process's memory when the part's owner ends; they can still be read.
  static std::shared_ptr<const void> own_part(const std::shared_ptr<const void>& owner,
                                              std::span<const std::byte> part);

 private:
  static Result<MappedFile> map(int fd, std::size_t size, const std::string& name);

  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> owner_;
};

}  // namespace gossamer
