// A Program as bytes: the section `program`, and the constants beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "runtime/program.h"

namespace gossamer::package {

inline constexpr int kMaxRegionDepth = 64;

// Where the bytes of a constant are.
enum class Place : std::uint8_t {
  small,    // in the section of that name, which is copied and checked
  mapped,   // in the section that stays mapped
  strings,  // in the program's table of strings
};
// Numbers that only go through arithmetic, and many of them, stay mapped. What may serve as an
// index or a truth value, or could lie outside its type, never does.
Place place_of(const Tensor& tensor);
bool may_be_mapped(DType dtype);

struct EncodedProgram {
  std::vector<std::byte> program, small;
  std::vector<std::uint64_t>
      small_cuts;  // where large tensors begin in `small`, and where they end
  // The mapped section: tensors and where they begin in it.
  std::vector<std::pair<const Tensor*, std::uint64_t>> mapped;
  std::uint64_t mapped_bytes = 0;
};
// Tensors of `program` must outlive the result. Fails with internal when an index is beyond its
// table.
Result<EncodedProgram> encode_program(const runtime::Program& program);

// The sections to read from. `small` is a private copy, aligned as sections are; constants keep it
// and `mapped` by their owners.
struct Sections {
  std::span<const std::byte> program, small, mapped;
  std::shared_ptr<const void> small_owner, owner;
  bool newer = false;  // written by a later minor version
};
// Fails with malformed or unsupported. Indices into tables are not checked here but by
// runtime::verify.
Result<runtime::Program> decode_program(const Sections& sections);

}  // namespace gossamer::package
