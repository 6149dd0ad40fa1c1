// Lookup: replaces elements that are keys by the values beside them.
#pragma once

#include "base/attributes.h"
#include "base/context.h"

namespace gossamer {

struct LookupAttributes {
  Tensor keys, values;  // vectors of one length; of the last of equal keys the value counts
  Tensor otherwise;     // one element of the values' dtype: for what is no key
  static constexpr auto kFields =
      std::tuple(field("keys", &LookupAttributes::keys), field("values", &LookupAttributes::values),
                 field("otherwise", &LookupAttributes::otherwise));
};

namespace reference {
// operand x of the keys' dtype -> y of the values' dtype and x's shape. A NaN key matches any NaN.
Status lookup(const LookupAttributes& a, Context& c);
// Whether keys, values and default fit each other; fails with malformed.
Status check_table(const LookupAttributes& a);
}  // namespace reference

}  // namespace gossamer
