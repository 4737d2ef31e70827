/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>

#include "listeners/catalogue/rule.h"

/* "9" -> 9; 0 when the text is no number of a signal. */
static int number_of(struct fo_str text) {
    int number = 0;

    if (text.len == 0 || text.len > 2)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        number = number * 10 + (text.ptr[i] - '0');
    }
    return number <= CATALOGUE_SIGNAL_MAX ? number : 0;
}

/* The first real-time signals are the C library's own, so that their names count from SIGRTMIN. */
static int realtime_of(struct fo_str name) {
    static const char least[] = "RTMIN";
    size_t skip = sizeof least - 1;

    if (name.len < skip || memcmp(name.ptr, least, skip) != 0)
        return 0;
    if (name.len == skip)
        return SIGRTMIN;
    struct fo_str offset = {name.ptr + skip + 1, name.len - skip - 1};
    int number = number_of(offset);
    return name.ptr[skip] == '+' && number > 0 && number <= SIGRTMAX - SIGRTMIN ? SIGRTMIN + number
                                                                                : 0;
}

int catalogue_signal_of(struct fo_str text) {
    struct fo_str name = text;

    if (name.len > 3 && memcmp(name.ptr, "SIG", 3) == 0) {
        name.ptr += 3;
        name.len -= 3;
    }
    for (int number = 1; number < SIGRTMIN; number++) {
        const char *known = sigabbrev_np(number);
        if (known && fo_str_equal(name, fo_str_of(known)))
            return number;
    }
    int number = realtime_of(name);
    return number != 0 ? number : number_of(text);
}
