// Opening and slicing of the files beside a model.
#include "onnx/external_data.h"

#include <algorithm>

#include "base/mapped_file.h"
#include "onnx/wire.h"

namespace gossamer::onnx {
namespace {

// One spelling for one path: without "." and doubled slashes. What is refused stays refused.
std::string plain_path(const std::string& location) {
  std::string plain;
  for (std::size_t begin = 0; begin < location.size();) {
    const std::size_t end = std::min(location.find('/', begin), location.size());
    const std::string name = location.substr(begin, end - begin);
    if (begin == 0 && name.empty()) plain = "/";
    if (!name.empty() && name != ".") {
      if (!plain.empty() && !plain.ends_with('/')) plain += '/';
      plain += name;
    }
    begin = end + 1;
  }
  return plain;
}

}  // namespace

Result<ExternalData::File> ExternalData::open(const std::string& location) {
  if (location.empty()) return malformed("external data names no location");
  if (!folder_) {
    return malformed(
        "external data " + quote_name(location) + " was asked for by a model in memory",
        "read the model from its file, with its external data beside it");
  }
  const std::string path = plain_path(location);
  if (const auto known = files_.find(path); known != files_.end()) return known->second;
  Result<MappedFile> opened = MappedFile::open_beneath(folder_->string(), path);
  if (!opened.ok()) return std::move(opened).status().in("external data");
  File file{opened->bytes(), opened->owner(), false};
  files_[path] = file;
  file.opened_now = true;
  return file;
}

std::vector<std::filesystem::path> ExternalData::opened() const {
  std::vector<std::filesystem::path> out;
  out.reserve(files_.size());
  for (const auto& [location, file] : files_) out.push_back(*folder_ / location);
  return out;
}

Result<std::span<const std::byte>> cut_range(std::span<const std::byte> file,
                                             const ExternalRange& range, std::uint64_t size) {
  const std::string where = "external data " + quote_name(range.location);
  if (range.length && *range.length != size) {
    return malformed(where + " is said to hold " + std::to_string(*range.length) +
                     " bytes, but the tensor needs " + std::to_string(size));
  }
  if (range.offset > file.size() || size > file.size() - range.offset) {
    return malformed(where + " is " + std::to_string(file.size()) + " bytes long, but " +
                         std::to_string(size) + " at offset " + std::to_string(range.offset) +
                         " are needed",
                     "the file may be cut short or belong to another model");
  }
  return file.subspan(static_cast<std::size_t>(range.offset), static_cast<std::size_t>(size));
}

}  // namespace gossamer::onnx
