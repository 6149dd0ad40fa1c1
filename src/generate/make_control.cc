// Random control flow: If and Loop with bodies that are random themselves, sequences and optionals.
#include <algorithm>
#include <cmath>

#include "generate/maker.h"
#include "reference/if.h"
#include "reference/loop.h"
#include "reference/reduce.h"
#include "reference/sequence.h"

namespace gossamer::generate {
namespace {

Range cover(const Range& a, const Range& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high), std::max(a.error, b.error)};
}

// Some values of the pool, each once.
std::vector<Known> captures(Maker& m, std::int64_t most) {
  std::vector<Known> some;
  for (std::int64_t n = m.dice().between(1, most); n > 0; --n) {
    const std::optional<Known> v = m.find([&](const Known& known) {
      return std::none_of(some.begin(), some.end(),
                          [&](const Known& s) { return s.id == known.id; });
    });
    if (v) some.push_back(*v);
  }
  if (some.empty()) some.push_back(m.fresh(m.float_dtype(), m.random_shape(2, 4)));
  return some;
}

// `x` halved plus `w`: neither grows when a loop does it again and again. Booleans and integers
// have steady operations of their own.
Result<ValueId> mix(Maker& m, ValueId x, ValueId w) {
  const DType dtype = m.type(x).dtype;
  return m.build().pointwise({x, w}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
    if (dtype == DType::boolean) return e.logical_xor(in[0], in[1]);
    if (!is_arithmetic_float(dtype)) return e.max(in[0], in[1]);
    return e.add(e.mul(in[0], e.like(in[0], 0.5)), in[1]);
  });
}

// The range of mix() over any number of rounds that start with x.
Range mixed(DType dtype, const Range& x, const Range& w) {
  if (!is_arithmetic_float(dtype)) return cover(x, w);
  const double top = std::max(x.magnitude(), 2 * w.magnitude());
  return {-top, top, x.error + 2 * (w.error + 4 * half_ulp(dtype) * top)};
}

// A value of a body to mix with one of type `type` and range x, that comes from as many of its
// nodes as can be: the largest element of the latest that will do, or a constant.
Result<Known> ingredient(Maker& b, const Type& type, const Range& x) {
  const auto will_do = [&](const Known& v) {
    return b.dtype(v) == type.dtype && b.build().graph().value(v.id).producer != kNoNode &&
           b.allowed(type.dtype, mixed(type.dtype, x, v.range));
  };
  const std::optional<Known> same =
      b.find([&](const Known& v) { return will_do(v) && b.type(v.id) == type; });
  if (same && b.dice().chance(50)) return *same;
  std::optional<Known> latest;
  for (const Known& v : b.pool())
    if (will_do(v)) latest = v;
  if (!latest) return b.weights(type.dtype, Shape{}, 1);
  ReduceAttributes all;
  all.op = ReduceOp::max;
  for (int i = 0; i < b.rank(*latest); ++i) all.axes.push_back(i);
  if (all.axes.empty()) return *latest;
  ASSIGN(const ValueId y, b.build().one(kReduce, all, {latest->id}));
  return Known{y, latest->range};
}

struct Branch {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  std::vector<Range> ranges;  // of its outputs
};

// A branch that gives values of the types of the first `results` captured ones.
Result<Branch> random_branch(Maker& m, std::string_view name, const std::vector<Known>& captured,
                             std::size_t results) {
  Branch branch;
  branch.graph->name = name;
  Maker b = m.nested(*branch.graph);
  for (const Known& v : captured) b.take(m.type(v.id), v.range);
  TRY(grow(b, static_cast<int>(m.dice().between(1, 4))));
  for (std::size_t i = 0; i < results; ++i) {
    const Known& x = captured[i];
    ASSIGN(const Known w, ingredient(b, m.type(x.id), x.range));
    ASSIGN(const ValueId out, mix(b, branch.graph->inputs[i], w.id));
    branch.graph->outputs.push_back(out);
    branch.ranges.push_back(mixed(m.dtype(x), x.range, w.range));
  }
  return branch;
}

Known random_condition(Maker& m) {
  const auto fitting = [&](const Known& v) {
    return m.dtype(v) == DType::boolean && m.rank(v) == 0 && v.range.exact();
  };
  const std::optional<Known> found = m.find(fitting);
  return found ? *found : m.fresh(DType::boolean, Shape{});
}

}  // namespace

Status make_if(Maker& m) {
  const Known condition = random_condition(m);
  const std::vector<Known> captured = captures(m, 3);
  const std::size_t results = captured.size() > 1 && m.dice().chance(50) ? 2 : 1;
  ASSIGN(const Branch yes, random_branch(m, "then", captured, results));
  ASSIGN(const Branch no, random_branch(m, "else", captured, results));
  std::vector<ValueId> operands{condition.id};
  for (const Known& v : captured) operands.push_back(v.id);
  ASSIGN(std::vector<ValueId> y, m.build().add(kIf, make_attributes(IfAttributes{}), operands,
                                               results, {yes.graph, no.graph}));
  for (std::size_t i = 0; i < results; ++i) m.offer(y[i], cover(yes.ranges[i], no.ranges[i]));
  return {};
}

namespace {

// A Loop under construction: the node's parts, and its body with a Maker of its own.
class LoopParts {
 public:
  explicit LoopParts(Maker& m) : m_(m), body_(std::make_shared<Graph>()), b_(m.nested(*body_)) {
    body_->name = "body";
  }
  Status make();

 private:
  Status start();
  Status carry();
  Result<Range> step(std::size_t k, ValueId carried);
  Status stack();
  Status finish();

  Maker& m_;
  std::shared_ptr<Graph> body_;
  Maker b_;
  LoopAttributes a_;
  std::vector<Known> carried_, scanned_, captured_;
  std::vector<ValueId> carried_inputs_;
  ValueId number_ = kNoValue;  // of the iteration
  std::vector<Range> ranges_;  // of the node's results
  std::vector<ValueId> next_;
  ValueId going_ = kNoValue;
  std::vector<ValueId> elements_;
  std::int64_t trips_ = 1;
};

// Operands, and the body's inputs for them. What is carried is only handed to the body's nodes once
// its range is known.
Status LoopParts::start() {
  Dice& dice = m_.dice();
  carried_ = captures(m_, 2);
  const std::optional<Known> scanned = m_.find([&](const Known& v) { return m_.rank(v) > 0; });
  a_.conditional = !scanned || dice.chance(50);
  if (!a_.conditional) scanned_.push_back(*scanned);
  if (dice.chance(60)) captured_ = captures(m_, 2);
  a_.carried = static_cast<int>(carried_.size());
  trips_ = dice.between(1, 4);
  if (a_.conditional) {
    number_ = b_.take(Type::tensor(DType::i64, Shape{}), {0, static_cast<double>(trips_), 0}).id;
    b_.build().input("going", Type::tensor(DType::boolean, Shape{}));
  }
  for (const Known& v : carried_)
    carried_inputs_.push_back(b_.build().input("carried", m_.type(v.id)));
  for (const Known& v : scanned_) {
    a_.axes.push_back(dice.axis(m_.rank(v)));
    a_.reversed.push_back(dice.chance(30));
    Type slice = m_.type(v.id);
    slice.shape->erase(slice.shape->begin() + a_.axes.back());
    b_.take(slice, v.range);
  }
  for (const Known& v : captured_) b_.take(m_.type(v.id), v.range);
  return grow(b_, static_cast<int>(dice.between(1, 4)));
}

// The next value of carried k: part of itself, and something that does not depend on it.
Result<Range> LoopParts::step(std::size_t k, ValueId carried) {
  const Known& x = carried_[k];
  ASSIGN(const Known w, ingredient(b_, m_.type(x.id), x.range));
  ASSIGN(const ValueId next, mix(b_, carried, w.id));
  next_.push_back(next);
  return mixed(m_.dtype(x), x.range, w.range);
}

Status LoopParts::carry() {
  std::vector<Range> ranges;
  for (std::size_t k = 0; k < carried_.size(); ++k) {
    ASSIGN(const Range r, step(k, carried_inputs_[k]));
    ranges.push_back(r);
  }
  for (std::size_t k = 0; k < carried_.size(); ++k) {
    b_.offer(carried_inputs_[k], ranges[k]);
    b_.offer(next_[k], ranges[k]);
  }
  ranges_ = ranges;
  if (a_.conditional) {
    const std::int64_t limit = m_.dice().between(0, trips_);
    ASSIGN(going_,
           b_.build().pointwise({number_}, [&](ExpressionBuilder& e, std::span<const Ref> in) {
             return e.lt(in[0], e.integer(DType::i64, limit));
           }));
  }
  return m_.dice().chance(50) ? grow(b_, 1) : Status();
}

Status LoopParts::stack() {
  for (std::int64_t n = m_.dice().between(carried_.empty() ? 1 : 0, 2); n > 0; --n) {
    const auto fitting = [&](const Known& v) {
      // Computed in the body: engines differ in stacking what only passes through.
      return b_.is_static(v) && b_.rank(v) < 5 && body_->value(v.id).producer != kNoNode &&
             std::count(elements_.begin(), elements_.end(), v.id) == 0;
    };
    const std::optional<Known> v = b_.find(fitting);
    if (!v) continue;
    elements_.push_back(v->id);
    ranges_.push_back(v->range);
    a_.stacked_axes.push_back(a_.conditional ? 0 : m_.dice().axis(b_.rank(*v) + 1));
    a_.stacked_reversed.push_back(!a_.conditional && m_.dice().chance(30));
    a_.stacked_dtypes.push_back(b_.dtype(*v));
    a_.stacked_extents.push_back(b_.type(v->id).static_shape()->dims());
  }
  return {};
}

Status LoopParts::finish() {
  if (a_.conditional) body_->outputs.push_back(going_);
  body_->outputs.insert(body_->outputs.end(), next_.begin(), next_.end());
  body_->outputs.insert(body_->outputs.end(), elements_.begin(), elements_.end());
  std::vector<ValueId> operands(2, kNoValue);
  // The condition ends it in any case; a trip count may end it before.
  if (a_.conditional && m_.dice().chance(80))
    operands[0] = m_.ints(DType::i64, Shape{}, {trips_}).id;
  for (const auto* part : {&carried_, &scanned_, &captured_})
    for (const Known& v : *part) operands.push_back(v.id);
  const std::size_t results = next_.size() + elements_.size();
  ASSIGN(std::vector<ValueId> y,
         m_.build().add(kLoop, make_attributes(a_), operands, results, {body_}));
  for (std::size_t i = 0; i < results; ++i) m_.offer(y[i], ranges_[i]);
  return {};
}

Status LoopParts::make() {
  TRY(start());
  TRY(carry());
  TRY(stack());
  return finish();
}

}  // namespace

Status make_loop(Maker& m) { return LoopParts(m).make(); }

// A sequence of tensors of one type, changed, and what is read out of it.
Status make_sequence(Maker& m) {
  Dice& dice = m.dice();
  const std::optional<Known> x = m.find([](const Known&) { return true; });
  if (!x) return {};
  const auto alike = [&](const Known& v) { return m.type(v.id) == m.type(x->id); };
  std::vector<ValueId> items{x->id};
  Range range = x->range;
  const auto another = [&] {
    const Known v = *m.find(alike);
    range = cover(range, v.range);
    return v.id;
  };
  for (std::int64_t more = dice.between(1, 2); more > 0; --more) items.push_back(another());
  auto length = static_cast<std::int64_t>(items.size());
  const auto at = [&](std::int64_t n) { return m.ints(DType::i64, Shape{}, {n}).id; };
  ASSIGN(ValueId s, m.build().one(kSequenceMake, SequenceMakeAttributes{m.dtype(*x)}, items));
  if (dice.chance(40)) {
    const ValueId item = another();
    ASSIGN(s, m.build().one(kSequenceInsert, NoAttributes{},
                            {s, item, at(dice.between(-length, length))}));
    ++length;
  }
  if (dice.chance(30)) {
    ASSIGN(s, m.build().one(kSequenceErase, NoAttributes{}, {s, at(dice.below(length))}));
    --length;
  }
  if (dice.chance(30) && m.rank(*x) > 0) {
    SequenceJoinAttributes a;
    a.axis = dice.axis(m.rank(*x));
    a.new_axis = dice.chance(40);
    ASSIGN(const ValueId joined, m.build().one(kSequenceJoin, a, {s}));
    m.offer(joined, range);
  }
  ASSIGN(const ValueId y,
         m.build().one(kSequenceAt, NoAttributes{}, {s, at(dice.between(-length, length - 1))}));
  m.offer(y, range);
  return {};
}

Status make_optional(Maker& m) {
  const std::optional<Known> x = m.find([](const Known&) { return true; });
  if (!x) return {};
  ASSIGN(const ValueId o, m.build().one(kOptionalMake, OptionalMakeAttributes{}, {x->id}));
  ASSIGN(const ValueId y, m.build().one(kOptionalGet, NoAttributes{}, {o}));
  m.offer(y, x->range);
  if (m.dice().chance(50)) {
    ASSIGN(const ValueId has, m.build().one(kOptionalHas, NoAttributes{}, {o}));
    m.offer(has, {0, 1, 0});
  }
  return {};
}

}  // namespace gossamer::generate
