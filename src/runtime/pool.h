// Pool: memory shared by sessions that do not run at the same time: a run leases what it needs and
// gives it back, so that they cost the largest of them, not the sum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/status.h"

namespace gossamer::runtime {

// Who lends memory instead of the system. `allocate` gives `bytes` bytes at a multiple of
// `alignment`, or null when there are none; `release` gets back what it gave. Called by any thread
// that runs or ends a session.
struct MemorySource {
  void* (*allocate)(std::size_t bytes, std::size_t alignment, void* user) = nullptr;  // null: none
  void (*release)(void* memory, std::size_t bytes, void* user) = nullptr;
  void* user = nullptr;
};

// Memory straight from the system, aligned to a page, or from a source, aligned to 64 bytes; given
// back when it ends. Large blocks from the system ask for huge pages.
class Block {
 public:
  Block() = default;
  static Result<Block> map(std::int64_t bytes, const MemorySource& source = {});
  ~Block();
  Block(Block&& other) noexcept;
  Block& operator=(Block&& other) noexcept;

  std::byte* data() const { return data_; }
  std::int64_t bytes() const { return bytes_; }

 private:
  void release();

  std::byte* data_ = nullptr;
  std::int64_t bytes_ = 0;
  MemorySource source_;
};

class Pool;

// A block of a pool for the length of a run; goes back when it ends. Must not outlive the pool.
class Lease {
 public:
  Lease() = default;
  ~Lease() { release(); }
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;

  std::byte* data() const { return block_.data(); }
  std::int64_t bytes() const { return block_.bytes(); }
  void release();

 private:
  friend class Pool;
  Pool* pool_ = nullptr;
  Block block_;
};

// Used by any number of threads at once.
class Pool {
 public:
  Pool() = default;
  explicit Pool(const MemorySource& source) : source_(source) {}

  // A block of at least `bytes` bytes: a free one that is large enough, or else one in the place of
  // the largest free one. Fails with limit when the system has no memory.
  Result<Lease> lease(std::int64_t bytes);
  // Bytes of all blocks, leased or free.
  std::int64_t bytes() const;
  // Gives free blocks back to the system.
  void trim();

 private:
  friend class Lease;
  void give_back(Block block);

  const MemorySource source_;
  mutable std::mutex mutex_;
  std::vector<Block> free_;
  std::int64_t bytes_ = 0;
};

}  // namespace gossamer::runtime
