// The table of operations: families of kernels, the primitives' scalar code, and what was
// registered.
#include <algorithm>
#include <mutex>
#include <vector>

#include "kernels/arg_reduce/arg_reduce.h"
#include "kernels/attention/attention.h"
#include "kernels/block_product/block_product.h"
#include "kernels/conv/conv.h"
#include "kernels/conv_transpose/conv_transpose.h"
#include "kernels/copy/copy.h"
#include "kernels/cumulate/cumulate.h"
#include "kernels/gather/gather.h"
#include "kernels/integer_product/integer_product.h"
#include "kernels/matmul/matmul.h"
#include "kernels/normalize/normalize.h"
#include "kernels/pointwise/pointwise.h"
#include "kernels/pool/pool.h"
#include "kernels/recurrent/recurrent.h"
#include "kernels/reduce/reduce.h"
#include "kernels/resize/resize.h"
#include "kernels/scatter/scatter.h"
#include "kernels/softmax/softmax.h"
#include "kernels/top_k/top_k.h"
#include "reference/checks.h"
#include "runtime/operation.h"

namespace gossamer::runtime {
namespace {

constexpr Operation kOperations[] = {
#define KERNEL(name, Step) kernel_operation<kernels::Step>("kernel." #name),
#include "runtime/operations.def"
#undef KERNEL
#define OPERATION(name, Attributes, function)                                                    \
  reference_operation<                                                                           \
      Attributes, reference::checked<Attributes, reference::check_##name, reference::function>>( \
      "reference." #name),
#include "reference/operations.def"
#undef OPERATION
};

struct Registered {
  std::mutex mutex;
  std::vector<const Operation*> operations;
};

Registered& registered() {
  static Registered r;
  return r;
}

const Operation* find_built_in(std::string_view name) {
  for (const Operation& o : kOperations)
    if (o.name == name) return &o;
  return nullptr;
}

const Operation* find_registered(std::string_view name) {
  for (const Operation* o : registered().operations)
    if (o->name == name) return o;
  return nullptr;
}

}  // namespace

const Operation* find_operation(std::string_view name) {
  if (const Operation* o = find_built_in(name)) return o;
  const std::lock_guard lock(registered().mutex);
  return find_registered(name);
}

void register_operations(std::span<const Operation> operations) {
  const std::lock_guard lock(registered().mutex);
  for (const Operation& o : operations)
    if (!find_built_in(o.name) && !find_registered(o.name)) registered().operations.push_back(&o);
}

}  // namespace gossamer::runtime
