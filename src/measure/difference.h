// Difference: how far the numbers of one value lie from those of another, gathered over many runs.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/tensor.h"

namespace gossamer::measure {

class Difference {
 public:
  // `b` is judged by `a`; both are as long. NaN and infinity are counted apart and left out.
  void add(std::span<const float> a, std::span<const float> b);
  void add(std::span<const double> a, std::span<const double> b);

  // Ratio of the power of `a` to that of b - a, in decibels; infinite when they are equal.
  double snr_db() const;
  double noise_to_signal() const;  // the same as a ratio the other way around; 0: equal
  double cosine() const;           // 1: same direction; 1 when both are all zeros
  double max_abs() const { return max_abs_; }
  // Kullback-Leibler divergence (natural logarithm) of how often the numbers of `b` fall into 128
  // equal bins over the first run's range of `a` from how often those of `a` do.
  double kl() const;
  std::int64_t count() const { return count_; }
  std::int64_t not_finite() const { return not_finite_; }

 private:
  template <class T>
  void add_any(std::span<const T> a, std::span<const T> b);

  double signal_ = 0, noise_ = 0, dot_ = 0, other_ = 0, max_abs_ = 0;
  std::int64_t count_ = 0, not_finite_ = 0;
  double low_ = 0, width_ = 0;
  std::vector<double> a_bins_, b_bins_;
};

// Rows of class scores, and how far their softmax distributions lie apart.
class ClassDivergence {
 public:
  // Rows of `classes` numbers. Rows that are distributions already are taken as they are.
  void add(std::span<const double> a, std::span<const double> b, std::int64_t classes);
  double mean_kl() const;  // of b from a, natural logarithm, over the rows
  std::int64_t rows() const { return rows_; }

 private:
  double sum_ = 0;
  std::int64_t rows_ = 0;
};

// The axis that counts classes, and whether an output of this shape looks like scores of classes:
// matrices and vectors of at least two columns.
bool is_class_like(const Shape& shape);

}  // namespace gossamer::measure
