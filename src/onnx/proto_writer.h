// Writes the messages of onnx.proto from the plain structs of model.h: the way back from reader.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "onnx/model.h"

namespace gossamer::onnx {

// The model as the bytes of a ModelProto, tensors inside. Fails with limit when it would exceed
// what one message can hold (2 GiB), unsupported on what has no ONNX form.
Result<std::string> serialize(const Model& model);

struct FileOptions {
  // Tensors of more bytes in all go to a file of their own beside the model, `<name>.data`.
  std::int64_t max_inline_bytes = 1'500'000'000;
};

// Writes a .onnx file (and its .data file when the tensors are many), each beside its place and
// then renamed. Fails with io, usage (no such folder), limit or unsupported.
Status write_file(const Model& model, const std::filesystem::path& path,
                  const FileOptions& options = {});

}  // namespace gossamer::onnx
