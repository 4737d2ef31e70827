# SPDX-License-Identifier: Apache-2.0
# Revision, branch and date of the sources, for `version` and the build-info metric. Nothing here
# depends on when or where the build runs, except where no repository is there to ask.
find_package(Git QUIET)

function(fo_ask_git result default)
  set(answer "")
  if(GIT_FOUND)
    execute_process(COMMAND ${GIT_EXECUTABLE} ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
      OUTPUT_VARIABLE answer OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  if(answer STREQUAL "")
    set(answer ${default})
  endif()
  set(${result} ${answer} PARENT_SCOPE)
endfunction()

fo_ask_git(FO_BUILD_REVISION unknown rev-parse --short HEAD)
fo_ask_git(FO_BUILD_BRANCH unknown rev-parse --abbrev-ref HEAD)
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(FO_BUILD_EPOCH $ENV{SOURCE_DATE_EPOCH})
else()
  fo_ask_git(FO_BUILD_EPOCH 0 log -1 --format=%ct)
endif()
set(ENV{SOURCE_DATE_EPOCH} ${FO_BUILD_EPOCH})
string(TIMESTAMP FO_BUILD_DATE "%Y%m%d-%H:%M:%S" UTC)
set(FO_BUILD_USER "cmake")
string(TOLOWER ${CMAKE_SYSTEM_NAME} FO_BUILD_OS)
