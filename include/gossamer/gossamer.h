// The public door of Gossamer: open a model, run it, and bring operators of your own. Plain C.

/* Two libraries stand behind it. libgossamer is the whole; libgossamer_runtime opens .goss packages
 * only, is small and needs nothing else: what it lacks fails with GOSSAMER_UNSUPPORTED.
 *
 * Every handle is opaque and freed by its own function; freeing NULL is fine. Functions that can
 * fail return a gossamer_code and, when `error` is not NULL, store there an error to be freed (or
 * NULL when all is well). Strings are UTF-8. A model may be used by several threads at once; an
 * operator's functions must then be safe to call from them. What a handle was made from may be
 * freed before it. */
#ifndef GOSSAMER_GOSSAMER_H
#define GOSSAMER_GOSSAMER_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define GOSSAMER_API __attribute__((visibility("default")))
#else
#define GOSSAMER_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum gossamer_code {
  GOSSAMER_OK = 0,
  GOSSAMER_MISMATCH = 1,
  GOSSAMER_USAGE = 2, /* a wrong argument, a wrong or missing input */
  GOSSAMER_AUTHENTICATION = 3,
  GOSSAMER_MALFORMED = 4, /* the file breaks its format */
  GOSSAMER_KEY = 5,
  GOSSAMER_POLICY = 6,
  GOSSAMER_LIMIT = 7, /* memory or another limit */
  GOSSAMER_UNSUPPORTED = 8,
  GOSSAMER_IO = 9,
  GOSSAMER_INTERNAL = 10,
  GOSSAMER_INTERRUPTED = 11
} gossamer_code;

/* Element types, numbered as ONNX's TensorProto.DataType. */
typedef enum gossamer_dtype {
  GOSSAMER_F32 = 1,
  GOSSAMER_U8 = 2,
  GOSSAMER_I8 = 3,
  GOSSAMER_U16 = 4,
  GOSSAMER_I16 = 5,
  GOSSAMER_I32 = 6,
  GOSSAMER_I64 = 7,
  GOSSAMER_BOOL = 9,
  GOSSAMER_F16 = 10,
  GOSSAMER_F64 = 11,
  GOSSAMER_U32 = 12,
  GOSSAMER_U64 = 13,
  GOSSAMER_BF16 = 16,
  GOSSAMER_DTYPE_WIDE = 0x7fffffff /* no type: makes every int a value that may be refused */
} gossamer_dtype;

typedef struct gossamer_error gossamer_error;
typedef struct gossamer_model gossamer_model;
typedef struct gossamer_session gossamer_session;
typedef struct gossamer_pool gossamer_pool;
typedef struct gossamer_answer gossamer_answer;
typedef struct gossamer_operators gossamer_operators;
typedef struct gossamer_call gossamer_call;

#define GOSSAMER_MAX_RANK 32

/* A dense row-major tensor that somebody else owns. `shape` has `rank` extents; `bytes` is the size
 * of `data`. */
typedef struct gossamer_tensor {
  gossamer_dtype dtype;
  int32_t rank;
  const int64_t* shape;
  const void* data;
  size_t bytes;
} gossamer_tensor;

GOSSAMER_API const char* gossamer_version(void);

GOSSAMER_API gossamer_code gossamer_error_code(const gossamer_error* error);
GOSSAMER_API const char* gossamer_error_message(const gossamer_error* error);
GOSSAMER_API const char* gossamer_error_hint(
    const gossamer_error* error); /* "" when there is none */
GOSSAMER_API void gossamer_error_free(gossamer_error* error);

/* --- models --- */

/* Opens a .goss package or, with the whole library, reads an .onnx file. `operators` (may be NULL)
 * are consulted for operators of an .onnx file that the library does not know; they may be freed
 * once the model is open. */
GOSSAMER_API gossamer_code gossamer_model_open(const char* path,
                                               const gossamer_operators* operators,
                                               gossamer_model** model, gossamer_error** error);
/* Writes a package, compiling first what was read from an .onnx file. A file that is there is
 * replaced whole or stays as it was. */
GOSSAMER_API gossamer_code gossamer_model_save(gossamer_model* model, const char* path,
                                               gossamer_error** error);
GOSSAMER_API void gossamer_model_free(gossamer_model* model);
GOSSAMER_API size_t gossamer_model_input_count(const gossamer_model* model);
GOSSAMER_API size_t gossamer_model_output_count(const gossamer_model* model);
/* NULL when `index` is out of range. */
GOSSAMER_API const char* gossamer_model_input_name(const gossamer_model* model, size_t index);
GOSSAMER_API const char* gossamer_model_output_name(const gossamer_model* model, size_t index);
/* What the model declares: open extents are -1, an unknown rank is -1. `shape` has room for
 * GOSSAMER_MAX_RANK extents. Returns 0 when `index` is out of range or it is no tensor of a type
 * that stands above. */
GOSSAMER_API int gossamer_model_input_type(const gossamer_model* model, size_t index,
                                           gossamer_dtype* dtype, int32_t* rank, int64_t* shape);
GOSSAMER_API int gossamer_model_output_type(const gossamer_model* model, size_t index,
                                            gossamer_dtype* dtype, int32_t* rank, int64_t* shape);

/* Runs a model once without a session: what was read from an .onnx file exactly, by the reference,
 * operators of the host included (slow: for checking); a package by its program. `names[i]` is the
 * input that `inputs[i]` feeds. */
GOSSAMER_API gossamer_code gossamer_model_run(gossamer_model* model, const char* const* names,
                                              const gossamer_tensor* inputs, size_t count,
                                              gossamer_answer** answer, gossamer_error** error);

/* --- sessions ---
 * A model compiled, with memory and threads, ready to run many times. Runs of one session follow
 * each other; sessions of one model share its weights and run side by side. */

/* What a session may be told; zero is the default of each. Set `size` to sizeof(gossamer_options),
 * so that later versions may add to the end. */
typedef struct gossamer_options {
  size_t size;
  int32_t threads;     /* the caller included; 0: as many as the process has CPUs */
  int32_t keep_tiny;   /* 1: do not take denormal floats as zeros */
  const char* level;   /* instruction set "v2", "v3" or "v4"; NULL: the best that there is */
  int64_t max_bytes;   /* of working memory; exceeded: GOSSAMER_LIMIT; 0: no cap */
  gossamer_pool* pool; /* working memory to share; NULL: the session's own */
  /* Told what somebody watching may want to know, one line without its end at a time. */
  void (*log)(const char* line, void* user);
  /* Told of every step after each run: times since the run began, in nanoseconds. */
  void (*profile)(const char* step, const char* operation, int64_t begin, int64_t end, void* user);
  void* user; /* handed to every hook */
  /* Lends the session its working memory, until it is freed: `bytes` bytes at a multiple of
   * `alignment` (a power of two), or NULL when there are none (GOSSAMER_LIMIT). Both are set, or
   * neither; not together with `pool`. Called from threads that make, run or free the session. */
  void* (*allocate)(size_t bytes, size_t alignment, void* user);
  void (*release)(void* memory, size_t bytes, void* user);
} gossamer_options;

/* `options` may be NULL. */
GOSSAMER_API gossamer_code gossamer_session_new(gossamer_model* model,
                                                const gossamer_options* options,
                                                gossamer_session** session, gossamer_error** error);
GOSSAMER_API void gossamer_session_free(gossamer_session* session); /* not while it runs */

/* Runs on `inputs`, one for each input of the model, in order. They are borrowed, not copied, when
 * their data are aligned to their elements. */
GOSSAMER_API gossamer_code gossamer_session_run(gossamer_session* session,
                                                const gossamer_tensor* inputs, size_t count,
                                                gossamer_answer** answer, gossamer_error** error);

/* Where an output goes: `capacity` bytes at `data`, aligned to its elements. A run fills in the
 * rest. */
typedef struct gossamer_output {
  void* data;
  size_t capacity;
  size_t bytes;
  gossamer_dtype dtype;
  int32_t rank;
  int64_t shape[GOSSAMER_MAX_RANK];
} gossamer_output;

/* The same into the caller's memory, one output for each of the model's, in order. Allocates
 * nothing once shapes have been seen. When a capacity is too small it fails with GOSSAMER_USAGE,
 * and dtype, rank, shape and bytes tell what is needed. */
GOSSAMER_API gossamer_code gossamer_session_run_into(gossamer_session* session,
                                                     const gossamer_tensor* inputs,
                                                     size_t input_count, gossamer_output* outputs,
                                                     size_t output_count, gossamer_error** error);
/* From any thread: the run under way, if there is one, ends soon with GOSSAMER_INTERRUPTED. */
GOSSAMER_API void gossamer_session_cancel(gossamer_session* session);
/* Bytes of working memory that the session holds now; what lies in a shared pool is not counted. */
GOSSAMER_API int64_t gossamer_session_bytes(const gossamer_session* session);

/* Working memory for sessions that do not run at the same time: they need the largest, not the sum.
 */
GOSSAMER_API gossamer_pool* gossamer_pool_new(void); /* NULL when out of memory */
GOSSAMER_API void gossamer_pool_free(gossamer_pool* pool);
GOSSAMER_API int64_t gossamer_pool_bytes(const gossamer_pool* pool);

/* --- answers --- */

GOSSAMER_API size_t gossamer_answer_count(const gossamer_answer* answer);
GOSSAMER_API const char* gossamer_answer_name(const gossamer_answer* answer, size_t index);
/* A view that lives as long as the answer. Fails with GOSSAMER_UNSUPPORTED for sequences, optionals
 * and strings. */
GOSSAMER_API gossamer_code gossamer_answer_tensor(const gossamer_answer* answer, size_t index,
                                                  gossamer_tensor* tensor, gossamer_error** error);
GOSSAMER_API void gossamer_answer_free(gossamer_answer* answer);

/* --- operators of the host ---
 * An operator is a shape rule and a function. The rule runs when a model is understood: it reads
 * inputs' types and sets those of the outputs. The function runs with the model: it reads inputs'
 * data and fills the outputs. Both return 0 when fine; otherwise call gossamer_call_fail first to
 * say why. */
typedef int (*gossamer_operator_function)(gossamer_call* call, void* user);

typedef struct gossamer_operator {
  const char* domain;
  const char* name;
  int64_t since_version; /* of the domain's opset; later versions use it too */
  gossamer_operator_function infer;
  gossamer_operator_function run;
  void* user; /* handed to both */
} gossamer_operator;

GOSSAMER_API gossamer_operators* gossamer_operators_new(void); /* NULL when out of memory */
GOSSAMER_API void gossamer_operators_free(gossamer_operators* operators);
GOSSAMER_API gossamer_code gossamer_operators_add(gossamer_operators* operators,
                                                  const gossamer_operator* added,
                                                  gossamer_error** error);

/* In both functions. An optional input left out has dtype 0. */
GOSSAMER_API size_t gossamer_call_input_count(const gossamer_call* call);
GOSSAMER_API size_t gossamer_call_output_count(const gossamer_call* call);
/* Attributes; return 0 when the node has none of that name and kind, leaving *value. */
GOSSAMER_API int gossamer_call_int(const gossamer_call* call, const char* name, int64_t* value);
GOSSAMER_API int gossamer_call_float(const gossamer_call* call, const char* name, double* value);
GOSSAMER_API int gossamer_call_string(const gossamer_call* call, const char* name,
                                      const char** value);
/* Says why the operator fails; returns 1, so that `return gossamer_call_fail(call, "...")` works.
 */
GOSSAMER_API int gossamer_call_fail(gossamer_call* call, const char* message);

/* In the shape rule. The type of input i: unknown extents are -1, an unknown rank is -1. `shape`
 * has room for `room` extents. Returns 0 when the input is left out, is not a tensor, or has more
 * axes than `room`. */
GOSSAMER_API int gossamer_call_input_type(const gossamer_call* call, size_t index,
                                          gossamer_dtype* dtype, int32_t* rank, int64_t* shape,
                                          int32_t room);
/* Output i has the type of input j. */
GOSSAMER_API void gossamer_call_output_like(gossamer_call* call, size_t index, size_t input);
/* -1 stands for an extent that only running can tell. */
GOSSAMER_API void gossamer_call_output_type(gossamer_call* call, size_t index, gossamer_dtype dtype,
                                            int32_t rank, const int64_t* shape);

/* In the function. */
GOSSAMER_API int gossamer_call_input(const gossamer_call* call, size_t index,
                                     gossamer_tensor* tensor);
/* Allocates output i, of the type that the shape rule set. NULL (with the failure noted) when it
 * cannot be had. */
GOSSAMER_API void* gossamer_call_output(gossamer_call* call, size_t index, gossamer_dtype dtype,
                                        int32_t rank, const int64_t* shape);

#ifdef __cplusplus
}
#endif

#endif /* GOSSAMER_GOSSAMER_H */
