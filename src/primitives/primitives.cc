// The list of all primitives, from primitives.def.
#include "primitives/primitives.h"

namespace gossamer {

std::span<const Primitive* const> all_primitives() {
  static constexpr const Primitive* kAll[] = {
#define PRIMITIVE(name) &k##name,
#include "primitives/primitives.def"
#undef PRIMITIVE
  };
  return kAll;
}

const Primitive* find_primitive(std::string_view name) {
  for (const Primitive* p : all_primitives())
    if (p->name == name) return p;
  return nullptr;
}

}  // namespace gossamer
