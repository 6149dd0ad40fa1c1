// Keys as text, one line each ("gossamer-x25519-public:" and 64 hex digits), and where they come
// from: a file, a descriptor, a helper program, or (passphrases) a variable or the terminal.
#pragma once

#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "seal/crypto.h"

namespace gossamer::seal {

enum class KeyKind : std::uint8_t {
  x25519_secret,  // opens what is sealed for its public key
  x25519_public,
  symmetric,       // seals and opens
  ed25519_secret,  // signs
  ed25519_public,
  passphrase,  // `secret` has its text
};

struct Key {
  KeyKind kind = KeyKind::symmetric;
  std::array<std::byte, 32> open{};  // of public kinds
  Secret secret;                     // of secret kinds
};

// What it is asked for, which a helper program is told.
struct KeyRequest {
  FileId file{};
  std::string name;
  // Ends waiting for a helper, a pipe or the terminal.
  const std::atomic<bool>* cancelled = nullptr;
};

Result<Key> passphrase_key(std::string_view text);
// Makes a secret key of a kind, and tells the public one of pairs.
Result<Key> generate_key(KeyKind kind);
Result<Key> public_key(const Key& secret);
std::string key_text(const Key& key);
// Fails with usage when it is no key, naming no part of it.
Result<Key> parse_key(std::string_view line);

// A source: "file:PATH" or PATH, "fd:N", "cred:NAME" (a credential that systemd gives the service),
// "exec:PROGRAM", "env:VARIABLE" (a passphrase), "tty:" (asks for a passphrase), or a key itself
// where that is public. A helper gets the line "gossamer-key 1 <file id> <name>" and gives a line
// with the key. Fails with key when there is none; a secret file
// that others may read is refused.
Result<Key> load_key(const std::string& source, const KeyRequest& request = {});

}  // namespace gossamer::seal
