// What every verb shares: how it is registered, its common options, how it answers and how it
// fails.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "onnx/lower.h"

namespace gossamer::cli {

// Set by SIGINT and SIGTERM: long work stops with Code::interrupted.
extern std::atomic<bool> g_interrupted;

// The verb that the command line chose; main runs it after parsing.
struct Invocation {
  std::function<Status()> run;
};

// Options for which model and which of its open dimensions.
struct ModelOptions {
  std::string path;
  std::vector<std::string> shapes;  // NAME=1x3x48x320
  std::vector<std::string> dims;    // batch=1
  std::vector<std::string> binds;   // NAME=FILE.npy or NAME=NUMBER

  void add_to(CLI::App& app);
  // All but the model itself.
  void add_details_to(CLI::App& app);
  // Fails with usage when there are any: a package's shapes are settled.
  Status refuse_details() const;
  Result<std::shared_ptr<const onnx::Model>> load() const;
  // Parses shapes and dims; a name that the model does not have is a usage error.
  Result<onnx::LowerOptions> lower_options(const onnx::Model& model) const;
  // Lowers for these options. When structure depends on inputs, the hint says which flags to give.
  Result<Graph> lower(const std::shared_ptr<const onnx::Model>& model,
                      std::vector<std::string>* needs_binding = nullptr) const;
};

// The exit code of a status, as documented in the README.
int exit_code(const Status& status);
// "gossamer: error: ..." and "gossamer: hint: ..." on stderr.
void print_error(const Status& status);
// "gossamer: note: ..." on stderr: something that the user should know and that is no error.
void note(const std::string& text);
// Writes text to stdout; a closed or full output is an io error.
Status print(std::string_view text);

// Splits NAME=REST at the last '=' whose left side is one of `names`; a usage error lists them.
Result<std::pair<std::string, std::string>> split_assignment(const std::string& text,
                                                             const std::vector<std::string>& names,
                                                             std::string_view option);

// Inputs from NAME=FILE.npy texts; fails with usage on names that are not among `names` and on
// repetitions.
Result<std::map<std::string, Value>> read_npy_inputs(const std::vector<std::string>& assignments,
                                                     const std::vector<std::string>& names);
// The names of a model's inputs.
std::vector<std::string> input_names(const onnx::Model& model);
// The symbols of its inputs' open extents.
std::vector<std::string> symbol_names(const onnx::Model& model);

#define VERB(name) void add_##name(CLI::App& app, Invocation& invocation);
#include "cli/verbs.def"
#undef VERB

}  // namespace gossamer::cli
