// Recipes applied to a model that Python holds.
#include "compress/compress.h"
#include "model.h"
#include "onnx/writer.h"

namespace gossamer::python {
namespace {

// What is given to the work and what it gives; the work may outlive the call that began it.
struct Order {
  std::shared_ptr<const onnx::Model> model;
  onnx::LowerOptions lower;
  int threads = 0;
  std::string recipe, samples, file;
  std::optional<std::int64_t> opset;
  std::atomic<bool> cancelled{false};
  Status status;
  compress::Compressed out;
  std::size_t sample_count = 0;
  std::string bytes;
};

Status carry_out(Order& order) {
  ASSIGN(const compress::Recipe recipe, compress::parse_recipe(order.recipe));
  ASSIGN(const Graph graph, onnx::lower(order.model, order.lower));
  std::optional<samples::Samples> given;
  if (!order.samples.empty()) {
    ASSIGN(given, samples::Samples::open(order.samples, recipe.samples, compress::ports_of(graph)));
    order.sample_count = given->size();
  }
  compress::CompressOptions options;
  options.control.cancelled = &order.cancelled;
  options.control.threads = order.threads;
  ASSIGN(order.out, compress::compress(graph, recipe, given ? &*given : nullptr, options));
  onnx::WriteOptions write;
  write.opset = order.opset;
  write.source = order.model.get();
  if (!order.file.empty()) return onnx::write_model(order.out.graph, order.file, write);
  ASSIGN(const onnx::Model written, onnx::to_model(order.out.graph, write));
  ASSIGN(order.bytes, onnx::serialize(written));
  return {};
}

nb::dict cost_of(const GraphCost& cost) {
  nb::dict out;
  out["nodes"] = cost.nodes;
  const std::optional<std::int64_t> macs = cost.macs.constant();
  out["macs"] = macs ? nb::object(nb::int_(*macs)) : nb::str(cost.macs.to_string().c_str());
  out["constant_bytes"] = cost.constant_bytes;
  return out;
}

}  // namespace

nb::dict Model::compressed(const std::string& recipe, const std::string& samples,
                           const nb::object& opset, const nb::object& path) {
  const auto order = std::make_shared<Order>();
  order->model = take(source());
  order->lower = settings_.lower;
  order->threads = settings_.session.threads;
  order->recipe = recipe;
  order->samples = samples;
  if (!path.is_none()) order->file = nb::cast<std::string>(path);
  if (!opset.is_none()) order->opset = nb::cast<std::int64_t>(opset);
  try {
    interruptible([order] { order->status = carry_out(*order); });
  } catch (...) {
    order->cancelled = true;
    throw;
  }
  check(order->status);
  nb::dict out;
  out["model"] = order->file.empty()
                     ? nb::object(nb::bytes(order->bytes.data(), order->bytes.size()))
                     : nb::none();
  out["before"] = cost_of(order->out.before);
  out["after"] = cost_of(order->out.after);
  nb::list notes;
  for (const std::string& note : order->out.notes) notes.append(note);
  out["notes"] = notes;
  out["samples"] = order->sample_count;
  out["recipe"] = recipe;
  return out;
}

}  // namespace gossamer::python
