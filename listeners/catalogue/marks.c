/* SPDX-License-Identifier: Apache-2.0 */
#include "listeners/catalogue/compiled.h"

/* The process that ran comes before what it talked to: Python that drives a JVM prints both. */
const struct catalogue_mark catalogue_marks[] = {
    {"c", "==[0-9]+==ERROR: [A-Za-z]+Sanitizer: "},
    {"cpp", "^terminate called "},
    {"go", "^goroutine [0-9]+ \\["},
    {"rust", "^thread '[^']*' (\\([0-9]+\\) )?panicked at "},
    {"node", "^Node\\.js v[0-9]+\\."},
    {"node", "^ +at .*\\(node:internal/"},
    {"python", "^Traceback \\(most recent call last\\):"},
    {"jvm", "^Exception in thread \""},
    {"jvm", "^[ \t]*at .*\\.(java|scala|kt):[0-9]+\\)"},
    {"shell", "^[^ :]+: line [0-9]+: "},
};
const size_t catalogue_mark_count = sizeof catalogue_marks / sizeof catalogue_marks[0];
