// Packs buffers: one after the other, each into the tightest gap that is free during its life. The
// order decides how well that goes, so several are tried when there is time.
#include "runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace gossamer::runtime {
namespace {

using Order = std::vector<std::int32_t>;

std::int64_t aligned(std::int64_t bytes) {
  return (std::max<std::int64_t>(bytes, 0) + kArenaAlignment - 1) / kArenaAlignment *
         kArenaAlignment;
}

struct Item {
  std::int64_t bytes;  // aligned
  std::int32_t first, last;
  bool meets(const Item& other) const { return first <= other.last && other.first <= last; }
};

struct Packing {
  std::vector<std::int64_t> offsets;
  std::int64_t total = 0;
};

// Places the items in that order. `placed` is kept sorted by offset.
class Packer {
 public:
  explicit Packer(std::span<const Item> items) : items_(items) { placed_.reserve(items.size()); }

  // Gives up, with a total that is no better, once the total reaches `give_up`.
  Packing pack(const Order& order, std::int64_t give_up) {
    Packing p;
    p.offsets.assign(items_.size(), 0);
    placed_.clear();
    for (std::int32_t i : order) {
      const Item& item = items_[static_cast<std::size_t>(i)];
      if (item.bytes == 0) continue;
      const std::int64_t offset = best_offset(item);
      p.offsets[static_cast<std::size_t>(i)] = offset;
      p.total = std::max(p.total, offset + item.bytes);
      if (p.total >= give_up) return p;
      const auto at =
          std::upper_bound(placed_.begin(), placed_.end(), offset,
                           [](std::int64_t o, const Placed& placed) { return o < placed.offset; });
      placed_.insert(at, {offset, i});
    }
    return p;
  }

 private:
  struct Placed {
    std::int64_t offset;
    std::int32_t item;
  };

  std::int64_t best_offset(const Item& item) const {
    std::int64_t best = -1, best_gap = 0, top = 0;
    for (const Placed& p : placed_) {
      const Item& other = items_[static_cast<std::size_t>(p.item)];
      if (!item.meets(other)) continue;
      const std::int64_t gap = p.offset - top;
      if (gap >= item.bytes && (best < 0 || gap < best_gap)) {
        best = top;
        best_gap = gap;
      }
      top = std::max(top, p.offset + other.bytes);
    }
    return best < 0 ? top : best;
  }

  std::span<const Item> items_;
  std::vector<Placed> placed_;
};

template <class Before>
Order order_by(std::span<const Item> items, Before before) {
  Order order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return before(items[static_cast<std::size_t>(a)], items[static_cast<std::size_t>(b)]);
  });
  return order;
}

bool larger(const Item& a, const Item& b) {
  if (a.bytes != b.bytes) return a.bytes > b.bytes;
  return a.last - a.first > b.last - b.first;
}

double area(const Item& i) {
  return static_cast<double>(i.bytes) * (static_cast<double>(i.last) - i.first + 1);
}

// What is alive at the busiest steps goes first (greedy by breadth).
Order order_by_breadth(std::span<const Item> items) {
  std::vector<std::int64_t> alive(items.size(), 0);  // while this item begins
  for (std::size_t i = 0; i < items.size(); ++i)
    for (const Item& other : items)
      if (other.first <= items[i].first && items[i].first <= other.last) alive[i] += other.bytes;
  std::vector<std::int64_t> busiest(items.size(), 0);
  for (std::size_t i = 0; i < items.size(); ++i)
    for (std::size_t k = 0; k < items.size(); ++k)
      if (items[i].first <= items[k].first && items[k].first <= items[i].last)
        busiest[i] = std::max(busiest[i], alive[k]);
  Order order(items.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const auto i = static_cast<std::size_t>(a), k = static_cast<std::size_t>(b);
    if (busiest[i] != busiest[k]) return busiest[i] > busiest[k];
    return larger(items[i], items[k]);
  });
  return order;
}

// A small generator of our own: the same plan on every machine.
struct Dice {
  std::uint64_t state = 0x9e3779b97f4a7c15U;
  std::size_t below(std::size_t n) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>((state >> 33) % n);
  }
};

// Moves what stands at the top of the packing ahead in the order, with some chance, until nothing
// has been won for a while.
void improve(std::span<const Item> items, Order order, std::int64_t bound, Packing& best) {
  Packer packer(items);
  Dice dice;
  const double n = static_cast<double>(items.size());
  const int tries = static_cast<int>(std::clamp(4e7 / (n * n), 16.0, 400.0));
  for (int k = 0; k < tries && best.total > bound; ++k) {
    Order tried = order;
    std::size_t top = 0;  // position of an item that reaches the total
    for (std::size_t p = 0; p < tried.size(); ++p) {
      const auto i = static_cast<std::size_t>(tried[p]);
      if (best.offsets[i] + items[i].bytes == best.total) top = p;
    }
    const std::size_t to = top == 0 ? dice.below(tried.size()) : dice.below(top);
    std::rotate(tried.begin() + static_cast<std::ptrdiff_t>(std::min(to, top)),
                tried.begin() + static_cast<std::ptrdiff_t>(top),
                tried.begin() + static_cast<std::ptrdiff_t>(top) + 1);
    std::swap(tried[dice.below(tried.size())], tried[dice.below(tried.size())]);
    Packing p = packer.pack(tried, best.total + 1);
    if (p.total > best.total) continue;
    best = std::move(p);
    order = std::move(tried);
  }
}

std::vector<Item> items_of(std::span<const Lifetime> lifetimes) {
  std::vector<Item> items;
  items.reserve(lifetimes.size());
  for (const Lifetime& l : lifetimes)
    items.push_back({aligned(l.bytes), l.first, std::max(l.first, l.last)});
  return items;
}

std::int64_t live_set(std::span<const Item> items) {
  struct Event {
    std::int64_t at;
    std::int64_t bytes;
  };
  std::vector<Event> events;
  events.reserve(items.size() * 2);
  for (const Item& i : items) {
    events.push_back({i.first, i.bytes});
    events.push_back({std::int64_t{i.last} + 1, -i.bytes});
  }
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    return a.at != b.at ? a.at < b.at : a.bytes < b.bytes;
  });
  std::int64_t now = 0, most = 0;
  for (const Event& e : events) most = std::max(most, now += e.bytes);
  return most;
}

}  // namespace

std::int64_t largest_live_set(std::span<const Lifetime> lifetimes) {
  return live_set(items_of(lifetimes));
}

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, bool thorough) {
  const std::vector<Item> items = items_of(lifetimes);
  const std::int64_t bound = live_set(items);
  Packer packer(items);
  Order best_order = order_by(items, larger);
  Packing best = packer.pack(best_order, INT64_MAX);
  const auto attempt = [&](Order order) {
    if (best.total == bound) return;
    Packing p = packer.pack(order, best.total);
    if (p.total >= best.total) return;
    best = std::move(p);
    best_order = std::move(order);
  };
  if (best.total > bound)
    attempt(order_by(items, [](const Item& a, const Item& b) { return area(a) > area(b); }));
  if (thorough && best.total > bound) {
    attempt(order_by(items, [](const Item& a, const Item& b) {
      return a.last - a.first != b.last - b.first ? a.last - a.first > b.last - b.first
                                                  : larger(a, b);
    }));
    attempt(order_by(items, [](const Item& a, const Item& b) { return a.first < b.first; }));
    attempt(order_by(items, [](const Item& a, const Item& b) { return a.last > b.last; }));
    attempt(order_by_breadth(items));
    improve(items, best_order, bound, best);
  }
  return {std::move(best.offsets), best.total, bound};
}

}  // namespace gossamer::runtime
