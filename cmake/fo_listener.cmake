# SPDX-License-Identifier: Apache-2.0
# fl_add_listener(my_team SOURCES my_team.c): a failure listener, plugins/my_team/my_team.so.
# Needs the public headers only: those of this tree, or those installed by it (outside of the tree:
# include(<prefix>/lib/cmake/failover/fo_listener.cmake), and -DFAILOVER_INCLUDE=<prefix>/include
# where the compiler does not find them by itself). Point --listeners.path at the plugins folder.
function(fl_add_listener name)
  cmake_parse_arguments(LISTENER "" "" "SOURCES" ${ARGN})
  if(NOT LISTENER_SOURCES)
    set(LISTENER_SOURCES ${LISTENER_UNPARSED_ARGUMENTS})
  endif()
  add_library(${name} MODULE ${LISTENER_SOURCES})
  if(FAILOVER_INCLUDE)
    target_include_directories(${name} PRIVATE ${FAILOVER_INCLUDE})
  elseif(TARGET fo_compiler)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/include)
    target_link_libraries(${name} PRIVATE fo_compiler)
  endif()
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so" C_VISIBILITY_PRESET hidden
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/plugins/${name})
endfunction()
