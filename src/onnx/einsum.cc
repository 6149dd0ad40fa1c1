// Parsing of equations.
#include "onnx/einsum.h"

#include <algorithm>
#include <map>
#include <string>

namespace gossamer::onnx {
namespace {

constexpr int kEllipsis = 0;  // in the labels of a term before its rank is known

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

Status bad(std::string_view text, std::string_view why) {
  return malformed("equation '" + std::string(text) + "' " + std::string(why));
}

Result<Labels> parse_term(std::string_view term, std::string_view text) {
  Labels labels;
  for (std::size_t i = 0; i < term.size(); ++i) {
    if (is_letter(term[i])) {
      labels.push_back(term[i]);
    } else if (term.substr(i, 3) == "..." &&
               std::find(labels.begin(), labels.end(), kEllipsis) == labels.end()) {
      labels.push_back(kEllipsis);
      i += 2;
    } else {
      return bad(text, "is not understood at '" + std::string(term.substr(i)) + "'");
    }
  }
  return labels;
}

std::vector<std::string_view> split_terms(std::string_view list) {
  std::vector<std::string_view> terms;
  while (true) {
    const std::size_t comma = list.find(',');
    terms.push_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return terms;
    list.remove_prefix(comma + 1);
  }
}

// The ellipsis replaced by `axes` labels -axes .. -1.
Labels expanded(const Labels& labels, int axes) {
  Labels out;
  for (int label : labels) {
    if (label != kEllipsis)
      out.push_back(label);
    else
      for (int i = axes; i > 0; --i) out.push_back(-i);
  }
  return out;
}

Labels implicit_output(const std::vector<Labels>& terms) {
  std::map<int, int> uses;
  bool ellipsis = false;
  for (const Labels& t : terms)
    for (int label : t) {
      ellipsis = ellipsis || label == kEllipsis;
      ++uses[label];
    }
  Labels out;
  if (ellipsis) out.push_back(kEllipsis);
  for (const auto& [label, count] : uses)
    if (label != kEllipsis && count == 1) out.push_back(label);
  return out;
}

// How many axes the longest ellipsis stands for; replaces it in all terms.
Result<int> expand_terms(std::vector<Labels>& terms, std::span<const int> ranks,
                         std::string_view text) {
  int most = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const int letters =
        static_cast<int>(terms[i].size() - static_cast<std::size_t>(std::count(
                                               terms[i].begin(), terms[i].end(), kEllipsis)));
    const bool ellipsis = letters < static_cast<int>(terms[i].size());
    const int axes = ranks[i] - letters;
    if (axes < 0 || (!ellipsis && axes > 0))
      return bad(text, "does not fit operand " + std::to_string(i) + " of rank " +
                           std::to_string(ranks[i]));
    terms[i] = expanded(terms[i], axes);
    most = std::max(most, axes);
  }
  return most;
}

Status check_output(const Equation& e, std::string_view text) {
  for (std::size_t i = 0; i < e.output.size(); ++i) {
    const int label = e.output[i];
    const bool known = std::any_of(e.terms.begin(), e.terms.end(), [&](const Labels& t) {
      return std::find(t.begin(), t.end(), label) != t.end();
    });
    if (!known || std::find(e.output.begin(), e.output.begin() + static_cast<std::ptrdiff_t>(i),
                            label) != e.output.begin() + static_cast<std::ptrdiff_t>(i))
      return bad(text, "has an output that is not understood");
  }
  return {};
}

}  // namespace

Result<Equation> parse_equation(std::string_view text, std::span<const int> ranks) {
  std::string plain;
  for (char c : text)
    if (c != ' ') plain.push_back(c);
  const std::size_t arrow = plain.find("->");
  Equation e;
  for (std::string_view term : split_terms(std::string_view(plain).substr(0, arrow))) {
    ASSIGN(Labels labels, parse_term(term, text));
    e.terms.push_back(std::move(labels));
  }
  if (e.terms.size() != ranks.size())
    return bad(text, "has " + std::to_string(e.terms.size()) + " terms for " +
                         std::to_string(ranks.size()) + " operands");
  if (arrow == std::string::npos) {
    e.output = implicit_output(e.terms);
  } else {
    ASSIGN(e.output, parse_term(std::string_view(plain).substr(arrow + 2), text));
  }
  ASSIGN(const int axes, expand_terms(e.terms, ranks, text));
  e.output = expanded(e.output, axes);
  TRY(check_output(e, text));
  return e;
}

}  // namespace gossamer::onnx
