// TreeEnsemble, row by row and tree by tree; votes are added in f64.
#include "reference/tree_ensemble.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/float_bits.h"

namespace gossamer::reference {
namespace {

Status check_ends(std::span<const std::int64_t> ends, std::size_t size, std::string_view what) {
  std::int64_t before = 0;
  for (std::int64_t e : ends) {
    if (e < before || e > static_cast<std::int64_t>(size))
      return malformed("the ends of " + std::string(what) + " do not rise or are out of range");
    before = e;
  }
  return {};
}

// The members of each node that has any.
class Members {
 public:
  explicit Members(const TreeEnsembleAttributes& a) : a_(a), list_of_(a.branches.size(), 0) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < a.branches.size(); ++i)
      if (a.branches[i] == TreeBranch::member) list_of_[i] = count++;
  }

  bool contains(std::size_t node, double x) const {
    const std::size_t k = list_of_[node];
    const std::int64_t begin = k == 0 ? 0 : a_.member_ends[k - 1];
    return std::find(a_.members.begin() + begin, a_.members.begin() + a_.member_ends[k], x) !=
           a_.members.begin() + a_.member_ends[k];
  }

 private:
  const TreeEnsembleAttributes& a_;
  std::vector<std::size_t> list_of_;
};

bool goes_true(const TreeEnsembleAttributes& a, const Members& members, std::size_t node,
               double x) {
  if (std::isnan(x) && a.missing[node]) return true;
  const double split = a.splits[node];
  switch (a.branches[node]) {
    case TreeBranch::le:
      return x <= split;
    case TreeBranch::lt:
      return x < split;
    case TreeBranch::ge:
      return x >= split;
    case TreeBranch::gt:
      return x > split;
    case TreeBranch::eq:
      return x == split;
    case TreeBranch::ne:
      return x != split;
    case TreeBranch::member:
      return members.contains(node, x);
  }
  return false;
}

// The leaf that a row ends in; fails when it goes round in circles or asks for a missing feature.
Result<std::size_t> leaf_of(const TreeEnsembleAttributes& a, const Members& members,
                            std::int64_t at, std::span<const double> row) {
  for (std::size_t step = 0; at >= 0; ++step) {
    const auto node = static_cast<std::size_t>(at);
    if (step > a.branches.size()) return malformed("a tree's nodes form a circle");
    const std::int64_t feature = a.features[node];
    if (feature >= static_cast<std::int64_t>(row.size()))
      return malformed("a tree reads feature " + std::to_string(feature) + " of " +
                       std::to_string(row.size()));
    at = goes_true(a, members, node, row[static_cast<std::size_t>(feature)]) ? a.on_true[node]
                                                                             : a.on_false[node];
  }
  return static_cast<std::size_t>(-1 - at);
}

class Ensemble {
 public:
  explicit Ensemble(const TreeEnsembleAttributes& a)
      : a_(a), members_(a), sums_(static_cast<std::size_t>(a.targets)), voted_(sums_.size()) {}

  Status predict(std::span<const double> row) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    std::fill(voted_.begin(), voted_.end(), false);
    for (std::int64_t root : a_.roots) {
      ASSIGN(const std::size_t leaf, leaf_of(a_, members_, root, row));
      vote(leaf);
    }
    for (std::size_t t = 0; t < sums_.size(); ++t) {
      if (a_.aggregate == TreeAggregate::mean && !a_.roots.empty())
        sums_[t] /= static_cast<double>(a_.roots.size());
      if (!a_.base.empty()) sums_[t] += a_.base[t];
    }
    return {};
  }

  std::span<const double> sums() const { return sums_; }

 private:
  void vote(std::size_t leaf) {
    const std::int64_t begin = leaf == 0 ? 0 : a_.leaf_ends[leaf - 1];
    for (std::int64_t v = begin; v < a_.leaf_ends[leaf]; ++v) {
      const auto target = static_cast<std::size_t>(a_.vote_targets[static_cast<std::size_t>(v)]);
      const double weight = a_.vote_weights[static_cast<std::size_t>(v)];
      double& sum = sums_[target];
      if (a_.aggregate == TreeAggregate::min)
        sum = voted_[target] ? std::min(sum, weight) : weight;
      else if (a_.aggregate == TreeAggregate::max)
        sum = voted_[target] ? std::max(sum, weight) : weight;
      else
        sum += weight;
      voted_[target] = true;
    }
  }

  const TreeEnsembleAttributes& a_;
  Members members_;
  std::vector<double> sums_;
  std::vector<bool> voted_;
};

void store(Tensor& out, std::int64_t row, std::span<const double> sums) {
  const std::size_t first = static_cast<std::size_t>(row) * sums.size();
  for (std::size_t t = 0; t < sums.size(); ++t) {
    if (out.dtype() == DType::f64)
      out.mutable_values<double>()[first + t] = sums[t];
    else if (out.dtype() == DType::f16)
      out.mutable_values<F16>()[first + t] = float_to_f16(static_cast<float>(sums[t]));
    else
      out.mutable_values<float>()[first + t] = static_cast<float>(sums[t]);
  }
}

}  // namespace

Status check_trees(const TreeEnsembleAttributes& a) {
  const std::size_t nodes = a.branches.size();
  for (std::size_t size :
       {a.features.size(), a.on_true.size(), a.on_false.size(), a.missing.size(), a.splits.size()})
    if (size != nodes) return malformed("the lists of nodes have different lengths");
  const auto node_count = static_cast<std::int64_t>(nodes);
  const auto leaf_count = static_cast<std::int64_t>(a.leaf_ends.size());
  for (const auto* list : {&a.roots, &a.on_true, &a.on_false})
    for (std::int64_t to : *list)
      if (to >= node_count || to < -leaf_count) return malformed("a branch leads nowhere");
  for (std::int64_t f : a.features)
    if (f < 0) return malformed("a feature is negative");
  const auto wanted = std::count(a.branches.begin(), a.branches.end(), TreeBranch::member);
  if (wanted != static_cast<std::ptrdiff_t>(a.member_ends.size()))
    return malformed("the members do not fit the nodes that compare with members");
  TRY(check_ends(a.member_ends, a.members.size(), "members"));
  TRY(check_ends(a.leaf_ends, a.vote_targets.size(), "leaves"));
  if (a.vote_weights.size() != a.vote_targets.size())
    return malformed("the lists of votes have different lengths");
  for (std::int64_t t : a.vote_targets)
    if (t < 0 || t >= a.targets) return malformed("a leaf votes for a target that is not there");
  if (a.targets < 1 || a.targets > (std::int64_t{1} << 24) ||
      (!a.base.empty() && static_cast<std::int64_t>(a.base.size()) != a.targets))
    return malformed("the number of targets is out of range or does not fit the base values");
  return {};
}

Status tree_ensemble(const TreeEnsembleAttributes& a, Context& c) {
  TRY(check_trees(a));
  const Tensor& x = c.tensor(0);
  if (x.rank() != 2) return malformed("expected rows of features");
  ASSIGN(Tensor * out, c.make(0, a.dtype, Shape{x.shape()[0], a.targets}));
  ASSIGN(const std::vector<double> values, to_doubles(x));
  const auto width = static_cast<std::size_t>(x.shape()[1]);
  Ensemble ensemble(a);
  for (std::int64_t n = 0; n < x.shape()[0]; ++n) {
    TRY(c.poll());
    TRY(ensemble.predict(std::span(values).subspan(static_cast<std::size_t>(n) * width, width)));
    store(*out, n, ensemble.sums());
  }
  return {};
}

}  // namespace gossamer::reference
