# The two libraries behind include/gossamer, and what installing them means.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# A shared library from the rooms of the door that ARGN names. Nothing but gossamer_* leaves it, and it needs no
# library that it does not use.
function(gossamer_library target name export)
  add_library(${target} SHARED)
  foreach(room IN LISTS ARGN)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:gossamer_${room}>)
    target_link_libraries(${target} PRIVATE gossamer_${room})
  endforeach()
  set(script "${CMAKE_SOURCE_DIR}/cmake/exports.map")
  # Its worker threads outlive dlclose, so its code has to.
  target_link_options(${target} PRIVATE -Wl,--as-needed -Wl,--gc-sections -Wl,-z,defs -Wl,-z,nodelete
    "-Wl,--version-script=${script}")
  if(GOSSAMER_SANITIZE)  # whose runtime is in the program, not in its libraries
    target_link_options(${target} PRIVATE -Wl,-z,undefs)
  endif()
  target_include_directories(${target} INTERFACE
    "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} EXPORT_NAME ${export} LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS "${script}"
    LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
  install(TARGETS ${target} EXPORT gossamer LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  set(GOSSAMER_PC_NAME ${name})
  file(RELATIVE_PATH GOSSAMER_PC_INCLUDE "/x/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/x/${CMAKE_INSTALL_INCLUDEDIR}")
  configure_file("${CMAKE_SOURCE_DIR}/cmake/gossamer.pc.in" "${CMAKE_BINARY_DIR}/generated/${name}.pc" @ONLY)
  install(FILES "${CMAKE_BINARY_DIR}/generated/${name}.pc" DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

function(gossamer_libraries)
  # What runs once a model, not once a number, is compiled for size.
  foreach(room IN ITEMS door door_lean package)
    target_compile_options(gossamer_${room} PRIVATE $<$<CONFIG:Release>:-Os>)
  endforeach()
  foreach(file IN ITEMS attention copy_text expect image_decode indices lookup loop n_gram
      non_max_suppression non_zero pointwise_program pointwise_text resize_axis rows sequence text text_normalize
      text_split top_k tree_ensemble unique checks_control checks_movement checks_products)
    set_source_files_properties("${CMAKE_SOURCE_DIR}/src/reference/${file}.cc" PROPERTIES
      COMPILE_OPTIONS "$<$<CONFIG:Release>:-Os>")
  endforeach()
  set_source_files_properties("${CMAKE_SOURCE_DIR}/src/runtime/operations.cc" PROPERTIES
    COMPILE_OPTIONS "$<$<CONFIG:Release>:-Os>")
  gossamer_library(gossamer_lean gossamer_runtime runtime door door_lean)
  if(TARGET gossamer_door_full)
    gossamer_library(gossamer_whole gossamer gossamer door door_full)
  endif()
  add_dependencies(tests gossamer_lean)
  # door and what stands behind it need each other: tests link the latter's objects ahead of the former.
  foreach(room IN ITEMS door_lean door_full)
    if(TARGET ${room}_test)
      target_sources(${room}_test PRIVATE $<TARGET_OBJECTS:gossamer_${room}>)
    endif()
  endforeach()
  install(DIRECTORY "${CMAKE_SOURCE_DIR}/include/gossamer" DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  set(folder ${CMAKE_INSTALL_LIBDIR}/cmake/gossamer)
  install(EXPORT gossamer NAMESPACE gossamer:: FILE gossamer-config.cmake DESTINATION ${folder})
  write_basic_package_version_file("${CMAKE_BINARY_DIR}/generated/gossamer-config-version.cmake"
    VERSION ${PROJECT_VERSION} COMPATIBILITY SameMinorVersion)
  install(FILES "${CMAKE_BINARY_DIR}/generated/gossamer-config-version.cmake" DESTINATION ${folder})
endfunction()
