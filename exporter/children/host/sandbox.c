/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/children/host/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not in every kernel header: since Landlock 3 (Linux 6.2). */
#define TRUNCATE (UINT64_C(1) << 14)

static const uint64_t file_rights = LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE;
static const uint64_t folder_rights =
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;

static int fail(struct fo_error *reterr, const char *what, const char *path) {
    *reterr = (struct fo_error){.code = -errno};
    (void)snprintf(reterr->text, sizeof reterr->text, "%s %.150s: %s", what, path,
                   strerror(errno)); /* NOLINT(concurrency-mt-unsafe) */
    return reterr->code;
}

static int allow(int rules, const char *path, uint64_t handled, struct fo_error *reterr) {
    struct stat status;
    struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};

    if (rule.parent_fd == -1 || fstat(rule.parent_fd, &status) == -1)
        return fail(reterr, "cannot grant", path);
    rule.allowed_access =
        handled & (S_ISDIR(status.st_mode) ? file_rights | folder_rights : file_rights);
    long ret = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    (void)close(rule.parent_fd);
    return ret == -1 ? fail(reterr, "cannot grant", path) : 0;
}

static int add_rules(int rules, const struct sandbox *sandbox, uint64_t handled,
                     struct fo_error *reterr) {
    int ret = allow(rules, "/dev/null", handled, reterr);

    for (size_t i = 0; i < sandbox->writable_count && ret == 0; i++)
        ret = allow(rules, sandbox->writable[i], handled, reterr);
    if (ret == 0 && syscall(SYS_landlock_restrict_self, rules, 0) == -1)
        ret = fail(reterr, "cannot restrict", "the file system");
    return ret;
}

static int lock_files(const struct sandbox *sandbox, struct fo_error *reterr) {
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1)
        return 1;
    uint64_t handled = file_rights | folder_rights;
    if (version < 3)
        handled &= ~TRUNCATE;
    struct landlock_ruleset_attr attributes = {.handled_access_fs = handled};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (rules == -1)
        return fail(reterr, "cannot restrict", "the file system");
    int ret = add_rules(rules, sandbox, handled, reterr);
    (void)close(rules);
    return ret;
}

/* RLIMIT_DATA counts private writable memory: what a leak eats, not what a runtime reserves. */
static int limit_memory(const struct sandbox *sandbox, struct fo_error *reterr) {
    struct rlimit limit = {sandbox->memory_bytes, sandbox->memory_bytes};

    if (sandbox->memory_bytes == 0 || setrlimit(RLIMIT_DATA, &limit) == 0)
        return 0;
    return fail(reterr, "cannot limit", "memory");
}

int sandbox_enter(const struct sandbox *sandbox, struct fo_error *reterr) {
    static const struct rlimit no_core = {0, 0};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        return fail(reterr, "cannot forgo", "new privileges");
    (void)setrlimit(RLIMIT_CORE, &no_core);
    if (close_range(STDERR_FILENO + 1, ~0u, 0) == -1 && errno != ENOSYS)
        return fail(reterr, "cannot close", "descriptors");
    int ret = lock_files(sandbox, reterr);
    if (ret < 0)
        return ret;
    int memory = limit_memory(sandbox, reterr);
    return memory < 0 ? memory : ret;
}
