/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/fail.h"

#include <stdarg.h>
#include <stdio.h>

/* Whether the byte goes on a character of UTF-8 that began before it. */
static int is_continuation(char c) {
    return ((unsigned char)c & 0xC0U) == 0x80;
}

/* What a file says may reach a terminal: its control characters must not. */
static void disarm(char *text) {
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            *text = '?';
    }
}

int ex_fail(struct fo_error *reterr, int code, int line, const char *format, ...) {
    va_list args;

    if (!reterr)
        return code;
    reterr->code = code;
    reterr->line = line;
    va_start(args, format);
    int len = vsnprintf(reterr->text, sizeof reterr->text, format, args);
    va_end(args);
    if (len >= (int)sizeof reterr->text) {
        size_t end = sizeof reterr->text - sizeof "...";
        while (end > 0 && is_continuation(reterr->text[end]))
            end--;
        memcpy(reterr->text + end, "...", sizeof "...");
    }
    disarm(reterr->text);
    return code;
}
