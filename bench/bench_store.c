/* SPDX-License-Identifier: Apache-2.0 */
/* bench_store: the store by itself. Prints `figure value unit`: rows that one batch after the other
 * makes durable, failures when 64 at a time wait for their commit, bytes that a failure takes on
 * the disk, and what it takes to open a store of a million failures and read all that a daemon
 * reads before it begins. Takes a folder to work in; without one, a new one in /tmp. */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/store/store.h"

enum {
    BATCHES = 300,
    BATCH_ROWS = 1000,
    WAITERS = 64,
    ROUNDS = 2000,
    MANY = 1000000,
    MANY_BATCH = 10000,
    PATH_BYTES = 512,
};

/* As a task's that died with a line of output. */
static const char record[] =
    "{\"kind\":\"failure\",\"incident\":12,\"time_ms\":1795273084576,\"failure_id\":123456,"
    "\"engine\":\"push\",\"job_id\":\"796df2f916a21e93e26367a4e0b56d08\",\"job_name\":\"bench\","
    "\"task\":\"map[17]\",\"vertex\":\"map\",\"subtask\":17,\"attempt\":3,\"failure_type\":"
    "\"TASK\","
    "\"exit_code\":137,\"core_dumped\":false,\"cgroup_oom_kill\":\"unsupported\","
    "\"deadline_exceeded\":false,\"heartbeat_missed\":false,\"secondary\":false,"
    "\"runtime\":\"python\",\"platform_reason\":\"\",\"message\":\"exit status 137\","
    "\"output\":\"MemoryError: unable to allocate 2.00 GiB\",\"matched\":\"MemoryError\","
    "\"exceptions\":[],\"labels\":{\"type\":\"USER\",\"category\":\"oom\",\"cause\":\"heap\"}}";

static sem_t news;

static void on_changed(void *ctx, bool up) {
    (void)ctx;
    (void)up;
    (void)sem_post(&news);
}

static void figure(const char *name, double value, const char *unit) {
    (void)printf("%s %.3f %s\n", name, value, unit);
    (void)fflush(stdout);
}

static void die(const char *what) {
    (void)fprintf(stderr, "bench_store: %s\n", what);
    exit(1); /* NOLINT(concurrency-mt-unsafe): the writer is of no matter now */
}

static struct ex_store *open_store(const char *folder) {
    const struct ex_store_config config = {.directory = folder, .changed = on_changed};
    struct ex_store *store;
    struct fo_error error;

    if (ex_store_open(&config, &store, &error) < 0)
        die(error.text);
    return store;
}

static void add_failure(struct ex_batch *batch, int64_t id) {
    static const char labels[] = "\4type\4USER\10category\3oom\5cause\4heap";
    const int64_t ints[EX_ROW_INTS_MAX] = {id, 1,    1795273084576, 1, 17, 3,
                                           7,  1000, 1795273085576, 1, -1, id};
    const struct fo_str texts[EX_ROW_TEXTS_MAX] = {fo_str_of(record), fo_str_of(labels)};

    ex_batch_add(batch, EX_WRITE_FAILURE, ints, texts);
}

/* As the job manager writes a counted failure. */
static void add_counted(struct ex_batch *batch, int64_t id) {
    static const char labels[] = "\4type\4USER";
    const struct fo_str class[] = {fo_str_of("USER"), fo_str_of("oom")};
    const struct fo_str packed = fo_str_of(labels);
    const int64_t one = 1;

    add_failure(batch, id);
    ex_batch_add(batch, EX_WRITE_CLASS_COUNT, &one, class);
    ex_batch_add(batch, EX_WRITE_LABEL_COUNT, (const int64_t[]){1, 1, 0}, &packed);
}

static void commit(struct ex_store *store, struct ex_batch *batch) {
    uint64_t commit_ns;

    if (batch->bytes.failure != 0)
        die("no memory");
    ex_store_submit(store, batch);
    while (!ex_store_finish(store, &commit_ns))
        (void)sem_wait(&news);
    ex_batch_reset(batch);
}

static double rate(uint64_t began_ns, double count) {
    return count / ((double)(ex_clock_ns() - began_ns) / 1e9);
}

static int64_t measure_batches(struct ex_store *store, struct ex_batch *batch, int64_t id) {
    uint64_t began_ns = ex_clock_ns();

    for (int i = 0; i < BATCHES; i++) {
        for (int row = 0; row < BATCH_ROWS; row++)
            add_failure(batch, id++);
        commit(store, batch);
    }
    figure("commit_batch", rate(began_ns, (double)BATCHES * BATCH_ROWS), "rows/s");
    return id;
}

static int64_t measure_acknowledged(struct ex_store *store, struct ex_batch *batch, int64_t id) {
    uint64_t began_ns = ex_clock_ns();

    for (int i = 0; i < ROUNDS; i++) {
        for (int row = 0; row < WAITERS; row++)
            add_counted(batch, id++);
        commit(store, batch);
    }
    figure("acknowledged_failures", rate(began_ns, (double)ROUNDS * WAITERS), "1/s");
    return id;
}

static void fill(struct ex_store *store, struct ex_batch *batch, int64_t id) {
    while (id <= MANY) {
        for (int row = 0; row < MANY_BATCH && id <= MANY; row++)
            add_failure(batch, id++);
        commit(store, batch);
    }
}

static int see(void *ctx, const struct ex_row *row) {
    (void)ctx;
    (void)row;
    return 0;
}

static void measure_recovery(const char *folder) {
    static const enum ex_read questions[] = {EX_READ_DAEMON, EX_READ_CLASS_COUNTS, EX_READ_JOBS,
                                             EX_READ_PENDING};
    char path[PATH_BYTES];
    struct stat status;
    uint64_t began_ns = ex_clock_ns();
    struct ex_store *store = open_store(folder);

    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        if (ex_store_read(store, questions[i], 0, see, NULL) != 0)
            die("reading");
    }
    figure("recover_1m_failures", (double)(ex_clock_ns() - began_ns) / 1e6, "ms");
    (void)ex_store_close(store);
    (void)snprintf(path, sizeof path, "%s/state.db", folder);
    if (stat(path, &status) == 0)
        figure("bytes_per_failure", (double)status.st_size / MANY, "bytes");
    figure("bytes_of_record", (double)(sizeof record - 1), "bytes");
}

int main(int argc, char **argv) {
    char made[] = "/tmp/bench-store-XXXXXX";
    const char *folder = argc > 1 ? argv[1] : mkdtemp(made);
    char command[PATH_BYTES];
    struct ex_batch batch;

    if (!folder)
        die("no folder");
    (void)sem_init(&news, 0, 0);
    ex_batch_init(&batch);
    struct ex_store *store = open_store(folder);
    if (ex_store_start(store) < 0)
        die("no threads");
    int64_t id = measure_batches(store, &batch, 1);
    id = measure_acknowledged(store, &batch, id);
    fill(store, &batch, id);
    (void)ex_store_close(store);
    measure_recovery(folder);
    ex_batch_done(&batch);
    (void)snprintf(command, sizeof command, "rm -rf %s/state.db*", folder);
    int status = system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): ours */
    if (argc <= 1)
        (void)rmdir(folder);
    return status == 0 ? 0 : 1;
}
