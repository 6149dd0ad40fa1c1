// Finds slices that together cut a value into pieces, which ONNX writes as one Split.
#include "onnx/splits.h"

#include <algorithm>
#include <map>
#include <optional>

#include "graph/primitive.h"
#include "primitives/primitives.h"
#include "reference/copy.h"

namespace gossamer::onnx {
namespace {

struct Part {
  std::int64_t start = 0, end = 0;
  NodeId node = kNoNode;
};

// The slice that a node is, if it is one of numbers alone.
const SliceStep* slice_of(const Node& node) {
  if (node.primitive != &kCopy || node.operands.size() != 1) return nullptr;
  const auto& steps = attributes_of<CopyAttributes>(node).steps;
  const auto* slice = steps.size() == 1 ? std::get_if<SliceStep>(&steps[0]) : nullptr;
  const bool plain = slice != nullptr && slice->stride == 1 && slice->start.is_literal() &&
                     slice->end.is_literal();
  return plain ? slice : nullptr;
}

// The parts as a Split of an axis of n elements, if they are one.
std::optional<Split> joined(std::vector<Part> parts, std::int64_t n) {
  std::sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return a.start != b.start ? a.start < b.start : a.end < b.end;
  });
  Split out;
  std::int64_t at = 0;
  for (const Part& part : parts) {
    if (part.start != at || part.end < at) return std::nullopt;
    out.nodes.push_back(part.node);
    out.sizes.push_back(part.end - at);
    at = part.end;
  }
  if (at != n || parts.size() < 2) return std::nullopt;
  return out;
}

}  // namespace

std::vector<Split> find_splits(const gossamer::Graph& graph) {
  std::map<std::pair<ValueId, int>, std::vector<Part>> slices;  // by what is cut, and where
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const SliceStep* slice = slice_of(node);
    if (slice == nullptr) continue;
    const Type& type = graph.value(node.operands[0]).type;
    const auto n = type.ranked() ? type.dim(slice->axis).constant() : std::nullopt;
    if (!n) continue;
    const auto bound = [&](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? at + *n : at, 0, *n);
    };
    slices[{node.operands[0], slice->axis}].push_back(
        {bound(slice->start.value), bound(slice->end.value), static_cast<NodeId>(i)});
  }
  std::vector<Split> out;
  for (auto& [place, parts] : slices) {
    const std::int64_t n = *graph.value(place.first).type.dim(place.second).constant();
    if (auto split = joined(std::move(parts), n)) {
      split->x = place.first;
      split->axis = place.second;
      out.push_back(std::move(*split));
    }
  }
  return out;
}

}  // namespace gossamer::onnx
