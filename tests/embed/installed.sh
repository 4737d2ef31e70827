#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# installed.sh BUILD EMBED_C CC CMAKE - installs libfailover into an empty folder and builds the
# examples against it: with pkg-config, and with find_package, shared, static, from C++, and as a
# listener.
set -eu
build=$1 source=$2 cc=$3 cmake=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$cmake" --install "$build" --prefix "$folder/prefix" --component failover >/dev/null
pc=$(find "$folder/prefix" -name failover.pc)
lib=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # the flags are words
"$cc" -o "$folder/by-pkg-config" "$source" \
    $(pkg-config --cflags --libs failover)
LD_LIBRARY_PATH=$lib "$folder/by-pkg-config"

mkdir "$folder/project"
cat >"$folder/project/CMakeLists.txt" <<PROJECT
cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES C CXX)
find_package(failover 0.1 REQUIRED)
add_executable(shared $source)
target_link_libraries(shared PRIVATE failover::failover)
add_executable(static $source)
target_link_libraries(static PRIVATE failover::failover_static)
add_executable(cxx stranger.cc)
target_link_libraries(cxx PRIVATE failover::failover)
fl_add_listener(minimal SOURCES $(dirname "$source")/listeners/minimal.c)
PROJECT
cat >"$folder/project/stranger.cc" <<'SOURCE'
#include "failover/failover.h"
#include "failover/listener.h"
#include "failover/version.h"
int main() { return fo_job_state_name(FO_JOB_RUNNING)[0] == 'R' ? 0 : 1; }
SOURCE
"$cmake" -S "$folder/project" -B "$folder/project/build" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_PREFIX_PATH="$folder/prefix" >/dev/null
"$cmake" --build "$folder/project/build" >/dev/null
"$folder/project/build/shared" >/dev/null
"$folder/project/build/static" >/dev/null
"$folder/project/build/cxx"
nm -D --defined-only "$folder/project/build/plugins/minimal/minimal.so" | grep -q fl_listener_entry

# Only what the header promises leaves the shared library.
stray=$(nm -D --defined-only "$lib/libfailover.so" | awk '{ print $3 }' | grep -v '^fo_' || true)
[ -z "$stray" ] || { echo "exported without need: $stray"; exit 1; }
