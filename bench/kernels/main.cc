// Every family of kernels by shape, each as its share of what this machine was measured to give.
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "base/thread_pool.h"
#include "benchmark/benchmark.h"
#include "harness.h"
#include "measure/rates.h"

namespace gossamer::bench {
namespace {

const measure::Rates& rates() {
  static const measure::Rates measured = measure::measure_rates(available_cpus());
  return measured;
}

// Memory for one tensor, at a multiple of 64.
struct Memory {
  explicit Memory(std::size_t bytes) : bytes_(bytes / 8 + 16) {
    const auto at = reinterpret_cast<std::uintptr_t>(bytes_.data());
    data = reinterpret_cast<std::byte*>(bytes_.data()) + (64 - at % 64) % 64;
  }
  std::byte* data;

 private:
  std::vector<std::uint64_t> bytes_;
};

// Nanoseconds: of one thread the time that it has spent on a core, so that what others do there in
// between does not count.
double now_ns(int threads) {
  timespec t{};
  ::clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

// Bytes that are there: repeated elements once.
double traffic(const kernels::View& v) {
  double bytes = v.rank < 0 ? 0 : static_cast<double>(dtype_size(v.dtype));
  for (int a = 0; a < v.rank; ++a)
    if (v.strides[static_cast<std::size_t>(a)] != 0)
      bytes *= static_cast<double>(v.extents[static_cast<std::size_t>(a)]);
  return bytes;
}

std::size_t bytes_of(const kernels::View& v) {
  return v.rank < 0 ? 0 : static_cast<std::size_t>(v.count()) * dtype_size(v.dtype);
}

void fill_random(float* to, std::size_t count) {
  std::uint32_t seed = 1;
  for (std::size_t i = 0; i < count; ++i) {
    seed = seed * 1664525 + 1013904223;
    to[i] = static_cast<float>(seed >> 8) / static_cast<float>(1 << 23) - 1;
  }
}

// A case with its memory, ready to run.
class Ready {
 public:
  Ready(const Case& c, Level level, int threads) : case_(c), level_(level) {
    const kernels::Shapes shapes{c.inputs, c.outputs, level, threads};
    Result<kernels::PreparedPtr> made = c.prepare(shapes);
    if (!made.ok()) {
      error = made.status().message();
      return;
    }
    prepared_ = std::move(made).value();
    for (const kernels::View& v : c.inputs) {
      inputs_.emplace_back(bytes_of(v));
      if (v.dtype == DType::f32 && v.rank >= 0)
        fill_random(reinterpret_cast<float*>(inputs_.back().data),
                    static_cast<std::size_t>(v.count()));
      in_.push_back(v.rank < 0 ? nullptr : inputs_.back().data);
      bytes_ += traffic(v);
    }
    for (const auto& [index, fill] : c.fill) fill(inputs_[index].data);
    for (const kernels::View& v : c.outputs) {
      outputs_.emplace_back(bytes_of(v));
      out_.push_back(v.rank < 0 ? nullptr : outputs_.back().data);
      bytes_ += traffic(v);
    }
    scratch_bytes_ = (prepared_->workspace + 63) / 64 * 64;
    scratch_ = std::make_unique<Memory>(scratch_bytes_ * static_cast<std::size_t>(threads));
    parts_ = std::min(threads, prepared_->parts);
  }

  void run(Crew& crew) {
    if (parts_ == 1)
      share(this, 0, 1);
    else
      crew.run(std::min(parts_, crew.size()), share, this);
  }

  double flops() const { return prepared_->flops; }
  double bytes() const { return bytes_; }
  // The least nanoseconds that the bound allows.
  double bound_ns(int threads) const {
    return rates().roofline_ns(case_.bound == Bound::traffic ? 0 : flops(),
                               case_.bound == Bound::arithmetic ? 0 : bytes_, level_, threads);
  }

  std::string error;

 private:
  static void share(void* context, int part, int parts) {
    const Ready& r = *static_cast<const Ready*>(context);
    kernels::Addresses addresses;
    addresses.inputs = r.in_.data();
    addresses.outputs = r.out_.data();
    addresses.workspace = r.scratch_->data + static_cast<std::size_t>(part) * r.scratch_bytes_;
    r.prepared_->run(addresses, part, parts);
  }

  const Case& case_;
  Level level_;
  kernels::PreparedPtr prepared_;
  std::vector<Memory> inputs_, outputs_;
  std::vector<const void*> in_;
  std::vector<void*> out_;
  std::unique_ptr<Memory> scratch_;
  std::size_t scratch_bytes_ = 0;
  double bytes_ = 0;
  int parts_ = 1;
};

// The median of the runs' times counts: what else the machine does hits some of them only.
void measure_case(benchmark::State& state, const Case& c, Level level, int threads) {
  Ready ready(c, level, threads);
  if (!ready.error.empty()) {
    state.SkipWithError(ready.error.c_str());
    return;
  }
  Crew crew(ThreadPool::shared());
  crew.enter(threads);
  ready.run(crew);
  // Several runs a sample, so that looking at the clock does not count.
  constexpr double kSampleNs = 20000;
  double begin = now_ns(threads);
  ready.run(crew);
  const double once = std::max(now_ns(threads) - begin, 1.0);
  const auto runs = std::max<std::int64_t>(1, static_cast<std::int64_t>(kSampleNs / once));
  std::vector<double> times;
  while (state.KeepRunningBatch(runs)) {
    begin = now_ns(threads);
    for (std::int64_t i = 0; i < runs; ++i) ready.run(crew);
    times.push_back((now_ns(threads) - begin) / static_cast<double>(runs));
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  const double ns = std::max(*middle, 1.0);
  state.counters["us"] = ns / 1e3;
  state.counters["GFLOP/s"] = ready.flops() / ns;
  state.counters["GB/s"] = ready.bytes() / ns;
  state.counters["%"] = 100 * ready.bound_ns(threads) / ns;
}

}  // namespace

void add(Case added) {
  constexpr const char* kBounds[] = {"arithmetic", "traffic", "roofline"};
  const auto kept = std::make_shared<const Case>(std::move(added));
  std::vector<int> counts = {1};
  if (kept->all_threads && available_cpus() > 1) counts.push_back(available_cpus());
  for (int l = 0; l <= static_cast<int>(cpu_level()); ++l)
    for (const int threads : counts) {
      const auto level = static_cast<Level>(l);
      const std::string name = kept->name + "/" + kBounds[static_cast<std::size_t>(kept->bound)] +
                               "/" + std::string(level_name(level)) + "/" +
                               std::to_string(threads) + "T";
      benchmark::RegisterBenchmark(name.c_str(), [kept, level, threads](benchmark::State& state) {
        measure_case(state, *kept, level, threads);
      })->UseRealTime();
    }
}

kernels::View row_major(std::vector<std::int64_t> extents, DType dtype) {
  return kernels::View::row_major(dtype, extents);
}

kernels::View channels_last(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
  kernels::View v = row_major({n, c, h, w});
  v.strides[0] = c * h * w;
  v.strides[1] = 1;
  v.strides[2] = c * w;
  v.strides[3] = c;
  return v;
}

}  // namespace gossamer::bench

int main(int argc, char** argv) {
  using namespace gossamer;
  // Ahead of the caller's own flags, which win.
  std::string quick = "--benchmark_min_time=0.05", table = "--benchmark_counters_tabular=true";
  std::vector<char*> args = {argv[0], quick.data(), table.data()};
  args.insert(args.end(), argv + 1, argv + argc);
  argc = static_cast<int>(args.size());
  argv = args.data();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  bench::add_products();
  bench::add_convolutions();
  bench::add_rows();
  bench::add_movement();
  benchmark::AddCustomContext("cpu", cpu_name());
  benchmark::AddCustomContext(
      "%",
      "of what the case's bound allows: the level's peak, its cache's rate, or the slower of both");
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
