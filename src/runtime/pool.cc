// Blocks from the system, and the pool that lends them.
#include "runtime/pool.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace gossamer::runtime {
namespace {

constexpr std::int64_t kHugePage = std::int64_t{2} << 20;
constexpr std::size_t kAlignment = 64;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 46;

std::int64_t round_up(std::int64_t bytes, std::int64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

void unmap(std::byte* data, std::int64_t bytes) {
  if (bytes > 0) ::munmap(data, static_cast<std::size_t>(bytes));
}

}  // namespace

Result<Block> Block::map(std::int64_t bytes, const MemorySource& source) {
  Block b;
  if (bytes <= 0) return b;
  if (bytes > kMostBytes)
    return limit_error(fmt::format("no memory for an arena of {} bytes", bytes));
  if (source.allocate) {
    b.data_ = static_cast<std::byte*>(
        source.allocate(static_cast<std::size_t>(bytes), kAlignment, source.user));
    if (!b.data_)
      return limit_error(fmt::format("the host has no memory for an arena of {} bytes", bytes));
    b.bytes_ = bytes;
    b.source_ = source;
    if (reinterpret_cast<std::uintptr_t>(b.data_) % kAlignment != 0)
      return usage_error("the host's memory is not aligned as it was asked for");
    return b;
  }
  const std::int64_t page = ::sysconf(_SC_PAGESIZE);
  // Huge pages serve a block from its first aligned address on, so large ones begin at one.
  const bool large = bytes >= 2 * kHugePage;
  const std::int64_t wanted = round_up(bytes, page);
  const std::int64_t mapped = large ? wanted + kHugePage : wanted;
  void* at = ::mmap(nullptr, static_cast<std::size_t>(mapped), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED)
    return limit_error(fmt::format("no memory for an arena of {} bytes", bytes));
  b.data_ = static_cast<std::byte*>(at);
  b.bytes_ = wanted;
  if (large) {
    const auto address = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(at));
    const std::int64_t before = round_up(address, kHugePage) - address;
    unmap(b.data_, before);
    b.data_ += before;
    unmap(b.data_ + wanted, mapped - wanted - before);
    ::madvise(b.data_, static_cast<std::size_t>(wanted), MADV_HUGEPAGE);  // a wish; may be refused
  }
  return b;
}

void Block::release() {
  if (!source_.allocate)
    unmap(data_, bytes_);
  else if (source_.release && data_)
    source_.release(data_, static_cast<std::size_t>(bytes_), source_.user);
}

Block::~Block() { release(); }

Block::Block(Block&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)),
      source_(other.source_) {}

Block& Block::operator=(Block&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    bytes_ = std::exchange(other.bytes_, 0);
    source_ = other.source_;
  }
  return *this;
}

Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)), block_(std::move(other.block_)) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    pool_ = std::exchange(other.pool_, nullptr);
    block_ = std::move(other.block_);
  }
  return *this;
}

void Lease::release() {
  if (pool_ && block_.bytes() > 0) pool_->give_back(std::move(block_));
  pool_ = nullptr;
}

Result<Lease> Pool::lease(std::int64_t bytes) {
  Lease out;
  if (bytes <= 0) return out;
  out.pool_ = this;
  const std::lock_guard lock(mutex_);
  auto best = free_.end();  // the smallest that is large enough, else the largest
  for (auto b = free_.begin(); b != free_.end(); ++b) {
    const bool fits = b->bytes() >= bytes;
    const bool best_fits = best != free_.end() && best->bytes() >= bytes;
    if (best == free_.end() || (fits && !best_fits) ||
        (fits == best_fits && (fits ? b->bytes() < best->bytes() : b->bytes() > best->bytes())))
      best = b;
  }
  if (best != free_.end()) {
    out.block_ = std::move(*best);
    free_.erase(best);
  }
  if (out.block_.bytes() >= bytes) return out;
  bytes_ -= out.block_.bytes();
  out.block_ = Block();
  ASSIGN(out.block_, Block::map(bytes, source_));
  bytes_ += out.block_.bytes();
  return out;
}

std::int64_t Pool::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void Pool::trim() {
  const std::lock_guard lock(mutex_);
  for (const Block& b : free_) bytes_ -= b.bytes();
  free_.clear();
}

void Pool::give_back(Block block) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(block));
}

}  // namespace gossamer::runtime
