/* SPDX-License-Identifier: Apache-2.0 */
/* bench/bench_metrics.c - what the registry costs: per update, per series, per scrape.
 * The large model is that of the daemon: 20,000 jobs with 50 series each in 12 families.
 * Prints one `name value unit` per line; medians where a thing is done more than once. */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "exporter/base/clock.h"
#include "exporter/metrics/metrics.h"
#include "exporter/metrics/render.h"

enum {
    JOBS = 20000,
    SERIES_PER_JOB = 50,
    ALL_SERIES = JOBS * SERIES_PER_JOB,
    LIMIT = 4 * ALL_SERIES,
    CHANGED = 100, /* one in so many */
    ROUNDS = 7,
    INCREMENTS = 3000000,
    LOOKUPS = 300000,
    UPDATES = 200000,
    HOSTILE = 10000000,
    MODEL_BYTES = 136 * ALL_SERIES,
    WRITES_PER_UPDATE = 5, /* to a group and four of its series */
    NAME_MAX_BYTES = 64,
};

static uint64_t random_state = 1;

static uint32_t random_number(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static void check(int failed) {
    if (failed) {
        (void)fprintf(stderr, "bench_metrics: error %d\n", -failed);
        abort();
    }
}

static void print(const char *name, double value, const char *unit) {
    (void)printf("%s %.1f %s\n", name, value, unit);
    (void)fflush(stdout);
}

/* Of this thread: what others do on the machine costs little of it, unlike time by the clock. */
static uint64_t processor_ns(void) {
    struct timespec used;

    check(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used));
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double percentile(double *values, size_t count, double which) {
    qsort(values, count, sizeof *values, by_size);
    return values[(size_t)((double)(count - 1) * which)];
}

static double median(double *values, size_t count) {
    return percentile(values, count, 0.5);
}

static struct ex_metrics *new_registry(void) {
    struct ex_metrics *metrics;
    const struct ex_metrics_limits limits = {
        .series_per_family = LIMIT, .series_total = LIMIT, .values_per_label = LIMIT};

    check(ex_metrics_new(&limits, 7, &metrics));
    return metrics;
}

/* ---- one counter; lookup by labels ---- */

static const char *const lookup_labels[] = {"job_name", "category", "cause"};

static struct ex_family *lookup_family(struct ex_metrics *metrics) {
    const struct ex_family_spec spec = {.name = "bench_failures",
                                        .help = "Failures.",
                                        .type = EX_COUNTER,
                                        .labels = lookup_labels,
                                        .label_count = 3};
    struct ex_family *family;

    check(ex_metrics_family(metrics, &spec, &family, NULL));
    return family;
}

/* The series of the `n`th job; its name is put together here, so that fetching it from far memory
 * is not measured. */
static struct ex_series *lookup(struct ex_group *group, struct ex_family *family, uint32_t n) {
    char job[] = "nightly-aggregation-0000000";
    const struct fo_str values[] = {
        {job, sizeof job - 1}, {"dependency", 10}, {"connection_refused", 18}};
    struct ex_series *series;

    for (size_t i = sizeof job - 1; n > 0; n /= 10)
        job[--i] = (char)('0' + n % 10);

    check(ex_group_series(group, family, values, &series));
    return series;
}

static void bench_lookup(const char *name, uint32_t count) {
    struct ex_metrics *metrics = new_registry();
    struct ex_family *family = lookup_family(metrics);
    struct ex_group *group;
    double rounds[ROUNDS];

    check(ex_group_new(metrics, NULL, 0, NULL, &group));
    ex_group_begin(group);
    for (uint32_t i = 0; i < count; i++)
        (void)lookup(group, family, i);
    for (int r = 0; r < ROUNDS; r++) {
        uint64_t start = processor_ns();
        for (uint32_t i = 0; i < LOOKUPS; i++)
            ex_counter_add(lookup(group, family, random_number() % count), 1);
        rounds[r] = (double)(processor_ns() - start) / LOOKUPS;
    }
    ex_group_publish(group);
    print(name, median(rounds, ROUNDS), "ns");
    ex_metrics_free(metrics);
}

static void bench_inc(void) {
    struct ex_metrics *metrics = new_registry();
    struct ex_family *family = lookup_family(metrics);
    struct ex_group *group;
    double rounds[ROUNDS];

    check(ex_group_new(metrics, NULL, 0, NULL, &group));
    struct ex_series *series = lookup(group, family, 1);
    for (int r = 0; r < ROUNDS; r++) {
        uint64_t start = processor_ns();
        for (int i = 0; i < INCREMENTS; i++)
            ex_counter_add(series, 1);
        rounds[r] = (double)(processor_ns() - start) / INCREMENTS;
    }
    print("inc", median(rounds, ROUNDS), "ns");
    ex_metrics_free(metrics);
}

/* Ten million values nobody has seen, against the limits: what one costs, and what is left of them.
 */
static void bench_hostile(void) {
    const struct ex_metrics_limits limits = {.values_per_label = 1000};
    struct ex_metrics *metrics;
    struct ex_group *group;

    check(ex_metrics_new(&limits, 7, &metrics));
    struct ex_family *family = lookup_family(metrics);
    check(ex_group_new(metrics, NULL, 0, NULL, &group));
    ex_group_begin(group);
    for (uint32_t i = 0; i < 2 * 1000; i++)
        (void)lookup(group, family, i);
    size_t before = mallinfo2().uordblks;
    uint64_t start = processor_ns();
    for (uint32_t i = 0; i < HOSTILE; i++)
        ex_counter_add(lookup(group, family, i), 1);
    double took = (double)(processor_ns() - start) / HOSTILE;
    print("hostile_10m_memory_growth", (double)(mallinfo2().uordblks - before), "bytes");
    print("hostile_10m_update", took, "ns");
    ex_group_retire(group);
    ex_metrics_free(metrics);
}

/* ---- the large model ---- */

static const char *const job_labels[] = {"engine", "job_name", "state"};
static const char *const failure_labels[] = {"engine", "job_name", "type", "category", "cause"};

static const struct {
    const char *name;
    const char *labels; /* the last label's name; NULL = none */
    uint32_t rows;      /* of a job */
    enum ex_family_type type;
} shapes[] = {
    {"numJobFailure", NULL, 14, EX_COUNTER},
    {"failover_job_failures", NULL, 1, EX_COUNTER},
    {"failover_job_restarts", NULL, 1, EX_COUNTER},
    {"failover_job_restarted_tasks", NULL, 1, EX_COUNTER},
    {"failover_job_recoveries", NULL, 1, EX_COUNTER},
    {"failover_job_exhausted", "reason", 3, EX_COUNTER},
    {"failover_job_state", "state", 11, EX_GAUGE},
    {"failover_job_tasks", "state", 11, EX_GAUGE},
    {"failover_job_state_timestamp_seconds", NULL, 1, EX_GAUGE},
    {"failover_job_next_restart_timestamp_seconds", NULL, 1, EX_GAUGE},
    {"failover_job_regions", NULL, 1, EX_GAUGE},
    {"failover_job_largest_region_tasks", NULL, 1, EX_GAUGE},
    {"failover_job_restart_budget_remaining", NULL, 1, EX_GAUGE},
    {"failover_job_restart_budget_limit", NULL, 1, EX_GAUGE},
    {"failover_job", NULL, 1, EX_INFO},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const char *const states[] = {"INITIALIZING", "CREATED",    "RUNNING",    "FAILING",
                                     "FAILED",       "CANCELLING", "CANCELED",   "FINISHED",
                                     "RESTARTING",   "SUSPENDED",  "RECONCILING"};
static const char *const causes[] = {
    "heap_space", "oom_killed",         "disk_full", "refused",       "reset",
    "dns",        "quota_exceeded",     "deadline",  "expired_token", "parse_error",
    "null_deref", "checkpoint_expired", "node_lost", "preempted"};

struct model {
    struct ex_metrics *metrics;
    struct ex_family *families[SHAPES];
    struct ex_group *jobs[JOBS];
    struct ex_series *series[ALL_SERIES]; /* by job */
    bool counts[SERIES_PER_JOB];          /* whether the row is a counter */
};

static void declare(struct model *model) {
    for (size_t i = 0; i < SHAPES; i++) {
        bool failure = i == 0;
        struct ex_family_spec spec = {.name = shapes[i].name,
                                      .help = "What a job did.",
                                      .type = shapes[i].type,
                                      .labels = failure ? failure_labels : job_labels,
                                      .label_count = failure ? 5 : 2,
                                      .group_label_count = 2};
        if (shapes[i].labels)
            spec.label_count = 3;
        check(ex_metrics_family(model->metrics, &spec, &model->families[i], NULL));
    }
}

static struct ex_series *new_series(struct model *model, uint32_t job, size_t shape, uint32_t row) {
    struct ex_series *series;
    const struct fo_str failure[] = {
        {row % 2 ? "USER" : "SYSTEM", row % 2 ? 4 : 6}, {"dependency", 10}, fo_str_of(causes[row])};
    const struct fo_str state = fo_str_of(states[row % 11]);

    check(ex_group_series(model->jobs[job], model->families[shape], shape == 0 ? failure : &state,
                          &series));
    return series;
}

static void add_job(struct model *model, uint32_t job) {
    char name[NAME_MAX_BYTES];
    const struct fo_label labels[] = {{{"engine", 6}, {"local", 5}}, {{"job_name", 8}, {name, 9}}};
    uint32_t at = 0;

    (void)snprintf(name, sizeof name, "job-%05u", job % 100000);
    check(ex_group_new(model->metrics, labels, 2, NULL, &model->jobs[job]));
    ex_group_begin(model->jobs[job]);
    for (size_t i = 0; i < SHAPES; i++) {
        for (uint32_t row = 0; row < shapes[i].rows; row++) {
            model->counts[at] = shapes[i].type == EX_COUNTER;
            model->series[job * SERIES_PER_JOB + at++] = new_series(model, job, i, row);
        }
    }
    ex_group_publish(model->jobs[job]);
}

static struct model *new_model(void) {
    struct model *model = calloc(1, sizeof *model);

    check(model ? 0 : -1);
    model->metrics = new_registry();
    declare(model);
    for (uint32_t i = 0; i < JOBS; i++)
        add_job(model, i);
    return model;
}

static void free_model(struct model *model) {
    ex_metrics_free(model->metrics);
    free(model);
}

static void change(struct model *model, uint32_t job, uint32_t row) {
    struct ex_series *series = model->series[job * SERIES_PER_JOB + row];

    if (model->counts[row])
        ex_counter_add(series, 1 + random_number() % 3);
    else
        ex_series_set(series, random_number() % 100);
}

static void change_job(struct model *model, uint32_t job) {
    ex_group_begin(model->jobs[job]);
    for (uint32_t row = 0; row < SERIES_PER_JOB; row++)
        change(model, job, row);
    ex_group_publish(model->jobs[job]);
}

/* ---- scrapes ---- */

/* Renders and reads every byte, as a server that sends them has to. */
static size_t scrape(struct model *model, enum ex_format format, enum ex_encoding encoding) {
    static char socket_buffer[64 * 1024];
    const struct ex_render_request request = {.format = format, .encoding = encoding};
    struct ex_body *body;
    size_t count;

    check(ex_metrics_render(model->metrics, &request, &body));
    const struct fo_str *parts = ex_body_parts(body, &count);
    for (size_t i = 0; i < count; i++) {
        for (size_t at = 0; at < parts[i].len; at += sizeof socket_buffer) {
            size_t left = parts[i].len - at;
            memcpy(socket_buffer, parts[i].ptr + at,
                   left < sizeof socket_buffer ? left : sizeof socket_buffer);
            __asm__ volatile("" ::: "memory");
        }
    }
    size_t size = ex_body_size(body);
    ex_body_unref(body);
    return size;
}

enum what { EVERYTHING, NOTHING, CLUSTERED, SPREAD_JOBS, SCATTERED };

static void change_some(struct model *model, enum what what) {
    uint32_t first = random_number() % (JOBS - JOBS / CHANGED);

    for (uint32_t i = 0; what == EVERYTHING && i < JOBS; i++)
        change_job(model, i);
    for (uint32_t i = 0; what == CLUSTERED && i < JOBS / CHANGED; i++)
        change_job(model, first + i);
    for (uint32_t i = 0; what == SPREAD_JOBS && i < JOBS / CHANGED; i++)
        change_job(model, random_number() % JOBS);
    for (uint32_t i = first % CHANGED; what == SCATTERED && i < ALL_SERIES; i += CHANGED) {
        ex_group_begin(model->jobs[i / SERIES_PER_JOB]);
        change(model, i / SERIES_PER_JOB, i % SERIES_PER_JOB);
        ex_group_publish(model->jobs[i / SERIES_PER_JOB]);
    }
}

/* Milliseconds of a scrape after a change; also the size. */
static double scrape_ms(struct model *model, enum what what, enum ex_encoding encoding,
                        size_t *ret_size) {
    double rounds[ROUNDS];

    (void)scrape(model, EX_TEXT_0_0_4, encoding);
    for (int r = 0; r < ROUNDS; r++) {
        change_some(model, what);
        uint64_t start = processor_ns();
        *ret_size = scrape(model, EX_TEXT_0_0_4, encoding);
        rounds[r] = (double)(processor_ns() - start) / 1e6;
    }
    return median(rounds, ROUNDS);
}

static double resident_bytes(void) {
    char text[256] = "";
    FILE *file = fopen("/proc/self/statm", "re");

    check(file && fgets(text, sizeof text, file) ? 0 : -1);
    (void)fclose(file);
    return (double)strtoull(strchr(text, ' '), NULL, 10) * (double)sysconf(_SC_PAGESIZE);
}

static void bench_scrapes(struct model *model) {
    size_t size;
    double ms = scrape_ms(model, EVERYTHING, EX_IDENTITY, &size);

    print("render_1m_cold", (double)size / ms / 1e3, "MB/s");
    ms = scrape_ms(model, NOTHING, EX_IDENTITY, &size);
    print("render_1m_warm", (double)size / ms / 1e3, "MB/s");
    print("page_1m", (double)size / 1e6, "MB");
    ms = scrape_ms(model, CLUSTERED, EX_GZIP, &size);
    print("scrape_1m_gzip_clustered", ms, "ms");
    print("page_1m_gzip", (double)size / 1e6, "MB");
    print("scrape_1m_gzip_spread_jobs", scrape_ms(model, SPREAD_JOBS, EX_GZIP, &size), "ms");
    print("scrape_1m_gzip_scattered", scrape_ms(model, SCATTERED, EX_GZIP, &size), "ms");
    print("scrape_1m_gzip_cold", scrape_ms(model, EVERYTHING, EX_GZIP, &size), "ms");
}

/* ---- updates meanwhile ---- */

struct scraping {
    struct model *model;
    atomic_bool stop;
};

static void *keep_scraping(void *arg) {
    struct scraping *scraping = arg;

    while (!atomic_load(&scraping->stop))
        (void)scrape(scraping->model, EX_OPENMETRICS, EX_GZIP);
    return NULL;
}

struct took {
    double clock_us[UPDATES];
    double processor_us[UPDATES];
};

static void update(struct model *model, struct took *took, int i) {
    uint32_t job = random_number() % JOBS;
    uint64_t processor = processor_ns();
    uint64_t clock = ex_clock_ns();

    ex_group_begin(model->jobs[job]);
    for (uint32_t row = 0; row < 4; row++)
        change(model, job, row * 12);
    ex_group_publish(model->jobs[job]);
    took->clock_us[i] = (double)(ex_clock_ns() - clock) / 1e3;
    took->processor_us[i] = (double)(processor_ns() - processor) / 1e3;
    if (i % 100 == 0)
        (void)usleep(1000);
}

/* How often the thread had to give its processor to others. */
static double taken_off(void) {
    struct rusage usage;

    check(getrusage(RUSAGE_THREAD, &usage));
    return (double)usage.ru_nivcsw;
}

static void time_updates(struct model *model, struct took *took) {
    for (int i = 0; i < UPDATES; i++)
        update(model, took, i);
}

/* As many writes as an update makes, to as much memory, and nothing else: what the machine itself
 * takes for them. */
static double bare_p99_us(struct took *took) {
    char *memory = malloc(MODEL_BYTES);

    check(memory ? 0 : -1);
    memset(memory, 1, MODEL_BYTES);
    for (int i = 0; i < UPDATES; i++) {
        uint64_t clock = ex_clock_ns();
        for (int j = 0; j < WRITES_PER_UPDATE; j++)
            ((volatile char *)memory)[random_number() % MODEL_BYTES] = 0;
        took->clock_us[i] = (double)(ex_clock_ns() - clock) / 1e3;
    }
    free(memory);
    return percentile(took->clock_us, UPDATES, 0.99);
}

/* By the clock an update takes as long as others keep its thread off the processor, and as the
 * machine keeps it waiting for memory. So there are also the same without scrapes, the time of the
 * processor, and bare writes to memory: what scrapes do to updates is the difference. */
static void bench_updates(struct model *model) {
    struct scraping scraping = {.model = model};
    struct took *took = malloc(sizeof *took);
    pthread_t thread = 0;

    check(took ? 0 : -1);
    (void)printf("bare_writes_p99 %.2f us\n", bare_p99_us(took));
    time_updates(model, took);
    (void)printf("update_p99_alone %.2f us\n", percentile(took->clock_us, UPDATES, 0.99));
    check(-pthread_create(&thread, NULL, keep_scraping, &scraping));
    double before = taken_off();
    time_updates(model, took);
    print("updates_taken_off_processor", taken_off() - before, "times");
    atomic_store(&scraping.stop, true);
    (void)pthread_join(thread, NULL);
    (void)printf("update_p99_while_scraped %.2f us\n", percentile(took->clock_us, UPDATES, 0.99));
    (void)printf("update_p99_while_scraped_processor %.2f us\n",
                 percentile(took->processor_us, UPDATES, 0.99));
    free(took);
}

static void bench_model(void) {
    double before = resident_bytes();
    struct model *model = new_model();
    double own = sizeof *model; /* the bench's own tables */

    (void)scrape(model, EX_TEXT_0_0_4, EX_IDENTITY);
    print("bytes_per_series", (resident_bytes() - before - own) / ALL_SERIES, "bytes");
    (void)scrape(model, EX_OPENMETRICS, EX_IDENTITY);
    (void)scrape(model, EX_PROTOBUF, EX_IDENTITY);
    (void)scrape(model, EX_TEXT_0_0_4, EX_GZIP);
    (void)scrape(model, EX_OPENMETRICS, EX_GZIP);
    (void)scrape(model, EX_PROTOBUF, EX_GZIP);
    (void)malloc_trim(0);
    print("bytes_per_series_all_formats", (resident_bytes() - before - own) / ALL_SERIES, "bytes");
    bench_scrapes(model);
    bench_updates(model);
    free_model(model);
}

static void bench_only_updates(void) {
    struct model *model = new_model();

    bench_updates(model);
    free_model(model);
}

/* bench_metrics [PART]: lookup, hostile, model or updates; all of them without. */
int main(int argc, char **argv) {
    const char *part = argc > 1 ? argv[1] : NULL;

    if (!part || strcmp(part, "lookup") == 0) {
        bench_inc();
        bench_lookup("lookup_inc_10k", 10000);
        bench_lookup("lookup_inc_1m", 1000000);
    }
    if (!part || strcmp(part, "hostile") == 0)
        bench_hostile();
    (void)malloc_trim(0);
    if (!part || strcmp(part, "model") == 0)
        bench_model();
    if (part && strcmp(part, "updates") == 0)
        bench_only_updates();
    return 0;
}
