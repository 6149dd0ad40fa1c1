// ShapeRegisters: turns symbolic extents into the integer program that computes them when shapes
// are known.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

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

  // The register that holds `dim`; nothing when it has a symbol that nothing bound, unless what was
  // bound as a whole has the symbol, too, and tells enough: 10*m+10*n is told by m+n.
  std::optional<runtime::Register> of(const Dim& dim);
  // The same; what nothing tells is remembered, as `missing`, and stands for any number.
  runtime::Register must(const Dim& dim);
  const std::optional<Dim>& missing() const { return missing_; }
  bool known(const Dim& dim) { return of(dim).has_value(); }
  // Whether it depends on an extent that is known only while running.
  bool late(const Dim& dim);

 private:
  runtime::Register emit(const runtime::ShapeInstruction& instruction);
  // `dim`, which cannot be computed otherwise, is `extent`. Returns the register of what should
  // equal it.
  runtime::Register solve(const Dim& dim, runtime::Register extent);
  std::optional<runtime::Register> compute(const Dim& dim);
  std::optional<runtime::Register> compute(const DimAtom& atom);
  std::optional<runtime::Register> compute_by(std::pair<Dim, runtime::Register> whole,
                                              const Dim& dim);

  runtime::Program& program_;
  std::map<std::string, runtime::Register> by_text_;  // of a Dim
  // What was bound although it is more than a symbol, without number and common factor.
  std::vector<std::pair<Dim, runtime::Register>> wholes_;
  std::optional<Dim> missing_;
  std::vector<bool> late_;  // by register
};

}  // namespace gossamer::compile
