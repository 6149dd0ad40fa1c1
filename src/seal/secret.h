// Secret: a key or a passphrase in guarded memory that is locked, left out of core dumps and wiped.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.h"

namespace gossamer::seal {

inline constexpr std::size_t kKeyBytes = 32;
using Bytes = std::span<const std::byte>;

class Secret {
 public:
  // Zeros. Fails with limit when the system refuses the memory.
  static Result<Secret> make(std::size_t bytes = kKeyBytes);
  static Result<Secret> random();

  std::size_t size() const { return size_; }
  std::byte* data() { return bytes_.get(); }
  const std::byte* data() const { return bytes_.get(); }
  const unsigned char* raw() const { return reinterpret_cast<const unsigned char*>(bytes_.get()); }
  unsigned char* raw() { return reinterpret_cast<unsigned char*>(bytes_.get()); }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.get()), size_}; }
  // Keeps the first `bytes`, at most size().
  void shorten(std::size_t bytes) { size_ = bytes; }

 private:
  struct Free {
    void operator()(std::byte* bytes) const;
  };
  std::unique_ptr<std::byte, Free> bytes_;
  std::size_t size_ = 0;
};

// Overwrites memory that held a secret.
void wipe(void* memory, std::size_t bytes);

}  // namespace gossamer::seal
