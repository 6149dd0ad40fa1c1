// Copy: its shape rule follows the steps with symbolic extents; shape arithmetic passes through it.
#include "reference/copy.h"

#include <algorithm>
#include <limits>

#include "primitives/evaluator.h"
#include "primitives/primitives.h"

namespace gossamer {
namespace {

std::size_t at(int axis) { return static_cast<std::size_t>(axis); }

bool certainly_not_negative(const Dim& d) { return (d + Dim(1)).certainly_positive(); }

// max(d, 0), spelled as d where that is certain.
Dim at_least_zero(const Dim& d) { return certainly_not_negative(d) ? d : max(d, Dim(0)); }

// The shape of what the steps so far give; nothing while the rank is unknown.
class ShapeRun {
 public:
  explicit ShapeRun(InferContext& c) : c_(c), shape_(c.type(0).shape) {}

  Status step(const Step& s) {
    TRY(std::visit([&](const auto& x) { return apply(x); }, s));
    if (shape_ && shape_->size() > kMaxRank) return limit_error("more than 32 axes");
    if (shape_)
      for (const Dim& d : *shape_)
        if (d.is_constant() && *d.constant() < 0) return malformed("an extent of " + d.to_string());
    return {};
  }
  std::optional<DimVector> take() { return std::move(shape_); }

 private:
  Status check_axis(int axis) const {
    if (axis < 0 || (shape_ && at(axis) >= shape_->size()))
      return malformed("axis " + std::to_string(axis) + " is out of range");
    return {};
  }

  // The number that an extent stands for, or nothing when only running can tell.
  Result<std::optional<Dim>> number(const Extent& e) const {
    if (e.is_literal()) return std::optional<Dim>(Dim(e.value));
    const auto i = static_cast<std::size_t>(e.operand);
    if (i == 0 || !c_.has(i))
      return malformed("no operand " + std::to_string(e.operand) + " to take an extent from");
    TRY(c_.expect_dtype(i, "extents", DType::i64));
    if (c_.type(i).ranked() && c_.type(i).rank() > 1)
      return malformed("operand " + std::to_string(e.operand) + " is not a vector");
    std::optional<DimVector> contents = c_.contents(i);
    if (!contents) return std::optional<Dim>();
    if (e.element < 0 || at(e.element) >= contents->size())
      return malformed("operand " + std::to_string(e.operand) + " has no element " +
                       std::to_string(e.element));
    return std::optional<Dim>((*contents)[at(e.element)]);
  }

  Status apply(const PermuteStep& s) {
    std::vector<bool> seen(s.axes.size(), false);
    if (shape_ && shape_->size() != s.axes.size())
      return malformed("permutes " + std::to_string(s.axes.size()) + " axes of a tensor of rank " +
                       std::to_string(shape_->size()));
    DimVector out;
    for (int axis : s.axes) {
      if (axis < 0 || at(axis) >= seen.size() || seen[at(axis)])
        return malformed("a permutation names every axis once");
      seen[at(axis)] = true;
      out.push_back(shape_ ? (*shape_)[at(axis)] : c_.fresh());
    }
    shape_ = std::move(out);
    return {};
  }

  // --- reshape ---

  // What a reshape's entries say before the one that follows from the others is known.
  struct Reshaped {
    DimVector out;
    DimVector given;         // extents of the result to be found among the input's that are left
    std::vector<bool> left;  // of the input's axes: not yet accounted for
    int open = -1;           // the result's axis that the others determine
    bool inferred = false;   // `open` is to be inferred; otherwise only its value is unknown
    bool unknown = false;    // more is unknown than one extent
  };

  void leave_open(Reshaped& r, bool inferred) {
    if (r.open >= 0) r.unknown = true;
    r.open = static_cast<int>(r.out.size());
    r.inferred = r.inferred || inferred;
    r.out.push_back(c_.fresh());
  }

  void keep(Reshaped& r, int axis) {
    if (!shape_) {
      r.out.push_back(c_.fresh());
      return;
    }
    r.out.push_back((*shape_)[at(axis)]);
    if (!r.left[at(axis)]) r.given.push_back((*shape_)[at(axis)]);
    r.left[at(axis)] = false;
  }

  Status entry(const ReshapeEntry& e, Reshaped& r) {
    switch (e.kind) {
      case ReshapeEntry::Kind::keep:
        TRY(check_axis(e.first));
        keep(r, e.first);
        return {};
      case ReshapeEntry::Kind::merge: {
        TRY(check_axis(e.first));
        TRY(check_axis(e.last));
        Dim product = shape_ ? Dim(1) : c_.fresh();
        for (int i = e.first; shape_ && i <= e.last; ++i) {
          product = product * (*shape_)[at(i)];
          if (!r.left[at(i)]) r.given.push_back((*shape_)[at(i)]);
          r.left[at(i)] = false;
        }
        r.out.push_back(std::move(product));
        return {};
      }
      case ReshapeEntry::Kind::infer:
        if (r.inferred) return malformed("more than one extent to infer");
        leave_open(r, true);
        return {};
      case ReshapeEntry::Kind::extent:
        break;
    }
    ASSIGN(std::optional<Dim> d, number(e.extent));
    if (!d || !(d->is_constant() || certainly_not_negative(*d))) {
      leave_open(r, false);
    } else if (*d == Dim(0) && e.zero_copies) {
      TRY(check_axis(e.first));
      keep(r, e.first);
    } else if (*d == Dim(-1) && !e.extent.is_literal()) {
      if (r.inferred) return malformed("more than one extent to infer");
      leave_open(r, true);
    } else {
      r.out.push_back(*d);
      r.given.push_back(*d);
    }
    return {};
  }

  Status apply(const ReshapeStep& s) {
    Reshaped r;
    r.left.assign(shape_ ? shape_->size() : 0, true);
    for (const ReshapeEntry& e : s.dims) TRY(entry(e, r));
    if (shape_ && !r.unknown) TRY(settle(r));
    shape_ = std::move(r.out);
    return {};
  }

  // Compares what is left of both sides, or divides one by the other.
  Status settle(Reshaped& r) {
    DimVector left;
    for (std::size_t i = 0; i < r.left.size(); ++i)
      if (r.left[i]) left.push_back((*shape_)[i]);
    for (std::size_t i = r.given.size(); i-- > 0;)
      if (auto found = std::find(left.begin(), left.end(), r.given[i]); found != left.end()) {
        left.erase(found);
        r.given.erase(r.given.begin() + static_cast<std::ptrdiff_t>(i));
      }
    const Dim have = count_of(left);
    const Dim want = count_of(r.given);
    const std::string failure = "cannot reshape " + Type::tensor(DType::f32, shape_).to_string();
    if (r.open < 0) {
      if (have.is_constant() && want.is_constant() && !(have == want))
        return malformed(failure + " to " + Type::tensor(DType::f32, r.out).to_string());
      return {};
    }
    if (want == Dim(0)) {
      if (r.inferred) return malformed(failure + ": an extent cannot be inferred beside a 0");
      return {};
    }
    if (have.is_constant() && want.is_constant() && *have.constant() % *want.constant() != 0)
      return malformed(failure + ": " + have.to_string() + " elements do not divide by " +
                       want.to_string());
    r.out[at(r.open)] = floor_div(have, want);
    return {};
  }

  // --- slice ---

  // A start or an end within [0, n], for slices that go up.
  static Dim clamped(const Dim& x, const Dim& n) {
    constexpr std::int64_t kOpenEnd = std::numeric_limits<std::int32_t>::max();
    if (x.is_constant() && *x.constant() >= kOpenEnd) return n;
    if (certainly_not_negative(x)) {
      if (x == Dim(0) || certainly_not_negative(n - x)) return x;
      return certainly_not_negative(x - n) ? n : min(x, n);
    }
    if (*x.constant() <= -kOpenEnd) return 0;
    return at_least_zero(n + x);
  }

  std::optional<Dim> slice_length(const Dim& n, const Dim& start, const Dim& end,
                                  std::int64_t stride) const {
    if (n.is_constant() && start.is_constant() && end.is_constant())
      return constant_length(*n.constant(), *start.constant(), *end.constant(), stride);
    if (stride < 0) {
      // Only the reversal of a whole axis.
      if (!start.is_constant() || !end.is_constant()) return std::nullopt;
      constexpr std::int64_t kOpenEnd = std::numeric_limits<std::int32_t>::max();
      const bool from_last = *start.constant() == -1 || *start.constant() >= kOpenEnd;
      if (!from_last || *end.constant() > -kOpenEnd || stride < -kOpenEnd) return std::nullopt;
      return ceil_div(n, Dim(-stride));
    }
    const bool start_signed = start.is_constant() || certainly_not_negative(start);
    const bool end_signed = end.is_constant() || certainly_not_negative(end);
    if (!start_signed || !end_signed) return std::nullopt;
    const Dim to = clamped(end, n);
    // From the back to the very end: min(n, -start) without the detour.
    if (to == n && start.is_constant() && *start.constant() < 0 &&
        *start.constant() > std::numeric_limits<std::int32_t>::min())
      return ceil_div(certainly_not_negative(n + start) ? Dim(-*start.constant())
                                                        : min(n, Dim(-*start.constant())),
                      Dim(stride));
    // A start beyond the end gives nothing either way, so it need not be clamped from above.
    const bool plain_start = certainly_not_negative(start) && to == n;
    const Dim from = plain_start ? start : clamped(start, n);
    return ceil_div(at_least_zero(to - from), Dim(stride));
  }

  static Dim constant_length(std::int64_t n, std::int64_t start, std::int64_t end,
                             std::int64_t stride) {
    const std::int64_t low = stride > 0 ? 0 : -1;
    const std::int64_t high = stride > 0 ? n : n - 1;
    start = std::clamp(start < 0 ? start + n : start, low, high);
    end = std::clamp(end < 0 ? end + n : end, low, high);
    if (stride > 0) return end > start ? 1 + (end - start - 1) / stride : 0;
    stride = std::max(stride, -std::numeric_limits<std::int64_t>::max());
    return start > end ? 1 + (start - end - 1) / -stride : 0;
  }

  Status apply(const SliceStep& s) {
    TRY(check_axis(s.axis));
    if (s.stride == 0) return malformed("a slice with stride 0");
    ASSIGN(std::optional<Dim> start, number(s.start));
    ASSIGN(std::optional<Dim> end, number(s.end));
    if (!shape_) return {};
    Dim& n = (*shape_)[at(s.axis)];
    std::optional<Dim> length;
    if (start && end) length = slice_length(n, *start, *end, s.stride);
    n = length ? *length : n == Dim(0) ? Dim(0) : c_.fresh();
    return {};
  }

  // --- the others ---

  Status apply(const PadStep& s) {
    TRY(check_axis(s.axis));
    if (s.interior < 0 || (s.interior > 0 && s.mode != PadMode::constant))
      return malformed("interior padding is not negative and takes a constant");
    if (s.value_operand >= 0) {
      if (!c_.has(at(s.value_operand))) return malformed("no operand to pad with");
      TRY(c_.expect_dtype(at(s.value_operand), "padding", c_.type(0).dtype));
    }
    ASSIGN(std::optional<Dim> before, number(s.before));
    ASSIGN(std::optional<Dim> after, number(s.after));
    if (!shape_) return {};
    Dim& n = (*shape_)[at(s.axis)];
    if (!before || !after) {
      n = c_.fresh();
    } else if (s.interior == 0) {
      n = n + *before + *after;
    } else if (before->is_constant() && after->is_constant()) {
      const std::int64_t b = *before->constant(), e = *after->constant();
      const Dim kept = n + Dim(std::min<std::int64_t>(b, 0)) + Dim(std::min<std::int64_t>(e, 0));
      const Dim dilated = (kept - Dim(1)) * Dim(s.interior + 1) + Dim(1);
      n = (kept.certainly_positive() ? dilated : max(dilated, Dim(0))) +
          Dim(std::max<std::int64_t>(b, 0)) + Dim(std::max<std::int64_t>(e, 0));
    } else {
      n = c_.fresh();
    }
    return {};
  }

  Status apply(const ExpandStep& s) {
    if (!shape_) {
      for (const Extent& e : s.dims) TRY(number(e).status());
      return {};
    }
    DimVector in = std::move(*shape_);
    if (in.size() < s.dims.size()) in.insert(in.begin(), s.dims.size() - in.size(), Dim(1));
    const std::size_t lead = in.size() - s.dims.size();
    DimVector wanted(in.size(), Dim(1));
    std::vector<bool> unknown(in.size(), false);
    for (std::size_t i = 0; i < s.dims.size(); ++i) {
      ASSIGN(std::optional<Dim> d, number(s.dims[i]));
      if (d && d->is_constant() && *d->constant() < 0)
        return malformed("expands to an extent of " + d->to_string());
      if (d)
        wanted[lead + i] = *d;
      else
        unknown[lead + i] = !in[lead + i].is_constant() || in[lead + i] == Dim(1);
    }
    ASSIGN(DimVector out, broadcast(in, wanted));
    for (std::size_t i = 0; i < out.size(); ++i)
      if (unknown[i]) out[i] = c_.fresh();
    shape_ = std::move(out);
    return {};
  }

  Status apply(const RepeatStep& s) {
    TRY(check_axis(s.axis));
    ASSIGN(std::optional<Dim> times, number(s.times));
    if (times && times->is_constant() && *times->constant() < 0)
      return malformed("repeats " + times->to_string() + " times");
    if (!shape_) return {};
    Dim& n = (*shape_)[at(s.axis)];
    n = times ? n * *times : c_.fresh();
    return {};
  }

  Status apply(const WindowStep& s) {
    TRY(check_axis(s.axis));
    if (s.size < 1 || s.stride < 1 || s.dilation < 1)
      return malformed("a window's size, stride and dilation are positive");
    const std::optional<std::int64_t> reach = checked_mul(s.size - 1, s.dilation);
    if (!reach || *reach > std::numeric_limits<std::int64_t>::max() / 2)
      return limit_error("a window is too long");
    if (!shape_) return {};
    Dim& n = (*shape_)[at(s.axis)];
    const Dim last = n - Dim(*reach + 1);
    n = certainly_not_negative(last) ? floor_div(last, Dim(s.stride)) + Dim(1)
                                     : max(floor_div(last, Dim(s.stride)) + Dim(1), Dim(0));
    shape_->insert(shape_->begin() + s.axis + 1, Dim(s.size));
    return {};
  }

  Status apply(const DiagonalStep& s) {
    TRY(check_axis(s.a));
    TRY(check_axis(s.b));
    if (s.a == s.b) return malformed("the diagonal of an axis with itself");
    if (!shape_) return {};
    Dim& a = (*shape_)[at(s.a)];
    const Dim& b = (*shape_)[at(s.b)];
    if (a.is_constant() && b.is_constant() && !(a == b))
      return malformed("the diagonal of axes of " + a.to_string() + " and " + b.to_string());
    if (b.is_constant()) a = b;
    shape_->erase(shape_->begin() + s.b);
    return {};
  }

  InferContext& c_;
  std::optional<DimVector> shape_;
};

// --- contents ---

// Makes an extent a literal; false when its number is not known.
bool fix(Extent& e, const InferContext& c) {
  if (e.is_literal()) return true;
  std::optional<DimVector> contents = c.contents(static_cast<std::size_t>(e.operand));
  if (!contents || at(e.element) >= contents->size()) return false;
  std::optional<std::int64_t> value = (*contents)[at(e.element)].constant();
  if (!value) return false;
  e = Extent(*value);
  return true;
}

bool fix(Step& step, const InferContext& c) {
  bool ok = true;
  if (auto* s = std::get_if<SliceStep>(&step)) ok = fix(s->start, c) && fix(s->end, c);
  if (auto* s = std::get_if<PadStep>(&step)) ok = fix(s->before, c) && fix(s->after, c);
  if (auto* s = std::get_if<RepeatStep>(&step)) ok = fix(s->times, c);
  if (auto* s = std::get_if<ExpandStep>(&step))
    for (Extent& e : s->dims) ok = ok && fix(e, c);
  if (auto* s = std::get_if<ReshapeStep>(&step))
    for (ReshapeEntry& e : s->dims) {
      ok = ok && (e.kind != ReshapeEntry::Kind::extent || fix(e.extent, c));
      if (e.extent.is_literal() && e.extent.value == -1) e = ReshapeEntry::infer();
    }
  return ok;
}

// Moves the positions of the known elements as the steps move the elements themselves.
void infer_contents(const CopyAttributes& a, InferContext& c) {
  const std::optional<DimVector> in = c.contents(0);
  const std::optional<Shape> in_shape = c.type(0).static_shape();
  const std::optional<Shape> out_shape = c.result(0).static_shape();
  if (!in || !in_shape || !out_shape) return;
  const std::optional<std::int64_t> count = out_shape->checked_count();
  if (!count || *count > kMaxContents) return;
  const bool only_reshapes = std::all_of(a.steps.begin(), a.steps.end(), [](const Step& s) {
    return std::holds_alternative<ReshapeStep>(s);
  });
  if (only_reshapes) {
    c.set_contents(0, *in);
    return;
  }
  CopyAttributes fixed = a;
  DimVector fills;
  for (Step& step : fixed.steps) {
    if (!fix(step, c)) return;
    auto* pad = std::get_if<PadStep>(&step);
    if (!pad || pad->mode != PadMode::constant) continue;
    // Pads show as positions below zero: one operand for all of them, so their values must agree.
    Dim fill = 0;
    if (pad->value_operand >= 0) {
      std::optional<DimVector> value = c.contents(static_cast<std::size_t>(pad->value_operand));
      if (!value || value->size() != 1) return;
      fill = value->front();
    }
    if (!fills.empty() && !(fills.front() == fill)) return;
    fills.assign(1, fill);
    pad->value_operand = 1;
  }
  std::vector<std::int64_t> positions(in->size());
  for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int64_t>(i);
  const Value x(Tensor::of<std::int64_t>(*in_shape, positions));
  const Value none(Tensor::scalar<std::int64_t>(-1));
  const Value* operands[] = {&x, &none};
  Result<std::vector<Value>> moved = evaluate_node(kCopy, &fixed, operands, 1, 1 << 20);
  if (!moved.ok()) return;
  DimVector out;
  for (std::int64_t i : (*moved)[0].tensor.values<std::int64_t>())
    out.push_back(i < 0 ? fills.front() : (*in)[static_cast<std::size_t>(i)]);
  c.set_contents(0, std::move(out));
}

Status infer(const CopyAttributes& a, InferContext& c) {
  if (a.steps.empty() && c.has(0) && !c.type(0).is_tensor()) {
    c.set(0, c.type(0));  // sequences and optionals only change hands
    return {};
  }
  TRY(c.expect_tensor(0, "input"));
  ShapeRun run(c);
  for (const Step& s : a.steps) TRY(run.step(s));
  c.set(0, Type::tensor(c.type(0).dtype, run.take()));
  infer_contents(a, c);
  return {};
}

}  // namespace

constinit const Primitive kCopy = make_primitive<CopyAttributes, infer, reference::copy>(
    "copy", {.min_operands = 1, .max_operands = kAnyNumber}, kMovement);

}  // namespace gossamer
