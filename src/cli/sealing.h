// What verbs share that make and open sealed packages: keys, policies, and a process that leaves no
// core dump.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"
#include "package/package.h"
#include "seal/sealed.h"

namespace gossamer::cli {

// Options for opening sealed packages.
struct KeyOptions {
  std::vector<std::string> keys;  // sources
  std::string policy;             // file; empty: none
  void add_to(CLI::App& app);

  // Opens for reading all that it may; fails as seal::SealedFile::decrypt does.
  Result<seal::Opened> open(const seal::SealedFile& file, int threads = 0) const;
  Result<std::vector<seal::Key>> load(const seal::SealedFile& file) const;
};

// No core dump of this process from now on, and no reading of its memory by other processes of the
// user.
void keep_memory_private();

Result<seal::Policy> policy_of(const std::string& path);
std::int64_t unix_now();
// Keys from sources, each once.
Result<std::vector<seal::Key>> load_keys(const std::vector<std::string>& sources,
                                         seal::KeyRequest request = {});
Result<seal::Key> load_one_key(const std::string& source);

// A package that is clear, or sealed and opened with these keys.
Result<package::Package> open_any_package(const std::string& path, const KeyOptions& keys,
                                          int threads);

}  // namespace gossamer::cli
