// The C door: errors carry code and message, handles may be freed when NULL, operators are checked.
#include "gossamer/gossamer.h"

#include <gtest/gtest.h>

#include <string>

namespace {

TEST(Door, MissingFileIsAnErrorWithMessage) {
  gossamer_model* model = nullptr;
  gossamer_error* error = nullptr;
  EXPECT_NE(gossamer_model_open("no/such/file.onnx", nullptr, &model, &error), GOSSAMER_OK);
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(model, nullptr);
  EXPECT_NE(std::string(gossamer_error_message(error)).find("no/such/file.onnx"),
            std::string::npos);
  gossamer_error_free(error);
}

TEST(Door, ErrorMayBeIgnored) {
  gossamer_model* model = nullptr;
  EXPECT_NE(gossamer_model_open("no/such/file.onnx", nullptr, &model, nullptr), GOSSAMER_OK);
}

TEST(Door, FreeingNullIsFine) {
  gossamer_model_free(nullptr);
  gossamer_error_free(nullptr);
  gossamer_answer_free(nullptr);
  gossamer_operators_free(nullptr);
}

TEST(Door, OperatorsAreCheckedWhenAdded) {
  gossamer_operators* operators = gossamer_operators_new();
  ASSERT_NE(operators, nullptr);
  const auto fine = [](gossamer_call*, void*) { return 0; };
  gossamer_operator o = {"example", "Half", 1, fine, fine, nullptr};
  EXPECT_EQ(gossamer_operators_add(operators, &o, nullptr), GOSSAMER_OK);
  EXPECT_EQ(gossamer_operators_add(operators, &o, nullptr), GOSSAMER_USAGE);  // twice
  o.name = "NoFunction";
  o.run = nullptr;
  EXPECT_EQ(gossamer_operators_add(operators, &o, nullptr), GOSSAMER_USAGE);
  gossamer_operators_free(operators);
}

}  // namespace
