// Any bytes as a .goss package, checksums ignored. What opens is written again, and run on small
// inputs, kernels and scalar code alike. Packages are changed field by field, other bytes bit by
// bit.
#include "package/package.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "mutate_program.h"
#include "run_program.h"
#include "runtime/session.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

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

Result<package::Package> open(std::span<const std::uint8_t> data) {
  ASSIGN(Tensor held,
         Tensor::make_uninitialized(DType::u8, Shape{static_cast<std::int64_t>(data.size())}));
  if (!data.empty()) std::memcpy(held.mutable_data(), data.data(), data.size());
  const auto owner = std::make_shared<const Tensor>(std::move(held));
  return package::parse({static_cast<const std::byte*>(owner->data()), data.size()}, owner,
                        {.check_sums = false});
}

void run(const std::shared_ptr<const runtime::Program>& program) {
  std::vector<Value> inputs;
  for (const runtime::Port& p : program->inputs) {
    Result<Value> v = p.slot == runtime::kNoSlot ? Value() : input_for(*program, p);
    if (!v.ok()) return;
    inputs.push_back(std::move(v).value());
  }
  fuzz::run_program(program, inputs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  runtime::register_operations(runtime::library_operations());
  const Result<package::Package> package = open({data, size});
  if (!package.ok()) return 0;
  // What was read can be written, coded or not, and is then read as the same.
  const auto again = package::to_bytes(*package->program);
  if (!again.ok()) std::abort();
  package::WriteOptions coded;
  coded.store = package::Store::small;
  const auto smaller = package::to_bytes(*package->program, coded);
  if (!smaller.ok()) std::abort();
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(smaller->data());
  const Result<package::Package> read = open({bytes, smaller->size()});
  if (!read.ok() || *package::to_bytes(*read->program) != *again) std::abort();
  run(package->program);
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  runtime::register_operations(runtime::library_operations());
  const Result<package::Package> package = open({data, size});
  if (!package.ok() || seed % 4 == 0) return LLVMFuzzerMutate(data, size, most);
  runtime::Program program = *package->program;
  std::uint8_t bytes[24];
  for (std::uint8_t& b : bytes) {
    seed = seed * 1664525 + 1013904223;  // Numerical Recipes' generator
    b = static_cast<std::uint8_t>(seed >> 24);
  }
  fuzz::Choices choices(bytes);
  fuzz::Mutator(program, choices).change();
  package::WriteOptions options;
  options.store = seed % 3 == 0 ? package::Store::small : package::Store::fast;
  const Result<std::string> out = package::to_bytes(program, options);
  if (!out.ok() || out->size() > most) return size;
  std::memcpy(data, out->data(), out->size());
  return out->size();
}
