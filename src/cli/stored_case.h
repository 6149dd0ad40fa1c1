// Stored cases: inputs and expected outputs in files, fed in the graph's order.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/compare.h"
#include "cli/runnable.h"
#include "onnx/lower.h"
#include "passes/pass.h"

namespace gossamer::cli {

// What happens to a model before it runs: nothing, or it is written as ONNX and read again.
enum class RoundTrip : std::uint8_t { none, origin, canonical };
struct Treatment {
  PassLists passes;  // before it is written
  RoundTrip trip = RoundTrip::none;
  std::optional<RunnableOptions> compiled;  // compiled and run so; nothing: by the reference
};

struct CaseFacts {
  Tolerance tolerance;
  std::set<int> random_outputs;  // judged by type and shape even if the graph does not show why
};

// Reads case.json ({"rtol":..,"atol":..,"random_outputs":[..]}); absent: `otherwise`.
Result<CaseFacts> read_case_facts(const std::filesystem::path& file, const Tolerance& otherwise);

// The test_data_set_N folders of a folder, in order of N, or the folder itself when it holds the
// files.
Result<std::vector<std::filesystem::path>> data_sets(const std::filesystem::path& folder);

// The inputs that a folder holds, by name.
Result<std::map<std::string, Value>> read_inputs(const onnx::Model& model,
                                                 const std::filesystem::path& folder);
// Names of the outputs that depend on a random primitive.
std::set<std::string> random_outputs(const Graph& graph);

// All portable passes ("all"), those and then the compiler's own ("target"), the one of that name,
// or none (""); a usage error lists them.
Result<PassLists> choose_passes(const std::string& name);

// Runs one data set, on what the treatment makes of the graph. Code::mismatch says which output
// differs, where and by how much. `note` tells what was judged by type and shape only.
Status check_data_set(const std::shared_ptr<const onnx::Model>& model,
                      const onnx::LowerOptions& options, const std::filesystem::path& folder,
                      const CaseFacts& facts, std::string& note, const Treatment& treatment = {});

}  // namespace gossamer::cli
