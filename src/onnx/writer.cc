// From a Graph to a Model: the opset, then the graph at that opset.
#include "onnx/writer.h"

#include <algorithm>

#include "onnx/graph_writer.h"
#include "onnx/schemas.h"

namespace gossamer::onnx {
namespace {

constexpr std::int64_t kDefaultOpset = 17;

std::int64_t source_opset(const gossamer::Graph& graph) {
  const auto it = graph.opsets.find("");
  return it == graph.opsets.end() ? kDefaultOpset : std::min(it->second, kLatestOpset);
}

Model model_of(const gossamer::Graph& graph, const ModelWriter& writer) {
  Model model;
  model.opsets = writer.domains;
  model.opsets[""] = writer.opset;
  model.ir_version = std::max<std::int64_t>(ir_version_of(writer.opset), 4);
  model.producer_name = "gossamer";
  model.metadata = graph.metadata;
  return model;
}

}  // namespace

Result<Model> to_model(const gossamer::Graph& graph, const WriteOptions& options) {
  if (options.opset && (*options.opset < 1 || *options.opset > kLatestOpset))
    return usage_error("opset " + std::to_string(*options.opset) + " is not between 1 and " +
                       std::to_string(kLatestOpset));
  std::int64_t opset = options.opset.value_or(source_opset(graph));
  while (true) {
    ModelWriter writer;
    writer.opset = opset;
    writer.canonical = options.canonical;
    writer.source = options.source;
    if (options.source != nullptr) writer.dim_names.emplace(*options.source);
    ASSIGN(onnx::Graph written, GraphWriter(writer, graph, nullptr).write());
    std::int64_t wanted = writer.needed;
    if (!options.opset && writer.spelled) wanted = std::max(wanted, kDefaultOpset);
    if (wanted <= opset) {
      Model model = model_of(graph, writer);
      model.graph = std::move(written);
      if (options.source != nullptr) {
        model.doc = options.source->doc;
        model.domain = options.source->domain;
        model.model_version = options.source->model_version;
      }
      return model;
    }
    if (wanted > kLatestOpset)
      return unsupported("the model needs opset " + std::to_string(wanted));
    opset = wanted;
  }
}

Status write_model(const gossamer::Graph& graph, const std::filesystem::path& path,
                   const WriteOptions& options, const FileOptions& file) {
  ASSIGN(const Model model, to_model(graph, options));
  return write_file(model, path, file);
}

}  // namespace gossamer::onnx
