// TreeEnsemble: walks rows of features down decision trees and adds up what the leaves vote.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class TreeAggregate : std::uint8_t { mean, sum, min, max };
inline std::span<const std::string_view> enum_names(TreeAggregate) {
  static constexpr std::array<std::string_view, 4> kNames{"mean", "sum", "min", "max"};
  return kNames;
}

// How a node compares its feature: x <= split, ... x is one of the node's members.
enum class TreeBranch : std::uint8_t { le, lt, ge, gt, eq, ne, member };
inline std::span<const std::string_view> enum_names(TreeBranch) {
  static constexpr std::array<std::string_view, 7> kNames{"le", "lt", "ge",    "gt",
                                                          "eq", "ne", "member"};
  return kNames;
}

struct TreeEnsembleAttributes {
  TreeAggregate aggregate = TreeAggregate::sum;
  DType dtype = DType::f32;  // of the result
  std::int64_t targets = 1;
  // Where a branch leads: a node, or leaf k written as -1-k. So are the roots.
  std::vector<std::int64_t> roots;
  std::vector<std::int64_t> features, on_true, on_false;  // of each node
  std::vector<TreeBranch> branches;
  std::vector<bool> missing;   // whether NaN goes where `true` leads
  std::vector<double> splits;  // of each node
  // Members of the nodes that have them, in the order of nodes; each list ends before ends[k].
  std::vector<double> members;
  std::vector<std::int64_t> member_ends;
  // Votes of the leaves: leaf k's end before leaf_ends[k].
  std::vector<std::int64_t> leaf_ends, vote_targets;
  std::vector<double> vote_weights;
  std::vector<double> base;  // added to each target; empty: nothing

  static constexpr auto kFields =
      std::tuple(field("aggregate", &TreeEnsembleAttributes::aggregate),
                 field("dtype", &TreeEnsembleAttributes::dtype),
                 field("targets", &TreeEnsembleAttributes::targets),
                 field("roots", &TreeEnsembleAttributes::roots),
                 field("features", &TreeEnsembleAttributes::features),
                 field("on_true", &TreeEnsembleAttributes::on_true),
                 field("on_false", &TreeEnsembleAttributes::on_false),
                 field("branches", &TreeEnsembleAttributes::branches),
                 field("missing", &TreeEnsembleAttributes::missing),
                 field("splits", &TreeEnsembleAttributes::splits),
                 field("members", &TreeEnsembleAttributes::members),
                 field("member_ends", &TreeEnsembleAttributes::member_ends),
                 field("leaf_ends", &TreeEnsembleAttributes::leaf_ends),
                 field("vote_targets", &TreeEnsembleAttributes::vote_targets),
                 field("vote_weights", &TreeEnsembleAttributes::vote_weights),
                 field("base", &TreeEnsembleAttributes::base));
};

namespace reference {
// operand x [n,features] of numbers -> [n,targets] of `dtype` (f16, f32 or f64)
Status tree_ensemble(const TreeEnsembleAttributes& a, Context& c);
// Whether the lists fit each other and every index is in range; fails with malformed.
Status check_trees(const TreeEnsembleAttributes& a);
}  // namespace reference

}  // namespace gossamer
