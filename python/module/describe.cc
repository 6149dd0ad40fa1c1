// What a model is and holds: inputs and outputs, the file's own words, operators, costs; the ways
// out of memory into files.
#include <filesystem>

#include "compile/compile.h"
#include "gossamer_version.h"
#include "model.h"
#include "onnx/bind.h"
#include "onnx/writer.h"
#include "passes/passes.h"
#include "primitives/summary.h"

namespace gossamer::python {
namespace {

nb::object extent(const onnx::Dimension& d, const std::map<std::string, std::int64_t>& dims) {
  if (d.value) return nb::int_(*d.value);
  if (d.param.empty()) return nb::none();
  const auto found = dims.find(d.param);
  if (found != dims.end()) return nb::int_(found->second);
  return nb::str(d.param.c_str());
}

nb::object shape_of(const runtime::Program& program, const runtime::Port& port) {
  if (!port.is_tensor) return nb::none();
  if (port.slot != runtime::kNoSlot && !program.slots[static_cast<std::size_t>(port.slot)].ranked)
    return nb::none();
  nb::list out;
  for (std::size_t i = 0; i < port.extents.size(); ++i) {
    if (port.extents[i] >= 0)
      out.append(port.extents[i]);
    else if (i < port.symbols.size() && !port.symbols[i].empty())
      out.append(port.symbols[i]);
    else
      out.append(nb::none());
  }
  return out;
}

nb::list program_ports(const runtime::Program& program, const std::vector<runtime::Port>& ports) {
  nb::list out;
  for (const runtime::Port& p : ports) out.append(port_tuple(p.name, p.type, shape_of(program, p)));
  return out;
}

nb::object number(const Dim& d) {
  if (d.constant()) return nb::int_(*d.constant());
  return nb::str(d.to_string().c_str());
}
nb::object number(const std::optional<std::int64_t>& n) {
  return n ? nb::object(nb::int_(*n)) : nb::none();
}

void count_operators(const std::vector<onnx::Node>& nodes,
                     std::map<std::string, std::int64_t>& counts) {
  for (const onnx::Node& n : nodes) {
    ++counts[(n.domain.empty() ? "" : n.domain + ".") + n.op_type];
    for (const onnx::Attribute& a : n.attributes)
      for (const auto& g : a.graphs) count_operators(g->nodes, counts);
  }
}

template <class Map>
nb::dict dict_of(const Map& map) {
  nb::dict out;
  for (const auto& [key, value] : map) out[key.c_str()] = value;
  return out;
}

nb::dict domains(const std::map<std::string, std::int64_t>& opsets) {
  nb::dict out;
  for (const auto& [domain, version] : opsets)
    out[domain.empty() ? "ai.onnx" : domain.c_str()] = version;
  return out;
}

void add_program(nb::dict& out, const runtime::Program& program) {
  std::int64_t kernels = 0, scalar = 0, bytes = 0;
  const auto count = [&](const auto& self, const runtime::Program& p) -> void {
    for (const runtime::Step& s : p.steps) ++(s.operation->is_kernel() ? kernels : scalar);
    for (const Tensor& t : p.constants) bytes += static_cast<std::int64_t>(t.byte_size());
    for (const runtime::Program& region : p.regions) self(self, region);
  };
  count(count, program);
  out["kernel_steps"] = kernels;
  out["scalar_steps"] = scalar;
  out["constant_bytes"] = bytes;
  if (program.plan) out["arena_bytes"] = program.plan->arena_bytes;
}

nb::object as_bytes(const std::string& text) { return nb::bytes(text.data(), text.size()); }

}  // namespace

nb::tuple port_tuple(const std::string& name, const std::string& type, const nb::object& shape) {
  return nb::make_tuple(name, type, shape);
}

nb::list Model::port_list(const std::vector<onnx::ValueInfo>& infos, bool outputs) const {
  nb::list out;
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const onnx::ValueInfo& info = infos[i];
    nb::object shape = nb::none();
    if (info.type.shape) {
      nb::list extents;
      for (const onnx::Dimension& d : *info.type.shape)
        extents.append(extent(d, settings_.lower.dims));
      shape = extents;
    }
    if (const auto fixed = settings_.lower.shapes.find(info.name);
        fixed != settings_.lower.shapes.end() && !outputs) {
      nb::list extents;
      for (const std::int64_t e : fixed->second) extents.append(e);
      shape = extents;
    }
    // What the file leaves open, compiling may have found out.
    if (outputs && shape.is_none() && program_ && i < program_->outputs.size())
      shape = shape_of(*program_, program_->outputs[i]);
    out.append(port_tuple(info.name, onnx::to_text(info.type), shape));
  }
  return out;
}

nb::list Model::inputs() const {
  if (package_) return program_ports(*program_, program_->inputs);
  return port_list(inputs_, false);
}
nb::list Model::outputs() const {
  if (package_) return program_ports(*program_, program_->outputs);
  return port_list(outputs_, true);
}
nb::list Model::defaults() const { return port_list(defaults_, false); }

nb::dict Model::meta() const {
  nb::dict out;
  if (package_) {
    out["graph_name"] = program_->name;
    out["producer_name"] = package_->producer;
    out["metadata"] = dict_of(program_->metadata);
    return out;
  }
  const auto model = take(source());
  out["graph_name"] = model->graph.name;
  out["producer_name"] = model->producer_name;
  out["producer_version"] = model->producer_version;
  out["domain"] = model->domain;
  out["description"] = model->doc;
  out["version"] = model->model_version;
  out["ir_version"] = model->ir_version;
  out["opset"] = domains(model->opsets);
  out["metadata"] = dict_of(model->metadata);
  return out;
}

nb::dict Model::info() {
  nb::dict out = meta();
  if (package_) {
    out["kind"] = "package";
    out["file_bytes"] = package_->bytes;
    out["precision"] = package_->precision;
    add_program(out, *program_);
    return out;
  }
  const auto model = take(source());
  out["kind"] = "onnx";
  out["file_bytes"] = model->file_bytes;
  std::map<std::string, std::int64_t> counts;
  count_operators(model->graph.nodes, counts);
  for (const onnx::Function& f : model->functions) count_operators(f.nodes, counts);
  out["operators"] = dict_of(counts);
  struct Outcome {
    Result<GraphSummary> summary = usage_error("");
    std::vector<std::string> needs;
  };
  const auto outcome = std::make_shared<Outcome>();
  interruptible([outcome, model, options = settings_.lower] {
    Result<Graph> graph = onnx::lower(model, options, &outcome->needs);
    outcome->summary = graph.ok() ? Result<GraphSummary>(summarize(*graph))
                                  : Result<GraphSummary>(std::move(graph).status());
  });
  if (!outcome->summary.ok() && !outcome->needs.empty()) {
    nb::list needs;
    for (const std::string& name : outcome->needs) needs.append(name);
    out["depends_on_inputs"] = needs;
    return out;
  }
  const GraphSummary s = take(std::move(outcome->summary));
  out["primitives"] = dict_of(s.primitives);
  out["parameters"] = s.parameters;
  out["bytes"] = dict_of(s.constant_bytes);
  out["macs"] = number(s.macs);
  out["peak_activation_bytes"] = number(s.peak_activation_bytes);
  return out;
}

nb::object Model::written(bool optimize, const nb::object& opset, const nb::object& path) {
  const auto bytes = std::make_shared<Result<std::string>>(std::string());
  const auto model = take(source());
  const std::string file = path.is_none() ? "" : nb::cast<std::string>(path);
  std::optional<std::int64_t> wanted;
  if (!opset.is_none()) wanted = nb::cast<std::int64_t>(opset);
  const auto work = [model, options = settings_.lower, wanted, file,
                     optimize]() -> Result<std::string> {
    ASSIGN(Graph graph, onnx::lower(model, options));
    if (wanted && *wanted > graph.opsets[""]) graph.opsets[""] = *wanted;
    if (optimize) {
      ASSIGN(PassReport report, run_passes(std::move(graph), portable_passes()));
      graph = std::move(report.graph);
    }
    ASSIGN(const onnx::Model written, onnx::to_model(graph, {wanted, false, model.get()}));
    if (file.empty()) return onnx::serialize(written);
    TRY(onnx::write_file(written, file));
    return std::string();
  };
  interruptible([bytes, work] { *bytes = work(); });
  const std::string result = take(std::move(*bytes));
  return file.empty() ? as_bytes(result) : nb::none();
}

nb::object Model::packaged(const nb::object& path) {
  prepare();
  if (!program_)
    fail(unsupported("the model's structure depends on inputs",
                     "fix them with shapes= or bind= when loading"));
  const auto bytes = std::make_shared<Result<std::string>>(std::string());
  const std::string file = path.is_none() ? "" : nb::cast<std::string>(path);
  package::WriteOptions options;
  options.producer = "gossamer " GOSSAMER_VERSION;
  if (package_) options.precision = package_->precision;
  const auto work = [program = program_, options, file]() -> Result<std::string> {
    if (file.empty()) return package::to_bytes(*program, options);
    TRY(package::write(*program, file, options));
    return std::string();
  };
  interruptible([bytes, work] { *bytes = work(); });
  const std::string result = take(std::move(*bytes));
  return file.empty() ? as_bytes(result) : nb::none();
}

}  // namespace gossamer::python
