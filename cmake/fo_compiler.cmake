# SPDX-License-Identifier: Apache-2.0
# Warnings, hardening and sanitizers, all carried by one interface target that every target links.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported()

set(FO_WERROR "" CACHE STRING "Treat warnings as errors (set in CI)")
set(FO_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them")
option(FO_COVERAGE "Instrument for gcov" OFF)

add_library(fo_compiler INTERFACE)

# Adds each flag that this compiler knows.
function(fo_add_flags)
  foreach(flag IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER "fo_has${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
      target_compile_options(fo_compiler INTERFACE ${flag})
    endif()
  endforeach()
endfunction()

fo_add_flags(
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wformat=2 -Wundef -Wvla -Wcast-qual -Wpointer-arith -Wwrite-strings
  -Wimplicit-fallthrough -Wdouble-promotion -Wswitch-enum
  -Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion -Werror=return-type
  -Werror=format-security)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  fo_add_flags(-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wformat-signedness)
else()
  fo_add_flags(-Wthread-safety -Wcomma -Wconditional-uninitialized)
endif()
if(FO_WERROR)
  target_compile_options(fo_compiler INTERFACE -Werror)
endif()
target_compile_definitions(fo_compiler INTERFACE _GNU_SOURCE)

if(FO_SANITIZE)
  target_compile_options(fo_compiler INTERFACE
    -fsanitize=${FO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1)
  target_link_options(fo_compiler INTERFACE -fsanitize=${FO_SANITIZE})
elseif(FO_COVERAGE)
  target_compile_options(fo_compiler INTERFACE --coverage -O0)
  target_link_options(fo_compiler INTERFACE --coverage)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  # -Wnull-dereference needs the optimiser to see anything.
  fo_add_flags(-Wnull-dereference -fstack-protector-strong -fstack-clash-protection
    -fcf-protection=full)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    fo_add_flags(-ftrivial-auto-var-init=zero)
  endif()
  target_compile_options(fo_compiler INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  target_link_options(fo_compiler INTERFACE
    -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -DNDEBUG")
