/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs by id and by name. Written by [main] only, read by every thread. */
#include <stddef.h>

#include "exporter/engines/push/internal.h"

int ex_push_directory_add(struct ex_push *push, struct ex_push_job *job) {
    job->id_node.name = fo_str_of(job->id);
    job->name_node.name = fo_str_of(job->name);
    (void)pthread_mutex_lock(&push->lock);
    int ret = ex_name_table_add(&push->by_id, &job->id_node);
    if (ret == 0) {
        ret = ex_name_table_add(&push->by_name, &job->name_node);
        if (ret < 0)
            ex_name_table_remove(&push->by_id, &job->id_node);
    }
    (void)pthread_mutex_unlock(&push->lock);
    return ret;
}

void ex_push_directory_remove(struct ex_push *push, struct ex_push_job *job) {
    (void)pthread_mutex_lock(&push->lock);
    ex_name_table_remove(&push->by_id, &job->id_node);
    ex_name_table_remove(&push->by_name, &job->name_node);
    (void)pthread_mutex_unlock(&push->lock);
}

struct ex_push_job *ex_push_directory_find(struct ex_push *push, struct fo_str id_or_name) {
    struct ex_name_node *node = ex_name_table_find(&push->by_id, id_or_name);

    if (node)
        return (struct ex_push_job *)(void *)((char *)node - offsetof(struct ex_push_job, id_node));
    node = ex_name_table_find(&push->by_name, id_or_name);
    return node ? (struct ex_push_job *)(void *)((char *)node -
                                                 offsetof(struct ex_push_job, name_node))
                : NULL;
}

bool ex_push_knows(struct ex_push *push, struct fo_str id_or_name) {
    (void)pthread_mutex_lock(&push->lock);
    bool known = ex_push_directory_find(push, id_or_name);
    (void)pthread_mutex_unlock(&push->lock);
    return known;
}
