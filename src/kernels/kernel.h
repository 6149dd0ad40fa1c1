// What kernels share: strided views of tensors, the addresses of one run, and steps prepared for
// known shapes.
//
// A family of kernels is a folder: a struct that says what to compute (fixed when a model is
// compiled, the same on every machine; attributes as in base/attributes.h, so that packages can
// store it), a function `prepare` that makes a Prepared step for known shapes, and leaf code in
// *_level.cc files, which the build compiles once an instruction set level and which reach the rest
// only through one table each (see level.h). Kernels know no graph.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/cpu.h"
#include "base/dtype.h"
#include "base/status.h"

namespace gossamer::kernels {

inline constexpr int kMaxAxes = 8;

// A tensor as it lies in memory: extents and strides in elements, outermost axis first. A stride
// may be 0 (repeated elements, inputs only) or negative; no two coordinates of an output share an
// element. Two- and four-bit elements take a byte each.
struct View {
  DType dtype = DType::f32;
  int rank = 0;
  std::array<std::int64_t, kMaxAxes> extents{};
  std::array<std::int64_t, kMaxAxes> strides{};

  std::int64_t count() const;
  // Whether the elements lie in row-major order without gaps.
  bool dense() const;
  // A row-major view without gaps.
  static View row_major(DType dtype, std::span<const std::int64_t> extents);
};

// What `prepare` knows besides the step: the views of operands (an operand left out has rank -1)
// and results, the level to run on and how many threads may share the work.
struct Shapes {
  std::span<const View> inputs;
  std::span<const View> outputs;
  Level level = Level::v2;
  int threads = 1;
};

// The addresses of element 0 of each operand and result in one run, and the scratch memory of the
// part at hand.
struct Addresses {
  const void* const* inputs = nullptr;  // null where an operand is left out
  void* const* outputs = nullptr;
  std::byte* workspace = nullptr;  // Prepared::workspace bytes, 64-byte aligned, this part's own
};

// A step for known shapes, ready to run any number of times, by several threads at once. Immutable.
class Prepared {
 public:
  virtual ~Prepared() = default;
  // Does share `part` of `parts` (0 <= part < parts <= this->parts) of the work. Shares write to
  // disjoint memory and run in any order. Never fails, never allocates.
  virtual void run(const Addresses& addresses, int part, int parts) const = 0;
  // Whether the operands' values allow the step, such as indices within their axis: malformed where
  // they do not. To be called once before the shares run, where needs_verify says so; without it
  // results are arbitrary, but no memory beyond the operands is touched.
  virtual Status verify(const Addresses&) const { return {}; }

  bool needs_verify = false;    // verify may fail
  int parts = 1;                // most shares worth making; 1: too little work to share
  std::size_t workspace = 0;    // scratch bytes that one share needs
  double flops = 0, bytes = 0;  // work and memory traffic of one run, for reports
};

using PreparedPtr = std::unique_ptr<const Prepared>;

// How many shares `work` (in nanoseconds, roughly) is worth on `threads` threads: one below a few
// microseconds.
int worthwhile_parts(double nanoseconds, int threads);
// The bounds of share `part` of `parts` of [0, count), in multiples of `grain`.
struct Range {
  std::int64_t begin = 0, end = 0;
};
Range share(std::int64_t count, int part, int parts, std::int64_t grain = 1);

}  // namespace gossamer::kernels
