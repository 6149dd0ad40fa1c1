// NGram: counts n-grams of a pool in rows of numbers or strings.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

enum class NGramMode : std::uint8_t { tf, idf, tf_idf };
inline std::span<const std::string_view> enum_names(NGramMode) {
  static constexpr std::array<std::string_view, 3> kNames{"tf", "idf", "tf_idf"};
  return kNames;
}

struct NGramAttributes {
  NGramMode mode = NGramMode::tf;  // counts; whether there are any, weighted; counts, weighted
  std::int64_t shortest = 1, longest = 1;
  std::int64_t skips = 0;  // up to so many elements are left out between those of an n-gram
  // The pool, of numbers or of strings, and where each n-gram is counted.
  std::vector<std::vector<std::int64_t>> numbers;
  std::vector<std::vector<std::string>> words;
  std::vector<std::int64_t> indexes;
  std::vector<float> weights;  // of the places in the result; empty: 1

  // Length of a row of the result, or nothing when an index is negative.
  std::optional<std::int64_t> columns() const {
    std::int64_t most = -1;
    for (std::int64_t i : indexes) {
      if (i < 0) return std::nullopt;
      most = i > most ? i : most;
    }
    return checked_add(most, 1);
  }

  static constexpr auto kFields = std::tuple(
      field("mode", &NGramAttributes::mode), field("shortest", &NGramAttributes::shortest),
      field("longest", &NGramAttributes::longest), field("skips", &NGramAttributes::skips),
      field("numbers", &NGramAttributes::numbers), field("words", &NGramAttributes::words),
      field("indexes", &NGramAttributes::indexes), field("weights", &NGramAttributes::weights));
};

namespace reference {
// operand x [n] or [rows,n] of i32, i64 or strings -> f32 [columns] or [rows,columns]
Status n_gram(const NGramAttributes& a, Context& c);
}  // namespace reference

}  // namespace gossamer
