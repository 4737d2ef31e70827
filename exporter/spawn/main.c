/* SPDX-License-Identifier: Apache-2.0 */
/* failover_spawn DESCRIPTOR NAME - parents every process that the daemon starts.
 * failover_spawn --activated     - the same for a daemon whose connection systemd hands over.
 * DESCRIPTOR is its end of the socket that speaks protocol.h, NAME the folder for its cgroups.
 * It is small so that starting a process is cheap, and has one thread so that PDEATHSIG of its
 * children means the end of the whole process. When the daemon's end of the socket closes it kills
 * everything that descends from it and only then ends, letting go of the locks that it holds. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exporter/spawn/activation.h"
#include "exporter/spawn/children.h"

enum { DRAIN_FIRST_MS = 1, DRAIN_LONGEST_MS = 64, REQUESTS_PER_TURN = 64, USAGE_STATUS = 2 };

struct spawner {
    int socket;
    int signals;
    pid_t keeper;     /* 0 = the daemon is our parent */
    bool ended;       /* the daemon has gone or asked for the end */
    bool socket_full; /* reports wait until the daemon reads */
    struct ex_children children;
    struct ex_spawn_order order;
    int descriptors[EX_SPAWN_DESCRIPTORS_MAX]; /* that came, and were not used yet */
    uint32_t descriptor_count;
    uint64_t descriptor_id; /* of the process that they are for */
    _Alignas(uint64_t) char message[EX_SPAWN_MESSAGE_MAX_BYTES];
};

/* Closes the first `count` of the descriptors. */
static void descriptors_close(struct spawner *spawner, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        (void)close(spawner->descriptors[i]);
    spawner->descriptor_count -= count;
    memmove(spawner->descriptors, spawner->descriptors + count,
            spawner->descriptor_count * sizeof *spawner->descriptors);
}

/* ---- requests ------------------------------------------------------------------------------ */

static void descriptors_take(struct spawner *spawner, struct msghdr *header) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            if (spawner->descriptor_count < EX_SPAWN_DESCRIPTORS_MAX)
                spawner->descriptors[spawner->descriptor_count++] = fd;
            else
                (void)close(fd);
        }
    }
}

/* The length of the next request; 0 when the daemon has gone; -errno, -EAGAIN when there is none.
 * A cut message is as good as none: its descriptors were closed by the kernel. */
static ssize_t request_receive(struct spawner *spawner) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(EX_SPAWN_MESSAGE_MAX_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec data = {spawner->message, sizeof spawner->message};
    struct msghdr header = {.msg_iov = &data,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};

    ssize_t len = recvmsg(spawner->socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (len == -1)
        return errno == ECONNRESET ? 0 : -errno;
    descriptors_take(spawner, &header);
    return len;
}

static void request_start(struct spawner *spawner, const struct ex_spawn_header *header,
                          size_t len) {
    int err =
        ex_spawn_order_read(spawner->message, len, spawner->descriptor_count, &spawner->order);

    if (err == 0)
        err = ex_children_start(&spawner->children, &spawner->order, spawner->descriptors);
    else
        err = ex_children_refuse(&spawner->children, header->id, -err);
    descriptors_close(spawner, spawner->descriptor_count);
    /* Without memory for a note the daemon would wait for ever: better to end, and be replaced. */
    if (err != 0)
        spawner->ended = true;
}

static void request_signal(struct spawner *spawner, size_t len) {
    struct ex_spawn_signal request;

    if (len != sizeof request)
        return;
    memcpy(&request, spawner->message, sizeof request);
    if (request.signal > 0 && request.signal < (uint32_t)NSIG)
        ex_children_signal(&spawner->children, request.header.id, (int)request.signal,
                           request.scope == EX_SPAWN_GROUP ? EX_SPAWN_GROUP : EX_SPAWN_EVERYTHING);
}

/* `kept` descriptors were here before this request came. */
static void request_do(struct spawner *spawner, size_t len, uint32_t kept) {
    struct ex_spawn_header header = {0};

    if (len >= sizeof header)
        memcpy(&header, spawner->message, sizeof header);
    if (spawner->descriptor_id != header.id)
        descriptors_close(spawner, kept);
    spawner->descriptor_id = header.id;
    if (header.version != EX_SPAWN_VERSION) {
        descriptors_close(spawner, spawner->descriptor_count);
        return;
    }
    switch (header.kind) {
    case EX_SPAWN_DESCRIPTORS:
        break; /* they were taken with the message */
    case EX_SPAWN_START:
        request_start(spawner, &header, len);
        break;
    case EX_SPAWN_SIGNAL:
        request_signal(spawner, len);
        break;
    case EX_SPAWN_HOLD:
        spawner->descriptor_count = 0; /* open, and forgotten until we end */
        break;
    case EX_SPAWN_SHUTDOWN:
        spawner->ended = true;
        break;
    default:
        break;
    }
}

/* Some at a time, so that ends are told while a burst of starts comes in. */
static void requests_read(struct spawner *spawner) {
    for (int i = 0; i < REQUESTS_PER_TURN && !spawner->ended; i++) {
        uint32_t kept = spawner->descriptor_count;
        ssize_t len = request_receive(spawner);
        if (len == -EINTR)
            continue;
        if (len == -EAGAIN)
            return;
        if (len <= 0)
            spawner->ended = true;
        else
            request_do(spawner, (size_t)len, kept);
    }
}

/* ---- reports ------------------------------------------------------------------------------- */

static bool report_send(struct spawner *spawner, const struct ex_spawn_report *report) {
    ssize_t sent = 0;

    do
        sent = send(spawner->socket, report, sizeof *report, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent == -1 && errno == EINTR);
    return sent == (ssize_t)sizeof *report;
}

static void reports_send(struct spawner *spawner) {
    struct ex_spawn_report report;
    struct ex_child *child = ex_children_untold(&spawner->children, &report);

    spawner->socket_full = false;
    while (child) {
        if (!report_send(spawner, &report)) {
            spawner->socket_full = true; /* should the daemon have gone, the next read says so */
            return;
        }
        ex_children_told(&spawner->children, child, &report);
        child = ex_children_untold(&spawner->children, &report);
    }
}

static void ready_send(struct spawner *spawner) {
    struct ex_spawn_report report = {
        .header = {EX_SPAWN_VERSION, EX_SPAWN_READY, 0},
        .flags = ex_cgroups_flags(&spawner->children.cgroups),
        .pid = getpid(),
    };

    (void)report_send(spawner, &report);
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void signals_drain(const struct spawner *spawner) {
    struct signalfd_siginfo info[8];

    while (read(spawner->signals, info, sizeof info) > 0)
        continue;
}

static bool keeper_has_died(const struct spawner *spawner) {
    return spawner->keeper != 0 && getppid() != spawner->keeper;
}

static void run(struct spawner *spawner) {
    int again_ms = -1; /* until those that left something behind are looked at again */

    while (!spawner->ended && !keeper_has_died(spawner)) {
        struct pollfd ready[] = {
            {.fd = spawner->socket,
             .events = (short)(POLLIN | (spawner->socket_full ? POLLOUT : 0))},
            {.fd = spawner->signals, .events = POLLIN},
        };
        if (poll(ready, 2, again_ms) == -1 && errno != EINTR)
            return;
        if (ready[1].revents)
            signals_drain(spawner);
        if (ready[1].revents)
            ex_children_reap(&spawner->children);
        if (!ex_children_drain(&spawner->children))
            again_ms = -1;
        else if (ready[1].revents || again_ms == -1)
            again_ms = DRAIN_FIRST_MS;
        else if (again_ms < DRAIN_LONGEST_MS)
            again_ms *= 2;
        reports_send(spawner);
        if (ready[0].revents & (POLLIN | POLLHUP | POLLERR))
            requests_read(spawner);
        ex_children_sweep(&spawner->children);
        reports_send(spawner);
    }
}

static int signals_set(struct spawner *spawner) {
    sigset_t mask;

    ex_launch_signals_ignore();
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGCHLD);
    (void)sigaddset(&mask, EX_KEEPER_DIED);
    int err = pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (err)
        return -err;
    spawner->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return spawner->signals == -1 ? -errno : 0;
}

/* Room for the descriptors of the widest order. */
static void descriptor_limit_raise(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int start(struct spawner *spawner, const char *name) {
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1)
        return -errno;
    descriptor_limit_raise();
    int err = signals_set(spawner);
    return err ? err : ex_children_init(&spawner->children, name);
}

/* Where the socket is, and under which name the folders for cgroups are made. */
static int socket_take(struct spawner *spawner, int argc, char **argv,
                       char name[static EX_CGROUP_NAME_SIZE]) {
    char *end = NULL;

    if (argc == 2 && strcmp(argv[1], "--activated") == 0) {
        int err = ex_activation_socket(&spawner->socket);
        (void)snprintf(name, EX_CGROUP_NAME_SIZE, "failover-%d", (int)getpid());
        return err ? err : ex_keeper_split(name, &spawner->keeper);
    }
    long fd = argc == 3 ? strtol(argv[1], &end, 10) : -1;
    if (fd < 0 || *end != '\0' || strlen(argv[2]) >= EX_CGROUP_NAME_SIZE)
        return -EINVAL;
    spawner->socket = (int)fd;
    (void)snprintf(name, EX_CGROUP_NAME_SIZE, "%s", argv[2]);
    return 0;
}

int main(int argc, char **argv) {
    static struct spawner spawner;
    char name[EX_CGROUP_NAME_SIZE];
    int err = socket_take(&spawner, argc, argv, name);

    if (err == -EINVAL) {
        (void)fputs("failover_spawn is started by failover_exporter or systemd, not by hand\n",
                    stderr);
        return USAGE_STATUS;
    }
    if (!err)
        err = start(&spawner, name);
    if (err) {
        (void)fprintf(stderr, "failover_spawn: %s\n",
                      strerror(-err)); // NOLINT(concurrency-mt-unsafe)
        return 1;
    }
    ready_send(&spawner);
    run(&spawner);
    ex_children_end(&spawner.children);
    return 0;
}
