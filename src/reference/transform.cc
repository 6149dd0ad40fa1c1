// Radix-2 and Bluestein transforms.
#include "reference/transform.h"

#include <algorithm>
#include <bit>
#include <numbers>

namespace gossamer::reference {
namespace {

using Complex = std::complex<double>;

// exp(-2 pi i k / n), exact at the quarters.
Complex root(std::size_t k, std::size_t n) {
  const std::size_t eighths = 8 * k / n;
  if (eighths * n == 8 * k && eighths % 2 == 0) {
    constexpr Complex kQuarters[] = {{1, 0}, {0, -1}, {-1, 0}, {0, 1}};
    return kQuarters[eighths / 2 % 4];
  }
  const double angle = -2 * std::numbers::pi * (static_cast<double>(k) / static_cast<double>(n));
  return {std::cos(angle), std::sin(angle)};
}

// Without the special cases for infinities that the operator of std::complex looks for.
Complex multiply(Complex a, Complex b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

}  // namespace

Result<Transform> Transform::make(std::int64_t length, Context& c) {
  Transform t;
  t.n_ = static_cast<std::size_t>(length);
  t.power_ = std::has_single_bit(t.n_);
  t.padded_ = t.power_ ? t.n_ : std::bit_ceil(2 * t.n_);
  const auto half = static_cast<std::int64_t>(t.padded_ / 2);
  ASSIGN(t.roots_, c.scratch(DType::c128, Shape{half}));
  auto roots = t.roots_.mutable_values<Complex>();
  for (std::size_t k = 0; k < roots.size(); ++k) roots[k] = root(k, t.padded_);
  if (!t.power_) TRY(t.prepare_chirp(c));
  return t;
}

Status Transform::prepare_chirp(Context& c) {
  const auto padded = static_cast<std::int64_t>(padded_);
  ASSIGN(chirp_, c.scratch(DType::c128, Shape{static_cast<std::int64_t>(n_)}));
  ASSIGN(spectrum_, c.scratch(DType::c128, Shape{padded}));
  ASSIGN(work_, c.scratch(DType::c128, Shape{padded}));
  auto chirp = chirp_.mutable_values<Complex>();
  auto spectrum = spectrum_.mutable_values<Complex>();
  std::fill(spectrum.begin(), spectrum.end(), Complex{});
  for (std::size_t k = 0; k < n_; ++k) {
    // k^2 mod 2n keeps the angle small, hence exact.
    chirp[k] = root(k * k % (2 * n_), 2 * n_);
    spectrum[k] = std::conj(chirp[k]);
    if (k > 0) spectrum[padded_ - k] = spectrum[k];
  }
  radix2(spectrum);
  return {};
}

void Transform::radix2(std::span<Complex> x) const {
  const std::size_t n = x.size();
  auto roots = roots_.values<Complex>();
  for (std::size_t i = 1, j = 0; i < n; ++i) {
    std::size_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (std::size_t length = 2; length <= n; length *= 2) {
    const std::size_t half = length / 2, step = n / length;
    for (std::size_t first = 0; first < n; first += length)
      for (std::size_t k = 0; k < half; ++k) {
        const Complex odd = multiply(x[first + half + k], roots[k * step]);
        x[first + half + k] = x[first + k] - odd;
        x[first + k] += odd;
      }
  }
}

void Transform::bluestein(std::span<Complex> x) {
  auto chirp = chirp_.values<Complex>();
  auto spectrum = spectrum_.values<Complex>();
  auto work = work_.mutable_values<Complex>();
  std::fill(work.begin(), work.end(), Complex{});
  for (std::size_t k = 0; k < n_; ++k) work[k] = multiply(x[k], chirp[k]);
  radix2(work);
  // The inverse transform by way of conjugates.
  for (std::size_t k = 0; k < padded_; ++k) work[k] = std::conj(multiply(work[k], spectrum[k]));
  radix2(work);
  const double scale = 1 / static_cast<double>(padded_);
  for (std::size_t k = 0; k < n_; ++k) x[k] = multiply(std::conj(work[k]) * scale, chirp[k]);
}

void Transform::run(std::span<Complex> x, bool inverse) {
  if (inverse)
    for (Complex& v : x) v = std::conj(v);
  if (power_)
    radix2(x);
  else
    bluestein(x);
  if (inverse)
    for (Complex& v : x) v = std::conj(v) / static_cast<double>(n_);
}

}  // namespace gossamer::reference
