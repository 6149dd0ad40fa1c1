// The tool: parses the command line, runs one verb, turns its Status into messages and an exit
// code.
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "cli/verb.h"
#include "gossamer_version.h"
#include "runtime/operation.h"

namespace gossamer::cli {
namespace {

void on_signal(int) {
  if (g_interrupted.exchange(true)) std::_Exit(130);  // the second time at once
}

Status guarded(const Invocation& invocation) {
  try {
    return invocation.run ? invocation.run()
                          : usage_error("no verb given", "try 'gossamer --help'");
  } catch (const std::bad_alloc&) {
    return limit_error("out of memory",
                       "free memory, or raise the limit on this process's address space");
  } catch (const std::exception& e) {
    return internal_error(std::string("unexpected failure: ") + e.what());
  }
}

constexpr const char* kFooter =
    "Exit codes: 0 fine, 1 the answer is no, 2 usage, 3 authentication, 4 malformed input, 5 key, "
    "6 policy,\n"
    "7 limit, 8 unsupported, 9 input/output, 10 internal, 130 interrupted.\n"
    "Example: gossamer info model.onnx";

int run(int argc, char** argv) {
  CLI::App app("Gossamer makes trained models shippable: reads, checks, compiles and runs them.",
               "gossamer");
  app.set_version_flag("--version", std::string("gossamer " GOSSAMER_VERSION));
  app.footer(kFooter);
  app.require_subcommand(1);
  runtime::register_operations(runtime::library_operations());
  Invocation invocation;
#define VERB(name) add_##name(app, invocation);
#include "cli/verbs.def"
#undef VERB
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    print_error(usage_error(e.what(), "try 'gossamer --help' or 'gossamer VERB --help'"));
    return exit_code(usage_error(""));
  }
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  std::signal(SIGPIPE, SIG_IGN);
  const Status status = guarded(invocation);
  if (!status.ok() && !status.message().empty()) print_error(status);
  return exit_code(status);
}

}  // namespace
}  // namespace gossamer::cli

int main(int argc, char** argv) { return gossamer::cli::run(argc, argv); }
