// Operators that move elements without picking them by value: reshapes, slices, pads, repeats,
// joins and splits. Almost every one is a Copy.
#include <algorithm>
#include <limits>

#include "onnx/lowering.h"
#include "reference/shape.h"

namespace gossamer::onnx {
namespace {

constexpr std::int64_t kToTheEnd = std::numeric_limits<std::int64_t>::max();

// The entry of a reshape that gives this symbolic extent: an axis that is kept, or a run of axes
// that are merged. Shape arithmetic that only copies extents disappears so.
std::optional<ReshapeEntry> entry_for(const Dim& d, const DimVector& shape, int position) {
  const int rank = static_cast<int>(shape.size());
  auto extent = [&](int i) -> const Dim& { return shape[static_cast<std::size_t>(i)]; };
  if (position < rank && extent(position) == d) return ReshapeEntry::keep(position);
  for (int i = 0; i < rank; ++i)
    if (extent(i) == d) return ReshapeEntry::keep(i);
  for (int first = 0; first < rank; ++first) {
    Dim product = extent(first);
    for (int last = first + 1; last < rank; ++last) {
      product = product * extent(last);
      if (product == d) return ReshapeEntry::merge(first, last);
    }
  }
  return std::nullopt;
}

// One number of a Reshape's shape.
Result<ReshapeEntry> reshape_entry(Lowering& l, Extent e, int position, bool zero_copies) {
  const gossamer::Type& x = l.type(0);
  if (!e.is_literal()) {
    ReshapeEntry entry = ReshapeEntry::of(e);
    entry.zero_copies = zero_copies;
    entry.first = static_cast<std::int16_t>(position);
    return entry;
  }
  if (e.value == -1) return ReshapeEntry::infer();
  if (e.value < 0) return l.wrong("an extent of " + std::to_string(e.value));
  if (e.value > 0 || !zero_copies) return ReshapeEntry::of(e);
  if (x.ranked() && position >= x.rank())
    return l.wrong("extent 0 at position " + std::to_string(position) + " has no axis to copy");
  return ReshapeEntry::keep(position);
}

// Merged axes, or 1 when there are none.
ReshapeEntry merged(int first, int end) {
  if (first == end) return ReshapeEntry::of(1);
  return first + 1 == end ? ReshapeEntry::keep(first) : ReshapeEntry::merge(first, end - 1);
}

// The axes that Squeeze, Unsqueeze and their kin name: an attribute below `input_since`, then input
// 1. Nothing when left out.
Result<std::optional<std::vector<std::int64_t>>> named_axes(Lowering& l, std::int64_t input_since) {
  if (l.version() < input_since) return l.maybe_ints("axes");
  if (!l.has_input(1)) return std::optional<std::vector<std::int64_t>>();
  ASSIGN(std::vector<std::int64_t> axes, l.structure_ints(1));
  return std::optional(std::move(axes));
}

bool covers(const Dim& n, const Extent& start, const Extent& end) {
  if (start != Extent(0) || !end.is_literal()) return false;
  return end.value == kToTheEnd || (n.is_constant() && *n.constant() <= end.value);
}

}  // namespace

Status lower_transpose(Lowering& l) {
  ASSIGN(auto perm, l.maybe_ints("perm"));
  std::vector<int> axes;
  if (perm) {
    const int rank = l.type(0).ranked()
                         ? l.type(0).rank()
                         : static_cast<int>(std::min<std::size_t>(perm->size(), kMaxRank));
    ASSIGN(axes, l.axes(*perm, rank));
    if (static_cast<int>(axes.size()) != rank)
      return l.wrong("attribute 'perm' names " + std::to_string(axes.size()) + " axes of " +
                     std::to_string(rank));
  } else {
    ASSIGN(int rank, l.rank(0));
    for (int i = rank; i-- > 0;) axes.push_back(i);
  }
  return l.output(l.b().transpose(l.input(0), std::move(axes)));
}

Status lower_reshape(Lowering& l) {
  std::vector<ValueId> args;
  std::vector<Extent> extents;
  std::optional<DimVector> contents;
  if (l.version() < 5) {
    ASSIGN(std::vector<std::int64_t> shape, l.required_ints("shape"));
    extents.assign(shape.begin(), shape.end());
  } else {
    if (!l.has_input(1)) return l.wrong("the shape is left out");
    ASSIGN(extents, l.extents(1, args));
    contents = l.b().contents(l.input(1));
  }
  ASSIGN(std::int64_t allow_zero, l.int_or("allowzero", 0));
  const auto holds = [&](std::int64_t v) {
    return std::find(extents.begin(), extents.end(), Extent(v)) != extents.end();
  };
  if (allow_zero != 0 && holds(0) && holds(-1))
    return l.wrong("the shape has both 0 and -1 though 'allowzero' is set");
  std::vector<ReshapeEntry> dims;
  bool by_operand = false;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const int position = static_cast<int>(i);
    std::optional<ReshapeEntry> entry;
    if (!extents[i].is_literal() && contents && l.type(0).ranked())
      entry = entry_for((*contents)[i], *l.type(0).shape, position);
    if (!entry) {
      ASSIGN(entry, reshape_entry(l, extents[i], position, allow_zero == 0));
      by_operand = by_operand || !extents[i].is_literal();
    }
    dims.push_back(*entry);
  }
  if (!by_operand) return l.output(l.b().reshape(l.input(0), std::move(dims)));
  return l.output(l.b().copy(l.input(0), {ReshapeStep{std::move(dims)}}, std::move(args)));
}

Status lower_flatten(Lowering& l) {
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::int64_t at, l.int_or("axis", 1));
  if (at < 0) at += rank;
  if (at < 0 || at > rank) return l.wrong("attribute 'axis' is out of range");
  const int axis = static_cast<int>(at);
  return l.output(
      l.b().reshape(l.input(0), std::vector<ReshapeEntry>{merged(0, axis), merged(axis, rank)}));
}

Status lower_squeeze(Lowering& l) {
  ASSIGN(int rank, l.rank(0));
  ASSIGN(auto named, named_axes(l, 13));
  std::vector<int> axes;
  if (named) {
    ASSIGN(axes, l.axes(*named, rank));
  } else {
    for (int i = 0; i < rank; ++i) {
      // Which axes go is structure: an extent that is not known may follow from a bound input.
      ASSIGN(const ValueId extent, l.b().dim_of(l.input(0), i));
      ASSIGN(const Tensor known, l.structure_of(extent));
      if (known.values<std::int64_t>()[0] == 1) axes.push_back(i);
    }
  }
  return l.output(l.b().squeeze(l.input(0), std::move(axes)));
}

Status lower_unsqueeze(Lowering& l) {
  ASSIGN(int rank, l.rank(0));
  ASSIGN(auto named, named_axes(l, 13));
  if (!named) return l.wrong("the axes are left out");
  if (named->size() > kMaxRank) return l.wrong("too many axes");
  ASSIGN(std::vector<int> axes, l.axes(*named, rank + static_cast<int>(named->size())));
  return l.output(l.b().unsqueeze(l.input(0), std::move(axes)));
}

Status lower_slice(Lowering& l) {
  std::vector<ValueId> args;
  std::vector<Extent> starts, ends;
  std::optional<std::vector<std::int64_t>> named;
  std::vector<std::int64_t> steps;
  if (l.version() < 10) {
    ASSIGN(std::vector<std::int64_t> s, l.required_ints("starts"));
    ASSIGN(std::vector<std::int64_t> e, l.required_ints("ends"));
    starts.assign(s.begin(), s.end());
    ends.assign(e.begin(), e.end());
    ASSIGN(named, l.maybe_ints("axes"));
  } else {
    if (!l.has_input(1) || !l.has_input(2)) return l.wrong("starts or ends are left out");
    ASSIGN(starts, l.extents(1, args));
    ASSIGN(ends, l.extents(2, args));
    if (l.has_input(3)) {
      ASSIGN(named, l.structure_ints(3));
    }
    if (l.has_input(4)) {
      ASSIGN(steps, l.structure_ints(4));
    }
  }
  if (!named) {
    named.emplace();
    for (std::size_t i = 0; i < starts.size(); ++i) named->push_back(static_cast<std::int64_t>(i));
  }
  if (steps.empty()) steps.assign(starts.size(), 1);
  if (starts.size() != ends.size() || starts.size() != named->size() ||
      starts.size() != steps.size())
    return l.wrong("starts, ends, axes and steps differ in length");
  ASSIGN(int rank, l.rank(0));
  ASSIGN(std::vector<int> axes, l.axes(*named, rank));
  StepList list;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (steps[i] == 0) return l.wrong("a step is 0");
    if (steps[i] == 1 && covers(l.type(0).dim(axes[i]), starts[i], ends[i])) continue;
    list.push_back(SliceStep{axes[i], starts[i], ends[i], steps[i]});
  }
  return l.output(l.b().copy(l.input(0), std::move(list), std::move(args)));
}

namespace {

Result<PadMode> pad_mode(Lowering& l) {
  ASSIGN(std::string name, l.string_or("mode", "constant"));
  if (name == "constant") return PadMode::constant;
  if (name == "edge") return PadMode::edge;
  if (name == "reflect") return PadMode::reflect;
  if (name == "wrap" && l.version() >= 19) return PadMode::wrap;
  return l.wrong("attribute 'mode' is '" + name + "'");
}

// The scalar to pad with, or kNoValue for zero.
Result<ValueId> pad_value(Lowering& l) {
  if (l.version() >= 11) {
    if (!l.has_input(2)) return kNoValue;
    if (l.dtype(2) != l.dtype(0)) return l.wrong("the value and the data differ in element type");
    return l.input(2);
  }
  ASSIGN(float value, l.float_or("value", 0));
  if (value == 0) return kNoValue;
  return l.b().cast(l.b().constant(Tensor::scalar(value)), l.dtype(0));
}

}  // namespace

Status lower_pad(Lowering& l) {
  ASSIGN(int rank, l.rank(0));
  ASSIGN(PadMode mode, pad_mode(l));
  std::vector<ValueId> args;
  std::vector<Extent> pads;
  std::vector<int> axes;
  if (l.version() < 11) {
    ASSIGN(std::vector<std::int64_t> p, l.required_ints(l.version() < 2 ? "paddings" : "pads"));
    pads.assign(p.begin(), p.end());
  } else {
    if (!l.has_input(1)) return l.wrong("the pads are left out");
    ASSIGN(pads, l.extents(1, args));
  }
  if (l.has_input(3)) {
    ASSIGN(std::vector<std::int64_t> named, l.structure_ints(3));
    ASSIGN(axes, l.axes(named, rank));
  } else {
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  }
  if (pads.size() != 2 * axes.size())
    return l.wrong(std::to_string(pads.size()) + " pads for " + std::to_string(axes.size()) +
                   " axes");
  PadStep step;
  step.mode = mode;
  if (mode == PadMode::constant) {
    ASSIGN(ValueId value, pad_value(l));
    if (value != kNoValue) {
      args.push_back(value);
      step.value_operand = static_cast<std::int16_t>(args.size());
    }
  }
  StepList list;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    step.axis = axes[i];
    step.before = pads[i];
    step.after = pads[i + axes.size()];
    if (step.before != Extent(0) || step.after != Extent(0)) list.push_back(step);
  }
  return l.output(l.b().copy(l.input(0), std::move(list), std::move(args)));
}

Status lower_expand(Lowering& l) {
  ValueId shape = l.input(1);
  if (std::optional<std::vector<std::int64_t>> known = l.known_ints(1)) {
    shape = l.b().constant_ints(*known);
  } else {
    TRY(l.vector_length(1).status());
    ASSIGN(shape, l.b().cast(shape, DType::i64));
  }
  return l.output(l.b().expand(l.input(0), shape));
}

namespace {

// Tile of opset 1: one axis, both scalars of the data's type.
Status lower_tile_1(Lowering& l) {
  if (!l.has_input(2)) return l.wrong("the axis is left out");
  ASSIGN(int rank, l.rank(0));
  ASSIGN(Tensor tiles, l.structure(1));
  ASSIGN(Tensor at, l.structure(2));
  ASSIGN(std::vector<double> times, to_doubles(tiles));
  ASSIGN(std::vector<double> where, to_doubles(at));
  if (times.size() != 1 || where.size() != 1 || !(times[0] >= 0 && times[0] < 1e15) ||
      !(where[0] >= -kMaxRank && where[0] < kMaxRank))
    return l.wrong("tiles and axis must be one number each");
  ASSIGN(int axis, l.axis(static_cast<std::int64_t>(where[0]), rank));
  RepeatStep step;
  step.axis = axis;
  step.times = static_cast<std::int64_t>(times[0]);
  return l.output(l.b().copy(l.input(0), {step}));
}

}  // namespace

Status lower_tile(Lowering& l) {
  if (l.version() < 6) return lower_tile_1(l);
  ASSIGN(int rank, l.rank(0));
  std::vector<ValueId> args;
  ASSIGN(std::vector<Extent> times, l.extents(1, args));
  if (static_cast<int>(times.size()) != rank)
    return l.wrong(std::to_string(times.size()) + " repeats for " + std::to_string(rank) + " axes");
  StepList list;
  for (int i = 0; i < rank; ++i) {
    RepeatStep step;
    step.axis = i;
    step.times = times[static_cast<std::size_t>(i)];
    if (step.times != Extent(1)) list.push_back(step);
  }
  return l.output(l.b().copy(l.input(0), std::move(list), std::move(args)));
}

namespace {

struct Blocks {
  std::int64_t size = 1;
  bool depth_first = true;  // DCR: the block's digits before the depth; else CRD: after it
};

Result<Blocks> blocks_of(Lowering& l) {
  Blocks out;
  ASSIGN(out.size, l.required_int("blocksize"));
  if (out.size < 1 || out.size > 1 << 20) return l.wrong("attribute 'blocksize' is out of range");
  ASSIGN(std::string mode, l.string_or("mode", "DCR"));
  if (mode != "DCR" && mode != "CRD") return l.wrong("attribute 'mode' is '" + mode + "'");
  out.depth_first = mode == "DCR";
  ASSIGN(int rank, l.rank(0));
  if (rank != 4) return l.wrong("the input must have rank 4, not " + std::to_string(rank));
  return out;
}

// d / by as an entry: a number where d is one, else inferred.
Result<ReshapeEntry> quotient(Lowering& l, const Dim& d, std::int64_t by) {
  if (!d.is_constant()) return ReshapeEntry::infer();
  if (*d.constant() % by != 0)
    return l.wrong("an extent of " + d.to_string() + " does not divide by " + std::to_string(by));
  return ReshapeEntry::of(*d.constant() / by);
}

}  // namespace

Status lower_depth_to_space(Lowering& l) {
  ASSIGN(Blocks b, blocks_of(l));
  using E = ReshapeEntry;
  ASSIGN(E depth, quotient(l, l.type(0).dim(1), b.size * b.size));
  const E block = E::of(b.size);
  StepList steps;
  if (b.depth_first) {
    steps.push_back(ReshapeStep{{E::keep(0), block, block, depth, E::keep(2), E::keep(3)}});
    steps.push_back(PermuteStep{{0, 3, 4, 1, 5, 2}});
  } else {
    steps.push_back(ReshapeStep{{E::keep(0), depth, block, block, E::keep(2), E::keep(3)}});
    steps.push_back(PermuteStep{{0, 1, 4, 2, 5, 3}});
  }
  steps.push_back(ReshapeStep{{E::keep(0), E::keep(1), E::merge(2, 3), E::merge(4, 5)}});
  return l.output(l.b().copy(l.input(0), std::move(steps)));
}

Status lower_space_to_depth(Lowering& l) {
  ASSIGN(Blocks b, blocks_of(l));
  using E = ReshapeEntry;
  ASSIGN(E height, quotient(l, l.type(0).dim(2), b.size));
  ASSIGN(E width, quotient(l, l.type(0).dim(3), b.size));
  const E block = E::of(b.size);
  StepList steps;
  if (height.kind == E::Kind::infer && width.kind == E::Kind::infer) {
    // One extent can be inferred at a time.
    steps.push_back(ReshapeStep{{E::keep(0), E::keep(1), height, block, E::keep(3)}});
    steps.push_back(ReshapeStep{{E::keep(0), E::keep(1), E::keep(2), E::keep(3), width, block}});
  } else {
    steps.push_back(ReshapeStep{{E::keep(0), E::keep(1), height, block, width, block}});
  }
  steps.push_back(PermuteStep{b.depth_first ? std::vector<int>{0, 3, 5, 1, 2, 4}
                                            : std::vector<int>{0, 1, 3, 5, 2, 4}});
  steps.push_back(ReshapeStep{{E::keep(0), E::merge(1, 3), E::keep(4), E::keep(5)}});
  return l.output(l.b().copy(l.input(0), std::move(steps)));
}

Status lower_center_crop_pad(Lowering& l) {
  ASSIGN(int rank, l.rank(0));
  ASSIGN(auto named, l.maybe_ints("axes"));
  std::vector<int> axes;
  if (named) {
    ASSIGN(axes, l.axes(*named, rank));
  } else {
    for (int i = 0; i < rank; ++i) axes.push_back(i);
  }
  ASSIGN(std::int64_t length, l.vector_length(1));
  if (length != static_cast<std::int64_t>(axes.size()))
    return l.wrong("the shape has " + std::to_string(length) + " numbers for " +
                   std::to_string(axes.size()) + " axes");
  if (axes.empty()) return l.output(l.input(0));
  std::vector<ValueId> extents;
  for (int axis : axes) {
    ASSIGN(ValueId d, l.b().dim_of(l.input(0), axis));
    extents.push_back(d);
  }
  ASSIGN(ValueId have, l.b().concat(std::move(extents), 0));
  ASSIGN(ValueId want, l.b().cast(l.input(1), DType::i64));
  // Half of what is missing goes in front, rounded towards zero whether it is added or cut off.
  ASSIGN(ValueId missing, l.b().binary(PointwiseOp::sub, want, have));
  ASSIGN(ValueId before,
         l.b().pointwise({missing}, [](ExpressionBuilder& e, std::span<const Ref> in) {
           return e.div(in[0], e.integer(DType::i64, 2));
         }));
  ASSIGN(ValueId after, l.b().binary(PointwiseOp::sub, missing, before));
  std::vector<ValueId> args;
  ASSIGN(std::vector<Extent> front, l.extents_of(before, args));
  ASSIGN(std::vector<Extent> back, l.extents_of(after, args));
  StepList list;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (front[i] == Extent(0) && back[i] == Extent(0)) continue;
    PadStep step;
    step.axis = axes[i];
    step.before = front[i];
    step.after = back[i];
    list.push_back(step);
  }
  return l.output(l.b().copy(l.input(0), std::move(list), std::move(args)));
}

Status lower_concat(Lowering& l) {
  std::int64_t at = 1;
  if (l.version() < 4) {
    ASSIGN(at, l.int_or("axis", 1));
  } else {
    ASSIGN(at, l.required_int("axis"));
  }
  std::vector<ValueId> parts;
  for (std::size_t i = 0; i < l.input_count(); ++i) {
    if (!l.has_input(i)) return l.wrong("input " + std::to_string(i) + " is left out");
    parts.push_back(l.input(i));
  }
  ASSIGN(int rank, l.rank(0));
  ASSIGN(int axis, l.axis(at, rank));
  if (parts.size() > 250) {  // a node has at most 255 operands
    std::vector<ValueId> joined;
    for (std::size_t i = 0; i < parts.size(); i += 250) {
      const auto end = std::min(parts.size(), i + 250);
      ASSIGN(ValueId v, l.b().concat({parts.begin() + static_cast<std::ptrdiff_t>(i),
                                      parts.begin() + static_cast<std::ptrdiff_t>(end)},
                                     axis));
      joined.push_back(v);
    }
    parts = std::move(joined);
  }
  return l.output(l.b().concat(std::move(parts), axis));
}

Status lower_shape(Lowering& l) {
  ShapeAttributes a;
  ASSIGN(a.start, l.int_or("start", 0));
  ASSIGN(a.end, l.int_or("end", kToTheEnd));
  return l.output(l.b().one(kShape, a, {l.input(0)}));
}

}  // namespace gossamer::onnx
