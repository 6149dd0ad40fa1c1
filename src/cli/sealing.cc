// Keys and policies of the command line.
#include "cli/sealing.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <ctime>

namespace gossamer::cli {

void KeyOptions::add_to(CLI::App& app) {
  app.add_option("--key", keys,
                 "Key of a sealed package: a file, fd:N, cred:NAME, exec:PROGRAM, env:VARIABLE or "
                 "tty: (passphrases); may be repeated")
      ->take_all()
      ->expected(1);
  app.add_option("--policy", policy, "File that says which sealed packages to accept");
}

void keep_memory_private() {
  const rlimit none{0, 0};
  (void)setrlimit(RLIMIT_CORE, &none);
  (void)prctl(PR_SET_DUMPABLE, 0);
}

std::int64_t unix_now() { return static_cast<std::int64_t>(std::time(nullptr)); }

Result<seal::Key> load_one_key(const std::string& source) {
  ASSIGN(std::vector<seal::Key> keys, load_keys({source}));
  return std::move(keys[0]);
}

Result<seal::Policy> policy_of(const std::string& path) {
  if (path.empty()) return seal::Policy();
  return seal::read_policy(path);
}

Result<std::vector<seal::Key>> load_keys(const std::vector<std::string>& sources,
                                         seal::KeyRequest request) {
  keep_memory_private();
  request.cancelled = &g_interrupted;
  std::vector<seal::Key> out;
  for (const std::string& source : sources) {
    ASSIGN(seal::Key key, seal::load_key(source, request));
    out.push_back(std::move(key));
  }
  return out;
}

Result<std::vector<seal::Key>> KeyOptions::load(const seal::SealedFile& file) const {
  return load_keys(keys, {file.container().core.file, file.container().core.name, nullptr});
}

Result<seal::Opened> KeyOptions::open(const seal::SealedFile& file, int threads) const {
  keep_memory_private();
  seal::OpenOptions options;
  ASSIGN(options.policy, policy_of(policy));
  options.keys = keys;
  options.now = unix_now();
  options.threads = threads;
  options.cancelled = &g_interrupted;
  return file.decrypt(options);
}

Result<package::Package> open_any_package(const std::string& path, const KeyOptions& keys,
                                          int threads) {
  if (!seal::is_sealed(path)) {
    if (!keys.policy.empty())
      return Status(Code::policy, "'" + path + "' is not sealed, and a policy is given");
    return package::open(path);
  }
  ASSIGN(const seal::SealedFile file, seal::SealedFile::open(path));
  Result<seal::Opened> opened = keys.open(file, threads);
  if (!opened.ok()) return std::move(opened).status().in("'" + path + "'");
  Result<package::Package> package = package::parse(opened->bytes, opened->owner);
  if (!package.ok()) return std::move(package).status().in("'" + path + "'");
  return package;
}

}  // namespace gossamer::cli
