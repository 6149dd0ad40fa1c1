// TreeEnsemble, TreeEnsembleClassifier, TreeEnsembleRegressor.
#include <algorithm>
#include <map>

#include "onnx/ml.h"
#include "reference/tree_ensemble.h"

namespace gossamer::onnx {
namespace {

Result<std::vector<double>> doubles_of(const Lowering& l, const Tensor& packed) {
  ASSIGN(Tensor t, packed.unpack());
  if (t.dtype() == DType::string || t.rank() > 1) return l.wrong("expected a vector of numbers");
  return to_doubles(t);
}

Result<std::vector<double>> tensor_or_none(const Lowering& l, std::string_view name) {
  if (!l.has_attribute(name)) return std::vector<double>();
  ASSIGN(Tensor t, l.required_tensor(name));
  Result<std::vector<double>> d = doubles_of(l, t);
  if (!d.ok()) return std::move(d).status().in("attribute '" + std::string(name) + "'");
  return d;
}

constexpr std::string_view kTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO",
                                            "PROBIT"};

// Where a branch of the opset-5 form leads.
std::int64_t encoded(std::int64_t id, std::int64_t is_leaf) { return is_leaf != 0 ? -1 - id : id; }

Status read_nodes(const Lowering& l, TreeEnsembleAttributes& a) {
  ASSIGN(a.splits, tensor_or_none(l, "nodes_splits"));
  ASSIGN(std::vector<double> modes, tensor_or_none(l, "nodes_modes"));
  ASSIGN(a.features, l.required_ints("nodes_featureids"));
  ASSIGN(std::vector<std::int64_t> to_true, l.required_ints("nodes_truenodeids"));
  ASSIGN(std::vector<std::int64_t> to_false, l.required_ints("nodes_falsenodeids"));
  ASSIGN(std::vector<std::int64_t> true_leafs, l.required_ints("nodes_trueleafs"));
  ASSIGN(std::vector<std::int64_t> false_leafs, l.required_ints("nodes_falseleafs"));
  const std::size_t n = modes.size();
  ASSIGN(std::vector<std::int64_t> missing,
         l.ints_or("nodes_missing_value_tracks_true", std::vector<std::int64_t>(n, 0)));
  for (std::size_t size : {a.splits.size(), a.features.size(), to_true.size(), to_false.size(),
                           true_leafs.size(), false_leafs.size(), missing.size()})
    if (size != n) return l.wrong("the attributes nodes_* have different lengths");
  for (std::size_t i = 0; i < n; ++i) {
    if (modes[i] < 0 || modes[i] > 6) return l.wrong("attribute 'nodes_modes' is out of range");
    if (to_true[i] < 0 || to_false[i] < 0) return l.wrong("a node or leaf id is negative");
    a.branches.push_back(static_cast<TreeBranch>(modes[i]));
    a.missing.push_back(missing[i] != 0);
    a.on_true.push_back(encoded(to_true[i], true_leafs[i]));
    a.on_false.push_back(encoded(to_false[i], false_leafs[i]));
  }
  return {};
}

// Lists of members end with a NaN each.
Status read_members(const Lowering& l, TreeEnsembleAttributes& a) {
  ASSIGN(std::vector<double> values, tensor_or_none(l, "membership_values"));
  for (double v : values) {
    if (v == v)
      a.members.push_back(v);
    else
      a.member_ends.push_back(static_cast<std::int64_t>(a.members.size()));
  }
  const auto lists = static_cast<std::size_t>(
      std::count(a.branches.begin(), a.branches.end(), TreeBranch::member));
  if (a.member_ends.size() + 1 == lists)
    a.member_ends.push_back(static_cast<std::int64_t>(a.members.size()));
  return {};
}

}  // namespace

Status lower_tree_ensemble(Lowering& l) {
  TreeEnsembleAttributes a;
  a.dtype = l.dtype(0);
  TRY(read_nodes(l, a));
  TRY(read_members(l, a));
  ASSIGN(a.roots, l.required_ints("tree_roots"));
  for (std::int64_t r : a.roots)
    if (r < 0) return l.wrong("attribute 'tree_roots' is out of range");
  ASSIGN(a.vote_weights, tensor_or_none(l, "leaf_weights"));
  ASSIGN(a.vote_targets, l.required_ints("leaf_targetids"));
  for (std::size_t k = 0; k < a.vote_targets.size(); ++k)
    a.leaf_ends.push_back(static_cast<std::int64_t>(k + 1));
  ASSIGN(a.targets, l.required_int("n_targets"));
  ASSIGN(std::int64_t aggregate, l.int_or("aggregate_function", 1));
  if (aggregate < 0 || aggregate > 3) return l.wrong("attribute 'aggregate_function' must be 0..3");
  a.aggregate = static_cast<TreeAggregate>(aggregate);
  ASSIGN(std::int64_t transform, l.int_or("post_transform", 0));
  if (transform < 0 || transform > 4) return l.wrong("attribute 'post_transform' must be 0..4");
  ASSIGN(ValueId scores, l.b().one(kTreeEnsemble, std::move(a), {l.input(0)}));
  return l.output(post_transform(l, scores, kTransforms[transform]));
}

// --- the forms before opset 5: nodes named by tree and node, leaves among them ---

namespace {

using NodeKey = std::pair<std::int64_t, std::int64_t>;  // tree, node

struct OldNodes {
  std::map<NodeKey, std::int64_t> places;  // as branches name them
  std::vector<NodeKey> leaves;
};

Result<std::vector<double>> floats_or_tensor(const Lowering& l, const std::string& name) {
  if (l.has_attribute(name + "_as_tensor")) return tensor_or_none(l, name + "_as_tensor");
  ASSIGN(std::vector<float> values, l.floats_or(name, {}));
  return std::vector<double>(values.begin(), values.end());
}

Result<TreeBranch> branch_of(const Lowering& l, std::string_view mode) {
  constexpr std::string_view kModes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                         "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
  const auto* const it = std::find(std::begin(kModes), std::end(kModes), mode);
  if (it == std::end(kModes)) return l.wrong("there is no node mode '" + std::string(mode) + "'");
  return static_cast<TreeBranch>(it - std::begin(kModes));
}

Result<OldNodes> read_old_nodes(const Lowering& l, TreeEnsembleAttributes& a) {
  ASSIGN(std::vector<std::string> modes, l.strings_or("nodes_modes", {}));
  const std::size_t n = modes.size();
  ASSIGN(std::vector<std::int64_t> trees, l.required_ints("nodes_treeids"));
  ASSIGN(std::vector<std::int64_t> ids, l.required_ints("nodes_nodeids"));
  ASSIGN(std::vector<std::int64_t> features, l.required_ints("nodes_featureids"));
  ASSIGN(std::vector<std::int64_t> to_true, l.required_ints("nodes_truenodeids"));
  ASSIGN(std::vector<std::int64_t> to_false, l.required_ints("nodes_falsenodeids"));
  ASSIGN(std::vector<std::int64_t> missing,
         l.ints_or("nodes_missing_value_tracks_true", std::vector<std::int64_t>(n, 0)));
  if (missing.empty()) missing.assign(n, 0);
  ASSIGN(std::vector<double> splits, floats_or_tensor(l, "nodes_values"));
  for (std::size_t size : {trees.size(), ids.size(), features.size(), to_true.size(),
                           to_false.size(), missing.size(), splits.size()})
    if (size != n) return l.wrong("the attributes nodes_* have different lengths");
  OldNodes out;
  std::int64_t next = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const NodeKey key{trees[i], ids[i]};
    const bool leaf = modes[i] == "LEAF";
    const std::int64_t place = leaf ? -1 - static_cast<std::int64_t>(out.leaves.size()) : next++;
    if (!out.places.emplace(key, place).second) return l.wrong("a tree has two nodes of one id");
    if (leaf) out.leaves.push_back(key);
    if (i == 0 || trees[i] != trees[i - 1]) a.roots.push_back(place);
  }
  const auto find = [&](std::int64_t tree, std::int64_t id) {
    const auto it = out.places.find({tree, id});
    return it == out.places.end() ? next : it->second;  // `next` is out of range
  };
  for (std::size_t i = 0; i < n; ++i) {
    if (modes[i] == "LEAF") continue;
    ASSIGN(const TreeBranch branch, branch_of(l, modes[i]));
    a.branches.push_back(branch);
    a.features.push_back(features[i]);
    a.splits.push_back(splits[i]);
    a.missing.push_back(missing[i] != 0);
    a.on_true.push_back(find(trees[i], to_true[i]));
    a.on_false.push_back(find(trees[i], to_false[i]));
  }
  return out;
}

// Sorts the votes, named by tree and node, to their leaves.
Status read_votes(const Lowering& l, const std::string& kind, const OldNodes& nodes,
                  TreeEnsembleAttributes& a) {
  ASSIGN(std::vector<std::int64_t> trees, l.required_ints(kind + "_treeids"));
  ASSIGN(std::vector<std::int64_t> ids, l.required_ints(kind + "_nodeids"));
  ASSIGN(std::vector<std::int64_t> targets, l.required_ints(kind + "_ids"));
  ASSIGN(std::vector<double> weights, floats_or_tensor(l, kind + "_weights"));
  if (ids.size() != trees.size() || targets.size() != trees.size() ||
      weights.size() != trees.size())
    return l.wrong("the attributes " + kind + "_* have different lengths");
  std::multimap<NodeKey, std::size_t> of_leaf;
  for (std::size_t i = 0; i < trees.size(); ++i) of_leaf.emplace(NodeKey{trees[i], ids[i]}, i);
  for (const NodeKey& leaf : nodes.leaves) {
    const auto [begin, end] = of_leaf.equal_range(leaf);
    for (auto it = begin; it != end; ++it) {
      a.vote_targets.push_back(targets[it->second]);
      a.vote_weights.push_back(weights[it->second]);
    }
    a.leaf_ends.push_back(static_cast<std::int64_t>(a.vote_targets.size()));
  }
  ASSIGN(a.base, floats_or_tensor(l, "base_values"));
  return {};
}

}  // namespace

Status lower_tree_ensemble_regressor(Lowering& l) {
  TreeEnsembleAttributes a;
  ASSIGN(const OldNodes nodes, read_old_nodes(l, a));
  TRY(read_votes(l, "target", nodes, a));
  ASSIGN(a.targets, l.int_or("n_targets", 1));
  ASSIGN(std::string aggregate, l.string_or("aggregate_function", "SUM"));
  constexpr std::string_view kAggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
  const auto* const it = std::find(std::begin(kAggregates), std::end(kAggregates), aggregate);
  if (it == std::end(kAggregates)) return l.wrong("there is no aggregate '" + aggregate + "'");
  a.aggregate = static_cast<TreeAggregate>(it - std::begin(kAggregates));
  ASSIGN(std::string transform, l.string_or("post_transform", "NONE"));
  ASSIGN(ValueId scores, l.b().one(kTreeEnsemble, std::move(a), {l.input(0)}));
  return l.output(post_transform(l, scores, transform));
}

Status lower_tree_ensemble_classifier(Lowering& l) {
  TreeEnsembleAttributes a;
  ASSIGN(const OldNodes nodes, read_old_nodes(l, a));
  TRY(read_votes(l, "class", nodes, a));
  Classes classes;
  ASSIGN(classes.labels, class_labels(l, "classlabels_int64s", "classlabels_strings"));
  ASSIGN(classes.transform, l.string_or("post_transform", "NONE"));
  a.targets = classes.labels.count();
  // With two labels and votes for one of them only, its score is the second label's.
  const bool one = a.targets == 2 && !a.vote_targets.empty() &&
                   std::all_of(a.vote_targets.begin(), a.vote_targets.end(),
                               [&](std::int64_t t) { return t == a.vote_targets[0]; });
  if (one) {
    const auto voted = static_cast<std::size_t>(a.vote_targets[0]);
    if (voted < a.base.size()) a.base = {a.base[voted]};
    a.targets = 1;
    std::fill(a.vote_targets.begin(), a.vote_targets.end(), 0);
    const bool positive =
        std::all_of(a.vote_weights.begin(), a.vote_weights.end(), [](double w) { return w >= 0; });
    if (positive) classes.threshold = 0.5F, classes.complement = 1;
  }
  const std::int64_t columns = a.targets;
  ASSIGN(ValueId scores, l.b().one(kTreeEnsemble, std::move(a), {l.input(0)}));
  return classify(l, scores, columns, classes);
}

}  // namespace gossamer::onnx
