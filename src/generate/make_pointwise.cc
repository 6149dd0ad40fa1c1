// Random Pointwise programs: instruction by instruction, each with its range and error, by the
// rules of interval arithmetic.
#include <algorithm>
#include <cmath>

#include "generate/maker.h"
#include "generate/terms.h"
#include "reference/pointwise.h"

namespace gossamer::generate {
namespace {

// Whether `with` broadcasts into the shape of `onto`, as far as can be known.
bool broadcasts(const Type& with, const Type& onto) {
  if (!with.ranked() || with.rank() > onto.rank()) return false;
  for (int i = 1; i <= with.rank(); ++i) {
    const Dim& a = with.dim(with.rank() - i);
    if (!(a == Dim(1)) && !(a == onto.dim(onto.rank() - i))) return false;
  }
  return true;
}

// A shape that broadcasts into `type`: trailing axes, some of extent 1.
Shape partner_shape(Maker& m, const Type& type) {
  Shape shape;
  const auto rank = static_cast<int>(m.dice().between(0, type.rank()));
  for (int i = type.rank() - rank; i < type.rank(); ++i) {
    const std::optional<std::int64_t> n = type.dim(i).constant();
    shape.dims().push_back(n && m.dice().chance(70) ? *n : 1);
  }
  return shape;
}

std::vector<Known> choose_operands(Maker& m) {
  std::optional<Known> x;
  if (m.dice().chance(90)) x = m.find([](const Known&) { return true; });
  if (!x) {
    const DType dtype = m.dice().chance(75)   ? m.float_dtype()
                        : m.dice().chance(75) ? m.integer_dtype()
                                              : DType::boolean;
    const auto rank = static_cast<int>(m.dice().between(0, 4));
    x = m.fresh(dtype, m.random_shape(rank, 5));
  }
  std::vector<Known> operands{*x};
  for (std::int64_t more = m.dice().between(0, 2); more > 0; --more) {
    std::optional<Known> other;
    if (m.dice().chance(70))
      other = m.find([&](const Known& v) { return broadcasts(m.type(v.id), m.type(x->id)); });
    if (!other) other = m.fresh(m.dtype(*x), partner_shape(m, m.type(x->id)));
    operands.push_back(*other);
  }
  return operands;
}

}  // namespace

Status make_pointwise(Maker& m) {
  const std::vector<Known> operands = choose_operands(m);
  std::vector<ValueId> ids;
  for (const Known& v : operands) ids.push_back(v.id);
  std::vector<Range> ranges;
  const auto make = [&](ExpressionBuilder& e, std::span<const Ref> in) {
    Terms terms(m, e, m.type(operands[0].id));
    for (std::size_t i = 0; i < in.size(); ++i) terms.given(in[i], operands[i].range);
    const std::int64_t wanted = m.dice().chance(70) ? m.dice().between(1, 4) : 10;
    for (int tries = 0; tries < 100 && terms.made() < wanted; ++tries) terms.try_one();
    const std::vector<Term> results = terms.results();
    std::vector<Ref> refs;
    for (const Term& t : results) {
      refs.push_back(t.ref);
      ranges.push_back(t.range);
    }
    return refs;
  };
  ASSIGN(std::vector<ValueId> results, m.build().pointwise_many(ids, make));
  for (std::size_t i = 0; i < results.size(); ++i) m.offer(results[i], ranges[i]);
  return {};
}

}  // namespace gossamer::generate
