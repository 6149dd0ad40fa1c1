// Computes equal values once: nodes of one primitive with the same attributes and operands, and
// constants of the same bytes.
#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include "passes/pass.h"
#include "passes/passes.h"
#include "passes/rewriter.h"

namespace gossamer {
namespace {

// Whether the results of `made` (a node of the new graph) can stand for those of an old node.
bool serves(const Rewriter& r, const Node& made, const Node& old) {
  if (made.results.size() != old.results.size() || made.bodies != old.bodies ||
      !same_attributes(*old.primitive, made.attributes, old.attributes))
    return false;
  for (std::size_t i = 0; i < old.results.size(); ++i) {
    if (old.results[i] == kNoValue) continue;
    if (made.results[i] == kNoValue || !r.can_alias(old.results[i], made.results[i])) return false;
  }
  return true;
}

constexpr std::size_t kSampled = 16;  // words of a constant that its key is made from
constexpr int kMostTwins = 8;         // constants of one key that are compared

// A hash of some of the bytes: reading all of a model's weights would take longer than anything
// else here.
std::size_t sampled_hash(const Tensor& t) {
  std::size_t hash = t.byte_size();
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 29U;
  };
  const auto* bytes = static_cast<const std::byte*>(t.data());
  const std::size_t words = t.byte_size() / sizeof(std::uint64_t);
  const std::size_t step = std::max<std::size_t>(1, words / kSampled);
  for (std::size_t i = 0; i < words; i += step) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i * sizeof(word), sizeof(word));
    mix(word);
  }
  for (std::size_t i = words * sizeof(std::uint64_t); i < t.byte_size(); ++i)
    mix(std::to_integer<unsigned>(bytes[i]));
  return hash;
}

void merge_constants(Rewriter& r) {
  std::unordered_multimap<std::size_t, ValueId> seen;  // by hash
  const std::vector<ValueId>& outputs = r.old().outputs;
  for (std::size_t i = 0; i < r.old().values.size(); ++i) {
    const auto v = static_cast<ValueId>(i);
    const std::optional<Tensor>& t = r.old().value(v).constant;
    if (!t || t->dtype() == DType::string ||
        std::find(outputs.begin(), outputs.end(), v) != outputs.end())
      continue;
    const std::size_t hash = sampled_hash(*t);
    const auto [first, last] = seen.equal_range(hash);
    if (std::distance(first, last) >= kMostTwins) continue;
    const auto twin = std::find_if(first, last, [&](const auto& entry) {
      const Tensor& other = *r.old().value(entry.second).constant;
      return other.packed() == t->packed() && other.same_bits(*t);
    });
    if (twin == last)
      seen.emplace(hash, v);
    else
      static_cast<void>(r.replace(v, r.at(twin->second)));
  }
}

}  // namespace

Result<Rewritten> merge_common_subexpressions(const Graph& graph) {
  return rewrite(graph, [](Rewriter& r) -> NodeRule {
    merge_constants(r);
    using Key = std::pair<const Primitive*, std::vector<ValueId>>;
    auto seen = std::make_shared<std::multimap<Key, NodeId>>();
    return [&r, seen](NodeId id) -> Result<bool> {
      const Node& node = r.node(id);
      if (node.primitive->has(kVaries)) return false;
      Key key{node.primitive, r.operands(id)};
      const auto [first, last] = seen->equal_range(key);
      for (auto it = first; it != last; ++it) {
        const Node twin = r.graph().node(it->second);
        if (!serves(r, twin, node)) continue;
        for (std::size_t i = 0; i < node.results.size(); ++i)
          if (node.results[i] != kNoValue) TRY(r.replace(node.results[i], twin.results[i]));
        return true;
      }
      TRY(r.keep(id));
      seen->emplace(std::move(key), r.last_node());
      return true;
    };
  });
}

}  // namespace gossamer
