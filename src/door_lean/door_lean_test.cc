// The door of the runtime library: packages open and run; what is not there says so.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "base/test_folder.h"
#include "gossamer/gossamer.h"
#include "package/package.h"
#include "reference/gather.h"

namespace gossamer {
namespace {

// x: f32[n] -> y: f32[2] = x[1], x[0]; two bytes of working memory that no step uses.
void write_package(const std::string& path) {
  using namespace runtime;
  Program p;
  p.name = "swap";
  const auto number = [&](std::int64_t v) {
    p.shape_program.push_back({ShapeOp::constant, 0, 0, v});
    return static_cast<Register>(p.shape_program.size()) - 1;
  };
  const Register zero = number(0), one = number(1), two = number(2);
  p.shape_program.push_back({ShapeOp::input_extent, 0, 0, 0});
  p.constants = {Tensor::vector<std::int64_t>({1, 0})};
  p.buffers = {{BufferKind::input, 0},
               {BufferKind::constant, 0},
               {BufferKind::output, 0},
               {BufferKind::arena, 0, two, 0, 0}};
  p.slots = {{0, DType::f32, true, {3}, {one}, zero},
             {1, DType::i64, true, {two}, {one}, zero},
             {2, DType::f32, true, {two}, {one}, zero}};
  p.inputs = {{"x", 0, true, {-1}, {"n"}, "f32[n]"}};
  p.outputs = {{"y", 2, true, {2}, {""}, "f32[2]"}};
  p.steps.resize(1);
  p.steps[0].operation = find_operation("reference.gather");
  p.steps[0].attributes = make_attributes(GatherAttributes{});
  p.steps[0].inputs = {0, 1};
  p.steps[0].outputs = {2};
  p.steps[0].name = "swap";
  const Status written = package::write(p, path);
  ASSERT_TRUE(written.ok()) << written.message();
}

class DoorLean : public testing::Test {
 protected:
  void SetUp() override {
    write_package(folder_.file("m.goss"));
    ASSERT_EQ(gossamer_model_open(folder_.file("m.goss").c_str(), nullptr, &model_, &error_),
              GOSSAMER_OK)
        << gossamer_error_message(error_);
  }
  void TearDown() override {
    gossamer_session_free(session_);
    gossamer_model_free(model_);
    gossamer_error_free(error_);
  }
  gossamer_code open(const gossamer_options* options) {
    return gossamer_session_new(model_, options, &session_, &error_);
  }

  TestFolder folder_;
  gossamer_model* model_ = nullptr;
  gossamer_session* session_ = nullptr;
  gossamer_error* error_ = nullptr;
  const float numbers_[3] = {1, 2, 3};
  const std::int64_t shape_[1] = {3};
  const gossamer_tensor input_ = {GOSSAMER_F32, 1, shape_, numbers_, sizeof numbers_};
};

TEST_F(DoorLean, TellsWhatAModelTakesAndGives) {
  EXPECT_EQ(gossamer_model_input_count(model_), 1U);
  EXPECT_STREQ(gossamer_model_input_name(model_, 0), "x");
  EXPECT_EQ(gossamer_model_input_name(model_, 1), nullptr);
  gossamer_dtype dtype = GOSSAMER_I8;
  std::int32_t rank = 0;
  std::int64_t shape[GOSSAMER_MAX_RANK];
  ASSERT_EQ(gossamer_model_input_type(model_, 0, &dtype, &rank, shape), 1);
  EXPECT_EQ(dtype, GOSSAMER_F32);
  EXPECT_EQ(rank, 1);
  EXPECT_EQ(shape[0], -1);
  EXPECT_EQ(gossamer_model_output_type(model_, 1, &dtype, &rank, shape), 0);
}

TEST_F(DoorLean, RunsIntoAnAnswer) {
  ASSERT_EQ(open(nullptr), GOSSAMER_OK);
  gossamer_answer* answer = nullptr;
  ASSERT_EQ(gossamer_session_run(session_, &input_, 1, &answer, &error_), GOSSAMER_OK);
  ASSERT_EQ(gossamer_answer_count(answer), 1U);
  EXPECT_STREQ(gossamer_answer_name(answer, 0), "y");
  gossamer_tensor y;
  ASSERT_EQ(gossamer_answer_tensor(answer, 0, &y, &error_), GOSSAMER_OK);
  EXPECT_EQ(static_cast<const float*>(y.data)[0], 2);
  EXPECT_EQ(static_cast<const float*>(y.data)[1], 1);
  gossamer_answer_free(answer);
}

// Counts what it lends.
struct Lender {
  std::size_t lent = 0, calls = 0;
  bool empty = false;
  alignas(64) std::byte memory[4096];

  gossamer_options options() {
    gossamer_options o{};
    o.size = sizeof o;
    o.user = this;
    o.allocate = [](std::size_t bytes, std::size_t alignment, void* user) -> void* {
      Lender& l = *static_cast<Lender*>(user);
      if (l.empty || bytes > sizeof l.memory || alignment > 64) return nullptr;
      l.lent += bytes;
      ++l.calls;
      return l.memory;
    };
    o.release = [](void*, std::size_t bytes, void* user) {
      static_cast<Lender*>(user)->lent -= bytes;
    };
    return o;
  }
};

TEST_F(DoorLean, BorrowsWorkingMemoryFromTheHost) {
  Lender lender;
  const gossamer_options options = lender.options();
  ASSERT_EQ(open(&options), GOSSAMER_OK);
  for (int i = 0; i < 3; ++i) {
    gossamer_answer* answer = nullptr;
    ASSERT_EQ(gossamer_session_run(session_, &input_, 1, &answer, &error_), GOSSAMER_OK);
    gossamer_answer_free(answer);
  }
  EXPECT_EQ(lender.calls, 1U);
  EXPECT_EQ(static_cast<std::int64_t>(lender.lent), gossamer_session_bytes(session_));
  gossamer_session_free(session_);
  session_ = nullptr;
  EXPECT_EQ(lender.lent, 0U);
}

TEST_F(DoorLean, SaysWhenTheHostHasNoMemory) {
  Lender lender;
  lender.empty = true;
  gossamer_options options = lender.options();
  ASSERT_EQ(open(&options), GOSSAMER_OK);
  gossamer_answer* answer = nullptr;
  EXPECT_EQ(gossamer_session_run(session_, &input_, 1, &answer, &error_), GOSSAMER_LIMIT);
  EXPECT_EQ(answer, nullptr);
  options.release = nullptr;
  gossamer_session* other = nullptr;
  EXPECT_EQ(gossamer_session_new(model_, &options, &other, nullptr), GOSSAMER_USAGE);
  EXPECT_EQ(other, nullptr);
}

TEST_F(DoorLean, RunsIntoTheCallersMemory) {
  ASSERT_EQ(open(nullptr), GOSSAMER_OK);
  float y[2] = {};
  gossamer_output output{};
  output.data = y;
  output.capacity = 4;  // too small
  EXPECT_EQ(gossamer_session_run_into(session_, &input_, 1, &output, 1, nullptr), GOSSAMER_USAGE);
  EXPECT_EQ(output.bytes, 8U);
  output.capacity = sizeof y;
  ASSERT_EQ(gossamer_session_run_into(session_, &input_, 1, &output, 1, &error_), GOSSAMER_OK);
  EXPECT_EQ(output.dtype, GOSSAMER_F32);
  EXPECT_EQ(output.rank, 1);
  EXPECT_EQ(output.shape[0], 2);
  EXPECT_EQ(y[0], 2);
}

TEST_F(DoorLean, RunsWithoutASession) {
  const char* name = "x";
  gossamer_answer* answer = nullptr;
  ASSERT_EQ(gossamer_model_run(model_, &name, &input_, 1, &answer, &error_), GOSSAMER_OK);
  gossamer_answer_free(answer);
  const char* wrong = "q";
  EXPECT_EQ(gossamer_model_run(model_, &wrong, &input_, 1, &answer, nullptr), GOSSAMER_USAGE);
  const char* both[2] = {"x", "x"};
  const gossamer_tensor twice[2] = {input_, input_};
  EXPECT_EQ(gossamer_model_run(model_, both, twice, 2, &answer, nullptr), GOSSAMER_USAGE);
}

TEST_F(DoorLean, RefusesWrongInputs) {
  ASSERT_EQ(open(nullptr), GOSSAMER_OK);
  gossamer_answer* answer = nullptr;
  for (int fault = 0; fault < 5; ++fault) {
    gossamer_tensor t = input_;
    if (fault == 0) t.bytes = 8;
    if (fault == 1) t.rank = 40;
    if (fault == 2) t.dtype = static_cast<gossamer_dtype>(99);
    if (fault == 3) t.shape = nullptr;
    if (fault == 4) t.dtype = GOSSAMER_I32;  // the same size, another type
    EXPECT_EQ(gossamer_session_run(session_, &t, 1, &answer, nullptr), GOSSAMER_USAGE) << fault;
    gossamer_output output{};
    EXPECT_EQ(gossamer_session_run_into(session_, &t, 1, &output, 1, nullptr), GOSSAMER_USAGE);
  }
  EXPECT_EQ(gossamer_session_run(session_, &input_, 0, &answer, nullptr), GOSSAMER_USAGE);
  EXPECT_EQ(answer, nullptr);
}

struct Heard {
  std::vector<std::string> lines, steps;
};

TEST_F(DoorLean, HooksHearOfOpeningAndOfSteps) {
  Heard heard;
  gossamer_options options{};
  options.size = sizeof options;
  options.threads = 1;
  options.level = "v2";
  options.user = &heard;
  options.log = [](const char* line, void* user) {
    static_cast<Heard*>(user)->lines.emplace_back(line);
  };
  options.profile = [](const char* step, const char*, std::int64_t begin, std::int64_t end,
                       void* user) {
    EXPECT_LE(begin, end);
    static_cast<Heard*>(user)->steps.emplace_back(step);
  };
  ASSERT_EQ(open(&options), GOSSAMER_OK);
  gossamer_answer* answer = nullptr;
  ASSERT_EQ(gossamer_session_run(session_, &input_, 1, &answer, &error_), GOSSAMER_OK);
  gossamer_answer_free(answer);
  EXPECT_EQ(heard.lines.size(), 1U);
  EXPECT_EQ(heard.steps, std::vector<std::string>{"swap"});
}

TEST_F(DoorLean, OptionsAreChecked) {
  gossamer_options options{};
  EXPECT_EQ(open(&options), GOSSAMER_USAGE);  // no size
  gossamer_error_free(error_);
  error_ = nullptr;
  options.size = sizeof(std::size_t);  // of a caller who knows no option
  options.threads = -1;                // beyond what it knows
  ASSERT_EQ(open(&options), GOSSAMER_OK);
  gossamer_session* other = nullptr;
  options.size = sizeof options;
  EXPECT_EQ(gossamer_session_new(model_, &options, &other, nullptr), GOSSAMER_USAGE);
  options.threads = 0;
  options.level = "v9";
  EXPECT_EQ(gossamer_session_new(model_, &options, &other, nullptr), GOSSAMER_USAGE);
  EXPECT_EQ(other, nullptr);
}

TEST_F(DoorLean, SessionsOutliveTheirModelAndPool) {
  gossamer_pool* pool = gossamer_pool_new();
  gossamer_options options{};
  options.size = sizeof options;
  options.pool = pool;
  ASSERT_EQ(open(&options), GOSSAMER_OK);
  EXPECT_GE(gossamer_pool_bytes(pool), 0);
  gossamer_pool_free(pool);
  gossamer_model_free(model_);
  model_ = nullptr;
  gossamer_session_cancel(session_);  // nothing is under way: forgotten
  gossamer_answer* answer = nullptr;
  EXPECT_EQ(gossamer_session_run(session_, &input_, 1, &answer, &error_), GOSSAMER_OK);
  EXPECT_GE(gossamer_session_bytes(session_), 0);
  gossamer_answer_free(answer);
}

TEST_F(DoorLean, SavesWhatItOpened) {
  const std::string path = folder_.file("again.goss");
  ASSERT_EQ(gossamer_model_save(model_, path.c_str(), &error_), GOSSAMER_OK);
  EXPECT_TRUE(package::check(path).ok());
}

TEST_F(DoorLean, WhatIsNotThereSaysSo) {
  folder_.put("m.onnx", "anything");
  gossamer_model* model = nullptr;
  EXPECT_EQ(gossamer_model_open(folder_.file("m.onnx").c_str(), nullptr, &model, &error_),
            GOSSAMER_UNSUPPORTED);
  EXPECT_STRNE(gossamer_error_hint(error_), "");
  EXPECT_EQ(gossamer_operators_new(), nullptr);
  EXPECT_EQ(gossamer_operators_add(nullptr, nullptr, nullptr), GOSSAMER_UNSUPPORTED);
}

TEST(DoorLeanNull, FreeingNullIsFine) {
  gossamer_model_free(nullptr);
  gossamer_session_free(nullptr);
  gossamer_pool_free(nullptr);
  gossamer_session_cancel(nullptr);
}

}  // namespace
}  // namespace gossamer
