// Tests how sparse tensors are read: both forms of indices, and the checks on them.
#include <gtest/gtest.h>

#include "onnx/test_messages.h"

namespace gossamer::onnx {
namespace {

using test::message;
using Writer = protozero::pbf_writer;

// A sparse initializer 's' of as many values as `shape` says, with the indices of that shape.
Result<SparseTensor> parse_sparse(const std::vector<std::int64_t>& dims,
                                  const std::vector<std::int64_t>& shape,
                                  const std::vector<std::int64_t>& indices) {
  const std::int64_t stored = shape.at(0);
  const std::string sparse = message([&](Writer& w) {
    w.add_message(1, test::raw_tensor("s", 1, {stored},
                                      std::string(static_cast<std::size_t>(stored) * 4, '\0')));
    w.add_message(2, test::tensor_message("", 7, shape, [&](Writer& t) {
                    t.add_packed_int64(7, indices.begin(), indices.end());
                  }));
    w.add_packed_int64(3, dims.begin(), dims.end());
  });
  ASSIGN(const Model m, test::parse(test::model(test::graph_of(15, sparse))));
  return m.graph.sparse_initializers.at(0);
}

TEST(SparseReader, ReadsLinearIndicesAndCoordinates) {
  const auto linear = parse_sparse({3, 4}, {2}, {0, 11});
  ASSERT_TRUE(linear.ok()) << linear.status().message();
  EXPECT_EQ(linear->name, "s");
  EXPECT_EQ(linear->dims, (Shape{3, 4}));
  EXPECT_TRUE(parse_sparse({3, 4}, {2, 2}, {0, 3, 2, 0}).ok());
  EXPECT_TRUE(parse_sparse({3, 4}, {0}, {}).ok());
}

TEST(SparseReader, ChecksIndices) {
  const auto why = [](const Result<SparseTensor>& s) {
    EXPECT_EQ(s.status().code(), Code::malformed);
    return s.status().message();
  };
  EXPECT_EQ(why(parse_sparse({3, 4}, {1}, {12})),
            "sparse initializer 's': index #0 is out of range");
  EXPECT_EQ(why(parse_sparse({3, 4}, {1}, {-1})),
            "sparse initializer 's': index #0 is out of range");
  EXPECT_EQ(why(parse_sparse({3, 4}, {2}, {5, 5})),
            "sparse initializer 's': index #1 is not above the last");
  EXPECT_EQ(why(parse_sparse({3, 4}, {1, 2}, {0, 4})),
            "sparse initializer 's': index #0 is out of range");
  EXPECT_EQ(why(parse_sparse({3, 4}, {2, 2}, {1, 0, 0, 3})),
            "sparse initializer 's': index #1 is not above the last");
  why(parse_sparse({3, 4}, {1, 3}, {0, 0, 0}));
  why(parse_sparse({}, {1}, {0}));
  why(parse_sparse({-3, 4}, {1}, {0}));
  why(parse_sparse({std::int64_t{1} << 40, std::int64_t{1} << 40}, {1}, {0}));
}

}  // namespace
}  // namespace gossamer::onnx
