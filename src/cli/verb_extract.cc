// gossamer extract: cuts a part out of a model and writes it as a model of its own.
#include "cli/verb.h"
#include "onnx/extract.h"
#include "onnx/writer.h"

namespace gossamer::cli {
namespace {

struct ExtractVerb {
  ModelOptions model;
  std::vector<std::string> from, to;
  std::string output;

  Status run() const {
    ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
    ASSIGN(onnx::LowerOptions options, model.lower_options(*loaded));
    ASSIGN(const Graph graph, onnx::extract(loaded, from, to, options));
    return onnx::write_model(graph, output);
  }
};

}  // namespace

void add_extract(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("extract", "Cut a part out of a model");
  auto self = std::make_shared<ExtractVerb>();
  self->model.add_to(*verb);
  verb->add_option("--from", self->from, "Values that become its inputs, separated by commas")
      ->delimiter(',')
      ->required();
  verb->add_option("--to", self->to, "Values that become its outputs, separated by commas")
      ->delimiter(',')
      ->required();
  verb->add_option("-o,--output", self->output, "The .onnx file to write")->required();
  verb->footer("Example: gossamer extract model.onnx --from input --to features -o head.onnx");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
