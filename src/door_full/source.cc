// Models in ONNX behind the door: read, compiled when asked, run by the reference.
#include "compile/compile.h"
#include "door_full/operators.h"
#include "onnx/bind.h"
#include "onnx/lower.h"

namespace gossamer::door {
namespace {

Port port_of(const onnx::ValueInfo& info) {
  Port p;
  p.name = info.name;
  p.is_tensor = info.type.kind == onnx::Type::Kind::tensor;
  p.dtype = info.type.dtype;
  if (!p.is_tensor || !info.type.shape) return p;
  p.rank = static_cast<int>(info.type.shape->size());
  for (const onnx::Dimension& d : *info.type.shape) p.extents.push_back(d.value.value_or(-1));
  return p;
}

class OnnxSource : public Source {
 public:
  OnnxSource(onnx::Model model, const gossamer_operators* operators) {
    for (const onnx::ValueInfo* v : onnx::free_inputs(model)) inputs.push_back(port_of(*v));
    for (const onnx::ValueInfo& v : model.graph.outputs) outputs.push_back(port_of(v));
    model_ = std::make_shared<const onnx::Model>(std::move(model));
    if (operators) options_.hosts = std::make_shared<const HostOperators>(operators->operators);
  }

  Result<runtime::Program> compile() const override {
    ASSIGN(const Graph graph, onnx::lower(model_, options_));
    return compile::compile(graph);
  }

  Result<std::vector<NamedValue>> run(std::vector<NamedValue> given) const override {
    std::map<std::string, Value> feeds;
    for (NamedValue& v : given) feeds.insert_or_assign(v.name, std::move(v.value));
    ASSIGN(auto values, onnx::run_reference(model_, feeds, options_, {}));
    std::vector<NamedValue> out;
    out.reserve(values.size());
    for (onnx::NamedValue& v : values) out.push_back({std::move(v.name), std::move(v.value)});
    return out;
  }

 private:
  std::shared_ptr<const onnx::Model> model_;
  onnx::LowerOptions options_;
};

}  // namespace

Result<std::unique_ptr<const Source>> open_source(const std::string& path,
                                                  const gossamer_operators* operators) {
  ASSIGN(onnx::Model model, onnx::read_model(path));
  return std::unique_ptr<const Source>(
      std::make_unique<const OnnxSource>(std::move(model), operators));
}

void prepare_operations() { runtime::register_operations(runtime::library_operations()); }

}  // namespace gossamer::door
