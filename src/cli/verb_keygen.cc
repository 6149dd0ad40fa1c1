// gossamer keygen: makes keys for sealing and signing.
#include <sys/stat.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "cli/sealing.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {
namespace {

struct KeygenVerb {
  std::string output, public_of;
  bool signing = false, symmetric = false, minisign = false, json = false;

  Status run() const;
};

Status KeygenVerb::run() const {
  using seal::KeyKind;
  keep_memory_private();
  if (signing && symmetric) return usage_error("--sign and --symmetric exclude each other");
  if (output.empty() == public_of.empty())
    return usage_error("give --output to make a key, or --public-of to show one's public half");
  seal::Key key;
  if (!public_of.empty()) {
    ASSIGN(key, load_one_key(public_of));
  } else {
    struct stat info{};
    if (::lstat(output.c_str(), &info) == 0)
      return usage_error("'" + output + "' is there already, and keys are not overwritten");
    ASSIGN(key, seal::generate_key(signing     ? KeyKind::ed25519_secret
                                   : symmetric ? KeyKind::symmetric
                                               : KeyKind::x25519_secret));
    const mode_t before = umask(0077);
    std::string text = seal::key_text(key) + "\n";
    const Status written = write_file(output, text);
    seal::wipe(text.data(), text.size());
    umask(before);
    TRY(written);
  }
  if (key.kind == KeyKind::symmetric) return {};
  ASSIGN(const seal::Key open, seal::public_key(key));
  std::string text = seal::key_text(open) + "\n";
  if (minisign) {
    ASSIGN(text, seal::minisign_public_text(open));
  }
  if (!json) return print(text);
  text.pop_back();
  return print(nlohmann::json{{"output", output}, {"public", text}}.dump() + "\n");
}

}  // namespace

void add_keygen(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "keygen", "Make a secret key that opens sealed packages, or signs; prints its public half");
  auto self = std::make_shared<KeygenVerb>();
  verb->add_option("-o,--output", self->output, "File for the secret key, which only you may read");
  verb->add_option("--public-of", self->public_of, "Print the public half of this secret key");
  verb->add_flag("--sign", self->signing, "Make a key that signs");
  verb->add_flag("--symmetric", self->symmetric, "Make a key that both seals and opens");
  verb->add_flag("--minisign", self->minisign, "Print the public half as minisign reads it");
  verb->add_flag("--json", self->json, "Print one JSON object");
  verb->footer("Example: gossamer keygen -o device.key");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
