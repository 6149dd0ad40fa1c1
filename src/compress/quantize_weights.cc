// Weights as integers and scales: per tensor, per channel, per block.
#include "compress/quantize_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace gossamer::compress {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// The greatest code; the least is its negative, so that products of two never overflow 16 bits.
std::int32_t greatest_code(const WeightScheme& scheme) { return (1 << (scheme.bits - 1)) - 1; }

std::int8_t code_of(float w, float scale, std::int32_t greatest) {
  const double q = std::nearbyint(double{w} / double{scale});
  return static_cast<std::int8_t>(std::clamp<double>(q, -greatest, greatest));
}

float scale_of(double limit, std::int32_t greatest) {
  return std::max(static_cast<float>(limit / greatest), std::numeric_limits<float>::min() * 256);
}

double squared_error(std::span<const float> row, float scale, std::int32_t greatest) {
  double sum = 0;
  for (const float w : row) {
    const double d = double{w} - double{scale} * code_of(w, scale, greatest);
    sum += d * d;
  }
  return sum;
}

// A scale for these numbers: of the largest, or the one whose rounding and clipping err least.
float choose_scale(std::span<const float> row, const WeightScheme& scheme) {
  const std::int32_t greatest = greatest_code(scheme);
  double largest = 0;
  for (const float w : row) largest = std::max(largest, std::abs(double{w}));
  float best = scale_of(largest, greatest);
  if (scheme.range == WeightRange::max || largest == 0) return best;
  double least = squared_error(row, best, greatest);
  constexpr int kSteps = 60;
  for (int i = kSteps - 1; i >= kSteps / 3; --i) {
    const float scale = scale_of(largest * i / kSteps, greatest);
    const double error = squared_error(row, scale, greatest);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return best;
}

// The lower Cholesky factor of a symmetric matrix, in place; false when it is not positive.
bool cholesky(std::vector<double>& a, std::int64_t n) {
  for (std::int64_t j = 0; j < n; ++j) {
    double* row_j = &a[at(j * n)];
    double d = row_j[j];
    for (std::int64_t k = 0; k < j; ++k) d -= row_j[k] * row_j[k];
    if (!(d > 0)) return false;
    const double root = std::sqrt(d);
    row_j[j] = root;
    for (std::int64_t i = j + 1; i < n; ++i) {
      double* row_i = &a[at(i * n)];
      double s = row_i[j];
      for (std::int64_t k = 0; k < j; ++k) s -= row_i[k] * row_j[k];
      row_i[j] = s / root;
    }
  }
  return true;
}

// The inverse of a symmetric matrix from its lower factor.
std::vector<double> inverse(const std::vector<double>& lower, std::int64_t n) {
  std::vector<double> inv(at(n * n), 0);  // of the factor, lower
  for (std::int64_t j = 0; j < n; ++j) {
    inv[at(j * n + j)] = 1 / lower[at(j * n + j)];
    for (std::int64_t i = j + 1; i < n; ++i) {
      double s = 0;
      for (std::int64_t k = j; k < i; ++k) s -= lower[at(i * n + k)] * inv[at(k * n + j)];
      inv[at(i * n + j)] = s / lower[at(i * n + i)];
    }
  }
  std::vector<double> out(at(n * n), 0);
  for (std::int64_t k = 0; k < n; ++k)
    for (std::int64_t i = 0; i <= k; ++i) {
      const double v = inv[at(k * n + i)];
      if (v == 0) continue;
      for (std::int64_t j = 0; j <= i; ++j) out[at(i * n + j)] += v * inv[at(k * n + j)];
    }
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = i + 1; j < n; ++j) out[at(i * n + j)] = out[at(j * n + i)];
  return out;
}

// What the error of each column does best to those behind it: the upper Cholesky factor of the
// inverse second moment, its diagonal kept steady by a hundredth of the mean. Empty on failure.
std::vector<double> feedback(const float* moment, std::int64_t n) {
  std::vector<double> h(at(n * n));
  double mean = 0;
  for (std::int64_t i = 0; i < n; ++i) mean += moment[i * n + i];
  mean /= static_cast<double>(n);
  if (!(mean > 0)) return {};
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      h[at(i * n + j)] = moment[i * n + j] + (i == j ? 0.01 * mean : 0.0);
  if (!cholesky(h, n)) return {};
  std::vector<double> inv = inverse(h, n);
  if (!cholesky(inv, n)) return {};
  std::vector<double> upper(at(n * n), 0);
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = i; j < n; ++j) upper[at(i * n + j)] = inv[at(j * n + i)];
  return upper;
}

}  // namespace

std::span<const std::string_view> enum_names(Granularity) {
  static constexpr std::array<std::string_view, 3> kNames{"tensor", "channel", "block"};
  return kNames;
}
std::span<const std::string_view> enum_names(WeightRange) {
  static constexpr std::array<std::string_view, 2> kNames{"max", "mse"};
  return kNames;
}
std::span<const std::string_view> enum_names(Rounding) {
  static constexpr std::array<std::string_view, 2> kNames{"nearest", "reconstruct"};
  return kNames;
}

QuantizedWeights quantize_nearest(std::span<const float> weights, const Rows& rows,
                                  const WeightScheme& scheme) {
  QuantizedWeights q;
  q.codes.resize(weights.size());
  const std::int32_t greatest = greatest_code(scheme);
  if (scheme.granularity == Granularity::tensor) q.scales.push_back(choose_scale(weights, scheme));
  if (scheme.granularity == Granularity::block) {
    q.block = scheme.block;
    q.blocks = (rows.size + scheme.block - 1) / scheme.block;
  }
  const std::int64_t together = q.block > 0 ? q.block : rows.size;
  std::vector<float> row(at(rows.size));
  for (std::int64_t r = 0; r < rows.count; ++r) {
    for (std::int64_t k = 0; k < rows.size; ++k) row[at(k)] = weights[rows.index(r, k)];
    for (std::int64_t k = 0; k < rows.size && scheme.granularity != Granularity::tensor;
         k += together)
      q.scales.push_back(choose_scale(
          std::span(row).subspan(at(k), at(std::min(together, rows.size - k))), scheme));
    for (std::int64_t k = 0; k < rows.size; ++k)
      q.codes[rows.index(r, k)] = code_of(row[at(k)], q.scale(r, k), greatest);
  }
  return q;
}

void reconstruct(std::span<const float> weights, const Rows& rows, const WeightScheme& scheme,
                 const Moments& moments, QuantizedWeights& q) {
  const std::int64_t n = moments.size, per_group = rows.count / moments.groups;
  const std::int32_t greatest = greatest_code(scheme);
  std::vector<double> row(at(n));
  for (std::int64_t g = 0; g < moments.groups; ++g) {
    const std::vector<double> upper = feedback(&moments.sums[at(g * n * n)], n);
    if (upper.empty()) continue;  // the samples say nothing of these rows
    for (std::int64_t r = g * per_group; r < (g + 1) * per_group; ++r) {
      for (std::int64_t k = 0; k < n; ++k) row[at(k)] = weights[rows.index(r, k)];
      for (std::int64_t k = 0; k < n; ++k) {
        const float scale = q.scale(r, k);
        const std::int8_t code = code_of(static_cast<float>(row[at(k)]), scale, greatest);
        q.codes[rows.index(r, k)] = code;
        const double error = (row[at(k)] - double{scale} * code) / upper[at(k * n + k)];
        for (std::int64_t j = k + 1; j < n; ++j) row[at(j)] -= error * upper[at(k * n + j)];
      }
    }
  }
}

}  // namespace gossamer::compress
