// Operators on strings.
#include "onnx/text.h"

#include "reference/n_gram.h"
#include "reference/text_normalize.h"
#include "reference/text_split.h"

namespace gossamer::onnx {

Result<ValueId> add_text(Lowering& l, TextAttributes a, std::vector<ValueId> operands) {
  ASSIGN(std::vector<ValueId> r,
         l.b().add(kText, make_attributes(std::move(a)), std::move(operands), 1));
  return r[0];
}

bool is_text(Lowering& l, std::size_t i) {
  return l.has_input(i) && l.type(i).is_tensor() && l.dtype(i) == DType::string;
}

Status lower_string_concat(Lowering& l) {
  return l.output(add_text(l, {.op = TextOp::concat}, {l.input(0), l.input(1)}));
}

Status lower_regex_full_match(Lowering& l) {
  ASSIGN(std::string pattern, l.required_string("pattern"));
  return l.output(add_text(l, {.op = TextOp::match, .pattern = std::move(pattern)}, {l.input(0)}));
}

Status lower_string_split(Lowering& l) {
  TextSplitAttributes a;
  ASSIGN(a.delimiter, l.string_or("delimiter", ""));
  ASSIGN(a.limit, l.int_or("maxsplit", a.limit));
  ASSIGN(std::vector<ValueId> r,
         l.b().add(kTextSplit, make_attributes(std::move(a)), {l.input(0)}, 2));
  l.output(0, r[0]);
  l.output(1, r[1]);
  return {};
}

Status lower_string_normalizer(Lowering& l) {
  TextNormalizeAttributes a;
  ASSIGN(a.stop_words, l.strings_or("stopwords", {}));
  ASSIGN(std::int64_t sensitive, l.int_or("is_case_sensitive", 0));
  a.case_sensitive = sensitive != 0;
  ASSIGN(std::string change, l.string_or("case_change_action", "NONE"));
  if (change == "LOWER")
    a.change = CaseChange::lower;
  else if (change == "UPPER")
    a.change = CaseChange::upper;
  else if (change != "NONE")
    return l.wrong("attribute 'case_change_action' must be LOWER, UPPER or NONE");
  return l.output(l.b().one(kTextNormalize, std::move(a), {l.input(0)}));
}

// --- TfIdfVectorizer ---

namespace {

// Splits the pool into n-grams: those of length k+1 lie between counts[k] and counts[k+1].
template <class T>
Result<std::vector<std::vector<T>>> grams_of(const Lowering& l, const std::vector<T>& pool,
                                             const std::vector<std::int64_t>& counts) {
  std::vector<std::vector<T>> out;
  const auto size = static_cast<std::int64_t>(pool.size());
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const std::int64_t end = k + 1 < counts.size() ? counts[k + 1] : size;
    const auto length = static_cast<std::int64_t>(k) + 1;
    if (counts[k] < 0 || end > size || counts[k] > end || (end - counts[k]) % length != 0)
      return l.wrong("attribute 'ngram_counts' does not fit the pool");
    for (std::int64_t i = counts[k]; i < end; i += length)
      out.emplace_back(pool.begin() + i, pool.begin() + i + length);
  }
  return out;
}

}  // namespace

Status lower_tf_idf_vectorizer(Lowering& l) {
  NGramAttributes a;
  ASSIGN(std::string mode, l.required_string("mode"));
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return l.wrong("attribute 'mode' must be TF, IDF or TFIDF");
  a.mode = mode == "TF" ? NGramMode::tf : mode == "IDF" ? NGramMode::idf : NGramMode::tf_idf;
  ASSIGN(a.indexes, l.required_ints("ngram_indexes"));
  ASSIGN(a.weights, l.floats_or("weights", {}));
  ASSIGN(a.shortest, l.required_int("min_gram_length"));
  ASSIGN(a.longest, l.required_int("max_gram_length"));
  ASSIGN(a.skips, l.required_int("max_skip_count"));
  ASSIGN(std::vector<std::int64_t> counts, l.required_ints("ngram_counts"));
  ASSIGN(std::vector<std::int64_t> numbers, l.ints_or("pool_int64s", {}));
  ASSIGN(std::vector<std::string> words, l.strings_or("pool_strings", {}));
  if (numbers.empty() == words.empty())
    return l.wrong("one of 'pool_int64s' and 'pool_strings' must be given");
  if (is_text(l, 0) == words.empty()) return l.wrong("the input does not have the pool's type");
  ASSIGN(a.numbers, grams_of(l, numbers, words.empty() ? counts : std::vector<std::int64_t>()));
  ASSIGN(a.words, grams_of(l, words, words.empty() ? std::vector<std::int64_t>() : counts));
  return l.output(l.b().one(kNGram, std::move(a), {l.input(0)}));
}

}  // namespace gossamer::onnx
