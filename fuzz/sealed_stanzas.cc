// Envelopes: a container whose stanzas are of any kind and body, or true ones with bytes changed. A
// changed stanza gives no key, an unchanged one gives the data key.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "seal/envelope.h"

namespace {

using namespace gossamer;
using namespace gossamer::seal;

template <class T>
T sure(Result<T> made) {
  if (!made.ok()) std::abort();
  return std::move(made).value();
}

// A file for a symmetric key and a pair, with a stanza for each.
struct Sample {
  Container container;
  std::vector<Key> keys;

  Sample() {
    const Secret data = sure(Secret::random());
    container.core.plain = 1;
    container.core.commitment = sure(commitment_of(data, container.core.file));
    for (const KeyKind kind : {KeyKind::symmetric, KeyKind::x25519_secret}) {
      keys.push_back(sure(generate_key(kind)));
      const bool pair = kind == KeyKind::x25519_secret;
      const Key open = pair ? sure(public_key(keys.back())) : Key();
      container.stanzas.push_back(sure(wrap(data, container.core.file, pair ? open : keys.back())));
    }
    keys.push_back(sure(passphrase_key("a passphrase")));
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Sample kSample;
  if (size < 2) return 0;
  Container c = kSample.container;
  const std::uint8_t what = data[0];
  Bytes rest = std::as_bytes(std::span(data, size)).subspan(1);
  Stanza& s = c.stanzas[what & 1];
  bool changed = false;
  if ((what & 2) != 0) {  // bytes of a true stanza changed
    for (std::size_t i = 0; i < std::min(rest.size(), s.body.size()); ++i) {
      s.body[i] ^= rest[i];
      changed = changed || rest[i] != std::byte{0};
    }
    c.stanzas = {s};
  } else {  // any bytes, one stanza after the other
    c.stanzas.clear();
    changed = true;
    while (!rest.empty() && c.stanzas.size() < kMaxRecipients) {
      Stanza any;
      any.kind = static_cast<StanzaKind>(std::to_integer<int>(rest[0]) % 3 + 1);
      rest = rest.subspan(1);
      any.body.resize(body_bytes(any.kind));
      std::copy_n(rest.begin(), std::min(rest.size(), any.body.size()), any.body.begin());
      rest = rest.subspan(std::min(rest.size(), any.body.size()));
      if (any.kind == StanzaKind::passphrase) {  // little work, or far too much
        const bool much = any.body[16] != std::byte{0};
        any.body[16] = std::byte{1};
        std::fill_n(any.body.begin() + 17, 7, std::byte{0});
        any.body[20] = std::byte{8};
        if (much) any.body[19] = std::byte{1};
      }
      c.stanzas.push_back(std::move(any));
    }
  }
  const Result<Secret> opened = unwrap(c, kSample.keys);
  // The top bit of an X25519 key is ignored when it is used, but the wrapping key is bound to it.
  if (opened.ok() == changed) std::abort();
  return 0;
}
