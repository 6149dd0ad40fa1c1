// gossamer info: what is inside a model.
#include <algorithm>

#include "base/atomic_file.h"
#include "cli/memory_text.h"
#include "cli/package_text.h"
#include "cli/runnable.h"
#include "cli/work_text.h"
#include "compile/compile.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "onnx/bind.h"
#include "package/package.h"
#include "primitives/summary.h"

namespace gossamer::cli {
namespace {

using nlohmann::json;

struct InfoVerb {
  ModelOptions model;
  std::string svg;
  int threads = 0;
  bool as_json = false;

  Status run() const;
  Status run_on_package() const;
  Status add_memory(json& out, std::string& text, const runtime::Program& program) const;
};

void count_operators(const onnx::Graph& graph, std::map<std::string, std::int64_t>& counts) {
  for (const onnx::Node& n : graph.nodes) {
    ++counts[(n.domain.empty() ? "" : n.domain + ".") + n.op_type];
    for (const onnx::Attribute& a : n.attributes)
      for (const auto& g : a.graphs) count_operators(*g, counts);
  }
}

json value_list(const std::vector<const onnx::ValueInfo*>& infos) {
  json out = json::array();
  for (const onnx::ValueInfo* v : infos) {
    json row = {{"name", v->name}, {"type", onnx::to_text(v->type)}};
    if (v->type.kind == onnx::Type::Kind::tensor) {
      row["dtype"] = dtype_name(v->type.dtype);
      row["shape"] = nullptr;
      if (v->type.shape) {
        row["shape"] = json::array();
        for (const onnx::Dimension& d : *v->type.shape)
          row["shape"].push_back(d.value           ? json(*d.value)
                                 : d.param.empty() ? json(nullptr)
                                                   : json(d.param));
      }
    }
    out.push_back(std::move(row));
  }
  return out;
}

// A number when it is one, else the expression over symbols.
json dim_json(const Dim& d) { return d.constant() ? json(*d.constant()) : json(d.to_string()); }

json describe_file(const onnx::Model& m) {
  json out;
  out["file_bytes"] = m.file_bytes;
  out["ir_version"] = m.ir_version;
  out["producer"] = m.producer_name + (m.producer_version.empty() ? "" : " " + m.producer_version);
  for (const auto& [domain, version] : m.opsets)
    out["opset"][domain.empty() ? "ai.onnx" : domain] = version;
  out["metadata"] = json::object();
  for (const auto& [key, value] : m.metadata) out["metadata"][key] = value;
  std::vector<const onnx::ValueInfo*> outputs;
  outputs.reserve(m.graph.outputs.size());
  for (const onnx::ValueInfo& v : m.graph.outputs) outputs.push_back(&v);
  out["inputs"] = value_list(onnx::free_inputs(m));
  out["outputs"] = value_list(outputs);
  std::map<std::string, std::int64_t> counts;
  count_operators(m.graph, counts);
  for (const onnx::Function& f : m.functions) {
    onnx::Graph body;
    body.nodes = f.nodes;
    count_operators(body, counts);
  }
  out["operators"] = counts;
  return out;
}

void add_summary(json& out, const GraphSummary& s) {
  out["primitives"] = s.primitives;
  out["parameters"] = s.parameters;
  out["bytes"] = s.constant_bytes;
  out["macs"] = dim_json(s.macs);
  out["peak_activation_bytes"] =
      s.peak_activation_bytes ? json(*s.peak_activation_bytes) : json(nullptr);
}

std::string counts_text(const json& counts) {
  std::vector<std::pair<std::int64_t, std::string>> rows;
  for (const auto& [name, n] : counts.items()) rows.emplace_back(-n.get<std::int64_t>(), name);
  std::sort(rows.begin(), rows.end());
  std::string out;
  for (const auto& [n, name] : rows)
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, -n);
  return out.empty() ? "none" : out;
}

std::string quantity(const json& v) {
  if (v.is_null()) return "depends on open dimensions (fix them with --dim or --shape)";
  if (v.is_string()) return v.get<std::string>();
  const double n = v.get<double>();
  if (n >= 1e9) return fmt::format("{:.3f} G ({})", n / 1e9, v.dump());
  if (n >= 1e6) return fmt::format("{:.3f} M ({})", n / 1e6, v.dump());
  return v.dump();
}

std::string to_readable(const json& j) {
  std::string out = fmt::format("file        {} bytes, IR version {}", j["file_bytes"].dump(),
                                j["ir_version"].dump());
  if (!j["producer"].get<std::string>().empty())
    out += ", made by " + j["producer"].get<std::string>();
  out += "\nopset       ";
  for (const auto& [domain, version] : j["opset"].items())
    out += fmt::format("{} {}  ", domain, version.dump());
  for (const char* what : {"inputs", "outputs"})
    for (const json& v : j[what])
      out += fmt::format("\n{:<11} {}: {}", std::string(what, std::string_view(what).size() - 1),
                         v["name"].get<std::string>(), v["type"].get<std::string>());
  out += "\noperators   " + counts_text(j["operators"]);
  if (j.contains("primitives")) {
    out += "\nprimitives  " + counts_text(j["primitives"]);
    out += "\nparameters  " + quantity(j["parameters"]);
    out += "\nMACs        " + quantity(j["macs"]);
    out += "\nconstants   ";
    for (const auto& [dtype, bytes] : j["bytes"].items())
      out += fmt::format("{} {} bytes  ", dtype, bytes.dump());
    out += "\npeak memory " + quantity(j["peak_activation_bytes"]);
  }
  if (j.contains("scalar_work"))
    out += "\nscalar work " + work_text(j["scalar_work"]) + " of a run is done by scalar code";
  for (const auto& [key, value] : j["metadata"].items()) {
    std::string text = value.get<std::string>();
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    std::replace(text.begin(), text.end(), '\n', ' ');
    out += fmt::format("\nmetadata    {} = {}", key, text);
  }
  return out + "\n";
}

// What the plan of a compiled model says, where its shapes are fixed.
Status InfoVerb::add_memory(json& out, std::string& text, const runtime::Program& program) const {
  ASSIGN(const std::optional<MemoryReport> memory, memory_report(program, threads));
  out["memory"] = memory ? memory_json(*memory) : json(nullptr);
  text = memory_text(memory);
  return svg.empty() || !memory ? Status() : write_file(svg, memory_svg(*memory, model.path));
}

Status InfoVerb::run_on_package() const {
  TRY(model.refuse_details());
  ASSIGN(json out, describe_package(model.path));
  ASSIGN(const package::Package package, package::open(model.path));
  std::string memory;
  TRY(add_memory(out, memory, *package.program));
  return print(as_json ? out.dump(2, ' ', false, json::error_handler_t::replace) + "\n"
                       : package_text(out) + memory);
}

Status InfoVerb::run() const {
  if (package::is_package(model.path)) return run_on_package();
  ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
  json out = describe_file(*loaded);
  std::vector<std::string> needs;
  Result<Graph> graph = model.lower(loaded, &needs);
  std::string memory;
  if (graph.ok()) {
    add_summary(out, summarize(*graph));
    compile::WorkReport work;
    const Result<runtime::Program> program = compile::compile(*graph, {}, &work);
    if (program.ok()) {
      out["scalar_work"] = work_json(work);
      const Status planned = add_memory(out, memory, *program);
      if (!planned.ok() && !svg.empty()) return planned;
      if (!planned.ok()) {  // the model may still be looked at
        out["memory"] = {{"refused", planned.message()}};
        memory = "memory      cannot be planned: " + planned.message() + "\n";
      }
    }
  } else if (needs.empty() || graph.status().code() != Code::unsupported) {
    return std::move(graph).status();
  } else {
    out["depends_on_inputs"] = needs;
  }
  const auto replace = json::error_handler_t::replace;
  TRY(print(as_json ? out.dump(2, ' ', false, replace) + "\n" : to_readable(out) + memory));
  if (!as_json && !needs.empty())
    TRY(print("note        the graph's structure depends on the value of input '" + needs[0] +
              "': primitives are known once it is given\nhint        " + graph.status().hint() +
              "\n"));
  return {};
}

}  // namespace

void add_info(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "info", "What is inside a model: inputs, operators, parameters, MACs, memory");
  auto self = std::make_shared<InfoVerb>();
  self->model.add_to(*verb);
  verb->add_option("--svg", self->svg, "Draw the plan of the memory into this file");
  verb->add_option("--threads", self->threads,
                   "Threads that the memory is planned for; 0: as many as this process may use")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  verb->add_flag("--json", self->as_json, "Print one JSON object");
  verb->footer("Example: gossamer info model.onnx --dim batch=1");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
