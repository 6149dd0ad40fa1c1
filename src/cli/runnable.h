// A model made ready to run: a package as it is, an .onnx compiled for the inputs at hand.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/sealing.h"
#include "cli/verb.h"
#include "onnx/bind.h"
#include "runtime/session.h"

namespace gossamer::cli {

// How compiled models are run; options of several verbs.
struct RunnableOptions {
  int threads = 0;               // 0: as many as the process may use
  std::string precision;         // exact, fast; empty: what the package has, else exact
  std::uint64_t memory_cap = 0;  // bytes of a run beside the weights; 0: none
  std::string cache;             // folder where compiled models are kept; empty: nowhere
  KeyOptions keys;               // of sealed packages
  void add_to(CLI::App& app);
};

struct Runnable {
  std::shared_ptr<const runtime::Program> program;
  std::unique_ptr<runtime::Session> session;
  // The inputs in the program's order; an absent optional is empty. Fails with usage when one is
  // missing.
  Result<std::vector<Value>> order(const std::map<std::string, Value>& feeds) const;
  Result<std::vector<onnx::NamedValue>> run(const std::map<std::string, Value>& feeds,
                                            const runtime::RunOptions& options) const;
};

// The option --memory-cap, for verbs that compile.
void add_memory_cap(CLI::App& app, std::uint64_t& bytes);

Result<Runnable> open_graph(Graph graph, const RunnableOptions& options);
// An .onnx for these inputs: from the cache when there is one and it has it, else compiled (and
// kept there). `loaded`: the model when it has been read already; given up before it is compiled.
Result<Runnable> open_onnx(const ModelOptions& model, std::shared_ptr<const onnx::Model> loaded,
                           const std::map<std::string, Value>& feeds,
                           const RunnableOptions& options);
// A package. Fails with usage when options ask for what a package has settled: shapes, another
// precision.
Result<Runnable> open_package(const ModelOptions& model, const RunnableOptions& options);
std::vector<std::string> input_names(const runtime::Program& program);

}  // namespace gossamer::cli
