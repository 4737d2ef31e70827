#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes a record each second, for ever.
set -eu
number=0
while :; do
    number=$((number + 1))
    echo "record $number"
    sleep 1
done
