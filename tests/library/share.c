/* Opens packages whose shapes are fixed, makes a session of each over one pool, and runs them one
 * after the other twice on zeros: share MODEL.goss... Prints "answered" once the first has
 * answered, then each session's own need of working memory in bytes and, last, what the pool holds.
 */
#include <stdio.h>
#include <stdlib.h>

#include "gossamer/gossamer.h"

enum { MODELS = 8, PORTS = 8, WIDEST = 8 };

static int failed(gossamer_error* error) {
  fprintf(stderr, "%s\n", error ? gossamer_error_message(error) : "out of memory");
  return 1;
}

/* Runs a session on zeros; open extents are 1. */
static gossamer_code run_on_zeros(gossamer_model* model, gossamer_session* session,
                                  gossamer_error** error) {
  static int64_t shapes[PORTS][GOSSAMER_MAX_RANK];
  gossamer_tensor inputs[PORTS];
  const size_t count = gossamer_model_input_count(model);
  gossamer_answer* answer = NULL;
  for (size_t i = 0; i < count && i < PORTS; ++i) {
    gossamer_tensor* t = &inputs[i];
    if (!gossamer_model_input_type(model, i, &t->dtype, &t->rank, shapes[i])) exit(1);
    t->bytes = WIDEST;
    for (int32_t d = 0; d < t->rank; ++d) t->bytes *= (size_t)llabs(shapes[i][d]);
    for (int32_t d = 0; d < t->rank; ++d) shapes[i][d] = llabs(shapes[i][d]);
    t->shape = shapes[i];
    t->data = calloc(1, t->bytes);
    t->bytes /= WIDEST / (t->dtype == GOSSAMER_F32 ? 4 : 8);
  }
  const gossamer_code code = gossamer_session_run(session, inputs, count, &answer, error);
  for (size_t i = 0; i < count && i < PORTS; ++i) free((void*)inputs[i].data);
  gossamer_answer_free(answer);
  return code;
}

int main(int argc, char** argv) {
  gossamer_model* models[MODELS];
  gossamer_session* sessions[MODELS];
  gossamer_error* error = NULL;
  gossamer_pool* pool = gossamer_pool_new();
  const gossamer_options shared = {.size = sizeof shared, .threads = 2, .pool = pool};
  const int count = argc - 1 < MODELS ? argc - 1 : MODELS;
  if (!pool) return failed(NULL);
  for (int round = 0; round < 2; ++round)
    for (int m = 0; m < count; ++m) {
      if (round == 0 && (gossamer_model_open(argv[m + 1], NULL, &models[m], &error) ||
                         gossamer_session_new(models[m], &shared, &sessions[m], &error)))
        return failed(error);
      if (run_on_zeros(models[m], sessions[m], &error)) return failed(error);
      if (round == 0 && m == 0) {
        puts("answered");
        fflush(stdout);
      }
    }
  for (int m = 0; m < count; ++m) {
    const gossamer_options own = {.size = sizeof own, .threads = 2};
    gossamer_session* alone = NULL;
    if (gossamer_session_new(models[m], &own, &alone, &error) ||
        run_on_zeros(models[m], alone, &error))
      return failed(error);
    printf("%lld\n", (long long)gossamer_session_bytes(alone));
    gossamer_session_free(alone);
  }
  printf("%lld\n", (long long)gossamer_pool_bytes(pool));
  for (int m = 0; m < count; ++m) {
    gossamer_session_free(sessions[m]);
    gossamer_model_free(models[m]);
  }
  gossamer_pool_free(pool);
  return 0;
}
