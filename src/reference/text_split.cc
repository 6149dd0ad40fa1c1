// TextSplit, string by string.
#include "reference/text_split.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace gossamer::reference {
namespace {

using Parts = std::vector<std::string_view>;

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Parts split_spaces(std::string_view s, std::int64_t limit) {
  Parts out;
  const auto skip = [&] {
    while (!s.empty() && is_space(s.front())) s.remove_prefix(1);
  };
  skip();
  while (!s.empty()) {
    if (static_cast<std::int64_t>(out.size()) >= limit) {
      while (is_space(s.back())) s.remove_suffix(1);
      out.push_back(s);
      break;
    }
    std::size_t n = 0;
    while (n < s.size() && !is_space(s[n])) ++n;
    out.push_back(s.substr(0, n));
    s.remove_prefix(n);
    skip();
  }
  return out;
}

Parts split(std::string_view s, std::string_view delimiter, std::int64_t limit) {
  if (delimiter.empty()) return split_spaces(s, limit);
  Parts out;
  for (;;) {
    const std::size_t at = s.find(delimiter);
    if (at == std::string_view::npos || static_cast<std::int64_t>(out.size()) >= limit) break;
    out.push_back(s.substr(0, at));
    s.remove_prefix(at + delimiter.size());
  }
  out.push_back(s);
  return out;
}

}  // namespace

Status text_split(const TextSplitAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  std::vector<Parts> all;
  std::size_t longest = 0;
  for (const std::string& s : x.values<std::string>()) {
    all.push_back(split(s, a.delimiter, a.limit));
    TRY(c.hold(static_cast<std::int64_t>(all.back().size() * sizeof(std::string_view))));
    longest = std::max(longest, all.back().size());
  }
  Shape shape = x.shape();
  shape.dims().push_back(static_cast<std::int64_t>(longest));
  ASSIGN(Tensor * parts, c.make(0, DType::string, std::move(shape)));
  auto y = parts->mutable_values<std::string>();
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t k = 0; k < all[i].size(); ++k) y[i * longest + k] = all[i][k];
  ASSIGN(Tensor * counts, c.make(1, DType::i64, x.shape()));
  auto n = counts->mutable_values<std::int64_t>();
  for (std::size_t i = 0; i < all.size(); ++i) n[i] = static_cast<std::int64_t>(all[i].size());
  return {};
}

}  // namespace gossamer::reference
