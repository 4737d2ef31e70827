/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/manager/verdict_memo.h"

#include <stdlib.h>
#include <xxhash.h>

enum { PLACES = 64 };

struct place {
    struct ex_memo_key key;
    struct ex_memo_verdict verdict;
    char matched[EX_MEMO_MATCHED_BYTES];
};

struct ex_verdict_memo {
    uint64_t seed;
    struct place places[PLACES];
};

struct ex_verdict_memo *ex_verdict_memo_new(uint64_t seed) {
    struct ex_verdict_memo *memo = calloc(1, sizeof *memo);

    if (memo)
        memo->seed = seed;
    return memo;
}

struct ex_verdict_memo *ex_verdict_memo_free(struct ex_verdict_memo *memo) {
    free(memo);
    return NULL;
}

static char *put(char *to, const void *bytes, size_t size) {
    if (size > 0)
        memcpy(to, bytes, size);
    return to + size;
}

struct ex_memo_key ex_memo_key_of(const struct catalogue_input *input) {
    const struct {
        int exited;
        int exit_code;
        int signal;
        unsigned evidence;
        size_t runtime_len; /* where the reason begins */
    } fields = {input->exited, input->exit_code, input->signal, input->evidence,
                input->runtime.len};
    struct ex_memo_key key;
    size_t room = sizeof key.bytes - sizeof fields;

    key.len = 0;
    if (input->head.len + input->tail.len + input->exception_count > 0 ||
        input->runtime.len > room || input->platform_reason.len > room - input->runtime.len)
        return key;
    char *end = put(key.bytes, &fields, sizeof fields);
    end = put(end, input->runtime.ptr, input->runtime.len);
    end = put(end, input->platform_reason.ptr, input->platform_reason.len);
    key.len = (size_t)(end - key.bytes);
    return key;
}

static size_t place_of(const struct ex_verdict_memo *memo, const struct ex_memo_key *key) {
    return XXH3_64bits_withSeed(key->bytes, key->len, memo->seed) % PLACES;
}

const struct ex_memo_verdict *ex_verdict_memo_find(const struct ex_verdict_memo *memo,
                                                   const struct ex_memo_key *key) {
    if (!memo || key->len == 0)
        return NULL;
    const struct place *place = &memo->places[place_of(memo, key)];
    bool known = place->key.len == key->len && memcmp(place->key.bytes, key->bytes, key->len) == 0;
    return known ? &place->verdict : NULL;
}

void ex_verdict_memo_keep(struct ex_verdict_memo *memo, const struct ex_memo_key *key,
                          const struct catalogue_verdict *verdict) {
    struct fo_str matched = verdict->decided_by.matched;

    if (!memo || key->len == 0 || verdict->chain_count > 0 || matched.len > EX_MEMO_MATCHED_BYTES)
        return;
    struct place *place = &memo->places[place_of(memo, key)];
    place->key = *key;
    place->verdict.label_count = (uint32_t)catalogue_verdict_labels(verdict, place->verdict.labels);
    place->verdict.matched = (struct fo_str){place->matched, matched.len};
    (void)put(place->matched, matched.ptr, matched.len);
}
