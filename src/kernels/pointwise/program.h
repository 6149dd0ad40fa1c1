// VectorProgram: an elementwise expression made ready for vectors: straight-line instructions over
// lanes of few types, with registers allocated. A block of elements goes through it instruction by
// instruction (block.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "base/dtype.h"
#include "kernels/pointwise/tile.h"

namespace gossamer::kernels {

std::string_view vector_op_name(VectorOp op);  // as in vector_ops.def
inline int vector_op_operands(VectorOp op) { return kVectorOperands[static_cast<std::size_t>(op)]; }
// The op of that name; "not", "and", "or", "xor" may stand for logical_not and so on.
std::optional<VectorOp> vector_op_of(std::string_view name);
// Whether an op works on operands of that lane type.
bool supported(VectorOp op, VectorType type);
// The lane type that holds elements of a dtype; none for u64, floats of a byte or less, complex
// numbers and strings.
std::optional<VectorType> lane_type(DType dtype);

struct VectorOperand {
  enum class Kind : std::uint8_t { reg, input, constant };
  Kind kind = Kind::input;
  std::uint8_t index = 0;
  bool operator==(const VectorOperand&) const = default;
};

struct VectorInstruction {
  VectorOp op = VectorOp::add;
  VectorType type = VectorType::f32;  // lanes of the operands; select: of those after the first
  VectorType to = VectorType::f32;    // lanes of the result
  DType dtype = DType::f32;           // narrow, quantize
  std::uint8_t result = 0;            // register; may be one that an operand is read from
  std::array<VectorOperand, 3> args = {};
  bool operator==(const VectorInstruction&) const = default;
};

// The lane's value in its low bits: float, double and integers bit for bit, booleans 0 or 1.
struct VectorConstant {
  VectorType type = VectorType::f32;
  std::uint64_t bits = 0;
  bool operator==(const VectorConstant&) const = default;
};

// How elements of an input or output lie in memory.
struct VectorMemory {
  Element element = Element::f32;
  std::uint8_t bytes = 4, lane_bytes = 4;
  bool as_lanes = true;  // bit for bit what a lane holds
  bool operator==(const VectorMemory&) const = default;
};

inline constexpr int kMaxVectorRegisters = 64;
inline constexpr int kMaxVectorInputs = 64;  // and outputs
inline constexpr int kMaxVectorConstants = 128;
inline constexpr int kMaxVectorInstructions = 512;

// An empty program stands for "no program". Make others with VectorBuilder or from_attribute, which
// check them; run_block relies on it.
struct VectorProgram {
  std::vector<DType> inputs, outputs;  // as they lie in memory
  std::vector<VectorConstant> constants;
  std::vector<VectorInstruction> instructions;
  std::vector<VectorOperand> results;  // one an output
  int registers = 0;
  // Derived from the rest by the builder and from_attribute: whether any lane has 64 bits, and, one
  // an instruction, the output that it may write in place of its register, or -1.
  bool wide = false;
  std::vector<std::int8_t> direct;
  std::vector<VectorMemory> input_memory, output_memory;

  bool empty() const { return outputs.empty(); }
  bool operator==(const VectorProgram&) const = default;
};

// Fills what is derived.
void derive(VectorProgram& program);
// Checks indices, types, and that registers are written before they are read; fails with malformed.
Status validate(const VectorProgram& program);
AttributeValue to_attribute(const VectorProgram& program);
Result<VectorProgram> from_attribute(const AttributeValue& v, std::type_identity<VectorProgram>);

// Builds a VectorProgram value by value, following the rules of the expression language: values
// have dtypes; integers wrap in their own width; f16 and bf16 compute in f32 and round after every
// instruction. Whatever has no vector form gives nullopt, and the expression must run elsewhere.
class VectorBuilder {
 public:
  struct Value {
    std::int16_t id = 0;
    bool operator==(const Value&) const = default;
  };

  std::optional<Value> input(DType dtype);  // inputs number themselves in order of calls
  // `bits`: the element's bits, zero-extended.
  std::optional<Value> constant(DType dtype, std::uint64_t bits);
  // An instruction by its name in the expression language (as vector_op_of, and "dequantize"), the
  // dtype of its result, and its operands. `precision`: quantize, the dtype of the division.
  std::optional<Value> emit(std::string_view name, DType result, std::span<const Value> args,
                            DType precision = DType::f32);
  DType dtype(Value v) const { return nodes_[static_cast<std::size_t>(v.id)].dtype; }

  // Drops what no result reads, fuses, allocates registers. Nullopt: too large, or no result.
  std::optional<VectorProgram> finish(std::span<const Value> wanted);

 private:
  struct Node {
    enum class Kind : std::uint8_t { input, constant, instruction, alias };
    Kind kind = Kind::input;
    DType dtype = DType::f32;
    VectorType lane = VectorType::f32;
    std::uint64_t bits = 0;          // constant; input: its number
    VectorInstruction instruction;   // args and result unused
    std::array<Value, 3> args = {};  // alias: the first
    bool operator==(const Node&) const = default;
  };

  static std::size_t operands(const Node& n);
  Value add(const Node& node);
  Value add(VectorOp op, VectorType type, VectorType to, DType result, std::span<const Value> args,
            DType dtype = DType::f32);
  Value lanes(float value);
  std::optional<Value> cast(Value x, DType to);
  std::optional<Value> power(Value x, Value exponent, DType result);
  std::optional<Value> quantize(std::span<const Value> args, DType to, DType precision);
  std::optional<Value> dequantize(std::span<const Value> args, DType to);
  Value narrowed(Value v, DType dtype);
  std::vector<int> uses(std::span<const Value> results) const;
  bool is_lane(Value v, float value) const;
  const Node* only(Value v, VectorOp op, const std::vector<int>& uses) const;
  void factors(Value v, const std::vector<int>& uses, std::vector<Value>& out) const;
  bool is_cubic(Value v, Value x, const std::vector<int>& uses) const;
  void find_gelu(Node& node, const std::vector<int>& uses) const;
  void find_leaky(Node& node, const std::vector<int>& uses) const;
  void fuse_pair(Node& node, std::vector<int>& uses) const;
  std::optional<VectorProgram> allocate(std::span<const Value> results) const;

  std::vector<Node> nodes_;
  std::vector<DType> inputs_;
};

}  // namespace gossamer::kernels
