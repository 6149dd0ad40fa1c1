/* An operator of one's own, in plain C: registers example.Threshold (attribute `level`: y = x where
 * x > level, else 0), opens a model that uses it, and runs it on four numbers.
 *
 *   cc custom_operator.c -lgossamer -o custom_operator && ./custom_operator model.onnx */
#include <stdio.h>

#include "gossamer/gossamer.h"

static int infer(gossamer_call* call, void* user) {
  (void)user;
  gossamer_call_output_like(call, 0, 0);
  return 0;
}

static int run(gossamer_call* call, void* user) {
  (void)user;
  gossamer_tensor x;
  double level = 0;
  if (!gossamer_call_input(call, 0, &x) || x.dtype != GOSSAMER_F32)
    return gossamer_call_fail(call, "Threshold takes one float32 tensor");
  gossamer_call_float(call, "level", &level);
  float* y = gossamer_call_output(call, 0, GOSSAMER_F32, x.rank, x.shape);
  if (!y) return 1;
  const float* values = x.data;
  for (size_t i = 0; i < x.bytes / sizeof(float); ++i)
    y[i] = values[i] > (float)level ? values[i] : 0;
  return 0;
}

static int fail(gossamer_error* error) {
  fprintf(stderr, "error: %s\n", gossamer_error_message(error));
  gossamer_error_free(error);
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: custom_operator MODEL\n"), 2;
  gossamer_error* error = NULL;
  gossamer_operators* operators = gossamer_operators_new();
  const gossamer_operator threshold = {"example", "Threshold", 1, infer, run, NULL};
  if (gossamer_operators_add(operators, &threshold, &error)) return fail(error);
  gossamer_model* model = NULL;
  if (gossamer_model_open(argv[1], operators, &model, &error)) return fail(error);
  gossamer_operators_free(operators);

  const float numbers[4] = {-1, 0.25f, 0.75f, 2};
  const int64_t shape[1] = {4};
  const gossamer_tensor input = {GOSSAMER_F32, 1, shape, numbers, sizeof numbers};
  const char* name = gossamer_model_input_name(model, 0);
  gossamer_answer* answer = NULL;
  if (gossamer_model_run(model, &name, &input, 1, &answer, &error)) return fail(error);
  gossamer_tensor output;
  if (gossamer_answer_tensor(answer, 0, &output, &error)) return fail(error);
  for (int i = 0; i < 4; ++i) printf("%g\n", ((const float*)output.data)[i]);
  gossamer_answer_free(answer);
  gossamer_model_free(model);
  return 0;
}
