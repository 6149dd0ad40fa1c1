// gossamer rewrap: a sealed package for other recipients; what was signed stays as it is.
#include "cli/sealing.h"

namespace gossamer::cli {
namespace {

struct RewrapVerb {
  std::string input, output;
  std::vector<std::string> recipients;
  KeyOptions keys;

  Status run() const {
    ASSIGN(const seal::SealedFile file, seal::SealedFile::open(input));
    ASSIGN(const seal::Policy policy, policy_of(keys.policy));
    TRY(seal::check_policy(file.container(), policy, unix_now()));
    ASSIGN(const std::vector<seal::Key> with, keys.load(file));
    ASSIGN(const std::vector<seal::Key> to, load_keys(recipients));
    return file.rewrap(output.empty() ? input : output, with, to);
  }
};

}  // namespace

void add_rewrap(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "rewrap", "Seal a sealed package for other recipients; its signatures stay");
  auto self = std::make_shared<RewrapVerb>();
  verb->add_option("package", self->input, "The sealed .goss file")->required();
  self->keys.add_to(*verb);
  verb->add_option("--to", self->recipients, "A recipient, as of seal; may be repeated")
      ->take_all()
      ->expected(1)
      ->required();
  verb->add_option("-o,--output", self->output, "Write here instead of in its place");
  verb->footer("Example: gossamer rewrap sealed.goss --key me.key --to device.pub -o device.goss");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
