// Tables and JSON of profiles.
#include "cli/profile_text.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "fmt/format.h"

namespace gossamer::cli {
namespace {

using measure::Profile;
using measure::Rates;
using measure::StepProfile;
using nlohmann::json;

// The roofline's time over the time taken; 0 for scalar code, whose work is not counted.
double roofline_share(const StepProfile& s, const Rates& rates,
                      const runtime::SessionOptions& session) {
  if (s.ns <= 0 || s.calls <= 0) return 0;
  const double least =
      rates.roofline_ns(s.flops / s.calls, s.bytes / s.calls, session.level, session.threads);
  return least * s.calls / s.ns;
}

std::string row(const StepProfile& s, const Profile& profile, const Rates& rates,
                const runtime::SessionOptions& session) {
  const bool scalar = !s.step->operation->is_kernel();
  const std::string indent(static_cast<std::size_t>(2 * s.depth), ' ');
  return fmt::format(
      "{:10.1f} {:6.1f} {:>9} {:>8} {:>7} {:6} {:6.6g}  {}{:<24} {}\n", s.ns / 1e3,
      100 * s.ns / profile.run_ns, scalar ? "-" : fmt::format("{:.1f}", s.flops / s.ns),
      scalar ? "-" : fmt::format("{:.1f}", s.bytes / s.ns),
      scalar ? "-" : fmt::format("{:.0f} %", 100 * roofline_share(s, rates, session)), s.parts,
      s.calls, indent, s.step->operation->name, s.step->name);
}

// What each operation takes, slowest first; regions count with the step that runs them.
std::string by_operation(const Profile& profile) {
  std::map<std::string_view, std::pair<double, int>> sums;
  for (const StepProfile& s : profile.steps)
    if (s.depth == 0) {
      auto& [ns, count] = sums[s.step->operation->name];
      ns += s.ns;
      ++count;
    }
  std::vector<std::pair<double, std::string_view>> order;
  order.reserve(sums.size());
  for (const auto& [name, sum] : sums) order.emplace_back(sum.first, name);
  std::sort(order.rbegin(), order.rend());
  std::string out = "by operation:\n";
  for (const auto& [ns, name] : order)
    out += fmt::format("{:10.1f} {:6.1f}  {} ({} steps)\n", ns / 1e3, 100 * ns / profile.run_ns,
                       name, sums[name].second);
  return out;
}

json event(const runtime::StepTime& t, int thread) {
  return {{"name", t.step->name.empty() ? std::string(t.step->operation->name) : t.step->name},
          {"cat", t.step->operation->name},
          {"ph", "X"},
          {"pid", 1},
          {"tid", thread},
          {"ts", static_cast<double>(t.start_ns) / 1e3},
          {"dur", static_cast<double>(t.ns) / 1e3},
          {"args",
           {{"operation", t.step->operation->name},
            {"parts", t.parts},
            {"flops", t.flops},
            {"bytes", t.bytes}}}};
}

}  // namespace

std::string profile_table(const Profile& profile, const Rates& rates,
                          const runtime::SessionOptions& session, std::size_t top) {
  std::vector<const StepProfile*> order;
  order.reserve(profile.steps.size());
  for (const StepProfile& s : profile.steps) order.push_back(&s);
  std::stable_sort(order.begin(), order.end(),
                   [](const StepProfile* a, const StepProfile* b) { return a->ns > b->ns; });
  const std::size_t shown = std::min(top, order.size());
  std::string out = fmt::format("the slowest {} of {} steps, medians of {} profiled runs:\n", shown,
                                order.size(), profile.runs);
  out += fmt::format("{:>10} {:>6} {:>9} {:>8} {:>7} {:>6} {:>6}  {:<24} {}\n", "us", "% run",
                     "GFLOP/s", "GB/s", "roof", "shares", "calls", "operation", "step");
  for (std::size_t i = 0; i < shown; ++i) out += row(*order[i], profile, rates, session);
  out += by_operation(profile);
  double steps = 0, roof = 0, scalar = 0;
  for (const StepProfile& s : profile.steps) {
    roof += roofline_share(s, rates, session) * s.ns;
    if (s.depth > 0) continue;
    steps += s.ns;
    if (!s.step->operation->is_kernel()) scalar += s.ns;
  }
  out += fmt::format(
      "run {:.3f} ms, steps {:.3f} ms of it, scalar code {:.1f} %; {:.1f} GFLOP/s, {:.1f} GB/s, "
      "{:.0f} % of the steps' rooflines\n",
      profile.run_ns / 1e6, steps / 1e6, 100 * scalar / profile.run_ns,
      profile.total_flops() / profile.run_ns, profile.total_bytes() / profile.run_ns,
      100 * roof / profile.run_ns);
  out += fmt::format(
      "roof: of {:.0f} GFLOP/s and what {} threads read at most: {:.0f} GB/s from L2, {:.0f} from "
      "memory\n",
      rates.giga_ops("f32", session.level) * session.threads, session.threads,
      rates.bandwidth(0, session.threads), rates.bandwidth(1e18, session.threads));
  return out;
}

json profile_rows(const Profile& profile, const Rates& rates,
                  const runtime::SessionOptions& session) {
  json out = json::array();
  for (const StepProfile& s : profile.steps)
    out.push_back({{"step", s.step->name},
                   {"operation", s.step->operation->name},
                   {"depth", s.depth},
                   {"calls", s.calls},
                   {"us", s.ns / 1e3},
                   {"flops", s.flops},
                   {"bytes", s.bytes},
                   {"shares", s.parts},
                   {"roofline_share", roofline_share(s, rates, session)}});
  return out;
}

json chrome_trace(const Profile& profile, const std::string& model) {
  json events = json::array();
  events.push_back(
      {{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", model}}}});
  int threads = 1;
  for (const runtime::StepTime& t : profile.last_run) {
    for (int thread = 0; thread < std::max(t.parts, 1); ++thread)
      events.push_back(event(t, thread));
    threads = std::max(threads, t.parts);
  }
  for (int thread = 0; thread < threads; ++thread)
    events.push_back(
        {{"name", "thread_name"},
         {"ph", "M"},
         {"pid", 1},
         {"tid", thread},
         {"args", {{"name", thread == 0 ? "caller" : fmt::format("share {}", thread)}}}});
  return {{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}};
}

}  // namespace gossamer::cli
