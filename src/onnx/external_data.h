// Files beside a model that hold the bytes of its tensors: opened strictly beneath the model's
// folder, mapped once each, and kept alive by the tensors that borrow from them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace gossamer::onnx {

// What TensorProto.external_data says.
struct ExternalRange {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

class ExternalData {
 public:
  // Without a folder every file is refused.
  explicit ExternalData(std::optional<std::filesystem::path> folder) : folder_(std::move(folder)) {}

  struct File {
    std::span<const std::byte> bytes;
    std::shared_ptr<const void> owner;
    bool opened_now = false;  // false when an earlier tensor has opened it
  };
  // The file at `location` relative to the folder. Fails (malformed) when it is missing or leads
  // out of the folder.
  Result<File> open(const std::string& location);
  // Those that were opened, in the order of their names.
  std::vector<std::filesystem::path> opened() const;

 private:
  std::optional<std::filesystem::path> folder_;
  std::map<std::string, File> files_;
};

// The `size` bytes that `range` names in `file`; malformed when they are not inside the file or
// when the length given is another.
Result<std::span<const std::byte>> cut_range(std::span<const std::byte> file,
                                             const ExternalRange& range, std::uint64_t size);

}  // namespace gossamer::onnx
