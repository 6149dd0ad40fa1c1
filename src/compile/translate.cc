// Expressions, instruction by instruction, from results back to inputs.
#include "compile/translate.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace gossamer::compile {
namespace {

using kernels::VectorBuilder;
using Value = VectorBuilder::Value;

class Translation {
 public:
  explicit Translation(const PointwiseProgram& program) : program_(program) {}

  bool bind(Ref ref) {
    const std::optional<Value> v = builder_.input(program_.dtype_of(ref));
    if (v) values_[key(ref)] = *v;
    return v.has_value();
  }

  // Instructions refer to earlier ones only, at most kMaxInstructions deep.
  std::optional<Value> value(Ref ref) {
    if (const auto found = values_.find(key(ref)); found != values_.end()) return found->second;
    std::optional<Value> v;
    const auto index = static_cast<std::size_t>(ref.index);
    if (ref.kind == Ref::Kind::constant) {
      const Scalar& c = program_.constants[index];
      v = builder_.constant(c.dtype, c.bits);
    } else if (ref.kind == Ref::Kind::result) {
      v = instruction(program_.instructions[index]);
    }
    if (v) values_[key(ref)] = *v;
    return v;
  }

  std::optional<kernels::VectorProgram> finish() {
    std::vector<Value> results;
    for (const Ref ref : program_.results) {
      const std::optional<Value> v = value(ref);
      if (!v) return std::nullopt;
      results.push_back(*v);
    }
    return builder_.finish(results);
  }

 private:
  static std::tuple<int, int> key(Ref ref) { return {static_cast<int>(ref.kind), ref.index}; }

  std::optional<Value> instruction(const Instruction& i) {
    std::vector<Value> args;
    for (int k = 0; k < pointwise_op_operands(i.op); ++k) {
      const std::optional<Value> v = value(i.args[static_cast<std::size_t>(k)]);
      if (!v) return std::nullopt;
      args.push_back(*v);
    }
    return builder_.emit(pointwise_op_name(i.op), i.dtype, args, i.precision);
  }

  const PointwiseProgram& program_;
  VectorBuilder builder_;
  std::map<std::tuple<int, int>, Value> values_;
};

}  // namespace

std::optional<kernels::VectorProgram> translate(const PointwiseProgram& program,
                                                std::span<const Ref> inputs) {
  Translation t(program);
  for (const Ref ref : inputs)
    if (!t.bind(ref)) return std::nullopt;
  return t.finish();
}

}  // namespace gossamer::compile
