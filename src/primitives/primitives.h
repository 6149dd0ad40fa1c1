// All primitives by name, and the lookup from text.
#pragma once

#include <span>
#include <string_view>

#include "graph/primitive.h"

namespace gossamer {

#define PRIMITIVE(name) extern const Primitive k##name;
#include "primitives/primitives.def"
#undef PRIMITIVE

// In the order of primitives.def.
std::span<const Primitive* const> all_primitives();
// Null when there is none of that name.
const Primitive* find_primitive(std::string_view name);

}  // namespace gossamer
