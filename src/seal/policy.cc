// Reading a policy, holding packages to it, and the file of highest versions.
#include "seal/policy.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/atomic_file.h"
#include "base/mapped_file.h"

namespace gossamer::seal {
namespace {

constexpr std::size_t kMostPolicy = 1 << 16, kMostVersions = 1 << 20;
constexpr std::string_view kMac = "mac ";

Status refused(std::string message, std::string hint = {}) {
  return {Code::policy, std::move(message), std::move(hint)};
}

std::string_view next_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

Status read_line(std::string_view word, std::string_view rest, const std::string& folder,
                 Policy& policy) {
  if (word == "signer") {
    ASSIGN(const Key key, parse_key(rest));
    if (key.kind != KeyKind::ed25519_public)
      return usage_error("a signer is a gossamer-ed25519-public key");
    if (std::ranges::find(policy.signers, key.open) == policy.signers.end())
      policy.signers.push_back(key.open);
    return {};
  }
  if (word == "signatures") {
    const std::optional<std::uint64_t> n = number(rest);
    if (!n || *n < 1 || *n > kMaxSignatures) return usage_error("signatures: a number from 1 to 4");
    policy.signatures = static_cast<std::size_t>(*n);
    return {};
  }
  if (word == "suite") {
    for (const Suite s : {Suite::chacha20_poly1305, Suite::aes256_gcm})
      if (rest == suite_name(s)) return policy.suites.push_back(s), Status();
    return usage_error("a suite is chacha20-poly1305 or aes-256-gcm");
  }
  if (word == "versions" && !rest.empty()) {
    policy.versions = rest.starts_with('/') ? std::string(rest) : folder + std::string(rest);
    return {};
  }
  if (word == "versions-key" && !rest.empty()) {
    policy.versions_key = rest;
    return {};
  }
  return usage_error("'" + std::string(word) + "' is no rule");
}

using Versions = std::map<std::string, std::uint64_t, std::less<>>;

Result<Key> versions_key(const Policy& policy) {
  ASSIGN(Key key, load_key(policy.versions_key));
  if (key.kind == KeyKind::symmetric) return key;
  return usage_error("versions-key names no symmetric key");
}

std::string mac_of(const Key& key, std::string_view text) {
  const Hash mac = keyed_hash(key.secret, {text_bytes("gossamer versions 1\n"), text_bytes(text)});
  std::string hex(2 * mac.size() + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(), reinterpret_cast<const unsigned char*>(mac.data()),
                 mac.size());
  hex.pop_back();
  return hex;
}

// Lines of a version and a name, then the MAC of all before it. Nothing when there is no file yet.
Result<Versions> read_versions(const Policy& policy, const Key& key) {
  struct stat info{};
  if (::stat(policy.versions.c_str(), &info) != 0 && errno == ENOENT) return Versions();
  ASSIGN(const MappedFile file, MappedFile::open(policy.versions));
  const Status broken(Code::authentication,
                      "the file of versions '" + policy.versions + "' is not what was written");
  if (file.size() > kMostVersions) return broken;
  const std::string copy(file.text());
  const std::size_t at = copy.rfind(kMac);
  if (at == std::string::npos ||
      !same(text_bytes(copy).subspan(at),
            text_bytes(std::string(kMac) + mac_of(key, copy.substr(0, at)) + "\n")))
    return broken;
  Versions versions;
  for (std::string_view rest = std::string_view(copy).substr(0, at); !rest.empty();) {
    const std::string_view line = next_line(rest);
    const std::size_t space = line.find(' ');
    const std::optional<std::uint64_t> n = number(line.substr(0, space));
    if (space == std::string_view::npos || !n) return broken;
    versions[std::string(line.substr(space + 1))] = *n;
  }
  return versions;
}

Status check_version(const Core& core, const Policy& policy, const Versions& versions) {
  const auto seen = versions.find(core.name);
  if (seen == versions.end() || core.version >= seen->second) return {};
  return refused("version " + std::to_string(core.version) + " of '" + core.name +
                     "' is older than " + std::to_string(seen->second) + ", which was opened here",
                 "'" + policy.versions + "' remembers it");
}

}  // namespace

Result<Policy> parse_policy(std::string_view text, const std::string& folder) {
  if (text.size() > kMostPolicy) return limit_error("the policy is longer than 64 KiB");
  Policy policy;
  int count = 0;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    ++count;
    if (line.empty() || line.front() == '#') continue;
    const std::size_t space = std::min(line.find(' '), line.size());
    std::string_view rest = line.substr(std::min(space + 1, line.size()));
    Status read = read_line(line.substr(0, space), rest, folder, policy);
    if (!read.ok()) return std::move(read).in("line " + std::to_string(count));
  }
  if (policy.signatures == 0 && !policy.signers.empty()) policy.signatures = 1;
  if (policy.signatures > policy.signers.size())
    return usage_error("the policy asks for more signatures than it names signers");
  if (policy.versions.empty() != policy.versions_key.empty())
    return usage_error("versions and versions-key go together");
  if (!policy.versions.empty() && policy.signers.empty())
    return usage_error("versions mean nothing without signers who vouch for them");
  return policy;
}

Result<Policy> read_policy(const std::string& path) {
  ASSIGN(const MappedFile file, MappedFile::open(path));
  Result<Policy> policy = parse_policy(file.text(), path.substr(0, path.rfind('/') + 1));
  if (!policy.ok()) return std::move(policy).status().in("'" + path + "'");
  return policy;
}

Status check_policy(const Container& c, const Policy& policy, std::int64_t now) {
  TRY(check_signatures(c));
  const auto trusted =
      static_cast<std::size_t>(std::ranges::count_if(policy.signers, [&](auto& key) {
        return std::ranges::any_of(c.signatures, [&](const Signature& s) { return s.key == key; });
      }));
  if (trusted < policy.signatures)
    return refused("the package has " + std::to_string(trusted) + " of " +
                   std::to_string(policy.signatures) + " signatures that the policy asks for");
  if (!policy.suites.empty() &&
      std::ranges::find(policy.suites, c.core.suite) == policy.suites.end())
    return refused("the policy does not accept the suite " + std::string(suite_name(c.core.suite)));
  if (now < c.core.not_before) return refused("the package may not be opened yet");
  if (c.core.not_after != 0 && now > c.core.not_after) return refused("the package has expired");
  if (policy.versions.empty()) return {};
  ASSIGN(const Key key, versions_key(policy));
  ASSIGN(const Versions versions, read_versions(policy, key));
  return check_version(c.core, policy, versions);
}

Status note_version(const Container& c, const Policy& policy) {
  if (policy.versions.empty()) return {};
  // Held by one process at a time, so that none writes what another has raised meanwhile.
  const std::string path = policy.versions + ".lock";
  const FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.ok() || flock(lock.get(), LOCK_EX) != 0) return file_error("lock", path, errno);
  ASSIGN(const Key key, versions_key(policy));
  ASSIGN(Versions versions, read_versions(policy, key));
  TRY(check_version(c.core, policy, versions));
  const auto [entry, added] = versions.try_emplace(c.core.name, c.core.version);
  if (!added && entry->second == c.core.version) return {};
  entry->second = c.core.version;
  std::string text;
  for (const auto& [name, version] : versions) text += std::to_string(version) + " " + name + "\n";
  text += std::string(kMac) + mac_of(key, text) + "\n";
  if (text.size() > kMostVersions) return limit_error("the file of versions is full");
  return write_file(policy.versions, text);
}

}  // namespace gossamer::seal
