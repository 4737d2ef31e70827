/* SPDX-License-Identifier: Apache-2.0 */
/* The store by itself: what is written is read again, files that are not ours are refused and left
 * alone, history is forgotten from its old end, and a batch waits for a disk that takes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "exporter/store/store.h"

struct fixture {
    char directory[64];
    char file[96];
    sem_t news;
    struct ex_store_config config;
    struct ex_store *store;
    struct fo_error error;
};

static void on_changed(void *ctx, bool up) {
    struct fixture *fixture = ctx;

    (void)up;
    (void)sem_post(&fixture->news);
}

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    (void)snprintf(fixture->directory, sizeof fixture->directory, "/tmp/test-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    (void)snprintf(fixture->file, sizeof fixture->file, "%s/state.db", fixture->directory);
    (void)sem_init(&fixture->news, 0, 0);
    fixture->config = (struct ex_store_config){
        .directory = fixture->directory, .now_ms = 1000, .changed = on_changed, .ctx = fixture};
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    char command[128];

    (void)ex_store_close(fixture->store);
    (void)snprintf(command, sizeof command, "rm -rf %s", fixture->directory);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
    (void)sem_destroy(&fixture->news);
    free(fixture);
    return 0;
}

static int try_to_open(struct fixture *fixture) {
    return ex_store_open(&fixture->config, &fixture->store, &fixture->error);
}

static void open_store(struct fixture *fixture) {
    if (try_to_open(fixture) != 0)
        fail_msg("%s", fixture->error.text);
}

static void reopen(struct fixture *fixture) {
    fixture->store = ex_store_close(fixture->store);
    open_store(fixture);
}

static void add_failure(struct ex_batch *batch, int64_t id, int64_t at_ms, int64_t is_final,
                        const char *record) {
    const int64_t ints[EX_ROW_INTS_MAX] = {id, 7, at_ms, is_final};
    const struct fo_str texts[EX_ROW_TEXTS_MAX] = {fo_str_of(record), {"\0\1", 2}};

    ex_batch_add(batch, EX_WRITE_FAILURE, ints, texts);
}

static void write_failures(struct fixture *fixture, int64_t first, int64_t count) {
    struct ex_batch batch;

    ex_batch_init(&batch);
    for (int64_t id = first; id < first + count; id++)
        add_failure(&batch, id, id, 1, "{}");
    assert_int_equal(ex_store_write(fixture->store, &batch), 0);
    ex_batch_done(&batch);
}

struct seen {
    int64_t first;
    int64_t last;
    uint32_t count;
};

static int see(void *ctx, const struct ex_row *row) {
    struct seen *seen = ctx;

    if (seen->count++ == 0)
        seen->first = row->ints[0];
    seen->last = row->ints[0];
    return 0;
}

static struct seen read_all(struct fixture *fixture, enum ex_read question) {
    struct seen seen = {0};

    assert_int_equal(ex_store_read(fixture->store, question, 0, see, &seen), 0);
    return seen;
}

/* ---- writing and reading ---- */

static int check_failure(void *ctx, const struct ex_row *row) {
    (void)ctx;
    assert_int_equal(row->ints[0], 3);
    assert_int_equal(row->ints[1], 7);
    assert_int_equal(row->ints[2], 42);
    assert_true(fo_str_equal(row->texts[0], fo_str_of("{\"a\":1}")));
    assert_int_equal(row->texts[1].len, 2);
    assert_memory_equal(row->texts[1].ptr, "\0\1", 2);
    assert_int_equal(row->texts[2].len, 0);
    return 17;
}

static void test_what_is_written_is_read(void **state) {
    struct fixture *fixture = *state;
    struct ex_batch batch;

    open_store(fixture);
    ex_batch_init(&batch);
    add_failure(&batch, 3, 42, 0, "{\"a\":1}");
    add_failure(&batch, 4, 43, 1, "{}");
    assert_int_equal(ex_store_write(fixture->store, &batch), 0);
    ex_batch_done(&batch);
    reopen(fixture);
    assert_int_equal(ex_store_read(fixture->store, EX_READ_FAILURE, 3, check_failure, NULL), 17);
    assert_int_equal(read_all(fixture, EX_READ_PENDING).count, 1);
    assert_int_equal(read_all(fixture, EX_READ_FAILURES).count, 2);
}

static void add_count(struct ex_batch *batch, int64_t n) {
    const struct fo_str class[] = {fo_str_of("USER"), fo_str_of("oom")};

    ex_batch_add(batch, EX_WRITE_CLASS_COUNT, &n, class);
}

static int check_count(void *ctx, const struct ex_row *row) {
    assert_int_equal(row->ints[0], *(int64_t *)ctx);
    assert_true(fo_str_equal(row->texts[1], fo_str_of("oom")));
    return 0;
}

static void test_counts_add_up_and_a_batch_is_whole(void **state) {
    struct fixture *fixture = *state;
    struct ex_batch batch;
    int64_t expected = 5;

    open_store(fixture);
    ex_batch_init(&batch);
    add_count(&batch, 2);
    add_count(&batch, 3);
    assert_int_equal(ex_store_write(fixture->store, &batch), 0);
    add_failure(&batch, 1, 1, 1, "{}");
    add_failure(&batch, 1, 1, 1, "{}"); /* the same id: refused, and all with it */
    assert_true(ex_store_write(fixture->store, &batch) < 0);
    ex_batch_done(&batch);
    assert_int_equal(ex_store_read(fixture->store, EX_READ_CLASS_COUNTS, 0, check_count, &expected),
                     0);
    assert_int_equal(read_all(fixture, EX_READ_FAILURES).count, 0);
}

static void test_sums_of_one_row_become_one(void **state) {
    static const int64_t totals[] = {4, 8, 3};
    const struct fo_str labels[] = {fo_str_of("one"), fo_str_of("two")};
    struct ex_batch batch;
    struct ex_row row;
    enum ex_write kind;
    size_t offset = 0;

    (void)state;
    ex_batch_init(&batch);
    for (int i = 0; i < 4; i++) {
        ex_batch_add(&batch, EX_WRITE_LABEL_COUNT, (int64_t[]){7, 1, 100}, &labels[0]);
        ex_batch_add(&batch, EX_WRITE_LABEL_COUNT, (int64_t[]){7, 2, 100}, &labels[1]);
    }
    ex_batch_add(&batch, EX_WRITE_LABEL_COUNT, (int64_t[]){8, 3, 100}, &labels[0]);
    for (size_t i = 0; i < sizeof totals / sizeof *totals; i++) {
        assert_true(ex_batch_next(&batch, &offset, &kind, &row));
        assert_int_equal(row.ints[1], totals[i]);
    }
    assert_false(ex_batch_next(&batch, &offset, &kind, &row));
    ex_batch_reset(&batch);
    offset = 0;
    ex_batch_add(&batch, EX_WRITE_LABEL_COUNT, (int64_t[]){7, 5, 100}, &labels[0]);
    assert_true(ex_batch_next(&batch, &offset, &kind, &row));
    assert_int_equal(row.ints[1], 5);
    ex_batch_done(&batch);
}

static void test_what_hangs_on_a_job_goes_with_it(void **state) {
    static const int64_t job[] = {9, 1, 0};
    static const int64_t numbers[EX_ROW_INTS_MAX] = {9, 0};
    const struct fo_str texts[EX_ROW_TEXTS_MAX] = {{NULL, 0}};
    struct fixture *fixture = *state;
    struct ex_batch batch;

    open_store(fixture);
    ex_batch_init(&batch);
    ex_batch_add(&batch, EX_WRITE_JOB, job, texts);
    ex_batch_add(&batch, EX_WRITE_JOB_STATE, numbers, texts);
    ex_batch_add(&batch, EX_WRITE_TASKS, numbers, texts);
    assert_int_equal(ex_store_write(fixture->store, &batch), 0);
    struct seen seen = {0};
    assert_int_equal(ex_store_read(fixture->store, EX_READ_TASKS, 9, see, &seen), 0);
    assert_int_equal(seen.count, 1);
    ex_batch_reset(&batch);
    ex_batch_add(&batch, EX_WRITE_JOB_GONE, numbers, NULL);
    assert_int_equal(ex_store_write(fixture->store, &batch), 0);
    ex_batch_done(&batch);
    assert_int_equal(ex_store_read(fixture->store, EX_READ_TASKS, 9, see, &seen), 0);
    assert_int_equal(ex_store_read(fixture->store, EX_READ_JOB_STATE, 9, see, &seen), 0);
    assert_int_equal(seen.count, 1);
}

/* The rows that are left over, in their order. */
static const struct {
    int64_t number;
    const char *failure;
    const char *event;
} deliveries[] = {{10, "{\"f\":3}", ""}, {11, "", "exhausted"}, {14, "", "recovered"}};

static int check_delivery(void *ctx, const struct ex_row *row) {
    int *seen = ctx;

    assert_in_range(*seen, 0, 2);
    assert_int_equal(row->ints[0], deliveries[*seen].number);
    assert_int_equal(row->ints[3], row->ints[0] * 100);
    assert_true(fo_str_equal(row->texts[0], fo_str_of("webhook")));
    assert_true(fo_str_equal(row->texts[1], fo_str_of(deliveries[*seen].failure)));
    assert_true(fo_str_equal(row->texts[3], fo_str_of(deliveries[*seen].event)));
    ++*seen;
    return 0;
}

static void add_delivery(struct ex_batch *batch, int64_t number, int64_t kind, int64_t failure) {
    const struct fo_str listener = fo_str_of(number == 12 ? "other" : "webhook");

    ex_batch_add(batch, EX_WRITE_DELIVERY, (int64_t[]){number, kind, failure, number * 100},
                 &listener);
}

static void add_event(struct ex_batch *batch, const char *record) {
    const struct fo_str text = fo_str_of(record);

    ex_batch_add(batch, EX_WRITE_EVENT, (int64_t[]){1}, &text);
}

static void test_deliveries(void **state) {
    struct fixture *fixture = *state;
    struct ex_batch batch;
    int seen = 0;

    open_store(fixture);
    ex_batch_init(&batch);
    add_delivery(&batch, 10, 1, 3); /* labelled: of a failure that is written after it */
    add_failure(&batch, 3, 42, 1, "{\"f\":3}");
    add_event(&batch, "exhausted");
    add_delivery(&batch, 11, 2, 0); /* one event, two listeners */
    add_delivery(&batch, 12, 2, 0);
    assert_int_equal(ex_store_write(fixture->store, &batch), 0);
    ex_batch_reset(&batch);
    add_delivery(&batch, 13, 1, 99); /* its failure is not there any more */
    add_event(&batch, "recovered");
    add_delivery(&batch, 14, 3, 0);
    ex_batch_add(&batch, EX_WRITE_DELIVERED, (int64_t[]){12}, NULL);
    ex_batch_add(&batch, EX_WRITE_DELIVERED, (int64_t[]){13}, NULL);
    ex_batch_add(&batch, EX_WRITE_DELIVERED, (int64_t[]){77}, NULL);
    assert_int_equal(ex_store_write(fixture->store, &batch), 0);
    ex_batch_done(&batch);
    reopen(fixture);
    assert_int_equal(ex_store_read(fixture->store, EX_READ_DELIVERIES, 0, check_delivery, &seen),
                     0);
    assert_int_equal(seen, 3);
}

/* ---- files ---- */

static void test_files_are_private(void **state) {
    struct fixture *fixture = *state;
    struct stat status;

    open_store(fixture);
    assert_int_equal(stat(fixture->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void write_file(const struct fixture *fixture, const char *bytes, size_t size) {
    FILE *file = fopen(fixture->file, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void run_sql(const struct fixture *fixture, const char *sql) {
    sqlite3 *db;

    assert_int_equal(sqlite3_open(fixture->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_files_that_are_not_ours_are_refused(void **state) {
    struct fixture *fixture = *state;
    char rubbish[4096];
    char after[sizeof rubbish];

    memset(rubbish, 'x', sizeof rubbish);
    write_file(fixture, rubbish, sizeof rubbish);
    assert_int_equal(try_to_open(fixture), -EINVAL);
    assert_non_null(strstr(fixture->error.text, fixture->file));
    assert_non_null(strstr(fixture->error.text, "backup"));
    FILE *file = fopen(fixture->file, "re");
    assert_non_null(file);
    assert_int_equal(fread(after, 1, sizeof after, file), sizeof after);
    (void)fclose(file);
    assert_memory_equal(after, rubbish, sizeof rubbish);
    assert_int_equal(unlink(fixture->file), 0);
    run_sql(fixture, "CREATE TABLE theirs(a)");
    assert_int_equal(try_to_open(fixture), -EINVAL);
    assert_non_null(strstr(fixture->error.text, "another program"));
}

static void test_a_later_version_is_refused(void **state) {
    struct fixture *fixture = *state;

    open_store(fixture);
    fixture->store = ex_store_close(fixture->store);
    run_sql(fixture, "PRAGMA user_version=99");
    assert_int_equal(try_to_open(fixture), -EPROTO);
    assert_non_null(strstr(fixture->error.text, "later version"));
    assert_int_equal(ex_store_open_reading(fixture->directory, &fixture->store, &fixture->error),
                     -EPROTO);
}

/* Version 1 had no deliveries. */
static void test_an_earlier_version_is_brought_up(void **state) {
    struct fixture *fixture = *state;

    open_store(fixture);
    write_failures(fixture, 1, 10);
    fixture->store = ex_store_close(fixture->store);
    run_sql(fixture,
            "DROP TABLE delivery; ALTER TABLE daemon DROP COLUMN batches; PRAGMA user_version=1");
    assert_int_equal(ex_store_open_reading(fixture->directory, &fixture->store, &fixture->error),
                     -EPROTO);
    assert_non_null(strstr(fixture->error.text, "earlier version"));
    open_store(fixture);
    assert_int_equal(read_all(fixture, EX_READ_FAILURES).count, 10);
    assert_int_equal(read_all(fixture, EX_READ_DELIVERIES).count, 0);
}

/* SQLite has no quarrel with any of these numbers. */
static void test_hostile_numbers_are_refused(void **state) {
    static const char *const pragmas[] = {
        "PRAGMA user_version=-1",   "PRAGMA user_version=-2147483648", "PRAGMA user_version=0",
        "PRAGMA application_id=-1", "PRAGMA application_id=-2",        "PRAGMA application_id=0",
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof pragmas / sizeof *pragmas; i++) {
        open_store(fixture);
        fixture->store = ex_store_close(fixture->store);
        run_sql(fixture, pragmas[i]);
        fixture->error = (struct fo_error){.code = 0};
        assert_int_equal(try_to_open(fixture), -EINVAL);
        assert_int_equal(fixture->error.code, -EINVAL);
        assert_int_not_equal(
            ex_store_open_reading(fixture->directory, &fixture->store, &fixture->error), 0);
        assert_int_equal(unlink(fixture->file), 0);
    }
}

static void test_damage_is_seen(void **state) {
    static const char rubbish[512] = "rubbish";
    struct fixture *fixture = *state;

    open_store(fixture);
    fixture->store = ex_store_close(fixture->store);
    int fd = open(fixture->file, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    for (off_t page = 1; page < 12; page++)
        assert_int_equal(pwrite(fd, rubbish, sizeof rubbish, page * 4096), sizeof rubbish);
    (void)close(fd);
    assert_int_equal(try_to_open(fixture), -EINVAL);
    assert_non_null(strstr(fixture->error.text, "damaged"));
}

static void test_a_backup_is_a_store(void **state) {
    struct fixture *fixture = *state;
    struct ex_store *reading;
    char path[96];

    open_store(fixture);
    write_failures(fixture, 1, 10);
    assert_int_equal(ex_store_open_reading(fixture->directory, &reading, &fixture->error), 0);
    (void)snprintf(path, sizeof path, "%s/copy.db", fixture->directory);
    assert_int_equal(ex_store_backup(reading, path, &fixture->error), 0);
    assert_int_equal(ex_store_backup(reading, path, &fixture->error), -EEXIST);
    (void)ex_store_close(reading);
    fixture->store = ex_store_close(fixture->store);
    assert_int_equal(rename(path, fixture->file), 0);
    open_store(fixture);
    assert_int_equal(read_all(fixture, EX_READ_FAILURES).count, 10);
}

/* ---- retention ---- */

static void test_the_oldest_are_forgotten(void **state) {
    struct fixture *fixture = *state;

    fixture->config.retention_count = 50;
    open_store(fixture);
    write_failures(fixture, 1, 40);
    assert_int_equal(read_all(fixture, EX_READ_FAILURES).count, 40);
    for (int64_t first = 41; first < 200; first += 20)
        write_failures(fixture, first, 20);
    struct seen seen = read_all(fixture, EX_READ_FAILURES);
    assert_int_equal(seen.count, 50);
    assert_int_equal(seen.last, 200);
    assert_int_equal(seen.first, 151);
    reopen(fixture); /* the account survives */
    write_failures(fixture, 201, 1);
    assert_int_equal(read_all(fixture, EX_READ_FAILURES).count, 50);
}

static void test_bytes_are_bounded(void **state) {
    struct fixture *fixture = *state;

    fixture->config.retention_bytes = UINT64_C(100) * (EX_HISTORY_ROW_BYTES + 2);
    open_store(fixture);
    for (int64_t first = 1; first < 400; first += 50)
        write_failures(fixture, first, 50);
    struct seen seen = read_all(fixture, EX_READ_FAILURES);
    assert_in_range(seen.count, 90, 100);
    assert_int_equal(seen.last, 400);
}

static void test_age_is_bounded_and_what_is_pending_stays(void **state) {
    struct fixture *fixture = *state;
    struct ex_batch batch;

    fixture->config.retention_age_ms = 1000; /* all of these are of 1970 */
    open_store(fixture);
    ex_batch_init(&batch);
    add_failure(&batch, 1, 10, 1, "{}");
    add_failure(&batch, 2, 20, 0, "{}");
    add_failure(&batch, 3, 30, 1, "{}");
    assert_int_equal(ex_store_write(fixture->store, &batch), 0);
    ex_batch_done(&batch);
    struct seen seen = read_all(fixture, EX_READ_FAILURES);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.first, 2);
}

/* ---- the writer ---- */

static void submit_and_wait(struct fixture *fixture, struct ex_batch *batch) {
    uint64_t commit_ns = 0;

    ex_store_submit(fixture->store, batch);
    while (!ex_store_finish(fixture->store, &commit_ns))
        (void)sem_wait(&fixture->news);
    assert_true(commit_ns > 0);
}

static void test_the_writer_writes(void **state) {
    struct fixture *fixture = *state;
    struct ex_store_status status;
    struct ex_batch batch;

    open_store(fixture);
    assert_int_equal(ex_store_start(fixture->store), 0);
    ex_batch_init(&batch);
    for (int64_t i = 0; i < 20; i++) {
        ex_batch_reset(&batch);
        for (int64_t id = i * 100; id < (i + 1) * 100; id++)
            add_failure(&batch, id + 1, id, 1, "{\"text\":\"long enough for a checkpoint\"}");
        submit_and_wait(fixture, &batch);
    }
    ex_batch_done(&batch);
    ex_store_status(fixture->store, &status);
    assert_true(status.up);
    assert_int_equal(status.failures, 2000);
    assert_true(status.file_bytes > 100000);
    reopen(fixture);
    assert_int_equal(read_all(fixture, EX_READ_FAILURES).count, 2000);
}

/* Another writer has the file: as with a disk that takes nothing, the batch waits. Then that one
 * does what `sql` says and lets go. */
static void write_while_locked(struct fixture *fixture, struct ex_batch *batch, const char *sql) {
    struct ex_store_status status = {.up = true};
    uint64_t commit_ns;
    sqlite3 *other;

    open_store(fixture);
    assert_int_equal(ex_store_start(fixture->store), 0);
    assert_int_equal(sqlite3_open(fixture->file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ex_store_submit(fixture->store, batch);
    while (status.up) {
        (void)sem_wait(&fixture->news);
        ex_store_status(fixture->store, &status);
    }
    assert_true(status.troubles[EX_STORE_OTHER] >= 1);
    assert_string_equal(status.text, "database is locked");
    assert_false(ex_store_finish(fixture->store, &commit_ns));
    (void)usleep(200 * 1000); /* now it mostly is connected anew, and waits for the lock */
    assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
    while (!ex_store_finish(fixture->store, &commit_ns))
        (void)sem_wait(&fixture->news);
    ex_store_status(fixture->store, &status);
    assert_true(status.up);
    (void)sqlite3_close(other);
}

static void test_the_writer_tries_again(void **state) {
    struct fixture *fixture = *state;
    struct ex_batch batch;

    ex_batch_init(&batch);
    add_failure(&batch, 1, 1, 1, "{}");
    write_while_locked(fixture, &batch, "COMMIT");
    ex_batch_done(&batch);
    reopen(fixture);
    assert_int_equal(read_all(fixture, EX_READ_FAILURES).count, 1);
}

/* The other does as the kernel may when a commit fails: it is in the file all the same. */
static void test_a_commit_in_doubt_is_not_repeated(void **state) {
    struct fixture *fixture = *state;
    struct ex_batch batch;
    int64_t expected = 2;

    ex_batch_init(&batch);
    add_count(&batch, 2);
    write_while_locked(fixture, &batch,
                       "INSERT INTO class_count(type, category, count) VALUES('USER', 'oom', 2);"
                       "UPDATE daemon SET batches=batches+1; COMMIT");
    ex_batch_reset(&batch);
    add_failure(&batch, 1, 1, 1, "{}");
    submit_and_wait(fixture, &batch);
    ex_batch_done(&batch);
    reopen(fixture);
    assert_int_equal(ex_store_read(fixture->store, EX_READ_CLASS_COUNTS, 0, check_count, &expected),
                     0);
    assert_int_equal(read_all(fixture, EX_READ_FAILURES).count, 1);
}

int main(void) {
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_written_is_read),
        TEST(test_counts_add_up_and_a_batch_is_whole),
        TEST(test_sums_of_one_row_become_one),
        TEST(test_what_hangs_on_a_job_goes_with_it),
        TEST(test_files_are_private),
        TEST(test_files_that_are_not_ours_are_refused),
        TEST(test_a_later_version_is_refused),
        TEST(test_damage_is_seen),
        TEST(test_deliveries),
        TEST(test_an_earlier_version_is_brought_up),
        TEST(test_hostile_numbers_are_refused),
        TEST(test_a_backup_is_a_store),
        TEST(test_the_oldest_are_forgotten),
        TEST(test_bytes_are_bounded),
        TEST(test_age_is_bounded_and_what_is_pending_stays),
        TEST(test_the_writer_writes),
        TEST(test_the_writer_tries_again),
        TEST(test_a_commit_in_doubt_is_not_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
