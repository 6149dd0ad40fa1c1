// The way back: a Graph as an ONNX model. Operators that no rewrite has touched are written as the
// file had them; everything else is spelled in the standard's operators (raise.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "graph/graph.h"
#include "onnx/model.h"
#include "onnx/proto_writer.h"

namespace gossamer::onnx {

struct WriteOptions {
  // Opset of the default domain; nothing: the source's while all operators stay as they were, else
  // at least 17. Either is raised to what the model's operators and element types need.
  std::optional<std::int64_t> opset;
  // Spell every node from its primitive, as if rewrites had touched them all.
  bool canonical = false;
  // The model that the graph was lowered from, if it is at hand: its documentation and version are
  // kept, and its outputs' types where lowering leaves the rank open.
  const Model* source = nullptr;
};

// Names of inputs and outputs, symbolic extents and metadata stay. Fails with unsupported, naming
// the node, when the standard has no spelling for a primitive.
Result<Model> to_model(const gossamer::Graph& graph, const WriteOptions& options = {});

// to_model, then write_file.
Status write_model(const gossamer::Graph& graph, const std::filesystem::path& path,
                   const WriteOptions& options = {}, const FileOptions& file = {});

}  // namespace gossamer::onnx
