/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/spawn/client_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct ex_spawn_parcel {
    STAILQ_ENTRY(ex_spawn_parcel) next;
    size_t len;
    uint32_t descriptor_count;
    int descriptors[EX_SPAWN_MESSAGE_MAX_DESCRIPTORS];
    char bytes[];
};

static void parcel_free(struct ex_spawn_parcel *parcel) {
    for (uint32_t i = 0; i < parcel->descriptor_count; i++)
        (void)close(parcel->descriptors[i]);
    free(parcel);
}

static void close_all(const int *descriptors, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        (void)close(descriptors[i]);
}

int ex_spawn_queue_add(struct ex_spawn_queue *queue, const void *bytes, size_t len,
                       const int *descriptors, uint32_t descriptor_count) {
    bool fits =
        len <= EX_SPAWN_MESSAGE_MAX_BYTES && descriptor_count <= EX_SPAWN_MESSAGE_MAX_DESCRIPTORS;
    struct ex_spawn_parcel *parcel = fits ? malloc(sizeof *parcel + len) : NULL;

    if (!parcel) {
        close_all(descriptors, descriptor_count);
        return fits ? -ENOMEM : -E2BIG;
    }
    parcel->len = len;
    parcel->descriptor_count = descriptor_count;
    memcpy(parcel->bytes, bytes, len);
    if (descriptor_count > 0)
        memcpy(parcel->descriptors, descriptors, (size_t)descriptor_count * sizeof *descriptors);
    STAILQ_INSERT_TAIL(queue, parcel, next);
    return 0;
}

static int parcel_send(struct ex_spawn_parcel *parcel, int socket) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * EX_SPAWN_MESSAGE_MAX_DESCRIPTORS)];
    } control;
    size_t descriptors_bytes = parcel->descriptor_count * sizeof(int);
    struct iovec data = {parcel->bytes, parcel->len};
    struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1};

    if (parcel->descriptor_count > 0) {
        memset(&control, 0, sizeof control);
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(descriptors_bytes);
        struct cmsghdr *part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(descriptors_bytes);
        memcpy(CMSG_DATA(part), parcel->descriptors, descriptors_bytes);
    }
    if (sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
        return -errno;
    return 0;
}

int ex_spawn_queue_send(struct ex_spawn_queue *queue, int socket) {
    struct ex_spawn_parcel *parcel = STAILQ_FIRST(queue);

    while (parcel) {
        int err = parcel_send(parcel, socket);
        if (err == -EINTR)
            continue;
        /* Too many descriptors under way, or no memory just now: as if the socket were full. */
        if (err == -ETOOMANYREFS || err == -ENOBUFS || err == -ENOMEM)
            return -EAGAIN;
        if (err != 0)
            return err;
        STAILQ_REMOVE_HEAD(queue, next);
        parcel_free(parcel);
        parcel = STAILQ_FIRST(queue);
    }
    return 0;
}

void ex_spawn_queue_clear(struct ex_spawn_queue *queue) {
    struct ex_spawn_parcel *parcel = STAILQ_FIRST(queue);

    while (parcel) {
        STAILQ_REMOVE_HEAD(queue, next);
        parcel_free(parcel);
        parcel = STAILQ_FIRST(queue);
    }
}
