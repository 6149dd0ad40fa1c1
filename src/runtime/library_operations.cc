// The operations that need large libraries: in a file of their own, so that a program which does
// not name them links none of those.
#include "reference/checks.h"
#include "reference/image_decode.h"
#include "reference/text.h"
#include "reference/text_normalize.h"
#include "runtime/operation.h"

namespace gossamer::runtime {

std::span<const Operation> library_operations() {
  static constexpr Operation kOperations[] = {
#define OPERATION(name, Attributes, function)                                                    \
  reference_operation<                                                                           \
      Attributes, reference::checked<Attributes, reference::check_##name, reference::function>>( \
      "reference." #name),
#include "reference/library_operations.def"
#undef OPERATION
  };
  return kOperations;
}

}  // namespace gossamer::runtime
