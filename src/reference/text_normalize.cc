// TextNormalize by Unicode's simple case mappings.
#include "reference/text_normalize.h"

#include <utf8proc.h>

#include <set>

#include "base/utf8.h"

namespace gossamer::reference {
namespace {

std::string change_case(const std::string& s, CaseChange change) {
  if (change == CaseChange::none) return s;
  const std::optional<std::u32string> text = utf8_to_utf32(s);
  if (!text) return s;
  std::string out;
  out.reserve(s.size());
  for (char32_t c : *text) {
    const auto point = static_cast<utf8proc_int32_t>(c);
    append_utf8(out, static_cast<char32_t>(change == CaseChange::lower ? utf8proc_tolower(point)
                                                                       : utf8proc_toupper(point)));
  }
  return out;
}

}  // namespace

Status text_normalize(const TextNormalizeAttributes& a, Context& c) {
  const Tensor& x = c.tensor(0);
  if (x.rank() < 1 || x.rank() > 2 || (x.rank() == 2 && x.shape()[0] != 1))
    return malformed("expected strings of shape [n] or [1,n], not " + x.shape().to_string());
  const CaseChange compare = a.case_sensitive ? CaseChange::none : CaseChange::lower;
  std::set<std::string> stops;
  for (const std::string& s : a.stop_words) stops.insert(change_case(s, compare));
  std::vector<std::string> kept;
  for (const std::string& s : x.values<std::string>())
    if (stops.empty() || !stops.contains(change_case(s, compare)))
      kept.push_back(change_case(s, a.change));
  if (kept.empty()) kept.emplace_back();
  Shape shape = x.shape();
  shape[x.rank() - 1] = static_cast<std::int64_t>(kept.size());
  ASSIGN(Tensor * out, c.make(0, DType::string, std::move(shape)));
  std::move(kept.begin(), kept.end(), out->mutable_values<std::string>().begin());
  return {};
}

}  // namespace gossamer::reference
