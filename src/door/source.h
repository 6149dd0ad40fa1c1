// What a door may have behind it besides packages: models in source form, which are compiled and
// run by the reference. door_full has it, door_lean answers that it is not there.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "gossamer/gossamer.h"
#include "runtime/program.h"

namespace gossamer::door {

// An input or output as the door tells of it.
struct Port {
  std::string name;
  bool is_tensor = false;
  DType dtype = DType::f32;
  int rank = -1;  // -1: unknown
  std::vector<std::int64_t> extents;
};

struct NamedValue {
  std::string name;
  Value value;
};

// Used by several threads at once.
class Source {
 public:
  virtual ~Source() = default;
  virtual Result<runtime::Program> compile() const = 0;
  // By the reference.
  virtual Result<std::vector<NamedValue>> run(std::vector<NamedValue> inputs) const = 0;

  std::vector<Port> inputs, outputs;
};

// Each library has its own of these two.
//
// Reads a file that is no package.
Result<std::unique_ptr<const Source>> open_source(const std::string& path,
                                                  const gossamer_operators* operators);
// Makes operations known that the library has besides those of every build.
void prepare_operations();

}  // namespace gossamer::door
