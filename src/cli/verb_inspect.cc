// gossamer inspect: what anybody can see of a sealed package.
#include "cli/sealing.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {
namespace {

using nlohmann::json;

json describe(const seal::Container& c) {
  json out = {{"name", c.core.name},
              {"model_version", c.core.version},
              {"suite", seal::suite_name(c.core.suite)},
              {"bytes", c.file_bytes()},
              {"package_bytes", c.core.plain},
              {"chunk_bytes", c.core.chunk},
              {"not_before", c.core.not_before},
              {"not_after", c.core.not_after},
              {"clear_copy", (c.core.policy & seal::kNoClearCopy) == 0}};
  out["recipients"] = json::array();
  for (const seal::Stanza& s : c.stanzas)
    out["recipients"].push_back(s.kind == seal::StanzaKind::x25519       ? "x25519"
                                : s.kind == seal::StanzaKind::passphrase ? "passphrase"
                                                                         : "symmetric");
  out["signers"] = json::array();
  for (const seal::Signature& s : c.signatures) {
    seal::Key key;
    key.kind = seal::KeyKind::ed25519_public;
    key.open = s.key;
    out["signers"].push_back(seal::key_text(key));
  }
  return out;
}

std::string to_readable(const json& j) {
  std::string out;
  for (const auto& [key, value] : j.items()) {
    if (!value.is_array()) {
      out += fmt::format("{:<14} {}\n", key,
                         value.is_string() ? value.get<std::string>() : value.dump());
      continue;
    }
    for (const json& one : value) out += fmt::format("{:<14} {}\n", key, one.get<std::string>());
  }
  return out;
}

struct InspectVerb {
  std::string input;
  bool as_json = false;

  Status run() const {
    ASSIGN(const seal::SealedFile file, seal::SealedFile::open(input));
    const json out = describe(file.container());
    return print(as_json ? out.dump(2) + "\n" : to_readable(out));
  }
};

}  // namespace

void add_inspect(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "inspect", "What anybody can see of a sealed package; nothing of it is verified");
  auto self = std::make_shared<InspectVerb>();
  verb->add_option("package", self->input, "The sealed .goss file")->required();
  verb->add_flag("--json", self->as_json, "Print one JSON object");
  verb->footer("Example: gossamer inspect sealed.goss");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
