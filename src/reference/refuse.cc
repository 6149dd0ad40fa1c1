// Refuse fails with what it was made to say.
#include "reference/refuse.h"

namespace gossamer::reference {

Status refuse(const RefuseAttributes& a, Context&) { return unsupported(a.message); }

}  // namespace gossamer::reference
