#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compares committed files with what their generator writes now: check_generated.py GENERATOR

The generator is called with a scratch directory; each file that it writes must be the same as the
one beside the generator. Exit 1 with one line per difference."""

import pathlib
import subprocess
import sys
import tempfile


def main():
    generator = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.executable, "-B", generator, scratch], check=True)
        made = {path.name: path.read_bytes() for path in pathlib.Path(scratch).iterdir()}
    stale = [
        name for name, content in sorted(made.items())
        if not (generator.parent / name).exists() or (generator.parent / name).read_bytes() != content
    ]  # fmt: skip
    for name in stale:
        print(f"{generator.parent / name} is not what the generator writes: run {generator}")
    print(f"{len(made)} files, {len(stale)} differ")
    sys.exit(1 if stale or not made else 0)


if __name__ == "__main__":
    main()
