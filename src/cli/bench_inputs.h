// Inputs of models to be measured: from files, or made up where their extents are settled.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "cli/verb.h"
#include "runtime/program.h"

namespace gossamer::cli {

// What the user says about inputs.
struct InputOptions {
  std::vector<std::string> inputs;  // NAME=FILE.npy
  std::int64_t batch = 0;           // > 0: the extent of first axes that the model leaves open
};

// Inputs of an .onnx model by name. What is not given is made up, of shapes by the model, `options`
// and the batch; a given one is repeated along an open first axis of extent 1. Fails with usage
// where extents stay open, and where there is a batch but no open first axis.
Result<std::map<std::string, Value>> make_inputs(const onnx::Model& model,
                                                 onnx::LowerOptions options,
                                                 const InputOptions& given);
// The same for a package.
Result<std::map<std::string, Value>> make_inputs(const runtime::Program& program,
                                                 const InputOptions& given);

}  // namespace gossamer::cli
