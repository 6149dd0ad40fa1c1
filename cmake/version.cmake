# Writes the version into a header of its own at build time, only when it has changed, so that a commit
# recompiles what prints the version and nothing else. Also the script that the build runs for that (-P).
if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(
    COMMAND git -C ${SOURCE_DIR} rev-parse --short=10 HEAD
    OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  set(text "${VERSION}")
  if(NOT failed)
    string(APPEND text "+g${revision}")
  endif()
  file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#pragma once\n#define GOSSAMER_VERSION \"${text}\"\n")
  return()
endif()

# Makes "gossamer_version.h" (it defines GOSSAMER_VERSION) available to the target.
function(gossamer_add_version target)
  set(header "${CMAKE_BINARY_DIR}/generated/gossamer_version.h")
  if(NOT TARGET gossamer_version)
    add_custom_target(gossamer_version
      COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${CMAKE_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
              -DOUTPUT=${header} -P ${CMAKE_SOURCE_DIR}/cmake/version.cmake
      BYPRODUCTS ${header} VERBATIM)
  endif()
  add_dependencies(${target} gossamer_version)
  target_include_directories(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated)
endfunction()
