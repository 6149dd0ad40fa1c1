// The text form of a Pointwise program, printed and parsed:
//   (f32, i64) a = add x0 0.5:f32; b = cast<i64> a; y0 = mul b x1; y1 = x1
// The dtypes of the operands x0.. come first. A constant carries its dtype; bits that no number
// spells are `#hex:dtype`.
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "reference/pointwise.h"

namespace gossamer {
namespace {

constexpr std::string_view kRoundings[] = {"nearest", "up", "down"};

// --- printing ---

bool is_integral(DType d) { return is_integer(d) || d == DType::boolean; }

std::string constant_text(const Scalar& s) {
  const std::string suffix = ":" + std::string(dtype_name(s.dtype));
  char buffer[64];
  if (is_integral(s.dtype)) {
    const Instruction widen{.op = PointwiseOp::cast, .dtype = DType::i64};
    const auto v = static_cast<std::int64_t>(reference::apply(widen, std::span(&s, 1)).bits);
    if (make_scalar(s.dtype, v) == s) return std::to_string(v) + suffix;
  } else {
    const Instruction widen{.op = PointwiseOp::cast, .dtype = DType::f64};
    const auto v = std::bit_cast<double>(reference::apply(widen, std::span(&s, 1)).bits);
    if (std::isfinite(v) && make_scalar(s.dtype, v) == s) {
      // f32 in its own shortest digits, which read back through double.
      const auto narrow = static_cast<float>(v);
      const auto end = s.dtype == DType::f32 ? std::to_chars(buffer, buffer + 64, narrow).ptr
                                             : std::to_chars(buffer, buffer + 64, v).ptr;
      std::string text(buffer, end);
      double back = 0;
      std::from_chars(buffer, end, back);
      if (!(make_scalar(s.dtype, back) == s))
        text.assign(buffer, std::to_chars(buffer, buffer + 64, v).ptr);
      return text + suffix;
    }
    if (std::isinf(v) && make_scalar(s.dtype, v) == s) return (v < 0 ? "-inf" : "inf") + suffix;
    if (make_scalar(s.dtype, std::numeric_limits<double>::quiet_NaN()) == s) return "nan" + suffix;
  }
  return "#" + std::string(buffer, std::to_chars(buffer, buffer + 64, s.bits, 16).ptr) + suffix;
}

std::string local_name(std::size_t i) {
  return i < 23 ? std::string(1, static_cast<char>('a' + i)) : "t" + std::to_string(i);
}

// What stands in <> behind the op's name.
std::string parameters(const Instruction& in) {
  using enum PointwiseOp;
  const std::string dtype(dtype_name(in.dtype));
  const std::string wrap = in.saturate ? "" : ",wrap";
  switch (in.op) {
    case cast: {
      const bool rounds = in.rounding != CastRounding::up;
      return "<" + dtype + wrap +
             (rounds ? "," + std::string(kRoundings[static_cast<std::size_t>(in.rounding)]) : "") +
             ">";
    }
    case quantize:
      return "<" + dtype + wrap +
             (in.precision == DType::f32 ? "" : "," + std::string(dtype_name(in.precision))) + ">";
    case bits:
    case dequantize:
      return "<" + dtype + ">";
    case index:
    case extent:
      return "<" + std::to_string(in.axis) + ">";
    default:
      return {};
  }
}

// --- parsing ---

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<PointwiseProgram> parse() {
    TRY(expect('('));
    while (!accept(')')) {
      if (!program_.inputs.empty()) TRY(expect(','));
      ASSIGN(DType d, dtype(word()));
      program_.inputs.push_back(d);
    }
    do {
      TRY(statement());
    } while (accept(';'));
    skip();
    if (at_ != text_.size()) return wrong("unexpected '" + std::string(text_.substr(at_, 8)) + "'");
    for (std::size_t i = 0; i < results_.size(); ++i) {
      auto found = results_.find(static_cast<int>(i));
      if (found == results_.end()) return wrong("result y" + std::to_string(i) + " is missing");
      program_.results.push_back(found->second);
    }
    TRY(validate(program_));
    return std::move(program_);
  }

 private:
  Status wrong(std::string what) const {
    return malformed("program: " + std::move(what) + " at character " + std::to_string(at_));
  }
  void skip() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool accept(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Status expect(char c) {
    return accept(c) ? Status() : wrong("expected '" + std::string(1, c) + "'");
  }
  std::string_view word() {
    skip();
    const std::size_t start = at_;
    auto belongs = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '-' ||
             c == '+' || c == '#' || c == ':';
    };
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  Result<DType> dtype(std::string_view name) const {
    if (std::optional<DType> d = dtype_from_name(name)) return *d;
    return wrong("no element type '" + std::string(name) + "'");
  }
  static std::optional<int> number(std::string_view digits) {
    int v = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
    if (error != std::errc() || end != digits.data() + digits.size() || v < 0 || v > 32767)
      return std::nullopt;
    return v;
  }

  Status statement() {
    const std::string name(word());
    if (name.empty()) return wrong("expected a name");
    TRY(expect('='));
    const std::string_view first = word();
    Ref value;
    if (std::optional<PointwiseOp> op = find_op(first)) {
      if (program_.instructions.size() >= kMaxInstructions) return wrong("too many instructions");
      ASSIGN(Instruction in, instruction(*op));
      program_.instructions.push_back(in);
      value = {Ref::Kind::result, static_cast<std::int16_t>(program_.instructions.size() - 1)};
    } else {
      ASSIGN(value, operand(first));
    }
    if (!names_.emplace(name, value).second) return wrong("'" + name + "' is set twice");
    if (name[0] == 'y')
      if (std::optional<int> i = number(std::string_view(name).substr(1))) results_[*i] = value;
    return {};
  }

  static std::optional<PointwiseOp> find_op(std::string_view name) {
    constexpr int kCount = static_cast<int>(PointwiseOp::extent) + 1;
    for (int i = 0; i < kCount; ++i)
      if (pointwise_op_name(static_cast<PointwiseOp>(i)) == name)
        return static_cast<PointwiseOp>(i);
    return std::nullopt;
  }

  Result<Instruction> instruction(PointwiseOp op) {
    using enum PointwiseOp;
    Instruction in{.op = op};
    bool typed = false;
    if (accept('<')) {
      do {
        TRY(parameter(in, typed));
      } while (accept(','));
      TRY(expect('>'));
    }
    for (int k = 0; k < pointwise_op_operands(op); ++k) {
      ASSIGN(in.args[static_cast<std::size_t>(k)], operand(word()));
    }
    if (op == index || op == extent)
      in.dtype = DType::i64;
    else if (op == isnan || op == eq || op == lt || op == le)
      in.dtype = DType::boolean;
    else if (op == select)
      in.dtype = program_.dtype_of(in.args[1]);
    else if (!typed)
      in.dtype = program_.dtype_of(in.args[0]);
    return in;
  }

  Status parameter(Instruction& in, bool& typed) {
    const std::string_view p = word();
    if (in.op == PointwiseOp::index || in.op == PointwiseOp::extent) {
      const std::optional<int> axis = number(p);
      if (!axis) return wrong("expected an axis");
      in.axis = static_cast<std::int16_t>(*axis);
      return {};
    }
    if (p == "wrap") {
      in.saturate = false;
      return {};
    }
    for (std::size_t i = 0; i < std::size(kRoundings); ++i)
      if (p == kRoundings[i]) {
        in.rounding = static_cast<CastRounding>(i);
        return {};
      }
    ASSIGN(DType d, dtype(p));
    (typed ? in.precision : in.dtype) = d;
    typed = true;
    return {};
  }

  Result<Ref> operand(std::string_view word) {
    const std::size_t colon = word.find(':');
    if (colon != std::string_view::npos) {
      ASSIGN(DType d, dtype(word.substr(colon + 1)));
      ASSIGN(Scalar s, constant(d, word.substr(0, colon)));
      return share(s);
    }
    if (auto found = names_.find(word); found != names_.end()) return found->second;
    if (word.starts_with('x'))
      if (std::optional<int> i = number(word.substr(1)))
        if (static_cast<std::size_t>(*i) < program_.inputs.size())
          return Ref{Ref::Kind::input, static_cast<std::int16_t>(*i)};
    return wrong("no value '" + std::string(word) + "'");
  }

  Result<Scalar> constant(DType d, std::string_view digits) const {
    if (d == DType::string || d == DType::c64 || d == DType::c128)
      return wrong("no constant of this element type");
    const char* end = digits.data() + digits.size();
    if (digits.starts_with('#')) {
      Scalar s{d, 0};
      const auto r = std::from_chars(digits.data() + 1, end, s.bits, 16);
      const bool fits = dtype_size(d) == 8 || s.bits >> (8 * dtype_size(d)) == 0;
      if (r.ec == std::errc() && r.ptr == end && fits && (d != DType::boolean || s.bits < 2))
        return s;
    } else if (is_integral(d)) {
      std::int64_t v = 0;
      const auto r = std::from_chars(digits.data(), end, v);
      if (r.ec == std::errc() && r.ptr == end) return make_scalar(d, v);
    } else {
      double v = 0;
      const auto r = std::from_chars(digits.data(), end, v);
      if (r.ec == std::errc() && r.ptr == end) return make_scalar(d, v);
    }
    return wrong("'" + std::string(digits) + "' is no number");
  }

  Result<Ref> share(const Scalar& s) {
    auto& all = program_.constants;
    std::size_t i = 0;
    while (i < all.size() && !(all[i] == s)) ++i;
    if (i > 32767) return wrong("too many constants");
    if (i == all.size()) all.push_back(s);
    return Ref{Ref::Kind::constant, static_cast<std::int16_t>(i)};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  PointwiseProgram program_;
  std::map<std::string, Ref, std::less<>> names_;
  std::map<int, Ref> results_;
};

}  // namespace

std::string to_text(const PointwiseProgram& p) {
  std::vector<std::string> names(p.instructions.size());
  for (std::size_t r = 0; r < p.results.size(); ++r) {
    const Ref ref = p.results[r];
    if (ref.kind != Ref::Kind::result) continue;
    std::string& name = names[static_cast<std::size_t>(ref.index)];
    if (name.empty()) name = "y" + std::to_string(r);
  }
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i].empty()) names[i] = local_name(i);
  auto text_of = [&](Ref ref) {
    const auto i = static_cast<std::size_t>(ref.index);
    if (ref.kind == Ref::Kind::input) return "x" + std::to_string(i);
    return ref.kind == Ref::Kind::constant ? constant_text(p.constants[i]) : names[i];
  };
  std::string text = "(";
  for (std::size_t i = 0; i < p.inputs.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::string(dtype_name(p.inputs[i]));
  text += ")";
  const char* separator = " ";
  for (std::size_t i = 0; i < p.instructions.size(); ++i) {
    const Instruction& in = p.instructions[i];
    text += separator + names[i] + " = " + std::string(pointwise_op_name(in.op)) + parameters(in);
    for (int k = 0; k < pointwise_op_operands(in.op); ++k)
      text += " " + text_of(in.args[static_cast<std::size_t>(k)]);
    separator = "; ";
  }
  for (std::size_t r = 0; r < p.results.size(); ++r) {
    const std::string name = "y" + std::to_string(r);
    const std::string value = text_of(p.results[r]);
    if (value == name) continue;
    text += separator + name + " = " + value;
    separator = "; ";
  }
  return text;
}

Result<PointwiseProgram> parse_pointwise(std::string_view text) { return Parser(text).parse(); }

AttributeValue to_attribute(const PointwiseProgram& program) { return {Block{to_text(program)}}; }

Result<PointwiseProgram> from_attribute(const AttributeValue& v,
                                        std::type_identity<PointwiseProgram>) {
  const Block* block = std::get_if<Block>(&v.value);
  if (block == nullptr) return malformed("expected a program {...}");
  return parse_pointwise(block->text);
}

}  // namespace gossamer
