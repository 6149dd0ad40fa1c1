// gossamer sign: signs a sealed package within, or any file with a signature beside it.
#include <filesystem>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "cli/sealing.h"

namespace gossamer::cli {
namespace {

struct SignVerb {
  std::string input, output, key, comment;
  bool beside = false;

  Status run() const;
};

Status SignVerb::run() const {
  keep_memory_private();
  const bool sealed = seal::is_sealed(input);
  if (!sealed && !beside)
    return usage_error("'" + input + "' is not sealed: there is no place in it for a signature",
                       "give --beside to write " + input + ".minisig");
  ASSIGN(const seal::Key signer, load_one_key(key));
  if (!beside) {
    ASSIGN(const seal::SealedFile file, seal::SealedFile::open(input));
    return file.sign(output.empty() ? input : output, signer);
  }
  ASSIGN(const MappedFile file, MappedFile::open(input));
  const std::string said = comment.empty() && sealed ? "" : comment;
  const std::string name = std::filesystem::path(input).filename().string();
  ASSIGN(const std::string text,
         seal::minisign_text(file.bytes(), signer, said.empty() ? "file:" + name : said));
  return write_file(output.empty() ? input + ".minisig" : output, text);
}

}  // namespace

void add_sign(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("sign", "Sign a sealed package, or any file beside it");
  auto self = std::make_shared<SignVerb>();
  verb->add_option("file", self->input, "The file to sign")->required();
  verb->add_option("--key", self->key, "Source of a key that signs")->required();
  verb->add_option("-o,--output", self->output, "Write here instead of in its place");
  verb->add_flag("--beside", self->beside, "Write FILE.minisig, which minisign verifies as well");
  verb->add_option("--comment", self->comment, "Signed with the file, beside it");
  verb->footer("Example: gossamer sign sealed.goss --key me.key");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
