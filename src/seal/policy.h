// What a device accepts, as a file of lines (docs/formats/sealed.md), and the highest version of
// each model that it has opened.
#pragma once

#include <string>
#include <vector>

#include "seal/sign.h"

namespace gossamer::seal {

struct Policy {
  std::vector<PublicKey> signers;
  std::size_t signatures = 0;
  std::vector<Suite> suites;
  std::string versions;      // path; empty: versions may go back
  std::string versions_key;  // source
};

// Fails with usage, naming the line.
Result<Policy> parse_policy(std::string_view text, const std::string& folder = {});
Result<Policy> read_policy(const std::string& path);

// Signatures, suite, dates (`now` in Unix seconds) and version. Fails with authentication when a
// signature does not fit, policy when the package is not accepted.
Status check_policy(const Container& container, const Policy& policy, std::int64_t now);
// Notes the version of a package that has been opened: no lower one is accepted afterwards.
Status note_version(const Container& container, const Policy& policy);

}  // namespace gossamer::seal
