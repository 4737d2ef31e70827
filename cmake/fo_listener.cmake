# SPDX-License-Identifier: Apache-2.0
# fl_add_listener(my_team SOURCES my_team.c): a failure listener, plugins/my_team/my_team.so in the
# build folder, for --listeners.path. Needs the public headers only. Outside of this tree it comes
# with find_package(failover), which sets FAILOVER_INCLUDE.
function(fl_add_listener name)
  cmake_parse_arguments(LISTENER "" "" "SOURCES" ${ARGN})
  add_library(${name} MODULE ${LISTENER_SOURCES})
  if(FAILOVER_INCLUDE)
    target_include_directories(${name} PRIVATE ${FAILOVER_INCLUDE})
  else()
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(${name} PRIVATE fo_compiler)
  endif()
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" C_VISIBILITY_PRESET hidden
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins/${name})
endfunction()
