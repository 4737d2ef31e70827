/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/base/log.h"
#include "exporter/daemon/file_system.h"

enum { POLL_MS = 20, STANDBY_POLL_MS = 100, NS_PER_MS = 1000000, PATH_BYTES = 4096, ID_BYTES = 64 };

static int fail(struct fo_error *reterr, int code, const char *directory, const char *why) {
    *reterr = (struct fo_error){.code = code};
    (void)snprintf(reterr->text, sizeof reterr->text, "--storage.path %.120s: %.110s", directory,
                   why);
    return code;
}

static void sleep_ms(long ms) {
    const struct timespec time = {.tv_nsec = ms * NS_PER_MS};

    (void)nanosleep(&time, NULL);
}

static int wait_for_lock(int fd, bool standby) {
    uint64_t until_ns = ex_clock_ns() + (uint64_t)EX_LOCK_WAIT_MS * NS_PER_MS;
    bool told = false;

    while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        if (!standby && ex_clock_ns() >= until_ns)
            return -EBUSY;
        if (standby && !told)
            ex_log_plain(EX_LOG_INFO, "Standing by: another daemon has the storage path.");
        told = true;
        sleep_ms(standby ? STANDBY_POLL_MS : POLL_MS);
    }
    return 0;
}

/* The kernel's name of this boot; empty where it has none. */
static void read_boot(char text[static ID_BYTES]) {
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd == -1 ? 0 : read(fd, text, ID_BYTES - 1);

    text[len > 0 ? len : 0] = '\0';
    if (fd != -1)
        (void)close(fd);
}

/* The boot of the last holder stands in the file; ours from now on. */
static void compare_boot(struct ex_lock *lock) {
    char now[ID_BYTES];
    char last[ID_BYTES];

    read_boot(now);
    ssize_t len = pread(lock->fd, last, sizeof last - 1, 0);
    last[len > 0 ? len : 0] = '\0';
    lock->same_boot = now[0] != '\0' && strcmp(now, last) == 0;
    size_t size = strlen(now);
    /* What is not written here makes the next daemon believe less. */
    if (!lock->same_boot && ftruncate(lock->fd, 0) == 0 &&
        pwrite(lock->fd, now, size, 0) != (ssize_t)size)
        ex_log_plain(EX_LOG_WARN, "The lock file cannot be written.");
}

int ex_lock_take(struct ex_lock *lock, const char *directory, bool standby,
                 struct fo_error *reterr) {
    char path[PATH_BYTES];
    int ret = ex_file_system_check(directory, reterr);

    if (ret < 0)
        return ret;
    if (snprintf(path, sizeof path, "%s/lock", directory) >= (int)sizeof path)
        return fail(reterr, -ENAMETOOLONG, directory, "is too long");
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock->fd == -1)
        return fail(reterr, -errno, directory, strerrordesc_np(errno));
    ret = wait_for_lock(lock->fd, standby);
    if (ret < 0) {
        ex_lock_release(lock);
        return fail(reterr, ret, directory,
                    ret == -EBUSY ? "another daemon has it (--storage.standby waits for it)"
                                  : strerrordesc_np(-ret));
    }
    compare_boot(lock);
    return 0;
}

void ex_lock_release(struct ex_lock *lock) {
    if (lock->fd != -1)
        (void)close(lock->fd);
    lock->fd = -1;
}
