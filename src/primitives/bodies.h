// What the shape rules of primitives with bodies share.
#pragma once

#include <set>
#include <string>

#include "graph/infer.h"

namespace gossamer {

// Whether a value of type `given` may be handed to an input of type `wanted`: kinds and dtypes are
// equal, known extents do not differ.
bool accepts(const Type& wanted, const Type& given);
// Checks that the body's inputs from `first_input` on accept the node's operands from
// `first_operand` on, one each. Fails with malformed.
Status check_captures(const Graph& body, std::size_t first_input, const InferContext& c,
                      std::size_t first_operand);
// Symbols in the types of the node's operands: what holds of them holds outside its bodies too.
std::set<std::string> operand_symbols(const InferContext& c);
// `type` with extents that name other symbols than `known` made fresh.
Type close_over(const Type& type, const std::set<std::string>& known, const InferContext& c);
// Elements of a value of a body as far as they are known (constants included).
std::optional<DimVector> contents_in(const Graph& body, ValueId v);

}  // namespace gossamer
