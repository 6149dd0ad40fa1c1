// For tests: counts what operator new is asked for in the whole test program.
#pragma once

namespace gossamer::runtime::testing {

// Begins or ends counting; gives how often memory was asked for while it was on.
int count_allocations(bool on);

}  // namespace gossamer::runtime::testing
