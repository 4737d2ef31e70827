/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs by id and by name: two hash tables of chains, the newest first. */
#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "exporter/engines/push/internal.h"

enum { FIRST_SIZE = 64 };

static size_t place_of(const struct ex_push *push, struct fo_str text) {
    return XXH3_64bits_withSeed(text.ptr, text.len, push->seed) & (push->directory_size - 1);
}

static void link_job(struct ex_push *push, struct ex_push_job *job) {
    struct ex_push_job **id_place = &push->by_id[place_of(push, fo_str_of(job->id))];
    struct ex_push_job **name_place = &push->by_name[place_of(push, fo_str_of(job->name))];

    job->next_of_id = *id_place;
    *id_place = job;
    job->next_of_name = *name_place;
    *name_place = job;
}

/* The oldest first, so that the newest stand first in their chains again. */
static void link_all(struct ex_push *push) {
    struct ex_push_job *job;

    TAILQ_FOREACH(job, &push->closed, link) {
        link_job(push, job);
    }
    TAILQ_FOREACH(job, &push->open, link) {
        link_job(push, job);
    }
}

static int grow(struct ex_push *push) {
    size_t size = push->directory_size > 0 ? 2 * push->directory_size : FIRST_SIZE;
    struct ex_push_job **by_id = calloc(size, sizeof *by_id);
    struct ex_push_job **by_name = calloc(size, sizeof *by_name);

    if (!by_id || !by_name) {
        free(by_id);
        free(by_name);
        return -ENOMEM;
    }
    free(push->by_id);
    free(push->by_name);
    push->by_id = by_id;
    push->by_name = by_name;
    push->directory_size = size;
    link_all(push);
    return 0;
}

int ex_push_directory_add(struct ex_push *push, struct ex_push_job *job) {
    int ret = 0;

    (void)pthread_mutex_lock(&push->lock);
    if (push->job_count >= push->directory_size)
        ret = grow(push);
    if (ret == 0) {
        link_job(push, job);
        push->job_count++;
    }
    (void)pthread_mutex_unlock(&push->lock);
    return ret;
}

void ex_push_directory_remove(struct ex_push *push, struct ex_push_job *job) {
    (void)pthread_mutex_lock(&push->lock);
    struct ex_push_job **place = &push->by_id[place_of(push, fo_str_of(job->id))];
    while (*place != job)
        place = &(*place)->next_of_id;
    *place = job->next_of_id;
    place = &push->by_name[place_of(push, fo_str_of(job->name))];
    while (*place != job)
        place = &(*place)->next_of_name;
    *place = job->next_of_name;
    push->job_count--;
    (void)pthread_mutex_unlock(&push->lock);
}

struct ex_push_job *ex_push_directory_find(struct ex_push *push, struct fo_str id_or_name) {
    struct ex_push_job *job;

    if (push->directory_size == 0)
        return NULL;
    size_t place = place_of(push, id_or_name);
    for (job = push->by_id[place]; job; job = job->next_of_id) {
        if (fo_str_equal(fo_str_of(job->id), id_or_name))
            return job;
    }
    for (job = push->by_name[place]; job; job = job->next_of_name) {
        if (fo_str_equal(fo_str_of(job->name), id_or_name))
            return job;
    }
    return NULL;
}

bool ex_push_knows(struct ex_push *push, struct fo_str id_or_name) {
    (void)pthread_mutex_lock(&push->lock);
    bool known = ex_push_directory_find(push, id_or_name) != NULL;
    (void)pthread_mutex_unlock(&push->lock);
    return known;
}
