# Language, warnings, code generation and the compiler cache: the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set_property(GLOBAL PROPERTY USE_FOLDERS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -D_GLIBCXX_ASSERTIONS")

add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow)
foreach(warning -Wnon-virtual-dtor -Woverloaded-virtual -Wold-style-cast -Wcast-qual -Wextra-semi)
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:${warning}>")
endforeach()
add_compile_options(-Wimplicit-fallthrough -Wformat=2 -Wundef)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Both report std::string and std::optional code that is right (GCC bugs 105651 and 80635); clang watches
  # for uninitialized reads in the sanitizer builds.
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized)
else()
  # clang blames std::stable_sort's own use of std::get_temporary_buffer on its caller; g++ watches our code.
  add_compile_options(-Wno-deprecated-declarations)
endif()

# Results must not depend on whether the compiler happened to fuse a multiply and an add.
add_compile_options(-ffp-contract=off -fstack-protector-strong)
# Movement of elements goes by their size alone, whatever their type.
add_compile_options(-fno-strict-aliasing)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-march=x86-64-v2)
endif()

if(GOSSAMER_SANITIZE)
  add_compile_options(
    -fsanitize=${GOSSAMER_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GOSSAMER_SANITIZE})
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-D_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
if(GOSSAMER_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Paths inside the source tree are made relative before they are hashed, so that several working trees and
# build folders share one cache.
find_program(GOSSAMER_CCACHE ccache)
if(GOSSAMER_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      ${GOSSAMER_CCACHE})
endif()
