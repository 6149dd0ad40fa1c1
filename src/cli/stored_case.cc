// Reading stored cases and judging answers.
#include "cli/stored_case.h"

#include <algorithm>
#include <fstream>

#include "base/npy.h"
#include "base/npz.h"
#include "cli/verb.h"
#include "nlohmann/json.hpp"
#include "onnx/bind.h"
#include "onnx/writer.h"
#include "passes/passes.h"
#include "primitives/evaluator.h"
#include "primitives/primitives.h"

namespace gossamer::cli {
namespace {

namespace fs = std::filesystem;

// The file of "input" or "output" number k, or an empty path.
fs::path data_file(const fs::path& folder, const char* what, std::size_t k) {
  for (const char* extension : {".pb", ".npy"}) {
    const fs::path file = folder / (what + ("_" + std::to_string(k)) + extension);
    if (fs::exists(file)) return file;
  }
  return {};
}

Result<Value> read_file(const fs::path& file, const onnx::Type& type) {
  if (file.extension() == ".pb") return onnx::read_value(file, type);
  ASSIGN(Tensor t, read_npy(file.string()));
  return Value(std::move(t));
}

// inputs.npz or outputs.npz by name, or input_K and output_K files in the graph's order.
Result<std::map<std::string, Value>> read_values(const fs::path& folder, const char* what,
                                                 const std::vector<const onnx::ValueInfo*>& infos) {
  std::map<std::string, Value> out;
  if (const fs::path npz = folder / (what + std::string("s.npz")); fs::exists(npz)) {
    ASSIGN(auto members, read_npz(npz.string()));
    for (NamedTensor& m : members) out.emplace(m.name, Value(std::move(m.tensor)));
    return out;
  }
  for (std::size_t k = 0; k < infos.size(); ++k) {
    const fs::path file = data_file(folder, what, k);
    if (file.empty()) continue;
    Result<Value> value = read_file(file, infos[k]->type);
    if (!value.ok()) return std::move(value).status().in("'" + file.string() + "'");
    out.emplace(infos[k]->name, std::move(value).value());
  }
  if (!infos.empty() && !data_file(folder, what, infos.size()).empty())
    return usage_error("'" + folder.string() + "' holds more " + what +
                       " files than the model has " + what + "s");
  return out;
}

// A plain value and an optional that holds it compare equal.
Value unwrapped(const Value& v) {
  return v.kind == Value::Kind::optional && v.list().size() == 1 ? v.list()[0] : v;
}

std::vector<const onnx::ValueInfo*> pointers(const std::vector<onnx::ValueInfo>& infos) {
  std::vector<const onnx::ValueInfo*> out;
  for (const onnx::ValueInfo& i : infos) out.push_back(&i);
  return out;
}

Result<Graph> optimized(Graph graph, const PassLists& lists) {
  if (lists.empty()) return graph;
  ASSIGN(PassReport report,
         run_passes(std::move(graph), lists, PassOptions{.max_rounds = 4, .verify = true}));
  return std::move(report.graph);
}

// The model as it comes back from its own ONNX bytes; for the inputs' shapes only where structure
// depends on their values.
Result<std::shared_ptr<const onnx::Model>> written_and_read(
    const std::shared_ptr<const onnx::Model>& model, const std::map<std::string, Value>& feeds,
    const onnx::LowerOptions& options, const Treatment& treatment) {
  Result<Graph> graph = onnx::lower(model, options);
  if (!graph.ok()) graph = onnx::lower_for(model, feeds, options);
  if (!graph.ok()) return std::move(graph).status();
  graph = optimized(std::move(graph).value(), treatment.passes);
  if (!graph.ok()) return std::move(graph).status();
  onnx::WriteOptions write;
  write.canonical = treatment.trip == RoundTrip::canonical;
  write.source = model.get();
  ASSIGN(const onnx::Model written, onnx::to_model(*graph, write));
  ASSIGN(std::string bytes, onnx::serialize(written));
  const auto held = std::make_shared<const std::string>(std::move(bytes));
  ASSIGN(onnx::Model read, onnx::parse_model(std::as_bytes(std::span(*held)), held, std::nullopt));
  return std::make_shared<const onnx::Model>(std::move(read));
}

Result<std::vector<onnx::NamedValue>> answers_of(const Graph& graph,
                                                 const std::map<std::string, Value>& feeds,
                                                 const Treatment& treatment) {
  if (!treatment.compiled) return onnx::run_graph(graph, feeds, {0, &g_interrupted});
  ASSIGN(const Runnable ready, open_graph(graph, *treatment.compiled));
  runtime::RunOptions run;
  run.cancelled = &g_interrupted;
  return ready.run(feeds, run);
}

Status judge(const std::vector<onnx::NamedValue>& answers,
             const std::map<std::string, Value>& expected, const std::set<std::string>& random,
             const Tolerance& tolerance, std::string& note) {
  std::size_t compared = 0;
  for (const onnx::NamedValue& answer : answers) {
    const auto it = expected.find(answer.name);
    if (it == expected.end()) continue;
    ++compared;
    const bool drawn = random.contains(answer.name);
    const Value actual = unwrapped(answer.value), wanted = unwrapped(it->second);
    const auto d =
        drawn ? difference_in_type(actual, wanted) : difference(actual, wanted, tolerance);
    if (drawn)
      note += (note.empty() ? "" : "; ") +
              ("output '" + answer.name + "' is random: judged by type, shape and range");
    if (d) return {Code::mismatch, "output '" + answer.name + "': " + *d};
  }
  if (compared != expected.size())
    return usage_error("the data names outputs that the model does not have");
  if (compared == 0 && !answers.empty()) return usage_error("the data holds no expected outputs");
  return {};
}

}  // namespace

std::set<std::string> random_outputs(const Graph& graph) {
  std::vector<bool> tainted(graph.values.size(), false);
  for (const Node& node : graph.nodes) {
    bool random = node.primitive->has(kVaries);
    for (ValueId v : node.operands)
      random = random || (v != kNoValue && tainted[static_cast<std::size_t>(v)]);
    for (const auto& body : node.bodies) random = random || !random_outputs(*body).empty();
    for (ValueId v : node.results)
      if (v != kNoValue) tainted[static_cast<std::size_t>(v)] = random;
  }
  std::set<std::string> out;
  for (ValueId v : graph.outputs)
    if (tainted[static_cast<std::size_t>(v)]) out.insert(graph.value(v).name);
  return out;
}

Result<CaseFacts> read_case_facts(const fs::path& file, const Tolerance& otherwise) {
  CaseFacts facts{otherwise, {}};
  std::ifstream in(file);
  if (!in) return facts;
  const nlohmann::json j = nlohmann::json::parse(in, nullptr, false);
  if (!j.is_object()) return malformed("'" + file.string() + "' is not a JSON object");
  const auto number = [&](const char* key, double& out) {
    if (j.contains(key) && j[key].is_number()) out = j[key].get<double>();
  };
  number("rtol", facts.tolerance.rtol);
  number("atol", facts.tolerance.atol);
  if (j.contains("random_outputs") && j["random_outputs"].is_array())
    for (const auto& k : j["random_outputs"])
      if (k.is_number_integer()) facts.random_outputs.insert(k.get<int>());
  return facts;
}

Result<std::vector<fs::path>> data_sets(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    return io_error("'" + folder.string() + "' is not a folder");
  std::vector<fs::path> sets;
  for (int n = 0; fs::is_directory(folder / ("test_data_set_" + std::to_string(n)), error); ++n)
    sets.push_back(folder / ("test_data_set_" + std::to_string(n)));
  if (sets.empty()) sets.push_back(folder);
  return sets;
}

Result<PassLists> choose_passes(const std::string& name) {
  if (name.empty()) return PassLists();
  if (name == "all") return PassLists{portable_passes()};
  if (name == "target") return PassLists{portable_passes(), target_passes()};
  if (const Pass* pass = find_pass(name)) return PassLists{std::span(pass, 1)};
  std::string names = "all, target";
  for (const auto list : {portable_passes(), target_passes()})
    for (const Pass& pass : list) names += ", " + std::string(pass.name);
  return usage_error("there is no pass '" + name + "'", "known: " + names);
}

Result<std::map<std::string, Value>> read_inputs(const onnx::Model& model, const fs::path& folder) {
  std::vector<const onnx::ValueInfo*> inputs = onnx::free_inputs(model);
  if (!data_file(folder, "input", inputs.size()).empty()) inputs = pointers(model.graph.inputs);
  return read_values(folder, "input", inputs);
}

Status check_data_set(const std::shared_ptr<const onnx::Model>& model,
                      const onnx::LowerOptions& options, const fs::path& folder,
                      const CaseFacts& facts, std::string& note, const Treatment& treatment) {
  const std::vector<const onnx::ValueInfo*> outputs = pointers(model->graph.outputs);
  ASSIGN(auto feeds, read_inputs(*model, folder));
  ASSIGN(auto expected, read_values(folder, "output", outputs));
  std::shared_ptr<const onnx::Model> judged = model;
  const bool written = treatment.trip != RoundTrip::none;
  if (written) {
    ASSIGN(judged, written_and_read(model, feeds, options, treatment));
  }
  ASSIGN(Graph graph, onnx::lower_for(judged, feeds, options));
  std::set<std::string> random = random_outputs(graph);
  if (!written) {
    ASSIGN(graph, optimized(std::move(graph), treatment.passes));
  }
  for (int k : facts.random_outputs)
    if (k >= 0 && k < static_cast<int>(outputs.size()))
      random.insert(outputs[static_cast<std::size_t>(k)]->name);
  ASSIGN(const auto answers, answers_of(graph, feeds, treatment));
  return judge(answers, expected, random, facts.tolerance, note);
}

}  // namespace gossamer::cli
