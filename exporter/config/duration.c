/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/config/duration.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <strings.h>

#include "exporter/config/number.h"

#define NANOS_PER_SECOND UINT64_C(1000000000)
#define NANOS_PER_MS UINT32_C(1000000)

/* Holds 64 bits of seconds in nanoseconds (94 bits) with room to spare. */
__extension__ typedef unsigned __int128 wide;

struct unit {
    const char *label; /* lower case */
    uint64_t nanos;
};

static const struct unit units[] = {
    {"", 1000000},
    {"d", 86400 * NANOS_PER_SECOND},
    {"day", 86400 * NANOS_PER_SECOND},
    {"days", 86400 * NANOS_PER_SECOND},
    {"h", 3600 * NANOS_PER_SECOND},
    {"hour", 3600 * NANOS_PER_SECOND},
    {"hours", 3600 * NANOS_PER_SECOND},
    {"m", 60 * NANOS_PER_SECOND},
    {"min", 60 * NANOS_PER_SECOND},
    {"minute", 60 * NANOS_PER_SECOND},
    {"minutes", 60 * NANOS_PER_SECOND},
    {"s", NANOS_PER_SECOND},
    {"sec", NANOS_PER_SECOND},
    {"secs", NANOS_PER_SECOND},
    {"second", NANOS_PER_SECOND},
    {"seconds", NANOS_PER_SECOND},
    {"ms", 1000000},
    {"milli", 1000000},
    {"millis", 1000000},
    {"millisecond", 1000000},
    {"milliseconds", 1000000},
    {"\xC2\xB5s", 1000}, /* U+00B5; the Greek letter is another character */
    {"micro", 1000},
    {"micros", 1000},
    {"microsecond", 1000},
    {"microseconds", 1000},
    {"ns", 1},
    {"nano", 1},
    {"nanos", 1},
    {"nanosecond", 1},
    {"nanoseconds", 1},
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Java's String.trim(): everything up to U+0020 goes, control characters too. */
static struct fo_str trim(struct fo_str text) {
    while (text.len > 0 && (unsigned char)text.ptr[0] <= ' ')
        text = (struct fo_str){text.ptr + 1, text.len - 1};
    while (text.len > 0 && (unsigned char)text.ptr[text.len - 1] <= ' ')
        text.len--;
    return text;
}

static const struct unit *find_unit(struct fo_str label) {
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strlen(units[i].label) == label.len &&
            (label.len == 0 || strncasecmp(units[i].label, label.ptr, label.len) == 0))
            return &units[i];
    }
    return NULL;
}

/* digits * unit, cut into seconds and the rest. The wide number cannot overflow unseen: it is
 * checked against the largest result before each further digit. */
static int scale(struct fo_str digits, uint64_t unit_nanos, struct ex_duration *ret_duration) {
    const wide largest = (wide)INT64_MAX * NANOS_PER_SECOND + (NANOS_PER_SECOND - 1);
    wide count = 0;

    for (size_t i = 0; i < digits.len; i++) {
        count = count * 10 + (unsigned)(digits.ptr[i] - '0');
        if (count > largest / unit_nanos)
            return -ERANGE;
    }
    wide nanos = count * unit_nanos;
    ret_duration->seconds = (int64_t)(nanos / NANOS_PER_SECOND);
    ret_duration->nanos = (uint32_t)(nanos % NANOS_PER_SECOND);
    return 0;
}

/* ---- ISO-8601, as Java's Duration.parse() reads it --------------------------------------- */

struct iso {
    struct fo_str rest;
    int64_t seconds; /* of the components read so far, with their signs */
    int64_t nanos;   /* -999 999 999 .. 999 999 999 */
    int components;
};

static bool next_is(const struct iso *iso, char upper) {
    return iso->rest.len > 0 && (iso->rest.ptr[0] & ~0x20) == upper;
}

static void advance(struct iso *iso, size_t count) {
    iso->rest = (struct fo_str){iso->rest.ptr + count, iso->rest.len - count};
}

static bool take(struct iso *iso, char upper) {
    if (!next_is(iso, upper))
        return false;
    advance(iso, 1);
    return true;
}

/* The length of an optionally signed number in front; 0 = none. */
static size_t number_len(struct fo_str text) {
    size_t sign = text.len > 0 && (text.ptr[0] == '-' || text.ptr[0] == '+');
    size_t at = sign;

    while (at < text.len && is_digit(text.ptr[at]))
        at++;
    return at > sign ? at : 0;
}

static int add_component(struct iso *iso, struct fo_str number, int64_t unit_seconds) {
    int64_t value = 0;
    int rc = ex_number_i64(number, &value);

    if (rc != 0)
        return rc;
    if (__builtin_mul_overflow(value, unit_seconds, &value) ||
        __builtin_add_overflow(iso->seconds, value, &iso->seconds))
        return -ERANGE;
    iso->components++;
    return 0;
}

/* Reads "5H" if it is there; 0 as well when it is not. */
static int read_component(struct iso *iso, char upper, int64_t unit_seconds) {
    size_t len = number_len(iso->rest);
    struct fo_str number = {iso->rest.ptr, len};

    if (len == 0 || len == iso->rest.len || (iso->rest.ptr[len] & ~0x20) != upper)
        return 0;
    advance(iso, len + 1);
    return add_component(iso, number, unit_seconds);
}

/* Reads "5S", "5.S" or "5,25S"; up to nine digits of fraction, which has the sign of the seconds.
 */
static int read_seconds(struct iso *iso) {
    size_t len = number_len(iso->rest);
    struct fo_str number = {iso->rest.ptr, len};
    int64_t fraction = 0;
    int64_t place = (int64_t)NANOS_PER_SECOND;

    if (len == 0)
        return 0;
    advance(iso, len);
    if (iso->rest.len > 0 && (iso->rest.ptr[0] == '.' || iso->rest.ptr[0] == ',')) {
        advance(iso, 1);
        for (; iso->rest.len > 0 && is_digit(iso->rest.ptr[0]); advance(iso, 1)) {
            place /= 10;
            if (place == 0)
                return -EINVAL;
            fraction += (iso->rest.ptr[0] - '0') * place;
        }
    }
    if (!take(iso, 'S'))
        return -EINVAL;
    iso->nanos = number.ptr[0] == '-' ? -fraction : fraction;
    return add_component(iso, number, 1);
}

static int read_time(struct iso *iso) {
    int before = iso->components;
    int rc = read_component(iso, 'H', 3600);

    if (rc == 0)
        rc = read_component(iso, 'M', 60);
    if (rc == 0)
        rc = read_seconds(iso);
    if (rc != 0)
        return rc;
    return iso->components == before ? -EINVAL : 0; /* "PT" and "P1DT" */
}

/* Sign and carry; a negative total is refused. */
static int finish_iso(const struct iso *iso, bool negative, struct ex_duration *ret_duration) {
    __extension__ __int128 total = iso->seconds;

    total = total * (int64_t)NANOS_PER_SECOND + iso->nanos;
    if (negative)
        total = -total;
    if (total < 0)
        return -EINVAL;
    if (total / (int64_t)NANOS_PER_SECOND > INT64_MAX)
        return -ERANGE;
    ret_duration->seconds = (int64_t)(total / (int64_t)NANOS_PER_SECOND);
    ret_duration->nanos = (uint32_t)(total % (int64_t)NANOS_PER_SECOND);
    return 0;
}

static int parse_iso(struct fo_str text, struct ex_duration *ret_duration) {
    struct iso iso = {.rest = text};
    bool negative = text.ptr[0] == '-';

    if (negative || text.ptr[0] == '+')
        advance(&iso, 1);
    if (!take(&iso, 'P'))
        return -EINVAL;
    int rc = read_component(&iso, 'D', 86400);
    if (rc == 0 && take(&iso, 'T'))
        rc = read_time(&iso);
    if (rc != 0)
        return rc;
    if (iso.components == 0 || iso.rest.len > 0)
        return -EINVAL;
    return finish_iso(&iso, negative, ret_duration);
}

/* ---- the public functions ---------------------------------------------------------------- */

int ex_duration_parse(struct fo_str text, struct ex_duration *ret_duration) {
    struct fo_str digits = trim(text);
    size_t len = 0;

    while (len < digits.len && is_digit(digits.ptr[len]))
        len++;
    if (digits.len == 0)
        return -EINVAL;
    if (len == 0)
        return parse_iso(digits, ret_duration);
    const struct unit *unit = find_unit(trim((struct fo_str){digits.ptr + len, digits.len - len}));
    if (!unit)
        return -EINVAL;
    digits.len = len;
    return scale(digits, unit->nanos, ret_duration);
}

int ex_duration_to_ms(struct ex_duration duration, int64_t *ret_ms) {
    int64_t ms = 0;

    if (__builtin_mul_overflow(duration.seconds, INT64_C(1000), &ms) ||
        __builtin_add_overflow(ms, (int64_t)(duration.nanos / NANOS_PER_MS), &ms))
        return -ERANGE;
    *ret_ms = ms;
    return 0;
}

int ex_duration_parse_ms(struct fo_str text, int64_t *ret_ms) {
    struct ex_duration duration;
    int rc = ex_duration_parse(text, &duration);

    return rc != 0 ? rc : ex_duration_to_ms(duration, ret_ms);
}

void ex_duration_format_ns(struct ex_duration duration, char text[static EX_DURATION_NS_SIZE]) {
    if (duration.seconds > 0)
        (void)snprintf(text, EX_DURATION_NS_SIZE, "%lld%09u", (long long)duration.seconds,
                       duration.nanos);
    else
        (void)snprintf(text, EX_DURATION_NS_SIZE, "%u", duration.nanos);
}
