// The text form of a Copy's steps: "reshape 1 128 12 64 | permute 0 2 1 3". Extents are numbers or
// `@k[i]`, element i of operand k; docs of each step stand in copy.h.
#include <charconv>

#include "reference/copy.h"

namespace gossamer {
namespace {

constexpr std::string_view kPadModes[] = {"constant", "edge", "reflect", "wrap"};
constexpr std::size_t kMaxSteps = 4096;

std::string text(const Extent& e) {
  if (e.is_literal()) return std::to_string(e.value);
  return "@" + std::to_string(e.operand) + "[" + std::to_string(e.element) + "]";
}

std::string text(const ReshapeEntry& e) {
  switch (e.kind) {
    case ReshapeEntry::Kind::extent:
      return text(e.extent) + (e.zero_copies ? "?=" + std::to_string(e.first) : "");
    case ReshapeEntry::Kind::keep:
      return "=" + std::to_string(e.first);
    case ReshapeEntry::Kind::merge:
      return std::to_string(e.first) + "*" + std::to_string(e.last);
    case ReshapeEntry::Kind::infer:
      break;
  }
  return "*";
}

template <class T>
std::string joined(std::string_view name, const std::vector<T>& items) {
  std::string out(name);
  for (const T& item : items) {
    if constexpr (std::is_same_v<T, int>)
      out += " " + std::to_string(item);
    else
      out += " " + text(item);
  }
  return out;
}

std::string print(const PermuteStep& s) { return joined("permute", s.axes); }
std::string print(const ReshapeStep& s) { return joined("reshape", s.dims); }
std::string print(const ExpandStep& s) { return joined("expand", s.dims); }
std::string print(const SliceStep& s) {
  std::string out = "slice " + std::to_string(s.axis) + " " + text(s.start) + ":" + text(s.end);
  if (s.stride != 1) out += ":" + std::to_string(s.stride);
  return out;
}
std::string print(const PadStep& s) {
  std::string out = "pad " + std::to_string(s.axis) + " " + text(s.before) + " " + text(s.after);
  if (s.interior != 0) out += " interior " + std::to_string(s.interior);
  if (s.mode != PadMode::constant)
    out += " " + std::string(kPadModes[static_cast<std::size_t>(s.mode)]);
  if (s.value_operand >= 0) out += " @" + std::to_string(s.value_operand);
  return out;
}
std::string print(const RepeatStep& s) {
  return "repeat " + std::to_string(s.axis) + " " + text(s.times) + (s.each ? " each" : " tile");
}
std::string print(const WindowStep& s) {
  return "window " + std::to_string(s.axis) + " " + std::to_string(s.size) + " " +
         std::to_string(s.stride) + " " + std::to_string(s.dilation);
}
std::string print(const DiagonalStep& s) {
  return "diagonal " + std::to_string(s.a) + " " + std::to_string(s.b);
}

// Splits at a separator, trimmed, empty parts dropped.
std::vector<std::string_view> split(std::string_view s, std::string_view separators) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t begin = s.find_first_not_of(separators);
    if (begin == s.npos) return out;
    s.remove_prefix(begin);
    const std::size_t end = std::min(s.find_first_of(separators), s.size());
    out.push_back(s.substr(0, end));
    s.remove_prefix(end);
  }
}

template <class T>
Result<T> integer(std::string_view s) {
  T value = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
  if (error != std::errc{} || end != s.data() + s.size())
    return malformed("expected an integer, not '" + std::string(s) + "'");
  return value;
}

Result<int> axis(std::string_view s) {
  ASSIGN(int value, integer<int>(s));
  if (value < 0 || value >= kMaxRank) return malformed("no axis " + std::string(s));
  return value;
}

Result<std::int16_t> operand(std::string_view s) {
  ASSIGN(std::int16_t value, integer<std::int16_t>(s));
  if (value < 1) return malformed("operands that steps refer to start at @1");
  return value;
}

Result<Extent> extent(std::string_view s) {
  if (!s.starts_with('@')) {
    ASSIGN(std::int64_t value, integer<std::int64_t>(s));
    return Extent(value);
  }
  const std::size_t open = s.find('[');
  if (open == s.npos || !s.ends_with(']'))
    return malformed("expected @k[i], not '" + std::string(s) + "'");
  ASSIGN(std::int16_t k, operand(s.substr(1, open - 1)));
  ASSIGN(std::int32_t i, integer<std::int32_t>(s.substr(open + 1, s.size() - open - 2)));
  if (i < 0) return malformed("negative element in '" + std::string(s) + "'");
  return Extent::from_operand(k, i);
}

Result<ReshapeEntry> entry(std::string_view s) {
  if (s == "*") return ReshapeEntry::infer();
  if (s.starts_with('=')) {
    ASSIGN(int a, axis(s.substr(1)));
    return ReshapeEntry::keep(a);
  }
  if (const std::size_t star = s.find('*'); star != s.npos) {
    ASSIGN(int first, axis(s.substr(0, star)));
    ASSIGN(int last, axis(s.substr(star + 1)));
    return ReshapeEntry::merge(first, last);
  }
  const std::size_t mark = std::min(s.find("?="), s.size());
  ASSIGN(Extent e, extent(s.substr(0, mark)));
  ReshapeEntry out = ReshapeEntry::of(e);
  if (mark < s.size()) {
    ASSIGN(int a, axis(s.substr(mark + 2)));
    out.first = static_cast<std::int16_t>(a);
    out.zero_copies = true;
  }
  return out;
}

using Words = std::vector<std::string_view>;

Status expect_words(const Words& w, std::size_t least, std::size_t most) {
  if (w.size() - 1 < least || w.size() - 1 > most)
    return malformed("wrong number of arguments to '" + std::string(w[0]) + "'");
  return {};
}

Result<Step> parse_slice(const Words& w) {
  TRY(expect_words(w, 2, 2));
  SliceStep s;
  ASSIGN(s.axis, axis(w[1]));
  const Words parts = split(w[2], ":");
  if (parts.size() < 2 || parts.size() > 3)
    return malformed("expected start:end or start:end:stride");
  ASSIGN(s.start, extent(parts[0]));
  ASSIGN(s.end, extent(parts[1]));
  if (parts.size() == 3) {
    ASSIGN(s.stride, integer<std::int64_t>(parts[2]));
  }
  return Step(s);
}

Result<Step> parse_pad(const Words& w) {
  TRY(expect_words(w, 3, 7));
  PadStep s;
  ASSIGN(s.axis, axis(w[1]));
  ASSIGN(s.before, extent(w[2]));
  ASSIGN(s.after, extent(w[3]));
  for (std::size_t i = 4; i < w.size(); ++i) {
    if (w[i] == "interior" && i + 1 < w.size()) {
      ASSIGN(s.interior, integer<std::int64_t>(w[++i]));
    } else if (w[i].starts_with('@')) {
      ASSIGN(s.value_operand, operand(w[i].substr(1)));
    } else {
      ASSIGN(std::size_t mode, word_index({Word{std::string(w[i])}}, kPadModes));
      s.mode = static_cast<PadMode>(mode);
    }
  }
  return Step(s);
}

Result<Step> parse_repeat(const Words& w) {
  TRY(expect_words(w, 3, 3));
  RepeatStep s;
  ASSIGN(s.axis, axis(w[1]));
  ASSIGN(s.times, extent(w[2]));
  if (w[3] != "each" && w[3] != "tile") return malformed("expected 'tile' or 'each'");
  s.each = w[3] == "each";
  return Step(s);
}

Result<Step> parse_window(const Words& w) {
  TRY(expect_words(w, 4, 4));
  WindowStep s;
  ASSIGN(s.axis, axis(w[1]));
  ASSIGN(s.size, integer<std::int64_t>(w[2]));
  ASSIGN(s.stride, integer<std::int64_t>(w[3]));
  ASSIGN(s.dilation, integer<std::int64_t>(w[4]));
  return Step(s);
}

// Steps that are a list of one kind of item: the rest of the words, parsed by `one`.
template <class S, class T>
Result<Step> parse_list(const Words& w, std::vector<T> S::* list,
                        Result<T> (*one)(std::string_view)) {
  S s;
  TRY(expect_words(w, 0, kMaxRank));
  for (std::size_t i = 1; i < w.size(); ++i) {
    ASSIGN(T item, one(w[i]));
    (s.*list).push_back(std::move(item));
  }
  return Step(std::move(s));
}

Result<Step> parse_step(const Words& w) {
  if (w[0] == "permute") return parse_list(w, &PermuteStep::axes, axis);
  if (w[0] == "reshape") return parse_list(w, &ReshapeStep::dims, entry);
  if (w[0] == "expand") return parse_list(w, &ExpandStep::dims, extent);
  if (w[0] == "slice") return parse_slice(w);
  if (w[0] == "pad") return parse_pad(w);
  if (w[0] == "repeat") return parse_repeat(w);
  if (w[0] == "window") return parse_window(w);
  if (w[0] == "diagonal") {
    TRY(expect_words(w, 2, 2));
    DiagonalStep s;
    ASSIGN(s.a, axis(w[1]));
    ASSIGN(s.b, axis(w[2]));
    return Step(s);
  }
  return malformed("no step is called '" + std::string(w[0]) + "'");
}

}  // namespace

std::string to_text(const StepList& steps) {
  std::string out;
  for (const Step& s : steps) {
    if (!out.empty()) out += " | ";
    out += std::visit([](const auto& x) { return print(x); }, s);
  }
  return out;
}

Result<StepList> parse_steps(std::string_view text) {
  StepList out;
  for (std::string_view part : split(text, "|")) {
    const Words words = split(part, " \t\r\n");
    if (words.empty()) continue;
    if (out.size() == kMaxSteps) return limit_error("too many steps");
    ASSIGN(Step s, parse_step(words));
    out.push_back(std::move(s));
  }
  return out;
}

AttributeValue to_attribute(const StepList& steps) { return {Block{to_text(steps)}}; }

Result<StepList> from_attribute(const AttributeValue& v, std::type_identity<StepList>) {
  const auto* block = std::get_if<Block>(&v.value);
  if (!block) return malformed("expected steps in braces");
  return parse_steps(block->text);
}

}  // namespace gossamer
