# SPDX-License-Identifier: Apache-2.0
# How a room, a program, a test and a bench are declared: the same way everywhere.

# fo_add_room(ex_config SOURCES a.c b.c USES ex_base PRIVATELY PkgConfig::YAML)
# A static library. USES is what its headers need as well, PRIVATELY what only its sources need.
function(fo_add_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;USES;PRIVATELY" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(${name} PUBLIC ${ROOM_USES} PRIVATE fo_compiler ${ROOM_PRIVATELY})
endfunction()

# fo_add_program(failover_spawn SOURCES main.c USES ex_spawn)
function(fo_add_program name)
  cmake_parse_arguments(PROGRAM "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(${name} PRIVATE fo_compiler ${PROGRAM_USES})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

# fo_add_unit_test(config_duration SOURCES duration.c USES ex_config [TIMEOUT 30])
# A cmocka program, run by ctest under the label "unit". It runs in the source folder of the test.
function(fo_add_unit_test name)
  cmake_parse_arguments(TEST "" "TIMEOUT" "SOURCES;USES" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 180) # minutes pass on a busy machine; it is for what hangs
  endif()
  if(FO_SANITIZE)
    math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * 5")
  endif()
  add_executable(test_${name} ${TEST_SOURCES})
  target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(test_${name} PRIVATE fo_compiler ${TEST_USES} PkgConfig::CMOCKA)
  set_target_properties(test_${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME unit_${name} COMMAND test_${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  set_tests_properties(unit_${name} PROPERTIES LABELS unit TIMEOUT ${TEST_TIMEOUT})
endfunction()
