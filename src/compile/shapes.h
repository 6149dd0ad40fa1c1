// ShapeRegisters: turns symbolic extents into the integer program that computes them when shapes
// are known.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "graph/type.h"
#include "runtime/program.h"

namespace gossamer {
struct DimAtom;
}

namespace gossamer::compile {

class ShapeRegisters {
 public:
  explicit ShapeRegisters(runtime::Program& program) : program_(program) {}

  // Extent `axis` of input `input` is `dim`: binds it, or demands that it equals what is bound
  // already.
  void bind_input(const Dim& dim, std::int32_t input, std::int32_t axis);
  // Extent `axis` of a slot that a step makes is `dim`, known once it has run. Does nothing when
  // `dim` can be computed without.
  void bind_late(const Dim& dim, runtime::SlotId slot, std::int32_t axis);

  // The register that holds `dim`; nothing when it has a symbol that nothing bound.
  std::optional<runtime::Register> of(const Dim& dim);
  bool known(const Dim& dim) { return of(dim).has_value(); }
  // Whether it depends on an extent that is known only while running.
  bool late(const Dim& dim);

 private:
  runtime::Register emit(const runtime::ShapeInstruction& instruction);
  std::optional<runtime::Register> compute(const Dim& dim);
  std::optional<runtime::Register> compute(const DimAtom& atom);

  runtime::Program& program_;
  std::map<std::string, runtime::Register> by_text_;  // of a Dim
  std::vector<bool> late_;                            // by register
};

}  // namespace gossamer::compile
