// Copy: each step as its operator of movement; neighbours of one kind become one operator.
#include <algorithm>
#include <numeric>
#include <set>

#include "graph/infer.h"
#include "onnx/raise.h"
#include "primitives/primitives.h"
#include "reference/copy.h"

namespace gossamer::onnx {
namespace {

using Name = Raising::Name;

class CopyRaising {
 public:
  explicit CopyRaising(Raising& r) : r_(r), steps_(r.attributes<CopyAttributes>().steps) {}

  Status run();

 private:
  Status prepare();
  Result<gossamer::Type> after(const Step& step);
  Extent known(Extent e) const;
  Name vector(Extent e);
  Name vector(std::span<const Extent> extents);

  Result<Name> spell(const PermuteStep& s);
  Result<Name> spell(const ReshapeStep& s);
  Result<Name> spell(const SliceStep& s);
  Result<Name> spell(const PadStep& s);
  Result<Name> spell(const ExpandStep& s);
  Result<Name> spell(const RepeatStep& s);
  Result<Name> spell(const WindowStep& s);
  Result<Name> spell(const DiagonalStep& s);
  std::optional<Name> spell_ones(const ReshapeStep& s);
  Name reshape_entry(const ReshapeEntry& e);
  Name window_table(const WindowStep& s);
  Name pad(const std::vector<PadStep>& pads);
  Name insert_zeros(const PadStep& s);
  std::size_t neighbours(std::size_t first) const;

  Raising& r_;
  const StepList& steps_;
  gossamer::Graph scratch_;  // operands alone, for the types between steps
  std::vector<ValueId> operands_;
  int symbols_ = 0;
  Name x_;               // what stands before the step
  gossamer::Type type_;  // its type
  gossamer::Type next_;  // the type after the step
};

Status CopyRaising::prepare() {
  x_ = r_.operand(0);
  type_ = r_.type(0);
  for (std::size_t i = 0; i < r_.operand_count(); ++i) {
    if (!r_.has(i)) {
      operands_.push_back(kNoValue);
      continue;
    }
    const gossamer::ValueInfo& info = r_.graph().value(r_.node().operands[i]);
    const ValueId v = scratch_.add_value(info.name, info.type);
    if (i > 0) {  // what x holds is of its own shape, not of those between steps
      scratch_.value(v).contents = info.contents;
      scratch_.value(v).constant = info.constant;
    }
    operands_.push_back(v);
  }
  return {};
}

Result<gossamer::Type> CopyRaising::after(const Step& step) {
  scratch_.value(operands_[0]).type = type_;
  const CopyAttributes attributes{{step}};
  InferContext c(scratch_, operands_, 1, {},
                 [this] { return Dim::symbol("between." + std::to_string(symbols_++)); });
  TRY(kCopy.infer(&attributes, c));
  return c.result(0);
}

// --- extents ---

// As a number, where the operand is a constant.
Extent CopyRaising::known(Extent e) const {
  const Tensor* constant =
      e.is_literal() ? nullptr : r_.constant_operand(static_cast<std::size_t>(e.operand));
  if (constant == nullptr) return e;
  const auto values = to_int64s(*constant);
  const auto element = static_cast<std::size_t>(e.element);
  return values.ok() && element < values->size() ? Extent((*values)[element]) : e;
}

Name CopyRaising::vector(Extent e) {
  if (e.is_literal()) return r_.ints({e.value});
  const auto operand = static_cast<std::size_t>(e.operand);
  const gossamer::Type& t = r_.type(operand);
  if (t.ranked() && t.rank() == 0) return r_.unsqueeze(r_.operand(operand), {0});
  if (t.ranked() && t.dim(0) == Dim(1)) return r_.operand(operand);
  return r_.emit("Gather", {r_.operand(operand), r_.ints({e.element})});
}

Name CopyRaising::vector(std::span<const Extent> extents) {
  if (std::all_of(extents.begin(), extents.end(), [](Extent e) { return e.is_literal(); })) {
    std::vector<std::int64_t> values;
    for (const Extent& e : extents) values.push_back(e.value);
    return r_.ints(values);
  }
  bool whole = true;  // the operand as it stands
  for (std::size_t i = 0; i < extents.size(); ++i)
    whole = whole && extents[i].operand == extents[0].operand &&
            extents[i].element == static_cast<std::int32_t>(i);
  if (whole) {
    const gossamer::Type& t = r_.type(static_cast<std::size_t>(extents[0].operand));
    if (t.ranked() && t.rank() == 1 && t.dim(0) == Dim(static_cast<std::int64_t>(extents.size())))
      return r_.operand(static_cast<std::size_t>(extents[0].operand));
  }
  Raising::Names pieces;
  for (const Extent& e : extents) pieces.push_back(vector(e));
  return r_.join(pieces);
}

// --- steps ---

Result<Name> CopyRaising::spell(const PermuteStep& s) { return r_.transpose(x_, s.axes); }

// Unsqueeze or Squeeze when axes of extent 1 are all that comes or goes.
std::optional<Name> CopyRaising::spell_ones(const ReshapeStep& s) {
  using Kind = ReshapeEntry::Kind;
  std::vector<std::int64_t> added;
  std::set<int> kept;
  int last = -1;
  for (std::size_t i = 0; i < s.dims.size(); ++i) {
    const ReshapeEntry& e = s.dims[i];
    if (e.kind == Kind::extent && e.extent == Extent(1)) {
      added.push_back(static_cast<std::int64_t>(i));
    } else if (e.kind == Kind::keep && e.first > last) {
      last = e.first;
      kept.insert(e.first);
    } else {
      return std::nullopt;
    }
  }
  std::vector<std::int64_t> dropped;
  for (int d = 0; d < type_.rank(); ++d) {
    if (kept.contains(d)) continue;
    if (!(type_.dim(d) == Dim(1))) return std::nullopt;
    dropped.push_back(d);
  }
  if (!added.empty() && !dropped.empty()) return std::nullopt;
  return added.empty() ? r_.squeeze(x_, dropped) : r_.unsqueeze(x_, added);
}

Name CopyRaising::reshape_entry(const ReshapeEntry& e) {
  using Kind = ReshapeEntry::Kind;
  if (e.kind == Kind::infer) return r_.ints({-1});
  if (e.kind == Kind::extent) return vector(e.extent);
  const int last = e.kind == Kind::keep ? e.first : e.last;
  Name product = r_.extent(x_, type_, e.first);
  for (int d = e.first + 1; d <= last; ++d)
    product = r_.emit("Mul", {product, r_.extent(x_, type_, d)});
  return product;
}

Result<Name> CopyRaising::spell(const ReshapeStep& s) {
  using Kind = ReshapeEntry::Kind;
  if (type_.ranked())
    if (const auto ones = spell_ones(s)) return *ones;
  std::vector<std::int64_t> dims;
  int open = 0;
  bool zero = false;
  for (std::size_t i = 0; next_.ranked() && i < s.dims.size(); ++i) {
    const auto n = next_.dim(static_cast<int>(i)).constant();
    dims.push_back(n.value_or(-1));
    open += n ? 0 : 1;
    zero = zero || n == 0;
  }
  if (next_.ranked() && open == 0) return r_.reshape(x_, dims);
  if (next_.ranked() && open == 1 && !zero) return r_.reshape(x_, dims);
  Raising::Names pieces;
  bool copies = false;  // a 0 that copies the input's extent
  bool by_operand = false;
  for (const ReshapeEntry& e : s.dims) {
    copies = copies || e.zero_copies;
    by_operand = by_operand || (e.kind == Kind::extent && !e.extent.is_literal());
    if ((e.kind == Kind::keep || e.kind == Kind::merge) && !type_.ranked())
      return r_.refuse("the rank before a reshape is not known");
  }
  for (std::size_t i = 0; i < s.dims.size(); ++i) {
    const auto n = next_.ranked() ? next_.dim(static_cast<int>(i)).constant() : std::nullopt;
    pieces.push_back(n ? r_.ints({*n}) : reshape_entry(s.dims[i]));
  }
  std::vector<Extent> extents;  // one operand as it stands
  extents.reserve(s.dims.size());
  for (const ReshapeEntry& e : s.dims) extents.push_back(e.extent);
  const bool plain = std::all_of(s.dims.begin(), s.dims.end(), [](const ReshapeEntry& e) {
    return e.kind == Kind::extent && !e.extent.is_literal();
  });
  const Name shape = plain ? vector(extents) : r_.join(pieces);
  Raising::Attributes attributes;
  if (!copies && by_operand) {
    r_.needs(14);
    attributes.push_back(attribute("allowzero", std::int64_t{1}));
  }
  return r_.emit("Reshape", {x_, shape}, std::move(attributes));
}

Result<Name> CopyRaising::spell(const SliceStep& s) {
  return r_.emit("Slice",
                 {x_, vector(s.start), vector(s.end), r_.ints({s.axis}), r_.ints({s.stride})});
}

constexpr std::string_view kPadModes[] = {"constant", "edge", "reflect", "wrap"};

// Amounts on distinct axes of one mode and value.
Name CopyRaising::pad(const std::vector<PadStep>& pads) {
  const auto rank = static_cast<std::size_t>(type_.rank());
  std::vector<Extent> amounts(2 * rank, Extent(0));
  for (const PadStep& p : pads) {
    amounts[static_cast<std::size_t>(p.axis)] = p.before;
    amounts[rank + static_cast<std::size_t>(p.axis)] = p.after;
  }
  const PadStep& first = pads[0];
  if (first.mode == PadMode::wrap) r_.needs(19);
  Raising::Names inputs = {x_, vector(amounts)};
  if (first.value_operand >= 0)
    inputs.push_back(r_.operand(static_cast<std::size_t>(first.value_operand)));
  Raising::Attributes attributes;
  if (first.mode != PadMode::constant)
    attributes.push_back(attribute("mode", kPadModes[static_cast<std::size_t>(first.mode)]));
  return r_.emit("Pad", std::move(inputs), std::move(attributes));
}

// `interior` elements after each but the last: on an axis of their own, which is then merged.
Name CopyRaising::insert_zeros(const PadStep& s) {
  const auto rank = static_cast<std::size_t>(type_.rank());
  const auto axis = static_cast<std::size_t>(s.axis);
  Name x = r_.unsqueeze(x_, {s.axis + 1});
  std::vector<std::int64_t> amounts(2 * (rank + 1), 0);
  amounts[rank + 1 + axis + 1] = s.interior;
  Raising::Names inputs = {x, r_.ints(amounts)};
  if (s.value_operand >= 0) inputs.push_back(r_.operand(static_cast<std::size_t>(s.value_operand)));
  x = r_.emit("Pad", inputs);
  Raising::Names dims;
  for (std::size_t d = 0; d < rank; ++d) {
    Name extent = r_.extent(x_, type_, static_cast<int>(d));
    if (d == axis) extent = r_.emit("Mul", {extent, r_.ints({s.interior + 1})});
    dims.push_back(extent);
  }
  x = r_.emit("Reshape", {x, r_.join(dims)});
  return r_.emit("Slice", {x, r_.ints({0}), r_.ints({-s.interior}), r_.ints({s.axis})});
}

Result<Name> CopyRaising::spell(const PadStep& s) {
  if (!type_.ranked()) return r_.refuse("the rank before a pad is not known");
  if (s.interior == 0) return pad({s});
  if (s.mode != PadMode::constant) return r_.refuse("an interior pad of this mode has no spelling");
  // Crops come first. What an operand says is taken to be no crop.
  const auto crops = [](const Extent& e) { return e.is_literal() && e.value < 0; };
  PadStep crop = s, rest = s;
  rest.before = known(s.before);
  rest.after = known(s.after);
  crop.interior = 0;
  crop.before = crops(rest.before) ? rest.before : Extent(0);
  crop.after = crops(rest.after) ? rest.after : Extent(0);
  if (crops(rest.before)) rest.before = Extent(0);
  if (crops(rest.after)) rest.after = Extent(0);
  if (!(crop.before == Extent(0)) || !(crop.after == Extent(0))) {
    x_ = pad({crop});
    ASSIGN(type_, after(crop));
  }
  x_ = insert_zeros(rest);
  return pad({rest});
}

Result<Name> CopyRaising::spell(const ExpandStep& s) {
  return r_.emit("Expand", {x_, vector(s.dims)});
}

Result<Name> CopyRaising::spell(const RepeatStep& s) {
  if (!type_.ranked()) return r_.refuse("the rank before a repeat is not known");
  const auto rank = static_cast<std::size_t>(type_.rank());
  if (!s.each) {
    std::vector<Extent> times(rank, Extent(1));
    times[static_cast<std::size_t>(s.axis)] = s.times;
    return r_.emit("Tile", {x_, vector(times)});
  }
  std::vector<Extent> times(rank + 1, Extent(1));
  times[static_cast<std::size_t>(s.axis) + 1] = s.times;
  const Name tiled = r_.emit("Tile", {r_.unsqueeze(x_, {s.axis + 1}), vector(times)});
  if (const auto shape = next_.static_shape()) return r_.reshape(tiled, shape->dims());
  Raising::Names dims;
  for (std::size_t d = 0; d < rank; ++d) {
    Name extent = r_.extent(x_, type_, static_cast<int>(d));
    if (static_cast<int>(d) == s.axis) extent = r_.emit("Mul", {extent, vector(s.times)});
    dims.push_back(extent);
  }
  return r_.emit("Reshape", {tiled, r_.join(dims)});
}

// Indices [windows, size] of the elements of each window.
Name CopyRaising::window_table(const WindowStep& s) {
  const std::int64_t reach = (s.size - 1) * s.dilation + 1;
  if (const auto n = next_.dim(s.axis).constant();
      n && *n <= (1 << 20) / std::max<std::int64_t>(s.size, 1)) {
    std::vector<std::int64_t> table;
    for (std::int64_t w = 0; w < *n; ++w)
      for (std::int64_t t = 0; t < s.size; ++t) table.push_back(w * s.stride + t * s.dilation);
    return r_.constant(Tensor::vector(table).reshaped(Shape{*n, s.size}));
  }
  std::vector<std::int64_t> taps;
  taps.reserve(static_cast<std::size_t>(s.size));
  for (std::int64_t t = 0; t < s.size; ++t) taps.push_back(t * s.dilation);
  const Name extent = r_.squeeze(r_.extent(x_, type_, s.axis), {0});
  const Name end = r_.emit("Add", {extent, r_.integer(1 - reach)});
  const Name starts = r_.emit("Range", {r_.integer(0), end, r_.integer(s.stride)});
  return r_.emit("Add", {r_.unsqueeze(starts, {1}), r_.ints(taps)});
}

Result<Name> CopyRaising::spell(const WindowStep& s) {
  if (!type_.ranked() || !next_.ranked()) return r_.refuse("the rank before a window is not known");
  return r_.emit("Gather", {x_, window_table(s)}, {attribute("axis", std::int64_t{s.axis})});
}

Result<Name> CopyRaising::spell(const DiagonalStep& s) {
  if (!type_.ranked() || type_.rank() > 26) return r_.refuse("the rank before a diagonal");
  std::string in, out;
  for (int d = 0; d < type_.rank(); ++d) {
    const char letter = static_cast<char>('a' + (d == s.b ? s.a : d));
    in += letter;
    if (d != s.b) out += letter;
  }
  const bool boolean = type_.dtype == DType::boolean;  // Einsum takes numbers only
  const Name x = boolean ? r_.cast(x_, DType::boolean, DType::i32) : x_;
  const Name y = r_.emit("Einsum", {x}, {attribute("equation", in + "->" + out)});
  return boolean ? r_.cast(y, DType::i32, DType::boolean) : y;
}

// How many steps from `first` on pad distinct axes with one mode and value.
std::size_t CopyRaising::neighbours(std::size_t first) const {
  const auto* pads = std::get_if<PadStep>(&steps_[first]);
  if (pads == nullptr || pads->interior != 0) return 1;
  std::set<int> axes = {pads->axis};
  std::size_t end = first + 1;
  for (; end < steps_.size(); ++end) {
    const auto* p = std::get_if<PadStep>(&steps_[end]);
    if (p == nullptr || p->mode != pads->mode || p->interior != 0 ||
        p->value_operand != pads->value_operand || !axes.insert(p->axis).second)
      break;
  }
  return end - first;
}

Status CopyRaising::run() {
  TRY(prepare());
  for (std::size_t i = 0; i < steps_.size();) {
    const std::size_t count = neighbours(i);
    if (count > 1 && type_.ranked()) {
      std::vector<PadStep> pads;
      for (std::size_t k = i; k < i + count; ++k) pads.push_back(std::get<PadStep>(steps_[k]));
      x_ = pad(pads);
      for (std::size_t k = i; k < i + count; ++k) {
        ASSIGN(type_, after(steps_[k]));
      }
      i += count;
      continue;
    }
    ASSIGN(next_, after(steps_[i]));
    ASSIGN(x_, std::visit([&](const auto& s) { return spell(s); }, steps_[i]));
    type_ = next_;
    ++i;
  }
  r_.result(0, x_);
  return {};
}

}  // namespace

Status raise_copy(Raising& r) { return CopyRaising(r).run(); }

}  // namespace gossamer::onnx
