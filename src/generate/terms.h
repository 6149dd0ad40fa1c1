// Terms: the values of a Pointwise program under construction, with ranges and errors.
#pragma once

#include <vector>

#include "generate/maker.h"
#include "reference/pointwise.h"

namespace gossamer::generate {

struct Term {
  Ref ref;
  Range range;
};

class Terms {
 public:
  // `over` is the type whose shape every result has.
  Terms(Maker& m, ExpressionBuilder& e, const Type& over) : m_(m), e_(e), over_(over) {}

  void given(Ref ref, const Range& range) { terms_.push_back({ref, range}); }
  int made() const { return made_; }
  // Draws an instruction and operands; adds it when it is allowed.
  void try_one();
  // The last value, and now and then others; at least one was made by an instruction.
  std::vector<Term> results();

 private:
  DType dtype(const Term& t) const { return e_.dtype(t.ref); }
  bool is_float(const Term& t) const { return is_arithmetic_float(dtype(t)); }
  const Term& draw();
  // Another term of the dtype, or a constant.
  Term partner(const Term& a);
  bool room(DType dtype, const Range& range) const { return m_.allowed(dtype, range); }
  void keep(Ref ref, const Range& range);

  void unary(const Term& a);
  void float_unary(const Term& a);
  void binary(const Term& a);
  void float_binary(const Term& a);
  void integer_binary(const Term& a);
  void compare(const Term& a);
  void logic(const Term& a);
  void convert(const Term& a);
  void quantize(const Term& a);
  void position();

  Maker& m_;
  ExpressionBuilder& e_;
  Type over_;
  std::vector<Term> terms_;
  int made_ = 0;
};

}  // namespace gossamer::generate
