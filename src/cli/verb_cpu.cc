// gossamer cpu: what this machine can do, and how fast it does it.
#include "base/thread_pool.h"
#include "cli/verb.h"
#include "fmt/format.h"
#include "measure/bench.h"
#include "measure/rates.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {
namespace {

using nlohmann::json;

struct CpuVerb {
  bool as_json = false;

  Status run() const;
};

std::vector<std::string_view> levels() {
  std::vector<std::string_view> out;
  for (int l = 0; l <= static_cast<int>(cpu_level()); ++l)
    out.push_back(level_name(static_cast<Level>(l)));
  return out;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view w : words) out += (out.empty() ? "" : " ") + std::string(w);
  return out;
}

json describe(const measure::Rates& rates, double took_ms) {
  const CacheSizes& caches = cache_sizes();
  const int quota = cgroup_cpus();
  json out = {{"name", cpu_name()},
              {"levels", levels()},
              {"level", level_name(active_level())},
              {"instructions", measure::instruction_sets()},
              {"threads", available_cpus()},
              {"quota_cpus", quota > 0 ? json(quota) : json(nullptr)},
              {"cache_bytes", {{"l1d", caches.l1d}, {"l2", caches.l2}, {"l3", caches.l3}}},
              {"read_gb_per_s",
               {{"l2", rates.l2},
                {"l3", rates.l3},
                {"memory", rates.memory},
                {"memory_all_threads", rates.memory_all}}},
              {"measured_in_ms", took_ms}};
  for (const measure::ArithmeticRate& a : rates.arithmetic)
    out["giga_ops_per_s"][std::string(a.dtype)][std::string(a.instructions)] = a.giga_ops;
  return out;
}

std::string to_readable(const measure::Rates& rates) {
  const CacheSizes& caches = cache_sizes();
  const int quota = cgroup_cpus();
  std::string out = fmt::format("cpu         {}\n", cpu_name());
  out += fmt::format("levels      {}; {} is used{}\n", joined(levels()), level_name(active_level()),
                     active_level() < cpu_level() ? " (GOSSAMER_ISA)" : "");
  out += fmt::format("has         {}\n", joined(measure::instruction_sets()));
  out += fmt::format("threads     {} by affinity and quota{}\n", available_cpus(),
                     quota > 0 ? fmt::format(" (quota: {} CPUs)", quota) : " (no quota)");
  out += fmt::format("caches      L1d {} KiB, L2 {} KiB a core, L3 {} KiB\n", caches.l1d >> 10,
                     caches.l2 >> 10, caches.l3 >> 10);
  for (const measure::ArithmeticRate& a : rates.arithmetic)
    out += fmt::format("{:<11} {:8.1f} G operations/s, one core, {}\n", a.dtype, a.giga_ops,
                       a.instructions);
  out += fmt::format(
      "reading     {:8.1f} GB/s from L2, {:.1f} from L3, {:.1f} from memory, one core\n", rates.l2,
      rates.l3, rates.memory);
  out += fmt::format("            {:8.1f} GB/s from memory, {} threads\n", rates.memory_all,
                     rates.threads);
  return out;
}

Status CpuVerb::run() const {
  const double begin = measure::now_ms();
  const measure::Rates rates = measure::measure_rates(available_cpus());
  const double took = measure::now_ms() - begin;
  return print(as_json ? describe(rates, took).dump(2, ' ', false, json::error_handler_t::replace) +
                             "\n"
                       : to_readable(rates));
}

}  // namespace

void add_cpu(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "cpu", "What this machine can do: instruction set levels, caches, measured rates");
  auto self = std::make_shared<CpuVerb>();
  verb->add_flag("--json", self->as_json, "Print one JSON object");
  verb->footer("Example: gossamer cpu --json");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
