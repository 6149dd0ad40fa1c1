// gossamer seal: encrypts a package for recipients.
#include "base/mapped_file.h"
#include "cli/sealing.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {
namespace {

struct SealVerb {
  std::string input, output, suite = "chacha20-poly1305";
  std::vector<std::string> recipients, signers;
  seal::SealOptions options;
  bool json = false;

  Status run();
};

Status SealVerb::run() {
  if (!package::is_package(input) || seal::is_sealed(input))
    return usage_error("'" + input + "' is no clear package", "make one with gossamer compile");
  TRY(package::check(input));
  options.suite = suite == "aes-256-gcm" ? seal::Suite::aes256_gcm : seal::Suite::chacha20_poly1305;
  ASSIGN(const std::vector<seal::Key> to, load_keys(recipients));
  ASSIGN(const std::vector<seal::Key> by, load_keys(signers));
  ASSIGN(const MappedFile plain, MappedFile::open(input));
  TRY(seal::seal(plain.bytes(), output, to, by, options));
  ASSIGN(const seal::SealedFile sealed, seal::SealedFile::open(output));
  const std::uint64_t bytes = sealed.container().file_bytes();
  if (json)
    return print(nlohmann::json{{"output", output},
                                {"bytes", bytes},
                                {"recipients", to.size()},
                                {"signatures", by.size()}}
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
                 "\n");
  note(fmt::format("{}: {} bytes for {} recipients, {} signatures", output, bytes, to.size(),
                   by.size()));
  return {};
}

}  // namespace

void add_seal(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("seal", "Encrypt a package for recipients, and sign it");
  auto self = std::make_shared<SealVerb>();
  verb->add_option("package", self->input, "The clear .goss file")->required();
  verb->add_option("-o,--output", self->output, "The sealed .goss file to write")->required();
  verb->add_option(
          "--to", self->recipients,
          "A recipient: a public key or its file, or a symmetric key or passphrase (as for "
          "--key of run); may be repeated")
      ->take_all()
      ->expected(1)
      ->required();
  verb->add_option("--sign", self->signers, "A key that signs; may be repeated")
      ->take_all()
      ->expected(1);
  verb->add_option("--suite", self->suite, "What it is encrypted with")
      ->check(CLI::IsMember({"chacha20-poly1305", "aes-256-gcm"}))
      ->capture_default_str();
  verb->add_option("--name", self->options.name, "Name of the model, which anybody can read");
  verb->add_option("--model-version", self->options.version,
                   "Version of the model: policies refuse to go back");
  verb->add_option("--not-before", self->options.not_before, "Unix seconds");
  verb->add_option("--not-after", self->options.not_after, "Unix seconds");
  verb->add_flag("--no-clear-copy", self->options.no_clear_copy,
                 "Refuse to open it to a clear file");
  verb->add_flag("--json", self->json, "Print one JSON object");
  verb->footer("Example: gossamer seal model.goss -o sealed.goss --to device.pub --sign me.key");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
