// If: runs the body that the condition chooses.
#include "reference/if.h"

namespace gossamer::reference {

Result<bool> condition_of(const Value& v) {
  if (!v.is_tensor() || v.tensor.dtype() != DType::boolean || v.tensor.count() != 1)
    return malformed("the condition must hold exactly one boolean");
  return v.tensor.values<bool>()[0];
}

Status if_then_else(const IfAttributes&, Context& c) {
  ASSIGN(bool taken, condition_of(c.value(0)));
  std::vector<Value> captured;
  for (std::size_t i = 1; i < c.operand_count(); ++i) captured.push_back(c.value(i));
  ASSIGN(std::vector<Value> results, c.run_body(taken ? 0 : 1, std::move(captured)));
  if (results.size() != c.result_count())
    return internal_error("a branch gives another number of results");
  for (std::size_t i = 0; i < results.size(); ++i) c.set(i, std::move(results[i]));
  return {};
}

}  // namespace gossamer::reference
