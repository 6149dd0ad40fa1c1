// The first bytes of the files that people mistake for ONNX models.
#include "onnx/file_kind.h"

#include <algorithm>

namespace gossamer::onnx {
namespace {

using std::string_view_literals::operator""sv;

struct Signature {
  std::size_t offset;
  Bytes bytes;
  std::string_view hint;
};

constexpr std::string_view kLfs =
    "this is a Git LFS pointer, not the model: fetch the file with `git lfs pull`";
constexpr std::string_view kHtml =
    "this looks like a web page: the download may have been an error or a login page";
constexpr std::string_view kZip =
    "this looks like a zip archive, as PyTorch writes them: export the model to ONNX first";
constexpr std::string_view kPickle = "this looks like a Python pickle: export the model to ONNX";

constexpr Signature kSignatures[] = {
    {0, "version https://git-lfs"sv, kLfs},
    {0, "<!DOCTYPE"sv, kHtml},
    {0, "<!doctype"sv, kHtml},
    {0, "<html"sv, kHtml},
    {0, "<HTML"sv, kHtml},
    {0, "PK\x03\x04"sv, kZip},
    {0, "\x80\x02"sv, kPickle},
    {0, "\x80\x03"sv, kPickle},
    {0, "\x80\x04"sv, kPickle},
    {0, "\x80\x05"sv, kPickle},
    {0, "\x1f\x8b"sv, "this looks like a gzip archive: unpack it first"},
    {0, "GGUF"sv, "this looks like a GGUF model, which is not ONNX"},
    {0, "\x89HDF"sv, "this looks like an HDF5 file, as Keras writes them: convert it to ONNX"},
    {0, "\x93NUMPY"sv, "this looks like a NumPy array"},
    {0, "\x89PNG"sv, "this looks like an image"},
    {0, "\xff\xd8\xff"sv, "this looks like an image"},
    {4, "TFL3"sv, "this looks like a TensorFlow Lite model: convert it to ONNX"},
    {4, "ORTM"sv, "this looks like an ONNX Runtime .ort file: use the .onnx it was made from"},
    {8, "{\""sv, "this looks like a safetensors file, which holds weights but no graph"},
};

bool is_text(Bytes file) {
  const Bytes head = file.substr(0, 256);
  return std::all_of(head.begin(), head.end(), [](char c) {
    return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
  });
}

}  // namespace

std::string guess_file_kind(Bytes file) {
  for (const Signature& signature : kSignatures) {
    if (file.size() < signature.offset + signature.bytes.size()) continue;
    if (file.substr(signature.offset, signature.bytes.size()) == signature.bytes) {
      return std::string(signature.hint);
    }
  }
  if (!file.empty() && is_text(file)) return "this looks like a text file";
  return {};
}

}  // namespace gossamer::onnx
