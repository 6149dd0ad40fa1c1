// Random movement: Copy with every kind of step, Concat, Shape.
#include <algorithm>
#include <limits>

#include "generate/maker.h"
#include "reference/concat.h"

namespace gossamer::generate {
namespace {

// A Copy under construction: the extents so far (nothing: open) and the steps that led there.
class Steps {
 public:
  Steps(Maker& m, const Type& type) : m_(m) {
    for (const Dim& d : *type.shape) dims_.push_back(d.constant());
    const std::optional<Shape> largest = m.largest(type);
    for (int i = 0; i < type.rank(); ++i) most_.push_back(largest ? (*largest)[i] : 1);
  }

  StepList steps;
  std::vector<ValueId> args;

  void draw();
  bool filled() const { return filled_; }  // pad may have put in zeros

 private:
  int rank() const { return static_cast<int>(dims_.size()); }
  std::size_t axis() { return static_cast<std::size_t>(m_.dice().axis(rank())); }
  std::int64_t count() const {
    std::int64_t n = 1;
    for (std::int64_t d : most_) n *= d;
    return n;
  }
  bool grows(std::size_t at, std::int64_t to) const {
    return count() / std::max<std::int64_t>(most_[at], 1) * to <= m_.options().max_elements;
  }
  void set(std::size_t at, std::int64_t n) {
    if (dims_[at]) dims_[at] = n;
    most_[at] = n;
  }
  // The number as a literal, or as an element of an operand.
  Extent number(std::int64_t n);

  void permute();
  void reshape();
  void slice();
  void pad();
  void expand();
  void repeat();
  void window();
  void diagonal();

  Maker& m_;
  std::vector<std::optional<std::int64_t>> dims_;
  std::vector<std::int64_t> most_;
  bool filled_ = false;
};

Extent Steps::number(std::int64_t n) {
  if (!m_.dice().chance(20)) return n;
  args.push_back(m_.build().constant_ints({n}));
  return Extent::from_operand(static_cast<int>(args.size()), 0);
}

void Steps::draw() {
  using Draw = void (Steps::*)();
  static const std::vector<Draw> kDraws = {&Steps::permute, &Steps::reshape, &Steps::slice,
                                           &Steps::pad,     &Steps::expand,  &Steps::repeat,
                                           &Steps::window,  &Steps::diagonal};
  (this->*m_.dice().pick(kDraws))();
}

void Steps::permute() {
  std::vector<int> axes;
  axes.reserve(static_cast<std::size_t>(rank()));
  for (int i = 0; i < rank(); ++i) axes.push_back(i);
  m_.dice().shuffle(axes);
  std::vector<std::optional<std::int64_t>> dims;
  std::vector<std::int64_t> most;
  for (int i : axes) {
    dims.push_back(dims_[static_cast<std::size_t>(i)]);
    most.push_back(most_[static_cast<std::size_t>(i)]);
  }
  dims_ = dims, most_ = most;
  steps.push_back(PermuteStep{axes});
}

// Axes are kept, merged with their neighbors, split, and ones put in.
void Steps::reshape() {
  ReshapeStep step;
  std::vector<std::optional<std::int64_t>> dims;
  std::vector<std::int64_t> most;
  bool inferred = false;
  const auto add = [&](ReshapeEntry entry, std::optional<std::int64_t> n, std::int64_t largest) {
    step.dims.push_back(entry);
    dims.push_back(n);
    most.push_back(largest);
  };
  for (int i = 0; i < rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (m_.dice().chance(15) && rank() < 5) add(ReshapeEntry::of(1), 1, 1);
    const std::optional<std::int64_t> n = dims_[at];
    if (i + 1 < rank() && m_.dice().chance(35)) {
      std::optional<std::int64_t> product;
      if (n && dims_[at + 1]) product = *n * *dims_[at + 1];
      add(ReshapeEntry::merge(i, i + 1), product, most_[at] * most_[at + 1]);
      ++i;
    } else if (n && *n % 2 == 0 && m_.dice().chance(40)) {
      add(ReshapeEntry::of(2), 2, 2);
      add(ReshapeEntry::of(number(*n / 2)), *n / 2, *n / 2);
      if (!step.dims.back().extent.is_literal()) dims.back() = std::nullopt;
    } else if (!inferred && m_.dice().chance(25)) {
      add(ReshapeEntry::infer(), n, most_[at]);
      inferred = true;
    } else {
      add(ReshapeEntry::keep(i), n, most_[at]);
    }
  }
  if (dims.size() > 6) return;
  // What operands say is known all the same: they are constants.
  for (std::size_t i = 0; i < dims.size(); ++i)
    if (!step.dims[i].extent.is_literal()) dims[i] = most[i];
  dims_ = dims, most_ = most;
  steps.push_back(step);
}

void Steps::slice() {
  if (rank() == 0) return;
  const std::size_t at = axis();
  SliceStep step;
  step.axis = static_cast<int>(at);
  if (!dims_[at]) {  // all of it, in reverse: never shorter than kMinSymbol
    step.start = -1;
    step.end = std::numeric_limits<std::int64_t>::min();
    step.stride = -1;
    steps.push_back(step);
    return;
  }
  const std::int64_t n = *dims_[at];
  const std::int64_t first = m_.dice().below(n), last = m_.dice().between(first, n - 1);
  step.stride = m_.dice().between(1, 2);
  const std::int64_t length = (last - first) / step.stride + 1;
  if (m_.dice().chance(30)) {
    step.start = number(last);
    step.end = number(first == 0 ? -n - 1 : first - 1);
    step.stride = -step.stride;
  } else {
    step.start = number(m_.dice().chance(20) ? first - n : first);
    step.end = number(last == n - 1 && m_.dice().chance(40) ? n + 7 : last + 1);
  }
  set(at, length);
  steps.push_back(step);
}

void Steps::pad() {
  if (rank() == 0) return;
  const std::size_t at = axis();
  const std::int64_t n = dims_[at].value_or(kMinSymbol);
  PadStep step;
  step.axis = static_cast<int>(at);
  static const std::vector<PadMode> kModes = {PadMode::constant, PadMode::constant, PadMode::edge,
                                              PadMode::reflect, PadMode::wrap};
  step.mode = m_.dice().pick(kModes);
  const std::int64_t most = step.mode == PadMode::reflect ? n - 1 : std::min<std::int64_t>(n, 2);
  const std::int64_t before = m_.dice().between(0, most);
  std::int64_t after = m_.dice().between(0, most);
  if (step.mode == PadMode::constant && n > 2 && m_.dice().chance(20)) after = -1;
  if (step.mode == PadMode::constant && m_.dice().chance(15)) step.interior = 1;
  const std::int64_t kept = most_[at] + std::min<std::int64_t>(after, 0);
  const std::int64_t to = before + std::max<std::int64_t>(after, 0) + kept +
                          step.interior * std::max<std::int64_t>(kept - 1, 0);
  if (!grows(at, to)) return;
  step.before = number(before);
  step.after = number(after);
  filled_ = filled_ || step.mode == PadMode::constant;
  set(at, to);
  steps.push_back(step);
}

void Steps::expand() {
  ExpandStep step;
  std::vector<std::optional<std::int64_t>> dims = dims_;
  std::vector<std::int64_t> most = most_;
  if (rank() < 5 && m_.dice().chance(40)) {
    dims.insert(dims.begin(), 2);
    most.insert(most.begin(), 2);
    step.dims.push_back(2);
  }
  for (int i = 0; i < rank(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::int64_t n = dims_[at] == 1 ? m_.dice().between(1, 3) : 1;
    step.dims.push_back(dims_[at].value_or(1) > 1 && m_.dice().chance(50) ? *dims_[at] : n);
    if (dims_[at] == 1) {
      dims[dims.size() - dims_.size() + at] = n;
      most[most.size() - most_.size() + at] = n;
    }
  }
  std::int64_t total = 1;
  for (std::int64_t d : most) total *= d;
  if (total > m_.options().max_elements) return;
  dims_ = dims, most_ = most;
  steps.push_back(step);
}

void Steps::repeat() {
  if (rank() == 0) return;
  const std::size_t at = axis();
  const std::int64_t times = m_.dice().between(1, 3);
  if (!grows(at, most_[at] * times)) return;
  RepeatStep step;
  step.axis = static_cast<int>(at);
  step.times = number(times);
  step.each = m_.dice().chance(50);
  set(at, most_[at] * times);
  steps.push_back(step);
}

void Steps::window() {
  if (rank() == 0 || rank() > 4) return;
  const std::size_t at = axis();
  if (!dims_[at]) return;
  WindowStep step;
  step.axis = static_cast<int>(at);
  step.size = m_.dice().between(1, std::min<std::int64_t>(3, *dims_[at]));
  step.stride = m_.dice().between(1, 2);
  if ((step.size - 1) * 2 < *dims_[at]) step.dilation = m_.dice().between(1, 2);
  const std::int64_t windows = (*dims_[at] - (step.size - 1) * step.dilation - 1) / step.stride + 1;
  if (!grows(at, windows * step.size)) return;
  set(at, windows);
  dims_.insert(dims_.begin() + static_cast<std::ptrdiff_t>(at) + 1, step.size);
  most_.insert(most_.begin() + static_cast<std::ptrdiff_t>(at) + 1, step.size);
  steps.push_back(step);
}

void Steps::diagonal() {
  for (int a = 0; a < rank(); ++a)
    for (int b = a + 1; b < rank(); ++b) {
      const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
      if (!dims_[i] || dims_[i] != dims_[j]) continue;
      dims_.erase(dims_.begin() + b);
      most_.erase(most_.begin() + b);
      steps.push_back(DiagonalStep{a, b});
      return;
    }
}

}  // namespace

Status make_copy(Maker& m) {
  std::optional<Known> x;
  if (m.dice().chance(85)) x = m.find([](const Known&) { return true; });
  if (!x) {
    const auto rank = static_cast<int>(m.dice().between(1, 4));
    const DType dtype = m.dice().chance(70) ? m.float_dtype() : m.integer_dtype();
    x = m.fresh(dtype, m.random_shape(rank, 5));
  }
  Steps steps(m, m.type(x->id));
  const std::int64_t wanted = m.dice().between(1, 3);
  for (int tries = 0; tries < 30 && static_cast<std::int64_t>(steps.steps.size()) < wanted; ++tries)
    steps.draw();
  if (steps.steps.empty()) return {};
  ASSIGN(const ValueId y, m.build().copy(x->id, steps.steps, steps.args));
  Range range = x->range;
  if (steps.filled()) {
    range.low = std::min(range.low, 0.0);
    range.high = std::max(range.high, 0.0);
  }
  m.offer(y, range);
  return {};
}

Status make_concat(Maker& m) {
  const std::optional<Known> x = m.find([&](const Known& v) { return m.rank(v) > 0; });
  if (!x) return {};
  const int axis = m.dice().axis(m.rank(*x));
  const auto fits_beside = [&](const Known& v) {
    if (m.dtype(v) != m.dtype(*x) || m.rank(v) != m.rank(*x)) return false;
    for (int i = 0; i < m.rank(v); ++i)
      if (i != axis && !(m.type(v.id).dim(i) == m.type(x->id).dim(i))) return false;
    return true;
  };
  std::vector<ValueId> parts{x->id};
  Range range = x->range;
  for (std::int64_t more = m.dice().between(1, 3); more > 0; --more) {
    const Known part = *m.find(fits_beside);
    parts.insert(m.dice().chance(50) ? parts.begin() : parts.end(), part.id);
    range = {std::min(range.low, part.range.low), std::max(range.high, part.range.high),
             std::max(range.error, part.range.error)};
  }
  ASSIGN(const ValueId y, m.build().concat(parts, axis));
  m.offer(y, range);
  return {};
}

Status make_shape(Maker& m) {
  const std::optional<Known> x = m.find([&](const Known& v) { return m.rank(v) > 0; });
  if (!x) return {};
  const auto start = static_cast<int>(m.dice().below(m.rank(*x)));
  ASSIGN(const ValueId y, m.build().shape_of(x->id, start));
  m.offer(y, {0, static_cast<double>(m.options().max_elements), 0});
  return {};
}

}  // namespace gossamer::generate
