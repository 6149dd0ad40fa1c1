// gossamer convert: reads a model and writes it as ONNX again, for another opset if asked.
#include "cli/verb.h"
#include "onnx/writer.h"

namespace gossamer::cli {
namespace {

struct ConvertVerb {
  ModelOptions model;
  std::string output;
  std::optional<std::int64_t> opset;
  bool canonical = false;

  Status run() const {
    ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
    ASSIGN(const Graph graph, model.lower(loaded));
    ASSIGN(const onnx::Model written, onnx::to_model(graph, {opset, canonical, loaded.get()}));
    TRY(onnx::write_file(written, output));
    const std::int64_t used = written.opsets.at("");
    if (opset && used != *opset)
      note("the model needs opset " + std::to_string(used) + ", so it was written for that one");
    return {};
  }
};

}  // namespace

void add_convert(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("convert", "Write a model as ONNX, for an opset of choice");
  auto self = std::make_shared<ConvertVerb>();
  self->model.add_to(*verb);
  verb->add_option("-o,--output", self->output, "The .onnx file to write")->required();
  verb->add_option("--opset", self->opset,
                   "Opset to write for; raised to what the model needs. Operators that mean the "
                   "same there stay as they were, the others are spelled anew");
  verb->add_flag("--canonical", self->canonical,
                 "Spell every operator from the primitives that it was read as");
  verb->footer("Example: gossamer convert model.onnx -o newer.onnx --opset 17");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
