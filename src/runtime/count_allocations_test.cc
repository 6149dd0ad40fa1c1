// The test program's own operator new. In a file of its own: inlined, compilers take new and free
// for a mismatch.
#include "runtime/count_allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<bool> counting{false};
std::atomic<int> count{0};
}  // namespace

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif

#ifndef SANITIZED
void* operator new(std::size_t bytes) {
  if (counting.load(std::memory_order_relaxed)) ++count;
  if (void* p = std::malloc(bytes ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

namespace gossamer::runtime::testing {

int count_allocations(bool on) {
  counting = on;
  return on ? (count = 0) : count.load();
}

}  // namespace gossamer::runtime::testing
