// The fast Fourier transform of one signal in f64.
#pragma once

#include <complex>
#include <cstdint>
#include <span>

#include "base/context.h"

namespace gossamer::reference {

// A transform of `length` points, ready to run: radix 2 for powers of two, Bluestein's convolution
// for the rest. Sums run with exp(-2 pi i jk / n); inverse ones are scaled by 1/n.
class Transform {
 public:
  // Fails with limit when memory is refused. length is positive.
  static Result<Transform> make(std::int64_t length, Context& c);
  void run(std::span<std::complex<double>> x, bool inverse);

 private:
  Status prepare_chirp(Context& c);
  void radix2(std::span<std::complex<double>> x) const;
  void bluestein(std::span<std::complex<double>> x);

  std::size_t n_ = 0, padded_ = 0;  // padded_: a power of two
  bool power_ = true;               // n_ is a power of two: the tensors below but roots_ are empty
  Tensor roots_;                    // exp(-2 pi i k / padded_)
  Tensor chirp_;                    // exp(-pi i k^2 / n)
  Tensor spectrum_;                 // of the conjugated chirp
  Tensor work_;
};

}  // namespace gossamer::reference
