// Memory figures of a plan as lines, JSON and SVG.
#include "cli/memory_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/cpu.h"
#include "base/thread_pool.h"
#include "runtime/memory_plan.h"

namespace gossamer::cli {
namespace {

using runtime::BufferKind;

std::int64_t aligned(std::int64_t bytes) {
  constexpr std::int64_t kTo = runtime::kArenaAlignment;
  return (bytes + kTo - 1) / kTo * kTo;
}

std::optional<std::vector<Shape>> declared_shapes(const runtime::Program& program) {
  std::vector<Shape> shapes;
  for (const runtime::Port& port : program.inputs) {
    Shape shape(port.slot == runtime::kNoSlot ? std::vector<std::int64_t>{} : port.extents);
    if (!port.is_tensor || !shape.checked_count()) return std::nullopt;
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

void add_block(MemoryReport& report, const MemoryReport::Block& block, std::int64_t plain,
               std::vector<std::int64_t>& plain_steps) {
  if (block.bytes == 0) return;
  report.blocks.push_back(block);
  const auto end = std::min(static_cast<std::size_t>(block.last) + 1, report.steps.size());
  for (auto s = static_cast<std::size_t>(block.first); s < end; ++s) {
    report.steps[s] += block.bytes;
    plain_steps[s] += plain;
  }
}

std::string megabytes(std::int64_t bytes) {
  return fmt::format("{:.3f} MB", static_cast<double>(bytes) / 1e6);
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

}  // namespace

Result<std::optional<MemoryReport>> memory_report(const runtime::Program& program, int threads) {
  const std::optional<std::vector<Shape>> shapes = declared_shapes(program);
  if (!shapes) return std::optional<MemoryReport>();
  ASSIGN(const std::unique_ptr<const runtime::Plan> plan,
         runtime::make_plan(program, *shapes, active_level(),
                            threads > 0 ? threads : available_cpus()));
  MemoryReport report;
  report.arena = plan->arena_bytes;
  report.lower_bound = plan->lower_bound;
  report.steps.assign(std::max<std::size_t>(program.steps.size(), 1), 0);
  std::vector<std::int64_t> plain(report.steps.size(), 0);
  for (std::size_t i = 0; i < program.buffers.size(); ++i) {
    const runtime::Buffer& b = program.buffers[i];
    const std::int64_t bytes = plan->buffer_bytes[i];
    if (b.kind != BufferKind::arena || bytes < 0) continue;
    add_block(report, {plan->offsets[i], aligned(bytes), b.first, std::max(b.first, b.last)}, bytes,
              plain);
  }
  for (std::size_t i = 0; i < plan->steps.size(); ++i) {
    const runtime::StepPlan& s = plan->steps[i];
    if (!s.prepared || s.workspace < 0) continue;
    const auto at = static_cast<std::int32_t>(i);
    const int shares = std::min(std::max(s.prepared->parts, 1), plan->threads);
    add_block(report, {s.workspace, s.workspace_bytes * shares, at, at, true}, 0, plain);
  }
  report.live = *std::max_element(plain.begin(), plain.end());
  return std::optional(std::move(report));
}

Status check_cap(const std::optional<MemoryReport>& report, std::int64_t cap) {
  if (cap == 0) return {};
  if (!report)
    return usage_error("the memory of a run depends on open extents",
                       "fix them with --shape or --dim to hold the model to --memory-cap");
  if (report->arena <= cap) return {};
  return limit_error(
      fmt::format("a run needs {} bytes of memory beside the weights, more than the "
                  "cap of {}",
                  report->arena, cap));
}

nlohmann::json memory_json(const MemoryReport& report) {
  nlohmann::json out = {{"arena_bytes", report.arena},
                        {"lower_bound_bytes", report.lower_bound},
                        {"live_bytes", report.live},
                        {"timeline", report.steps}};
  out["blocks"] = nlohmann::json::array();
  for (const MemoryReport::Block& b : report.blocks)
    out["blocks"].push_back({{"offset", b.offset},
                             {"bytes", b.bytes},
                             {"first", b.first},
                             {"last", b.last},
                             {"scratch", b.scratch}});
  return out;
}

std::string memory_text(const std::optional<MemoryReport>& optional) {
  if (!optional) return "arena       depends on open dimensions (fix them with --dim or --shape)\n";
  const MemoryReport& report = *optional;
  const double over = report.lower_bound > 0 ? static_cast<double>(report.arena) /
                                                   static_cast<double>(report.lower_bound)
                                             : 1;
  std::string out = fmt::format(
      "arena       {} planned, {:.3f} of the lower bound {}; values alive {}\n",
      megabytes(report.arena), over, megabytes(report.lower_bound), megabytes(report.live));
  constexpr std::size_t kRows = 16;
  constexpr double kWidth = 40;
  const std::size_t per_row = (report.steps.size() + kRows - 1) / kRows;
  for (std::size_t from = 0; from < report.steps.size(); from += per_row) {
    const std::size_t to = std::min(from + per_row, report.steps.size());
    const std::int64_t most =
        *std::max_element(report.steps.begin() + static_cast<std::ptrdiff_t>(from),
                          report.steps.begin() + static_cast<std::ptrdiff_t>(to));
    const double part =
        static_cast<double>(most) / static_cast<double>(std::max<std::int64_t>(report.arena, 1));
    out += fmt::format("{:<11} steps {:>4} to {:>4} {:>14}  {}\n", from == 0 ? "timeline" : "",
                       from, to - 1, megabytes(most),
                       std::string(static_cast<std::size_t>(std::lround(part * kWidth)), '#'));
  }
  return out;
}

std::string memory_svg(const MemoryReport& report, const std::string& title) {
  constexpr double kWidth = 1000, kHeight = 500, kTop = 30;
  const double x = kWidth / static_cast<double>(report.steps.size());
  const double y = kHeight / static_cast<double>(std::max<std::int64_t>(report.arena, 1));
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"14\">\n"
      "<text x=\"4\" y=\"20\">{}: {} planned, lower bound {}, {} steps</text>\n",
      kWidth, kHeight + kTop, escaped(title), megabytes(report.arena),
      megabytes(report.lower_bound), report.steps.size());
  for (const MemoryReport::Block& b : report.blocks)
    out += fmt::format(
        "<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\" "
        "stroke=\"white\" stroke-width=\"0.5\"><title>{} bytes at {}, steps {} to "
        "{}</title></rect>\n",
        b.first * x, kTop + kHeight - static_cast<double>(b.offset + b.bytes) * y,
        (b.last - b.first + 1) * x, static_cast<double>(b.bytes) * y,
        b.scratch ? "#d95f02" : "#1f78b4", b.bytes, b.offset, b.first, b.last);
  return out + "</svg>\n";
}

}  // namespace gossamer::cli
