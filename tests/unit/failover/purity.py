# SPDX-License-Identifier: Apache-2.0
"""purity.py ARCHIVE - what the core needs from outside must be on this list: memory, strings and
one power function. A clock, a file, a thread, a lock, the environment or a log would show here."""
import re
import subprocess
import sys

ALLOWED = {
    "memcmp", "memcpy", "memmove", "memset", "memchr", "strlen",
    "realloc", "free",  # the default allocator
    "pow",
    "_GLOBAL_OFFSET_TABLE_", "__assert_fail", "__stack_chk_fail",
    "__memcpy_chk", "__memmove_chk", "__memset_chk",
}


def symbols(flag):
    listed = subprocess.run(["nm", flag, sys.argv[1]], capture_output=True, text=True, check=True)
    return set(re.findall(r"^\s*(?:[0-9a-f]+ )?[A-Za-z] (\S+)$", listed.stdout, re.MULTILINE))


undefined = symbols("-u") - symbols("--defined-only")
stray = sorted(undefined - ALLOWED)
print("\n".join(f"the core is not pure: it needs {name}" for name in stray))
print(f"{len(undefined)} symbols from outside, {len(stray)} not allowed")
sys.exit(1 if stray or not undefined else 0)
