// The public door of Gossamer: open a model, run it, and bring operators of your own. Plain C.

/* Every handle is opaque and freed by its own function; freeing NULL is fine. Functions that can
 * fail return a gossamer_code and, when `error` is not NULL, store there an error to be freed (or
 * NULL when all is well). Strings are UTF-8. A model may be run by several threads at once; an
 * operator's functions must then be safe to call from them. */
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
  GOSSAMER_BF16 = 16
} gossamer_dtype;

typedef struct gossamer_error gossamer_error;
typedef struct gossamer_model gossamer_model;
typedef struct gossamer_answer gossamer_answer;
typedef struct gossamer_operators gossamer_operators;
typedef struct gossamer_call gossamer_call;

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

/* Reads an .onnx file. `operators` (may be NULL) are consulted for operators that the library does
 * not know; they may be freed once the model is open. */
GOSSAMER_API gossamer_code gossamer_model_open(const char* path,
                                               const gossamer_operators* operators,
                                               gossamer_model** model, gossamer_error** error);
GOSSAMER_API void gossamer_model_free(gossamer_model* model);
GOSSAMER_API size_t gossamer_model_input_count(const gossamer_model* model);
GOSSAMER_API size_t gossamer_model_output_count(const gossamer_model* model);
/* NULL when `index` is out of range. */
GOSSAMER_API const char* gossamer_model_input_name(const gossamer_model* model, size_t index);
GOSSAMER_API const char* gossamer_model_output_name(const gossamer_model* model, size_t index);

/* Runs the model exactly, by the reference. `names[i]` is the input that `inputs[i]` feeds. The
 * data is copied. */
GOSSAMER_API gossamer_code gossamer_model_run(const gossamer_model* model, const char* const* names,
                                              const gossamer_tensor* inputs, size_t count,
                                              gossamer_answer** answer, gossamer_error** error);
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
