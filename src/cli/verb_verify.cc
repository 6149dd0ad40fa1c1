// gossamer verify: whether a sealed package is whole and signed, without a key to open it; or a
// file with a signature beside it.
#include "base/mapped_file.h"
#include "cli/sealing.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {
namespace {

struct VerifyVerb {
  std::string input, policy, sidecar;
  std::vector<std::string> signers;
  bool json = false;

  Status run() const;
  Result<seal::Policy> accepted() const;
  Status beside(const seal::Policy& by) const;
};

// The policy's signers and those of the command line.
Result<seal::Policy> VerifyVerb::accepted() const {
  ASSIGN(seal::Policy out, policy_of(policy));
  for (const std::string& source : signers) {
    ASSIGN(const seal::Key key, load_one_key(source));
    if (key.kind != seal::KeyKind::ed25519_public)
      return usage_error("'" + source + "' is no public key that verifies signatures");
    out.signers.push_back(key.open);
  }
  if (out.signers.empty())
    return usage_error("nobody is trusted to have signed it", "give --signer or --policy");
  if (out.signatures == 0) out.signatures = 1;
  return out;
}

Status VerifyVerb::beside(const seal::Policy& by) const {
  ASSIGN(const MappedFile file, MappedFile::open(input));
  ASSIGN(const MappedFile signature, MappedFile::open(sidecar));
  return std::move(seal::check_minisign(file.bytes(), signature.text(), by.signers)).status();
}

Status VerifyVerb::run() const {
  ASSIGN(const seal::Policy by, accepted());
  Status status;
  if (!sidecar.empty()) {
    status = beside(by);
  } else {
    ASSIGN(const seal::SealedFile file, seal::SealedFile::open(input));
    status = seal::check_policy(file.container(), by, unix_now());
    if (status.ok()) status = file.check_chunks();
  }
  if (!status.ok()) return std::move(status).in("'" + input + "'");
  if (json) return print(nlohmann::json{{"verified", true}}.dump() + "\n");
  note(input + " is what was signed");
  return {};
}

}  // namespace

void add_verify(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "verify", "Check signatures and every byte of a sealed package; needs no key to open it");
  auto self = std::make_shared<VerifyVerb>();
  verb->add_option("file", self->input, "The file to verify")->required();
  verb->add_option("--signer", self->signers, "A public key to trust; may be repeated")
      ->take_all()
      ->expected(1);
  verb->add_option("--policy", self->policy, "File that says which sealed packages to accept");
  verb->add_option("--beside", self->sidecar, "The signature of any file, as minisign keeps it");
  verb->add_flag("--json", self->json, "Print one JSON object");
  verb->footer("Example: gossamer verify sealed.goss --signer publisher.pub");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
