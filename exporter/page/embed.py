#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the files of the status page into C tables, plain and compressed.

    embed.py OUTPUT.c FILE...

All files but index.html are served below a folder that is named after a hash of them all, so that
they may be kept by browsers for ever; `@VERSION@` in index.html becomes that name. The same files
give the same output, byte for byte."""
import hashlib
import os
import sys
import zlib

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
GZIP = zlib.MAX_WBITS | 16
INDEX = "index.html"


def compress(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, GZIP)
    return packer.compress(data) + packer.flush()


def digest(*parts):
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()[:16]


def array(name, data):
    lines = (", ".join(map(str, data[at:at + 24])) for at in range(0, len(data), 24))
    return "static const unsigned char %s[] = {\n    %s};\n" % (name, ",\n    ".join(lines))


def entry(number, name, data):
    return ('    {"%s", "%s", "\\"%s\\"",\n     {(const char *)plain%d, %d}, {(const char *)gzip%d, %d}},\n'
            % (name, TYPES[os.path.splitext(name)[1]], digest(data), number, len(data), number,
               len(compress(data))))


def main(output, paths):
    files = {}
    for path in sorted(paths):
        with open(path, "rb") as file:
            files[os.path.basename(path)] = file.read()
    index = files.pop(INDEX)
    version = digest(*(part for name, data in files.items() for part in (name.encode(), data)))
    if b"@VERSION@" not in index:
        sys.exit("index.html does not name @VERSION@")
    files = {INDEX: index.replace(b"@VERSION@", version.encode()), **files}
    with open(output, "w", encoding="ascii") as file:
        file.write('/* Made by embed.py from the files of the status page. */\n'
                   '#include "exporter/page/files.h"\n\n')
        for number, data in enumerate(files.values()):
            file.write(array("plain%d" % number, data) + array("gzip%d" % number, compress(data)))
        file.write("\nconst struct ex_page_file ex_page_files[] = {\n")
        for number, (name, data) in enumerate(files.items()):
            file.write(entry(number, name, data))
        file.write("};\nconst size_t ex_page_file_count = %d;\n"
                   'const char ex_page_version[] = "%s";\n' % (len(files), version))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
