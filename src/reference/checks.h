// What each primitive's scalar code takes: how many operands and results, of which types and ranks,
// with which attributes. A graph's shape rules see to that; a step of a package is whatever the
// file says, and is checked here before its scalar code runs. Relations of extents are the code's
// own to check: they may depend on values.
#pragma once

#include "reference/arg_reduce.h"
#include "reference/attention.h"
#include "reference/concat.h"
#include "reference/conv.h"
#include "reference/conv_transpose.h"
#include "reference/copy.h"
#include "reference/cumulate.h"
#include "reference/det.h"
#include "reference/fold.h"
#include "reference/fourier.h"
#include "reference/gather.h"
#include "reference/if.h"
#include "reference/lookup.h"
#include "reference/loop.h"
#include "reference/matmul.h"
#include "reference/n_gram.h"
#include "reference/non_max_suppression.h"
#include "reference/non_zero.h"
#include "reference/normalize.h"
#include "reference/pointwise.h"
#include "reference/pool.h"
#include "reference/random.h"
#include "reference/recurrent.h"
#include "reference/reduce.h"
#include "reference/refuse.h"
#include "reference/resize.h"
#include "reference/roi_pool.h"
#include "reference/sample.h"
#include "reference/scatter.h"
#include "reference/sequence.h"
#include "reference/shape.h"
#include "reference/softmax.h"
#include "reference/text_split.h"
#include "reference/top_k.h"
#include "reference/tree_ensemble.h"
#include "reference/unique.h"

namespace gossamer::reference {

// One a line of operations.def: fails with malformed or unsupported when the scalar code of that
// name must not run on these operands and attributes.
#define OPERATION(name, Attributes, function) \
  Status check_##name(const Attributes& a, const Context& c);
#include "reference/operations.def"
#undef OPERATION

// The scalar code behind its check.
template <class S, Status (*Check)(const S&, const Context&),
          Status (*Evaluate)(const S&, Context&)>
Status checked(const S& a, Context& c) {
  TRY(Check(a, c));
  return Evaluate(a, c);
}

}  // namespace gossamer::reference
