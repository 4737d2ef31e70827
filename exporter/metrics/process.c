/* SPDX-License-Identifier: Apache-2.0 */
#include "exporter/metrics/process.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "failover/version.h"

enum {
    CPU,
    OPEN_FDS,
    MAX_FDS,
    VIRTUAL_BYTES,
    VIRTUAL_MAX_BYTES,
    RESIDENT_BYTES,
    HEAP_BYTES,
    START_TIME,
    THREADS,
    FIGURES
};

static const struct ex_family_spec specs[FIGURES] = {
    [CPU] = {.name = "process_cpu_seconds",
             .help = "Processor time used, user and system, in seconds.",
             .type = EX_COUNTER,
             .unit = "seconds",
             .real = true},
    [OPEN_FDS] = {.name = "process_open_fds", .help = "Open file descriptors.", .type = EX_GAUGE},
    [MAX_FDS] = {.name = "process_max_fds",
                 .help = "File descriptors that may be open.",
                 .type = EX_GAUGE},
    [VIRTUAL_BYTES] = {.name = "process_virtual_memory_bytes",
                       .help = "Virtual memory size in bytes.",
                       .type = EX_GAUGE,
                       .unit = "bytes"},
    [VIRTUAL_MAX_BYTES] = {.name = "process_virtual_memory_max_bytes",
                           .help = "Virtual memory that may be used, in bytes.",
                           .type = EX_GAUGE,
                           .unit = "bytes"},
    [RESIDENT_BYTES] = {.name = "process_resident_memory_bytes",
                        .help = "Resident memory size in bytes.",
                        .type = EX_GAUGE,
                        .unit = "bytes"},
    [HEAP_BYTES] = {.name = "process_heap_bytes",
                    .help =
                        "Data segment: heap, other private writable memory and stacks, in bytes.",
                    .type = EX_GAUGE,
                    .unit = "bytes"},
    [START_TIME] = {.name = "process_start_time_seconds",
                    .help = "When the process started, in seconds since the epoch.",
                    .type = EX_GAUGE,
                    .unit = "seconds"},
    [THREADS] = {.name = "process_threads", .help = "Threads of the process.", .type = EX_GAUGE},
};

static const char *const build_labels[] = {"version",  "revision", "branch",
                                           "compiler", "os",       "arch"};

static const struct ex_family_spec build_spec = {
    .name = "failover_exporter_build",
    .help = "What this program was built from.",
    .type = EX_INFO,
    .stability = EX_STABLE,
    .labels = build_labels,
    .label_count = 6,
    .collector = "process",
};

/* Reading /proc takes longer than all the rest of a small scrape, and grows with the descriptors.
 * So it is read for the first of the scrapes that come within so short a time. */
enum { FRESH_MS = 100 };

struct ex_process {
    struct ex_group *group;
    int64_t read_ms;
    struct ex_series *series[FIGURES];
};

/* ---- reading ---- */

static void set(struct ex_process *process, int figure, double value) {
    ex_series_set(process->series[figure], value);
    ex_series_show(process->series[figure]);
}

static void leave_out(struct ex_process *process, int figure) {
    ex_series_hide(process->series[figure]);
}

static void set_limit(struct ex_process *process, int figure, int resource) {
    struct rlimit limit;

    if (getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        set(process, figure, (double)limit.rlim_cur);
    else
        leave_out(process, figure);
}

/* Reads a small file of /proc as text. False: it is not there. */
static bool read_text(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "re");

    if (!file)
        return false;
    size_t len = fread(text, 1, size - 1, file);
    text[len] = '\0';
    (void)fclose(file);
    return len > 0;
}

/* The number in the `field`th word, 1 = first. False: there is none. */
static bool number_at(const char *text, int field, unsigned long long *ret_number) {
    for (; field > 1 && text; field--) {
        text = strchr(text, ' ');
        text = text ? text + 1 : NULL;
    }
    if (!text)
        return false;
    char *end;
    errno = 0;
    *ret_number = strtoull(text, &end, 10);
    return end != text && errno == 0;
}

/* The heap is that of the kernel: mallinfo2() walks all free blocks under the lock of malloc(), for
 * a tenth of a second where there are many. */
static void read_memory(struct ex_process *process) {
    static const struct {
        int figure;
        int field;
    } words[] = {{VIRTUAL_BYTES, 1}, {RESIDENT_BYTES, 2}, {HEAP_BYTES, 6}};
    char text[256];
    unsigned long long pages;
    double page_bytes = (double)sysconf(_SC_PAGESIZE);
    bool there = read_text("/proc/self/statm", text, sizeof text);

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (there && number_at(text, words[i].field, &pages))
            set(process, words[i].figure, (double)pages * page_bytes);
        else
            leave_out(process, words[i].figure);
    }
}

/* What follows the name of the program in /proc/self/stat, from the third field on; the name may
 * hold anything. */
static bool read_stat(char *text, size_t size, const char **ret_fields) {
    if (!read_text("/proc/self/stat", text, size))
        return false;
    const char *end = strrchr(text, ')');
    *ret_fields = end && end[1] == ' ' ? end + 2 : NULL;
    return *ret_fields != NULL;
}

static void read_threads(struct ex_process *process) {
    char text[1024];
    const char *fields;
    unsigned long long threads;

    if (read_stat(text, sizeof text, &fields) && number_at(fields, 18, &threads))
        set(process, THREADS, (double)threads);
    else
        leave_out(process, THREADS);
}

/* Now minus the age: /proc counts the start in ticks since boot. */
static void read_start_time(struct ex_process *process) {
    char text[1024];
    const char *fields;
    unsigned long long ticks;
    struct timespec since_boot;
    struct timespec now;

    if (!read_stat(text, sizeof text, &fields) || !number_at(fields, 20, &ticks) ||
        clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0 ||
        clock_gettime(CLOCK_REALTIME, &now) != 0) {
        leave_out(process, START_TIME);
        return;
    }
    double boot =
        (double)(now.tv_sec - since_boot.tv_sec) + (double)(now.tv_nsec - since_boot.tv_nsec) / 1e9;
    double start = boot + (double)ticks / (double)sysconf(_SC_CLK_TCK);
    set(process, START_TIME, floor(start * 100) / 100);
}

static void count_fds(struct ex_process *process) {
    DIR *dir = opendir("/proc/self/fd");
    int count = -1; /* the folder itself */

    if (!dir) {
        leave_out(process, OPEN_FDS);
        return;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is of this call alone */
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    set(process, OPEN_FDS, count);
}

static void read_cpu(struct ex_process *process) {
    struct timespec used;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0)
        set(process, CPU, (double)used.tv_sec + floor((double)used.tv_nsec / 1e6) / 1e3);
    else
        leave_out(process, CPU);
}

static void collect(void *arg) {
    struct ex_process *process = arg;
    int64_t now_ms = ex_clock_ms();

    if (process->read_ms != 0 && now_ms - process->read_ms < FRESH_MS)
        return;
    process->read_ms = now_ms;
    read_cpu(process);
    count_fds(process);
    set_limit(process, MAX_FDS, RLIMIT_NOFILE);
    set_limit(process, VIRTUAL_MAX_BYTES, RLIMIT_AS);
    read_memory(process);
    read_threads(process);
}

/* ---- life ---- */

static int add_figures(struct ex_metrics *metrics, struct ex_process *process,
                       struct fo_error *reterr) {
    int failed = 0;

    for (int i = 0; i < FIGURES && !failed; i++) {
        struct ex_family_spec spec = specs[i];
        struct ex_family *family;
        spec.stability = EX_STABLE;
        spec.collector = "process";
        failed = ex_metrics_family(metrics, &spec, &family, reterr);
        if (!failed)
            failed = ex_group_series(process->group, family, NULL, &process->series[i]);
    }
    return failed;
}

static int add_build_info(struct ex_metrics *metrics, struct ex_process *process,
                          const char *revision, const char *branch, struct fo_error *reterr) {
    struct ex_family *family;
    struct ex_series *series;
    struct utsname machine;
    int failed = ex_metrics_family(metrics, &build_spec, &family, reterr);

    if (failed)
        return failed;
    bool known = uname(&machine) == 0;
    const struct fo_str values[] = {
        fo_str_of(FO_VERSION),  fo_str_of(revision),
        fo_str_of(branch),
#ifdef __clang__
        fo_str_of(__VERSION__),
#else
                                    fo_str_of("GCC " __VERSION__),
#endif
        fo_str_of("linux"),     fo_str_of(known ? machine.machine : "unknown")};
    return ex_group_series(process->group, family, values, &series);
}

int ex_process_new(struct ex_metrics *metrics, const char *revision, const char *branch,
                   struct ex_process **ret_process, struct fo_error *reterr) {
    struct ex_process *process = calloc(1, sizeof *process);
    int failed = process ? ex_group_new_live(metrics, &process->group) : -ENOMEM;

    if (!failed)
        failed = add_figures(metrics, process, reterr);
    if (!failed)
        failed = add_build_info(metrics, process, revision, branch, reterr);
    if (!failed)
        failed = ex_metrics_collector(metrics, collect, process);
    if (failed) {
        ex_group_retire(process ? process->group : NULL);
        ex_process_free(process);
        return failed;
    }
    read_start_time(process);
    *ret_process = process;
    return 0;
}

void ex_process_free(struct ex_process *process) {
    free(process);
}
