// random_graph: inputs first, then nodes by the table; what nobody reads is an output.
#include "generate/generate.h"

#include <algorithm>

#include "generate/maker.h"

namespace gossamer {
namespace generate {
namespace {

struct MakerEntry {
  Status (*make)(Maker&);
  std::string_view primitive;
  int weight;
  bool control;
};

constexpr bool is_control(std::string_view name) { return name == "if" || name == "loop"; }

constexpr MakerEntry kMakers[] = {
#define MAKER(function, primitive, weight) {function, #primitive, weight, is_control(#primitive)},
#include "generate/makers.def"
#undef MAKER
};

bool enabled(const MakerEntry& entry, const GenerateOptions& options, int depth) {
  if (entry.control && (!options.control_flow || depth > 1)) return false;
  const auto& names = options.primitives;
  return names.empty() || std::find(names.begin(), names.end(), entry.primitive) != names.end();
}

Status check(const GenerateOptions& options) {
  if (options.max_nodes < 1) return usage_error("a graph has at least one node");
  if (options.max_elements < 1024) return usage_error("max_elements is less than 1024");
  const std::vector<std::string> names = generated_primitives();
  for (const std::string& name : options.primitives)
    if (std::find(names.begin(), names.end(), name) == names.end())
      return usage_error("no random nodes are made for the primitive '" + name + "'");
  for (DType dtype : options.dtypes)
    if (!is_arithmetic_float(dtype) && !is_arithmetic_integer(dtype) && dtype != DType::boolean)
      return usage_error("no random values are made of " + std::string(dtype_name(dtype)));
  return {};
}

// Of the types of a kind that the options allow one, the usual one more often than not.
DType choose_dtype(Dice& dice, const GenerateOptions& options, const std::vector<DType>& kind,
                   int usual_percent) {
  std::vector<DType> allowed;
  for (DType d : kind)
    if (options.dtypes.empty() ||
        std::find(options.dtypes.begin(), options.dtypes.end(), d) != options.dtypes.end())
      allowed.push_back(d);
  if (allowed.empty()) return kind[0];
  return dice.chance(usual_percent) ? allowed[0] : dice.pick(allowed);
}

void choose_outputs(Graph& graph, Dice& dice) {
  const std::vector<std::int32_t> uses = graph.use_counts();
  for (const Node& node : graph.nodes)
    for (ValueId v : node.results) {
      if (v == kNoValue) continue;
      const bool tensor = graph.value(v).type.is_tensor();
      if (uses[static_cast<std::size_t>(v)] == 0 ? tensor : (tensor && dice.chance(8)))
        graph.outputs.push_back(v);
    }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i)
    graph.rename(graph.outputs[i], "y" + std::to_string(i));
}

Result<Graph> make_graph(std::uint64_t seed, const GenerateOptions& options) {
  Dice dice(seed);
  Graph graph;
  graph.name = "random";
  Maker m(graph, std::make_shared<Maker::Symbols>(), dice, options, 0);
  const DType floats =
      choose_dtype(dice, options, {DType::f32, DType::f64, DType::f16, DType::bf16}, 70);
  const DType integers = choose_dtype(dice, options,
                                      {DType::i64, DType::i32, DType::i8, DType::u8, DType::u32,
                                       DType::u64, DType::i16, DType::u16},
                                      40);
  m.set_dtypes(floats, integers, floats == DType::f16 || floats == DType::bf16);
  const auto nodes =
      static_cast<int>(dice.between(std::max(1, options.max_nodes / 4), options.max_nodes));
  TRY(grow(m, nodes));
  choose_outputs(graph, dice);
  TRY(verify(graph));
  return graph;
}

}  // namespace

Status grow(Maker& m, int nodes) {
  std::vector<const MakerEntry*> entries;
  std::int64_t total = 0;
  for (const MakerEntry& entry : kMakers)
    if (enabled(entry, m.options(), m.depth())) {
      entries.push_back(&entry);
      total += entry.weight;
    }
  const std::size_t wanted = m.build().graph().nodes.size() + static_cast<std::size_t>(nodes);
  while (!entries.empty() && m.build().graph().nodes.size() < wanted) {
    std::int64_t at = m.dice().below(total);
    std::size_t i = 0;
    while (at >= entries[i]->weight) at -= entries[i++]->weight;
    Status status = entries[i]->make(m);
    if (!status.ok()) return std::move(status).in(entries[i]->primitive);
  }
  return {};
}

}  // namespace generate

Result<Graph> random_graph(std::uint64_t seed, const GenerateOptions& options) {
  TRY(generate::check(options));
  Result<Graph> graph = generate::make_graph(seed, options);
  if (!graph.ok()) return std::move(graph).status().in("seed " + std::to_string(seed));
  return graph;
}

std::vector<std::string> generated_primitives() {
  std::vector<std::string> names;
  for (const generate::MakerEntry& entry : generate::kMakers) names.emplace_back(entry.primitive);
  return names;
}

}  // namespace gossamer
