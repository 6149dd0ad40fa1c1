// A random graph's package with some of its fields changed, by kernels or by scalar code: what
// still opens is run, and must keep to its operands' memory.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "compile/compile.h"
#include "generate/generate.h"
#include "mutate_program.h"
#include "package/package.h"
#include "run_program.h"

namespace {

using namespace gossamer;

struct Model {
  runtime::Program program;
  std::vector<Value> inputs;
};

// Of a seed; made once.
const Model* model_of(std::uint64_t seed) {
  static std::map<std::uint64_t, Model> models;
  const auto found = models.find(seed);
  if (found != models.end()) return &found->second;
  GenerateOptions options;
  options.max_nodes = 5;
  options.max_elements = 256;
  const std::vector<std::string> names = generated_primitives();
  if (seed % 4 != 0) options.primitives = {names[seed / 4 % names.size()]};
  Result<Graph> graph = random_graph(seed, options);
  if (!graph.ok()) return nullptr;
  Result<std::vector<Value>> inputs = random_inputs(*graph, seed);
  if (!inputs.ok()) return nullptr;
  compile::CompileOptions how;
  how.kernels = seed % 3 == 0;
  how.optimize = seed % 2 == 0;
  Result<runtime::Program> program = compile::compile(*graph, how);
  if (!program.ok()) return nullptr;
  return &models.try_emplace(seed, Model{std::move(program).value(), std::move(inputs).value()})
              .first->second;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  runtime::register_operations(runtime::library_operations());
  const Model* model = model_of(static_cast<std::uint64_t>(data[0]) << 8 | data[1]);
  if (!model) return 0;
  runtime::Program program = model->program;
  fuzz::Choices choices({data + 2, std::min<std::size_t>(size - 2, 64)});
  while (choices.left()) fuzz::Mutator(program, choices).change();
  // Indices of tables are checked by the writer: what it refuses no file can hold.
  const Result<std::string> bytes = package::to_bytes(program);
  if (!bytes.ok()) return 0;
  Result<Tensor> held =
      Tensor::make_uninitialized(DType::u8, Shape{static_cast<std::int64_t>(bytes->size())});
  if (!held.ok()) std::abort();
  std::memcpy(held->mutable_data(), bytes->data(), bytes->size());
  const auto owner = std::make_shared<const Tensor>(std::move(held).value());
  const Result<package::Package> package =
      package::parse({static_cast<const std::byte*>(owner->data()), bytes->size()}, owner);
  if (package.ok()) fuzz::run_program(package->program, model->inputs);
  return 0;
}
