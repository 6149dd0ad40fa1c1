// What a plan says about the memory of a run, for people, machines and eyes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "runtime/plan.h"

namespace gossamer::cli {

// Bytes. A block lives from step `first` to step `last`, both included.
struct MemoryReport {
  struct Block {
    std::int64_t offset = 0, bytes = 0;
    std::int32_t first = 0, last = 0;
    bool scratch = false;  // of a kernel, for one step
  };
  std::int64_t arena = 0;        // planned for a run, scratch memory and alignment included
  std::int64_t lower_bound = 0;  // the largest such sum that lives at once: no plan can be smaller
  std::int64_t live = 0;         // the same of values alone, without alignment
  std::vector<std::int64_t> steps;  // alive at each step, scratch memory and alignment included
  std::vector<Block> blocks;
};

// Nothing when some extent of an input is open.
Result<std::optional<MemoryReport>> memory_report(const runtime::Program& program, int threads);

// Fails with limit when the plan needs more than `cap` bytes (0: no cap), and with usage when that
// cannot be told because extents are open.
Status check_cap(const std::optional<MemoryReport>& report, std::int64_t cap);

nlohmann::json memory_json(const MemoryReport& report);
// Lines for a reader: the figures, then a timeline of bars; or that extents are open.
std::string memory_text(const std::optional<MemoryReport>& optional);
// A drawing: steps from left to right, the arena upwards, one rectangle a block.
std::string memory_svg(const MemoryReport& report, const std::string& title);

}  // namespace gossamer::cli
