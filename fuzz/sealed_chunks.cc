// The chunk reader: a sealed file of several chunks with bytes changed, chunks exchanged or the end
// cut off; leaves, root and envelope are made to fit again where the input says so. It opens only
// when nothing is changed.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "seal/sealed.h"

namespace {

using namespace gossamer;
using namespace gossamer::seal;

constexpr std::size_t kStride = kLeastChunk + kTagBytes;

template <class T>
T sure(Result<T> made) {
  if (!made.ok()) std::abort();
  return std::move(made).value();
}

FileDescriptor in_memory(Bytes bytes) {
  FileDescriptor fd(memfd_create("fuzz", MFD_CLOEXEC));
  if (pwrite(fd.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    std::abort();
  return fd;
}

// Three chunks and a part, and the keys to it.
struct Sample {
  Key key = sure(generate_key(KeyKind::symmetric));
  Secret data = sure(Secret::random());
  Container container;
  std::vector<std::byte> payload;
  FileDescriptor key_file = in_memory(text_bytes(key_text(key) + "\n"));

  Sample() {
    Container& c = container;
    c.core.chunk = kLeastChunk;
    c.core.plain = 3 * kLeastChunk + 100;
    c.core.commitment = sure(commitment_of(data, c.core.file));
    c.stanzas.push_back(sure(wrap(data, c.core.file, key)));
    const Hash bound = hash({text_bytes("gossamer chunks "), c.encode_core()});
    const Secret by = sure(derive(data, "payload", c.core.file));
    ChunkCipher cipher = sure(ChunkCipher::make(c.core.suite, by, bound));
    payload.resize(c.payload_bytes());
    const std::vector<std::byte> plain(kLeastChunk, std::byte{'p'});
    for (std::uint64_t i = 0; i < 4; ++i)
      if (!cipher
               .encrypt(i, i == 3, Bytes(plain).first(i == 3 ? 100 : kLeastChunk),
                        payload.data() + i * kStride)
               .ok())
        std::abort();
  }
};

// Leaves, root and MAC of the payload as it is now.
void fit(Container& c, Bytes payload, const Secret& data) {
  c.leaves.clear();
  for (std::size_t at = 0; at < payload.size(); at += kStride)
    c.leaves.push_back(
        leaf_of(at / kStride, payload.subspan(at, std::min(kStride, payload.size() - at))));
  c.core.root = root_of(c.leaves);
  c.mac = sure(envelope_mac(data, c));
}

// Edits of four bytes each: a place and what is done there.
void edit(std::vector<std::byte>& payload, Bytes edits) {
  for (; edits.size() >= 4; edits = edits.subspan(4)) {
    const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(edits[i]); };
    const std::size_t place = byte(0) | byte(1) << 8;
    if (byte(2) % 4 == 0 && payload.size() >= 3 * kStride) {
      const std::size_t a = place % 3, b = place / 3 % 3;
      std::swap_ranges(
          payload.begin() + static_cast<std::ptrdiff_t>(a * kStride),
          payload.begin() + static_cast<std::ptrdiff_t>(a * kStride + (a == b ? 0 : kStride)),
          payload.begin() + static_cast<std::ptrdiff_t>(b * kStride));
    } else if (byte(2) % 4 == 1) {
      payload[place % payload.size()] ^= edits[3];
    } else {  // near the end, where the last chunk is
      payload[payload.size() - 1 - place % std::min<std::size_t>(payload.size(), 128)] ^= edits[3];
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Sample kSample;
  if (size < 1) return 0;
  const Bytes input = std::as_bytes(std::span(data, size));
  std::vector<std::byte> payload = kSample.payload;
  Container c = kSample.container;
  const bool shorter = (data[0] & 2) != 0;
  if (shorter) {  // whole chunks only
    payload.resize(3 * kStride);
    c.core.plain = 3 * kLeastChunk;
  }
  if ((data[0] & 1) != 0) {
    edit(payload, input.subspan(1));
    fit(c, payload, kSample.data);
  } else {
    fit(c, payload, kSample.data);
    edit(payload, input.subspan(1));
  }
  std::vector<std::byte> bytes = c.encode();
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  const SealedFile file = sure(SealedFile::open(in_memory(bytes)));
  lseek(kSample.key_file.get(), 0, SEEK_SET);
  OpenOptions options;
  options.keys = {"fd:" + std::to_string(kSample.key_file.get())};
  options.threads = 1;
  const Result<Opened> opened = file.decrypt(options);
  const bool changed =
      shorter || !std::equal(payload.begin(), payload.end(), kSample.payload.begin());
  if (opened.ok() == changed) std::abort();
  if (opened.ok() &&
      (opened->bytes.size() != c.core.plain || std::ranges::count(opened->bytes, std::byte{'p'}) !=
                                                   static_cast<std::ptrdiff_t>(c.core.plain)))
    std::abort();
  return 0;
}
