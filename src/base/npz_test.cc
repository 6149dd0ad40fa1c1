// .npz files, built here byte by byte so that each field can be spoiled.
#include "base/npz.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/npy.h"
#include "base/test_folder.h"

namespace gossamer {
namespace {

std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
  return text;
}

std::string deflated(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string in = text;
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Member {
  std::string name;
  std::string text;
  int method = 0;
  int flags = 0;
  std::int64_t more = 0;  // added to the size that is claimed
  int crc_change = 0;
};

std::string archive_of(const std::vector<Member>& members, const std::string& comment = "") {
  std::string file;
  std::string directory;
  for (const Member& m : members) {
    const std::string packed = m.method == 8 ? deflated(m.text) : m.text;
    const auto* data = reinterpret_cast<const Bytef*>(m.text.data());
    const std::uint64_t crc = crc32_z(0, data, m.text.size()) ^ static_cast<unsigned>(m.crc_change);
    const std::uint64_t size = m.text.size() + static_cast<std::uint64_t>(m.more);
    const std::string common = little(20, 2) + little(static_cast<unsigned>(m.flags), 2) +
                               little(static_cast<unsigned>(m.method), 2) + little(0, 4) +
                               little(crc, 4) + little(packed.size(), 4) + little(size, 4) +
                               little(m.name.size(), 2);
    directory += little(0x02014B50, 4) + little(20, 2) + common + std::string(12, '\0') +
                 little(file.size(), 4) + m.name;
    file += little(0x04034B50, 4) + common + little(4, 2) + m.name;
    file.append("xtra").append(packed);
  }
  return file + directory + little(0x06054B50, 4) + little(0, 4) + little(members.size(), 2) +
         little(members.size(), 2) + little(directory.size(), 4) + little(file.size(), 4) +
         little(comment.size(), 2) + comment;
}

Result<std::vector<NamedTensor>> parse(const std::string& file) {
  return parse_npz(std::as_bytes(std::span(file)));
}

void expect_failure(const std::string& file, Code code, const std::string& text) {
  const auto tensors = parse(file);
  ASSERT_FALSE(tensors.ok()) << text;
  EXPECT_EQ(tensors.status().code(), code) << tensors.status().message();
  EXPECT_NE(tensors.status().message().find(text), std::string::npos) << tensors.status().message();
}

const Tensor& sample() {
  static const Tensor tensor = *Tensor::make(DType::f32, {100});
  return tensor;
}
std::string sample_file() { return *to_npy(sample()); }

TEST(Npz, ReadsStoredAndDeflated) {
  const std::string file =
      archive_of({{"a.npy", sample_file()}, {"b/c.npy", sample_file(), 8}}, "a comment");
  const auto tensors = parse(file);
  ASSERT_TRUE(tensors.ok()) << tensors.status().message();
  ASSERT_EQ(tensors->size(), 2U);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[1].name, "b/c");
  EXPECT_TRUE((*tensors)[1].tensor.same_bits(sample()));
  EXPECT_TRUE(parse(archive_of({}))->empty());
}

TEST(Npz, RefusesBrokenArchives) {
  const std::string text = sample_file();
  expect_failure("", Code::malformed, "no zip directory");
  expect_failure(text, Code::malformed, "no zip directory");
  expect_failure(archive_of({{"a.txt", text}}), Code::malformed, "not a .npy");
  expect_failure(archive_of({{"a.npy", text}, {"a.npy", text}}), Code::malformed, "twice");
  expect_failure(archive_of({{"a.npy", text, 12}}), Code::unsupported, "method 12");
  expect_failure(archive_of({{"a.npy", text, 0, 1}}), Code::unsupported, "encrypted");
  expect_failure(archive_of({{"a.npy", text, 0, 0, 1}}), Code::malformed, "two sizes");
  expect_failure(archive_of({{"a.npy", text, 8, 0, 1}}), Code::malformed, "compressed bytes");
  expect_failure(archive_of({{"a.npy", text, 8, 0, -1}}), Code::malformed, "compressed bytes");
  expect_failure(archive_of({{"a.npy", text, 8, 0, 4000000000}}), Code::malformed, "promises");
  expect_failure(archive_of({{"a.npy", text, 8, 0, 0, 1}}), Code::malformed, "checksum");
  expect_failure(archive_of({{"a.npy", text.substr(1)}}), Code::malformed, "signature");
}

TEST(Npz, RefusesEntriesThatShareBytes) {
  std::string file = archive_of({{"a.npy", sample_file()}, {"b.npy", sample_file()}});
  const std::size_t second = file.rfind("b.npy") - 46;
  file.replace(second + 42, 4, little(0, 4));
  EXPECT_TRUE(parse(file).ok());  // the same bytes twice, but no more than the file has
  std::string body = archive_of({{"a.npy", sample_file()}});
  const std::size_t directory = body.find(little(0x02014B50, 4));
  std::string records;
  for (char c = 'a'; c < 'e'; ++c) {
    std::string record = body.substr(directory, 46 + 5);
    record[46] = c;
    records += record;
  }
  const std::string end = little(0x06054B50, 4) + little(0, 4) + little(4, 2) + little(4, 2) +
                          little(records.size(), 4) + little(directory, 4) + little(0, 2);
  expect_failure(body.substr(0, directory) + records + end, Code::malformed, "overlaps");
}

TEST(Npz, NoTruncationOrByteFlipCrashes) {
  const std::string file =
      archive_of({{"a.npy", sample_file().substr(0, 132), 8}, {"b.npy", sample_file(), 8}});
  for (std::size_t i = 0; i < file.size(); ++i) {
    (void)parse(file.substr(0, i)).ok();
    (void)parse(file.substr(i)).ok();
    for (const unsigned char flip : {0x01, 0x80, 0xFF}) {
      std::string changed = file;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
      (void)parse(changed).ok();
    }
  }
}

TEST(Npz, FilesNameThemselvesInErrors) {
  const TestFolder folder;
  folder.put("a.npz", archive_of({{"a.npy", sample_file(), 8}}));
  EXPECT_EQ(read_npz(folder.file("a.npz"))->size(), 1U);
  folder.put("b.npz", "nothing");
  EXPECT_NE(read_npz(folder.file("b.npz")).status().message().find("b.npz"), std::string::npos);
}

}  // namespace
}  // namespace gossamer
