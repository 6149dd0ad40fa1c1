// Any bytes as a .goss package, checksums ignored. What opens is written again; what
// has kernels only, which check their operands when they are prepared, is run on small inputs.
#include "package/package.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "runtime/session.h"

namespace {

using namespace gossamer;

// A dense input of the declared type, open extents 3; nothing for what is no small tensor.
Result<Value> input_for(const runtime::Program& program, const runtime::Port& port) {
  const runtime::Slot& slot = program.slots[static_cast<std::size_t>(port.slot)];
  if (!slot.ranked) return Value::sequence({});
  std::vector<std::int64_t> dims(slot.extents.size());
  for (std::size_t d = 0; d < dims.size(); ++d) {
    const auto& i = program.shape_program[static_cast<std::size_t>(slot.extents[d])];
    dims[d] = i.op == runtime::ShapeOp::constant ? i.value : 3;
    if (dims[d] < 0 || dims[d] > 64) return usage_error("too large");
  }
  const Shape shape(std::move(dims));
  const auto count = shape.checked_count();
  if (!count || *count > 1 << 16) return usage_error("too large");
  ASSIGN(Tensor t, Tensor::make(slot.dtype, shape));
  return Value(std::move(t));
}

void run(const std::shared_ptr<const runtime::Program>& program) {
  runtime::SessionOptions options;
  options.threads = 1;
  options.max_bytes = 16 << 20;
  options.max_steps = 1000;
  const auto session = runtime::Session::open(program, std::move(options));
  if (!session.ok()) return;
  const auto scalar = [](const runtime::Step& s) { return !s.operation->is_kernel(); };
  if (std::any_of(program->steps.begin(), program->steps.end(), scalar)) return;
  std::vector<Value> inputs;
  for (const runtime::Port& p : program->inputs) {
    Result<Value> v = input_for(*program, p);
    if (!v.ok()) return;
    inputs.push_back(std::move(v).value());
  }
  (void)(*session)->run(inputs).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Result<Tensor> held =
      Tensor::make_uninitialized(DType::u8, Shape{static_cast<std::int64_t>(size)});
  if (!held.ok()) return 0;
  if (size > 0) std::memcpy(held->mutable_data(), data, size);
  const auto owner = std::make_shared<const Tensor>(std::move(held).value());
  const std::span bytes(static_cast<const std::byte*>(owner->data()), size);
  const Result<package::Package> package = package::parse(bytes, owner, {.check_sums = false});
  if (!package.ok()) return 0;
  // What was read can be written, and is then read as the same.
  const auto again = package::to_bytes(*package->program);
  if (!again.ok()) std::abort();
  run(package->program);
  return 0;
}
