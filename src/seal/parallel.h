// Chunks of a file, shared among threads: each has a worker of its own, with its cipher and buffer.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"

namespace gossamer::seal {

// Calls worker(number) for numbers from `first` to `end`, each once, until one fails. Workers are
// made by make(), which gives a Result, before any runs. 0 threads: as many as the process may use.
template <class Make>
Status for_chunks(int threads, std::uint64_t first, std::uint64_t end, const Make& make) {
  using Worker = std::remove_cvref_t<decltype(*make())>;
  if (threads <= 0) threads = available_cpus();
  Crew crew(ThreadPool::shared());
  crew.enter(
      static_cast<int>(std::min<std::uint64_t>(static_cast<std::uint64_t>(threads), end - first)));
  struct Shared {
    std::atomic<std::uint64_t> next;
    std::uint64_t end;
    std::atomic<bool> failed;
    std::vector<Worker> workers;
    std::vector<Status> statuses;
  } shared{first, end, false, {}, std::vector<Status>(static_cast<std::size_t>(crew.size()))};
  for (int i = 0; i < crew.size(); ++i) {
    ASSIGN(Worker worker, make());
    shared.workers.push_back(std::move(worker));
  }
  crew.run(
      crew.size(),
      [](void* context, int part, int) {
        Shared& s = *static_cast<Shared*>(context);
        const auto at = static_cast<std::size_t>(part);
        while (!s.failed) {
          const std::uint64_t number = s.next.fetch_add(1);
          if (number >= s.end) return;
          s.statuses[at] = s.workers[at](number);
          if (!s.statuses[at].ok()) s.failed = true;
        }
      },
      &shared);
  for (Status& s : shared.statuses)
    if (!s.ok()) return std::move(s);
  return {};
}

}  // namespace gossamer::seal
