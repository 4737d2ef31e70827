/* SPDX-License-Identifier: Apache-2.0 */
/* bench_push [--storage.path=DIR] [single|batch|many] - the push engine of the real daemon, from
 * outside, over its control socket: reports one by one and in batches, the time to a decision, and
 * what ten thousand jobs cost. Finds failover_exporter beside itself. Prints `figure value unit`,
 * medians. */
#include "bench/bench_push.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>

enum {
    CONNECTIONS = 64,
    TASKS_PER_CONNECTION = 32,
    BATCH_CONNECTIONS = 2, /* one is read while the other is decided */
    BATCH_REPORTS = 1000,
    JOBS = 10000,
    TASKS_PER_JOB = 100,
    SCRAPES = 9,
    SECONDS = 5,
    LATENCIES_MAX = 1000000,
    SYNCS = 200,
    SYNC_BYTES = 16 * 1024,
};

static char program[BENCH_PATH_BYTES];
static char folder[BENCH_PATH_BYTES];
static char storage[BENCH_PATH_BYTES]; /* empty: state is in memory */
static pid_t daemon_pid;

void bench_die(const char *what) {
    perror(what);
    if (daemon_pid > 0)
        (void)kill(daemon_pid, SIGKILL);
    exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

uint64_t bench_now_ns(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void figure(const char *name, double value, const char *unit) {
    (void)printf("%s %.3f %s\n", name, value, unit);
    (void)fflush(stdout);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* ---- the daemon ---- */

static void start_daemon(void) {
    char config[BENCH_PATH_BYTES + 32];
    char place[BENCH_PATH_BYTES + 32];
    char door[BENCH_PATH_BYTES + 64];
    char serve[] = "serve";
    char level[] = "--log.level=error";
    char *arguments[] = {program, serve, config, place, door, level, NULL};

    (void)snprintf(config, sizeof config, "--config.file=%s/config.yaml", folder);
    (void)snprintf(place, sizeof place, "--storage.path=%s", storage[0] != '\0' ? storage : folder);
    (void)snprintf(door, sizeof door, "--web.listen-address=unix:%s/read.sock", folder);
    FILE *file = fopen(config + sizeof "--config.file=" - 1, "we");
    if (!file)
        bench_die(config);
    (void)fputs("heartbeat.timeout: 1 h\n", file);
    (void)fclose(file);
    if (posix_spawn(&daemon_pid, program, NULL, NULL, arguments, environ) != 0)
        bench_die(program);
}

static void stop_daemon(void) {
    (void)kill(daemon_pid, SIGKILL); /* thousands of schedulers would have to be waited for */
    (void)waitpid(daemon_pid, NULL, 0);
    daemon_pid = 0;
}

/* Processor time of the daemon so far: what a busy machine does not change much. */
static double daemon_cpu_us(void) {
    char path[64];
    char line[1024] = "";
    unsigned long user = 0;
    unsigned long system = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)daemon_pid);
    FILE *file = fopen(path, "re");
    char *field = file && fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
    for (int number = 2; field && number < 14; number++)
        field = strchr(field + 1, ' ');
    if (field) {
        user = strtoul(field, &field, 10);
        system = strtoul(field, NULL, 10);
    }
    if (file)
        (void)fclose(file);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* The number behind a word in a file about the daemon. */
static double proc_number(const char *name, const char *word) {
    char path[64];
    char line[256];
    double number = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)daemon_pid, name);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, word, strlen(word)) == 0)
            number = strtod(line + strlen(word), NULL);
    }
    if (file)
        (void)fclose(file);
    return number;
}

/* What it has given to the disk so far. */
static double daemon_written_kib(void) {
    return proc_number("io", "write_bytes:") / 1024;
}

static void control_path(char path[static BENCH_PATH_BYTES + 16]) {
    (void)snprintf(path, BENCH_PATH_BYTES + 16, "%s/control.sock",
                   storage[0] != '\0' ? storage : folder);
}

static void submit(struct bench_client *client, const char *name, int tasks) {
    char body[512];
    int len = snprintf(body, sizeof body,
                       "{\"name\": \"%s\", \"engine\": \"push\", \"configuration\": {"
                       "\"restart-strategy.type\": \"fixed-delay\","
                       "\"restart-strategy.fixed-delay.attempts\": 2147483647,"
                       "\"restart-strategy.fixed-delay.delay\": \"0 ms\"},"
                       "\"vertices\": [{\"id\": \"task\", \"parallelism\": %d}]}",
                       name, tasks);

    bench_send(client, "POST", "/jobs", "application/json", body, (size_t)len);
    while (!bench_receive(client, true)) {
    }
    if (client->status != 201)
        bench_die(client->answer);
}

/* ---- one by one ---- */

/* Tasks of a job of its own, in turn: RUNNING, then FAILED. Their next attempts have come by when
 * it is their turn again. */
struct reporter {
    struct bench_client client;
    char job[32];
    uint32_t attempts[TASKS_PER_CONNECTION];
    int next;
    bool failing;
    uint64_t sent_ns;
};

static struct reporter reporters[CONNECTIONS];
static double latencies_ms[LATENCIES_MAX];
static size_t latency_count;
static uint64_t refused;

static void send_report(struct reporter *reporter) {
    char path[64];
    char body[256];
    int len = snprintf(body, sizeof body,
                       "{\"task\": \"task[%d]\", \"attempt\": %u, \"sequence\": %d, \"state\": "
                       "\"%s\"%s}",
                       reporter->next, reporter->attempts[reporter->next], reporter->failing,
                       reporter->failing ? "FAILED" : "RUNNING",
                       reporter->failing ? ", \"failure\": {\"exit_code\": 3}" : "");

    (void)snprintf(path, sizeof path, "/jobs/%s/reports", reporter->job);
    reporter->sent_ns = bench_now_ns();
    bench_send(&reporter->client, "POST", path, "application/json", body, (size_t)len);
}

/* A task whose next attempt is not there yet is asked again. */
static bool take_answer(struct reporter *reporter) {
    if (!bench_receive(&reporter->client, false))
        return false;
    if (reporter->client.status != 200) {
        refused++;
    } else if (!reporter->failing) {
        reporter->failing = true;
    } else {
        if (latency_count < LATENCIES_MAX)
            latencies_ms[latency_count++] = (double)(bench_now_ns() - reporter->sent_ns) / 1e6;
        reporter->failing = false;
        reporter->attempts[reporter->next]++;
        reporter->next = (reporter->next + 1) % TASKS_PER_CONNECTION;
    }
    return true;
}

static int open_reporters(void) {
    char path[BENCH_PATH_BYTES + 16];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    control_path(path);
    for (int i = 0; i < CONNECTIONS; i++) {
        struct reporter *reporter = &reporters[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = reporter};
        *reporter = (struct reporter){.next = 0};
        (void)snprintf(reporter->job, sizeof reporter->job, "single-%d", i);
        bench_connect(&reporter->client, path);
        submit(&reporter->client, reporter->job, TASKS_PER_CONNECTION);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, reporter->client.fd, &event) == -1)
            bench_die("epoll_ctl");
    }
    return epoll;
}

/* Waits for answers; with a gap only until the next report is due. */
static int wait_for_answers(int epoll, struct epoll_event *events, uint64_t gap_ns,
                            uint64_t due_ns) {
    uint64_t now_ns = bench_now_ns();
    uint64_t wait_ns = gap_ns == 0 ? 100000000u : due_ns > now_ns ? due_ns - now_ns : 0;
    const struct timespec wait = {.tv_nsec = (long)(wait_ns % 1000000000u),
                                  .tv_sec = (time_t)(wait_ns / 1000000000u)};

    return epoll_pwait2(epoll, events, CONNECTIONS, &wait, NULL);
}

/* Reports for some seconds; `gap_ns` between two reports of all together, 0 = as fast as answers
 * come. Returns how many were answered each second. */
static double run_reporters(int epoll, uint64_t gap_ns) {
    struct epoll_event events[CONNECTIONS];
    struct reporter *idle[CONNECTIONS];
    size_t idle_count = 0;
    uint64_t answered = 0;
    uint64_t begun_ns = bench_now_ns();
    uint64_t due_ns = begun_ns;

    for (int i = 0; i < CONNECTIONS; i++)
        idle[idle_count++] = &reporters[i];
    latency_count = 0;
    while (bench_now_ns() - begun_ns < (uint64_t)SECONDS * 1000000000u) {
        while (idle_count > 0 && (gap_ns == 0 || bench_now_ns() >= due_ns)) {
            send_report(idle[--idle_count]);
            due_ns += gap_ns;
        }
        int count = wait_for_answers(epoll, events, idle_count > 0 ? gap_ns : 0, due_ns);
        for (int i = 0; i < count; i++) {
            struct reporter *reporter = events[i].data.ptr;
            if (!take_answer(reporter))
                continue;
            answered++;
            idle[idle_count++] = reporter;
        }
    }
    double seconds = (double)(bench_now_ns() - begun_ns) / 1e9;
    while (idle_count < CONNECTIONS) { /* the last answers */
        int count = epoll_wait(epoll, events, CONNECTIONS, 1000);
        for (int i = 0; i < count; i++)
            idle_count += take_answer(events[i].data.ptr);
    }
    return (double)answered / seconds;
}

static void figure_times(const char *name, double *times_ms, size_t count) {
    char full[64];

    if (count == 0)
        return;
    qsort(times_ms, count, sizeof *times_ms, by_size);
    (void)snprintf(full, sizeof full, "%s_p50", name);
    figure(full, times_ms[count / 2], "ms");
    (void)snprintf(full, sizeof full, "%s_p99", name);
    figure(full, times_ms[count * 99 / 100], "ms");
}

/* The limit that the disk sets: a small piece of a file is overwritten and made durable. */
static void measure_disk(void) {
    static char piece[SYNC_BYTES];
    double times_ms[SYNCS];
    char path[BENCH_PATH_BYTES + 16];

    (void)snprintf(path, sizeof path, "%s/sync", storage[0] != '\0' ? storage : folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd == -1)
        bench_die(path);
    for (int i = -SYNCS; i < SYNCS; i++) { /* the first time makes the file */
        uint64_t begun_ns = bench_now_ns();
        off_t place = (off_t)((i + SYNCS) % SYNCS) * SYNC_BYTES;
        if (pwrite(fd, piece, sizeof piece, place) == -1 || (i >= -1 && fdatasync(fd) == -1))
            bench_die(path);
        if (i >= 0)
            times_ms[i] = (double)(bench_now_ns() - begun_ns) / 1e6;
    }
    (void)close(fd);
    (void)unlink(path);
    figure_times("fdatasync", times_ms, SYNCS);
}

static void measure_single(void) {
    int epoll = open_reporters();
    double cpu_us = daemon_cpu_us();
    double written_kib = daemon_written_kib();
    double rate = run_reporters(epoll, 0);
    double reports = rate * SECONDS;

    figure("single_report", rate, "requests/s");
    figure("single_report_cpu", (daemon_cpu_us() - cpu_us) / reports, "us");
    figure("single_report_written", (daemon_written_kib() - written_kib) / reports, "KiB");
    (void)run_reporters(epoll, (uint64_t)(2e9 / rate));
    figure_times("decision_latency", latencies_ms, latency_count);
    measure_disk();
    figure("single_report_early", (double)refused, "requests");
    for (int i = 0; i < CONNECTIONS; i++)
        bench_disconnect(&reporters[i].client);
    (void)close(epoll);
}

/* ---- in batches ---- */

struct batcher {
    struct bench_client client;
    char job[2][32];
    uint32_t attempt[2];
    int turn;
    char *body;
    size_t accepted;
};

/* Every task of one of its two jobs has failed; 200 bytes a line. */
static void send_batch(struct batcher *batcher) {
    char path[64];
    size_t len = 0;

    for (int i = 0; i < BATCH_REPORTS; i++)
        len += (size_t)sprintf(
            batcher->body + len,
            "{\"task\": \"task[%03d]\", \"attempt\": %8u, \"sequence\": 1, \"state\": \"FAILED\", "
            "\"failure\": {\"exit_code\": 137, \"runtime\": \"python\", \"platform_reason\": "
            "\"Evicted by the platform, node\"}    }\n",
            i, batcher->attempt[batcher->turn]);
    (void)snprintf(path, sizeof path, "/jobs/%s/reports", batcher->job[batcher->turn]);
    bench_send(&batcher->client, "POST", path, "application/x-ndjson", batcher->body, len);
}

/* Those of an attempt that had not come yet are reported again. */
static void take_batch(struct batcher *batcher) {
    static const char word[] = "\"action\":\"restart\"";
    size_t accepted = 0;

    for (const char *at = strstr(batcher->client.answer, word); at;
         at = strstr(at + sizeof word, word))
        accepted++;
    batcher->accepted += accepted;
    if (accepted > 0)
        batcher->attempt[batcher->turn]++;
    batcher->turn = !batcher->turn;
    send_batch(batcher);
}

static void measure_batches(void) {
    struct batcher batchers[BATCH_CONNECTIONS] = {{.turn = 0}};
    struct epoll_event events[BATCH_CONNECTIONS];
    char path[BENCH_PATH_BYTES + 16];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    size_t accepted = 0;

    control_path(path);
    for (int i = 0; i < BATCH_CONNECTIONS; i++) {
        struct batcher *batcher = &batchers[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = batcher};
        bench_connect(&batcher->client, path);
        for (int k = 0; k < 2; k++) {
            (void)snprintf(batcher->job[k], sizeof batcher->job[k], "batch-%d-%d", i, k);
            submit(&batcher->client, batcher->job[k], BATCH_REPORTS);
        }
        batcher->body = malloc((size_t)BATCH_REPORTS * 256);
        if (!batcher->body || epoll_ctl(epoll, EPOLL_CTL_ADD, batcher->client.fd, &event) == -1)
            bench_die("batches");
        send_batch(batcher);
    }
    double cpu_us = daemon_cpu_us();
    uint64_t begun_ns = bench_now_ns();
    while (bench_now_ns() - begun_ns < (uint64_t)SECONDS * 1000000000u) {
        int count = epoll_wait(epoll, events, BATCH_CONNECTIONS, 100);
        for (int i = 0; i < count; i++) {
            struct batcher *batcher = events[i].data.ptr;
            if (bench_receive(&batcher->client, false))
                take_batch(batcher);
        }
    }
    double seconds = (double)(bench_now_ns() - begun_ns) / 1e9;
    for (int i = 0; i < BATCH_CONNECTIONS; i++) {
        accepted += batchers[i].accepted;
        bench_disconnect(&batchers[i].client);
        free(batchers[i].body);
    }
    (void)close(epoll);
    figure("batch_report", (double)accepted / seconds, "failures/s");
    figure("batch_report_cpu", (daemon_cpu_us() - cpu_us) / (double)(accepted + 1), "us");
}

/* ---- many jobs ---- */

static double resident_mib(void) {
    return proc_number("status", "VmRSS:") / 1024;
}

static void measure_many(void) {
    struct bench_client client;
    char path[BENCH_PATH_BYTES + 16];
    char name[32];
    double times_ms[SCRAPES];
    uint64_t begun_ns = bench_now_ns();

    control_path(path);
    bench_connect(&client, path);
    for (int i = 0; i < JOBS; i++) {
        (void)snprintf(name, sizeof name, "job-%d", i);
        submit(&client, name, TASKS_PER_JOB);
    }
    figure("submit", JOBS / ((double)(bench_now_ns() - begun_ns) / 1e9), "jobs/s");
    figure("resident_10k_jobs", resident_mib(), "MiB");
    bench_disconnect(&client);
    (void)snprintf(path, sizeof path, "%s/read.sock", folder);
    bench_connect(&client, path);
    for (int i = 0; i < SCRAPES; i++) {
        uint64_t asked_ns = bench_now_ns();
        bench_send(&client, "GET", "/metrics", NULL, NULL, 0);
        while (!bench_receive(&client, true)) {
        }
        times_ms[i] = (double)(bench_now_ns() - asked_ns) / 1e6;
    }
    qsort(times_ms, SCRAPES, sizeof *times_ms, by_size);
    figure("scrape_10k_jobs", times_ms[SCRAPES / 2], "ms");
    figure("scrape_10k_jobs_size", (double)client.body_len / 1048576.0, "MiB");
    figure("resident_10k_jobs_scraped", resident_mib(), "MiB");
    bench_disconnect(&client);
}

static bool is_wanted(int argc, char **argv, const char *name) {
    bool all = true;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
        all = all && argv[i][0] == '-';
    }
    return all;
}

static void measure(const char *control, void (*figures)(void)) {
    start_daemon();
    bench_wait_for(control);
    figures();
    stop_daemon();
}

int main(int argc, char **argv) {
    static const char flag[] = "--storage.path=";
    char template[] = "/tmp/bench_push.XXXXXX";
    char control[BENCH_PATH_BYTES + 16];

    if (argc > 1 && strncmp(argv[1], flag, sizeof flag - 1) == 0)
        (void)snprintf(storage, sizeof storage, "%s", argv[1] + sizeof flag - 1);
    if (readlink("/proc/self/exe", program, sizeof program - sizeof "failover_exporter") < 0 ||
        !mkdtemp(template))
        bench_die("bench_push");
    memcpy(strrchr(program, '/') + 1, "failover_exporter", sizeof "failover_exporter");
    memcpy(folder, template, sizeof template);
    (void)signal(SIGPIPE, SIG_IGN);
    control_path(control);
    if (is_wanted(argc, argv, "single"))
        measure(control, measure_single);
    if (is_wanted(argc, argv, "batch"))
        measure(control, measure_batches);
    if (is_wanted(argc, argv, "many"))
        measure(control, measure_many);
    return 0;
}
