// Operation: what a step may do: a family of kernels, prepared for known shapes, or a primitive's
// plain scalar code.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "base/context.h"
#include "kernels/kernel.h"

namespace gossamer::runtime {

struct Operation {
  std::string_view name;  // "kernel.matmul", "reference.top_k"
  std::vector<NamedAttribute> (*describe)(const void* attributes) = nullptr;
  Result<AttributePtr> (*build)(std::span<const NamedAttribute> attributes) = nullptr;
  // Exactly one of the two is set.
  Result<kernels::PreparedPtr> (*prepare)(const void* attributes,
                                          const kernels::Shapes& shapes) = nullptr;
  Status (*evaluate)(const void* attributes, Context& context) = nullptr;

  bool is_kernel() const { return prepare != nullptr; }
};

// Makes the operation of a family of kernels from its step struct.
template <class S>
constexpr Operation kernel_operation(std::string_view name) {
  Operation o;
  o.name = name;
  o.describe = [](const void* a) { return describe_attributes(*static_cast<const S*>(a)); };
  o.build = [](std::span<const NamedAttribute> attributes) -> Result<AttributePtr> {
    ASSIGN(S s, build_attributes<S>(attributes));
    return make_attributes(std::move(s));
  };
  o.prepare = [](const void* a, const kernels::Shapes& shapes) {
    return prepare(*static_cast<const S*>(a), shapes);
  };
  return o;
}

// Makes the operation of scalar code from its attribute struct and function.
template <class S, Status (*Evaluate)(const S&, Context&)>
constexpr Operation reference_operation(std::string_view name) {
  Operation o;
  o.name = name;
  o.describe = [](const void* a) { return describe_attributes(*static_cast<const S*>(a)); };
  o.build = [](std::span<const NamedAttribute> attributes) -> Result<AttributePtr> {
    ASSIGN(S s, build_attributes<S>(attributes));
    return make_attributes(std::move(s));
  };
  o.evaluate = [](const void* a, Context& c) { return Evaluate(*static_cast<const S*>(a), c); };
  return o;
}

// The operation of that name, or null: a family of kernels (runtime/operations.def), a primitive's
// scalar code (reference/operations.def), or one that was registered.
const Operation* find_operation(std::string_view name);

// Adds operations that live as long as the process and whose names are not taken; those already
// added are left alone. For the ones below, and for tests.
void register_operations(std::span<const Operation> operations);
// The primitives whose code needs large libraries (text, image decoding): known to find_operation
// only once registered, so that a program without them links none of those.
std::span<const Operation> library_operations();

}  // namespace gossamer::runtime
