// Runs a model of one input, a vector of floats, and prints its first output: run_model MODEL
// NUMBER...
#include <stdio.h>
#include <stdlib.h>

#include "gossamer/gossamer.h"

int main(int argc, char** argv) {
  float x[16];
  int64_t n = 0;
  for (int i = 2; i < argc && n < 16; ++i) x[n++] = strtof(argv[i], NULL);

  gossamer_error* error = NULL;
  gossamer_model* model = NULL;
  gossamer_session* session = NULL;
  gossamer_answer* answer = NULL;
  gossamer_tensor y;
  const gossamer_tensor input = {GOSSAMER_F32, 1, &n, x, (size_t)n * sizeof *x};
  if (argc < 2 || gossamer_model_open(argv[1], NULL, &model, &error) ||
      gossamer_session_new(model, NULL, &session, &error) ||
      gossamer_session_run(session, &input, 1, &answer, &error) ||
      gossamer_answer_tensor(answer, 0, &y, &error)) {
    fprintf(stderr, "%s\n%s\n", gossamer_error_message(error), gossamer_error_hint(error));
    return (int)gossamer_error_code(error);
  }
  for (size_t i = 0; i < y.bytes / sizeof(float); ++i) printf("%g\n", ((const float*)y.data)[i]);
  gossamer_answer_free(answer);
  gossamer_session_free(session);
  gossamer_model_free(model);
  return 0;
}
