// Operations of primitives: the runtime's, or made from the primitive's own table.
#include "compile/operations.h"

#include <map>
#include <mutex>
#include <string>

namespace gossamer::compile {
namespace {

struct Made {
  std::string name;
  runtime::Operation operation;
};

// Operations of primitives that the runtime does not know.
const runtime::Operation* make_operation(const Primitive& primitive) {
  static std::mutex mutex;
  static std::map<const Primitive*, Made> made;
  const std::lock_guard lock(mutex);
  Made& m = made[&primitive];
  if (m.name.empty()) {
    m.name = "reference." + std::string(primitive.name);
    m.operation.name = m.name;
    m.operation.describe = primitive.describe;
    m.operation.build = primitive.build;
    m.operation.evaluate = primitive.evaluate;
  }
  return &m.operation;
}

}  // namespace

const runtime::Operation* operation_of(const Primitive& primitive) {
  const runtime::Operation* known =
      runtime::find_operation("reference." + std::string(primitive.name));
  return known ? known : make_operation(primitive);
}

}  // namespace gossamer::compile
