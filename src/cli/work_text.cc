// Shares of work as JSON and as text.
#include "cli/work_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "fmt/format.h"

namespace gossamer::cli {
namespace {

std::string percent(double share) {
  if (share <= 0) return "0 %";
  return share < 5e-4 ? "under 0.1 %" : fmt::format("{:.1f} %", share * 100);
}

}  // namespace

nlohmann::json work_json(const compile::WorkReport& work) {
  nlohmann::json out = {{"share", work.scalar_share()}, {"primitives", nlohmann::json::object()}};
  for (const auto& [name, amount] : work.scalar)
    out["primitives"][name] = work.total > 0 ? amount / work.total : 0;
  return out;
}

std::string work_text(const nlohmann::json& work) {
  std::vector<std::pair<double, std::string>> rows;
  for (const auto& [name, share] : work["primitives"].items())
    rows.emplace_back(-share.get<double>(), name);
  std::sort(rows.begin(), rows.end());
  std::string names;
  for (const auto& [share, name] : rows)
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", name, percent(-share));
  const std::string all = percent(work["share"].get<double>());
  return names.empty() ? all : all + " (" + names + ")";
}

}  // namespace gossamer::cli
