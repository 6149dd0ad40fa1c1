// gossamer open: checks that a sealed package opens, or writes the package within.
#include <sys/stat.h>

#include "base/atomic_file.h"
#include "cli/sealing.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {
namespace {

struct OpenVerb {
  std::string input, clear;
  KeyOptions keys;
  bool json = false;

  Status run() const;
};

Status OpenVerb::run() const {
  ASSIGN(const seal::SealedFile file, seal::SealedFile::open(input));
  if (!clear.empty() && (file.container().core.policy & seal::kNoClearCopy) != 0)
    return {Code::policy, "'" + input + "' may not be opened to a clear file"};
  Result<seal::Opened> opened = keys.open(file);
  if (!opened.ok()) return std::move(opened).status().in("'" + input + "'");
  Result<package::Package> package = package::parse(opened->bytes, opened->owner);
  if (!package.ok()) return std::move(package).status().in("'" + input + "'");
  if (!clear.empty()) {
    const mode_t before = umask(0077);
    Result<AtomicFile> out = AtomicFile::create(clear);
    umask(before);
    TRY(out.status());
    TRY(out->write(opened->bytes));
    TRY(out->commit());
  }
  if (json)
    return print(nlohmann::json{{"bytes", opened->bytes.size()}, {"clear_file", clear}}.dump(
                     -1, ' ', false, nlohmann::json::error_handler_t::replace) +
                 "\n");
  note(input + " opens" + (clear.empty() ? "" : "; the clear package is in " + clear));
  return {};
}

}  // namespace

void add_open(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand(
      "open", "Open a sealed package in memory to see that it can be, or to a clear file");
  auto self = std::make_shared<OpenVerb>();
  verb->add_option("package", self->input, "The sealed .goss file")->required();
  self->keys.add_to(*verb);
  verb->add_option("--clear-file", self->clear,
                   "Write the package within, readable for whoever gets at this file");
  verb->add_flag("--json", self->json, "Print one JSON object");
  verb->footer("Example: gossamer open sealed.goss --key device.key");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
