// gossamer text: prints a model's graph in its text form, or a package's program.
#include "cli/package_text.h"
#include "cli/verb.h"
#include "graph/text.h"
#include "package/package.h"

namespace gossamer::cli {
namespace {

struct TextVerb {
  ModelOptions model;
  TextOptions text;

  Status run() const {
    if (package::is_package(model.path)) {
      TRY(model.refuse_details());
      ASSIGN(const package::Package package, package::open(model.path));
      return print(program_text(*package.program));
    }
    ASSIGN(std::shared_ptr<const onnx::Model> loaded, model.load());
    ASSIGN(Graph graph, model.lower(loaded));
    return print(to_text(graph, text));
  }
};

}  // namespace

void add_text(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "text", "Print a model's graph of primitives, or a package's steps, as text");
  auto self = std::make_shared<TextVerb>();
  self->model.add_to(*verb);
  verb->add_flag("--full", self->text.full, "Print every element of every constant");
  verb->footer("Example: gossamer text model.onnx --dim batch=1");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
