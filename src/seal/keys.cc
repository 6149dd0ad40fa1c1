// Reading, writing and making keys.
#include "seal/keys.h"

#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/file_descriptor.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): not in every libc's unistd.h

namespace gossamer::seal {
namespace {

constexpr std::size_t kMostText = 4096;  // of a key file or a helper's answer

Status key_error(std::string message, std::string hint = {}) {
  return {Code::key, std::move(message), std::move(hint)};
}

struct Form {
  KeyKind kind;
  std::string_view prefix;
};
constexpr Form kForms[] = {{KeyKind::x25519_secret, "gossamer-x25519-secret:"},
                           {KeyKind::x25519_public, "gossamer-x25519-public:"},
                           {KeyKind::symmetric, "gossamer-symmetric:"},
                           {KeyKind::ed25519_secret, "gossamer-ed25519-secret:"},
                           {KeyKind::ed25519_public, "gossamer-ed25519-public:"}};

bool is_public(KeyKind kind) {
  return kind == KeyKind::x25519_public || kind == KeyKind::ed25519_public;
}

// Until something can be read, or the end; or interrupted.
Status wait_for(int fd, const KeyRequest& request) {
  constexpr int kMilliseconds = 50;
  while (true) {
    if (request.cancelled != nullptr && request.cancelled->load())
      return {Code::interrupted, "interrupted while waiting for a key"};
    pollfd one{fd, POLLIN, 0};
    if (::poll(&one, 1, kMilliseconds) > 0) return {};
  }
}

// All that comes, up to a limit, wiped when it goes.
Result<Secret> read_all(int fd, std::string_view from, const KeyRequest& request) {
  ASSIGN(Secret text, Secret::make(kMostText + 1));
  std::size_t length = 0;
  while (length <= kMostText) {
    TRY(wait_for(fd, request));
    const ssize_t n = ::read(fd, text.data() + length, kMostText + 1 - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return key_error("cannot read a key from " + std::string(from) + ": " + std::strerror(errno));
    if (n == 0) {
      text.shorten(length);
      return text;
    }
    length += static_cast<std::size_t>(n);
  }
  return key_error("what comes from " + std::string(from) + " is too long for a key");
}

// The first line that is a key: empty ones and comments are skipped.
Result<Key> key_in(const Secret& text, std::string_view from) {
  std::string_view rest = text.text();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    Result<Key> key = parse_key(line);
    if (!key.ok()) return key_error("there is no key in " + std::string(from));
    return key;
  }
  return key_error("there is no key in " + std::string(from));
}

Result<Key> from_file(const std::string& path, const KeyRequest& request) {
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd.ok())
    return key_error("cannot open the key file '" + path + "': " + std::strerror(errno));
  struct stat status{};
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode))
    return key_error("'" + path + "' is no regular file");
  ASSIGN(const Secret text, read_all(fd.get(), "'" + path + "'", request));
  ASSIGN(Key key, key_in(text, "'" + path + "'"));
  if (!is_public(key.kind) && (status.st_mode & 077) != 0)
    return key_error("others may read the secret key in '" + path + "'",
                     "chmod 600 '" + path + "', and make a new key if somebody has read it");
  return key;
}

// Runs a program without a shell: its first line of output is the key.
Result<Key> from_helper(const std::string& program, const KeyRequest& request) {
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) return key_error("cannot ask the helper '" + program + "'");
  const FileDescriptor in_read(in[0]);
  FileDescriptor in_write(in[1]);
  if (pipe2(out, O_CLOEXEC) != 0) return key_error("cannot ask the helper '" + program + "'");
  FileDescriptor out_read(out[0]);
  FileDescriptor out_write(out[1]);
  std::string hex(2 * request.file.size() + 1, '\0');
  sodium_bin2hex(hex.data(), hex.size(),
                 reinterpret_cast<const unsigned char*>(request.file.data()), request.file.size());
  hex.pop_back();
  std::string name = request.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 32; }, '?');
  const std::string line = "gossamer-key 1 " + hex + " " + name + "\n";  // fits the pipe's buffer
  if (::write(in_write.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    return key_error("cannot ask the helper '" + program + "'");
  (void)in_write.close();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in_read.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out_write.get(), 1);
  std::string command = program;
  char* arguments[] = {command.data(), nullptr};
  pid_t child = 0;
  const int failed = posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  (void)out_write.close();
  if (failed != 0)
    return key_error("cannot run the helper '" + program + "': " + std::strerror(failed));
  Result<Secret> text = read_all(out_read.get(), "the helper '" + program + "'", request);
  (void)out_read.close();  // one that writes on and on ends by this
  if (!text.ok()) ::kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  TRY(text.status());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return key_error("the helper '" + program + "' gives no key");
  return key_in(*text, "the helper '" + program + "'");
}

Result<Key> from_terminal(const KeyRequest& request) {
  const FileDescriptor tty(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  termios before{};
  if (!tty.ok() || tcgetattr(tty.get(), &before) != 0)
    return key_error("there is no terminal to ask for a passphrase");
  ASSIGN(Secret text, Secret::make(kMostText));
  termios silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  constexpr std::string_view kAsk = "Passphrase: ";
  (void)!::write(tty.get(), kAsk.data(), kAsk.size());
  tcsetattr(tty.get(), TCSAFLUSH, &silent);
  std::size_t length = 0;
  Status waited = wait_for(tty.get(), request);
  while (waited.ok() && length < kMostText && ::read(tty.get(), text.data() + length, 1) == 1 &&
         text.data()[length] != std::byte{'\n'}) {
    ++length;
    waited = wait_for(tty.get(), request);
  }
  tcsetattr(tty.get(), TCSAFLUSH, &before);
  (void)!::write(tty.get(), "\n", 1);
  TRY(std::move(waited));
  return passphrase_key(text.text().substr(0, length));
}

}  // namespace

Result<Key> passphrase_key(std::string_view text) {
  if (text.empty()) return key_error("the passphrase is empty");
  Key key;
  key.kind = KeyKind::passphrase;
  ASSIGN(key.secret, Secret::make(text.size()));
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(key.secret.data()));
  return key;
}

Result<Key> generate_key(KeyKind kind) {
  Key key;
  key.kind = kind;
  ASSIGN(key.secret, Secret::random());
  return key;
}

Result<Key> public_key(const Key& secret) {
  Key key;
  auto* out = reinterpret_cast<unsigned char*>(key.open.data());
  if (secret.kind == KeyKind::x25519_secret) {
    key.kind = KeyKind::x25519_public;
    if (crypto_scalarmult_base(out, secret.secret.raw()) != 0)
      return key_error("the key is unusable");
    return key;
  }
  if (secret.kind == KeyKind::ed25519_secret) {
    key.kind = KeyKind::ed25519_public;
    unsigned char expanded[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(out, expanded, secret.secret.raw());
    wipe(expanded, sizeof expanded);
    return key;
  }
  return usage_error("only pairs of keys have a public one");
}

std::string key_text(const Key& key) {
  for (const Form& f : kForms)
    if (f.kind == key.kind) {
      std::string hex(2 * kKeyBytes + 1, '\0');
      const unsigned char* bytes = is_public(key.kind)
                                       ? reinterpret_cast<const unsigned char*>(key.open.data())
                                       : key.secret.raw();
      sodium_bin2hex(hex.data(), hex.size(), bytes, kKeyBytes);
      hex.pop_back();
      return std::string(f.prefix) + hex;
    }
  return {};
}

Result<Key> parse_key(std::string_view line) {
  for (const Form& f : kForms) {
    if (!line.starts_with(f.prefix)) continue;
    const std::string_view hex = line.substr(f.prefix.size());
    Key key;
    key.kind = f.kind;
    ASSIGN(key.secret, Secret::make());
    unsigned char* to =
        is_public(f.kind) ? reinterpret_cast<unsigned char*>(key.open.data()) : key.secret.raw();
    std::size_t length = 0;
    if (hex.size() != 2 * kKeyBytes ||
        sodium_hex2bin(to, kKeyBytes, hex.data(), hex.size(), nullptr, &length, nullptr) != 0 ||
        length != kKeyBytes)
      break;
    return key;
  }
  return usage_error("this is no key");
}

Result<Key> load_key(const std::string& source, const KeyRequest& request) {
  const auto after = [&](std::string_view prefix) -> std::optional<std::string> {
    if (!source.starts_with(prefix)) return std::nullopt;
    return source.substr(prefix.size());
  };
  if (const auto variable = after("env:")) {
    const char* value = std::getenv(variable->c_str());
    if (!value) return key_error("the variable '" + *variable + "' is not set");
    return passphrase_key(value);
  }
  if (source == "tty:") return from_terminal(request);
  if (const auto program = after("exec:")) return from_helper(*program, request);
  if (const auto number = after("fd:")) {
    char* end = nullptr;
    const long fd = std::strtol(number->c_str(), &end, 10);
    if (number->empty() || *end != '\0' || fd < 0 || fd > 1 << 20)
      return usage_error("'" + source + "' names no descriptor");
    ASSIGN(const Secret text, read_all(static_cast<int>(fd), "descriptor " + *number, request));
    return key_in(text, "descriptor " + *number);
  }
  if (const auto name = after("cred:")) {
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (!folder) return key_error("the service manager gives no credentials");
    if (name->empty() || name->find('/') != std::string::npos)
      return usage_error("'" + source + "' names no credential");
    return from_file(std::string(folder) + "/" + *name, request);
  }
  if (source.starts_with("gossamer-")) {
    ASSIGN(Key key, parse_key(source));
    if (is_public(key.kind)) return key;
    return usage_error("a secret key stands on the command line, where others can read it",
                       "put it into a file that only you can read, and make a new one");
  }
  return from_file(after("file:").value_or(source), request);
}

}  // namespace gossamer::seal
