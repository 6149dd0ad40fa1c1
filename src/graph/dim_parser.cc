// Reads the text of a Dim: sums of products of numbers, symbols and calls, with parentheses.
#include <charconv>

#include "graph/dim.h"
#include "graph/dim_expression.h"

namespace gossamer {
namespace {

constexpr std::size_t kMaxInput = 8192;
constexpr int kMaxNesting = 64;

class DimParser {
 public:
  explicit DimParser(std::string_view text) : text_(text) {}

  Result<Dim> parse() {
    ASSIGN(Dim dim, sum(0));
    if (at_ < text_.size()) return fail("unexpected '" + std::string(1, text_[at_]) + "'");
    return dim;
  }

 private:
  Status fail(const std::string& what) const {
    const std::string shown(text_.substr(0, 64));
    return malformed("extent '" + shown + (text_.size() > 64 ? "...'" : "'") + ": " + what);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  Result<Dim> sum(int nesting) {
    if (nesting > kMaxNesting) return fail("nested too deeply");
    Dim total;
    bool negative = take('-');
    while (true) {
      ASSIGN(Dim term, product(nesting, negative));
      total = total + term;
      if (take('+')) {
        negative = false;
      } else if (take('-')) {
        negative = true;
      } else {
        return total;
      }
    }
  }

  Result<Dim> product(int nesting, bool negative) {
    // The sign belongs to a leading number, so that the least int64 can be read.
    const bool leading_number = peek() >= '0' && peek() <= '9';
    Dim total = negative && !leading_number ? -1 : 1;
    bool sign = negative && leading_number;
    do {
      ASSIGN(Dim next, factor(nesting, sign));
      sign = false;
      total = total * next;
    } while (take('*'));
    return total;
  }

  Result<Dim> factor(int nesting, bool negative) {
    const char c = peek();
    if (c >= '0' && c <= '9') return number(negative);
    if (take('(')) {
      ASSIGN(Dim inner, sum(nesting + 1));
      if (!take(')')) return fail("expected ')'");
      return inner;
    }
    const std::size_t start = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    const std::string_view name = text_.substr(start, at_ - start);
    if (name.empty() || name[0] == '.') return fail("expected a number or a symbol");
    if (take('(')) return call(name, nesting);
    return Dim::symbol(name);
  }

  static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  }

  Result<Dim> number(bool negative) {
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    const std::string digits =
        (negative ? "-" : "") + std::string(text_.substr(start, at_ - start));
    std::int64_t value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc{}) {
      return fail("number out of range");
    }
    return Dim(value);
  }

  Result<Dim> call(std::string_view name, int nesting) {
    std::vector<Dim> args;
    do {
      ASSIGN(Dim arg, sum(nesting + 1));
      args.push_back(std::move(arg));
    } while (take(','));
    if (!take(')')) return fail("expected ')'");
    if (name == "min" || name == "max") {
      Dim result = args[0];
      for (std::size_t i = 1; i < args.size(); ++i) {
        result = name == "min" ? min(result, args[i]) : max(result, args[i]);
      }
      return result;
    }
    const bool known = name == "floor_div" || name == "ceil_div" || name == "floor_mod";
    if (!known) return fail("unknown function '" + std::string(name) + "'");
    if (args.size() != 2) return fail(std::string(name) + " takes two arguments");
    if (name == "floor_div") return floor_div(args[0], args[1]);
    return name == "ceil_div" ? ceil_div(args[0], args[1]) : floor_mod(args[0], args[1]);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Dim> Dim::parse(std::string_view text) {
  if (text.size() > kMaxInput) return malformed("an extent of more than 8192 characters");
  return DimParser(text).parse();
}

}  // namespace gossamer
