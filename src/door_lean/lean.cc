// What the runtime library lacks: models in source form and operators of the host, which say so.
#include "base/mapped_file.h"
#include "door/source.h"
#include "package/package.h"

namespace gossamer::door {

Result<std::unique_ptr<const Source>> open_source(const std::string& path,
                                                  const gossamer_operators*) {
  ASSIGN(const MappedFile file, MappedFile::open(path));  // what is not there is said first
  return unsupported("'" + path + "' is no .goss package, and this library opens nothing else",
                     "compile the model, or link libgossamer");
}

void prepare_operations() {}

}  // namespace gossamer::door

gossamer_operators* gossamer_operators_new(void) { return nullptr; }
void gossamer_operators_free(gossamer_operators*) {}
gossamer_code gossamer_operators_add(gossamer_operators*, const gossamer_operator*,
                                     gossamer_error** error) {
  if (error) *error = nullptr;
  return GOSSAMER_UNSUPPORTED;
}

// Nobody has a gossamer_call: operators cannot be added.
std::size_t gossamer_call_input_count(const gossamer_call*) { return 0; }
std::size_t gossamer_call_output_count(const gossamer_call*) { return 0; }
int gossamer_call_int(const gossamer_call*, const char*, std::int64_t*) { return 0; }
int gossamer_call_float(const gossamer_call*, const char*, double*) { return 0; }
int gossamer_call_string(const gossamer_call*, const char*, const char**) { return 0; }
int gossamer_call_fail(gossamer_call*, const char*) { return 1; }
int gossamer_call_input_type(const gossamer_call*, std::size_t, gossamer_dtype*, std::int32_t*,
                             std::int64_t*, std::int32_t) {
  return 0;
}
void gossamer_call_output_like(gossamer_call*, std::size_t, std::size_t) {}
void gossamer_call_output_type(gossamer_call*, std::size_t, gossamer_dtype, std::int32_t,
                               const std::int64_t*) {}
int gossamer_call_input(const gossamer_call*, std::size_t, gossamer_tensor*) { return 0; }
void* gossamer_call_output(gossamer_call*, std::size_t, gossamer_dtype, std::int32_t,
                           const std::int64_t*) {
  return nullptr;
}
