// StepContext: what the scalar code of a reference step sees of the frame that runs it.
#pragma once

#include <vector>

#include "base/context.h"
#include "runtime/frame.h"

namespace gossamer::runtime {

class StepContext final : public Context {
 public:
  StepContext(Frame& frame, const Step& step, Run& run)
      : frame_(frame), step_(step), run_(run), number_(static_cast<std::uint64_t>(run.steps)) {}
  ~StepContext() override { run_.drop(held_); }
  StepContext(const StepContext&) = delete;
  StepContext& operator=(const StepContext&) = delete;

  // Fetches the operands; to be called first.
  Status load();

  Result<Tensor*> make(std::size_t i, DType dtype, Shape shape) override;
  Result<std::vector<Value>> run_body(std::size_t body, std::vector<Value> inputs) override;
  Status poll() override { return run_.poll(); }
  Status hold(std::int64_t bytes) override;
  Status charge(std::int64_t steps) override { return run_.charge(steps); }
  std::uint64_t seed() const override { return run_.run.seed; }
  std::uint64_t node_number() const override { return number_; }

 private:
  Frame& frame_;
  const Step& step_;
  Run& run_;
  std::uint64_t number_;
  std::int64_t held_ = 0;
  std::vector<Value> loaded_;
};

}  // namespace gossamer::runtime
