// Guesses what a file that is no ONNX model may be, for the hint beside the error.
#pragma once

#include <string>

#include "onnx/wire.h"

namespace gossamer::onnx {

// A sentence such as "this looks like a zip archive"; empty when the bytes remind of nothing.
std::string guess_file_kind(Bytes file);

}  // namespace gossamer::onnx
