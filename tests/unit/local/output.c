/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that moves output to logs. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exporter/engines/local/output.h"

enum { PIECE_BYTES = 256 * 1024, WAIT_MS = 10000, PATH_SIZE = 128 };

static uv_loop_t loop;
static struct ex_pump *pump;
static atomic_uint_fast64_t dropped_bytes;
static char folder[PATH_SIZE];
static char path[PATH_SIZE + 16];
static struct ex_buffer head;
static struct ex_buffer tail;

static int setup(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/fo-output-XXXXXX");
    if (!mkdtemp(folder) || uv_loop_init(&loop) != 0)
        return -1;
    (void)snprintf(path, sizeof path, "%s/log", folder);
    atomic_store(&dropped_bytes, 0);
    ex_buffer_init(&head, EX_OUTPUT_HEAD_BYTES);
    ex_buffer_init(&tail, EX_OUTPUT_HEAD_BYTES + EX_OUTPUT_TAIL_BYTES);
    return ex_pump_new(&loop, &dropped_bytes, &pump);
}

static int teardown(void **state) {
    (void)state;
    ex_buffer_done(&head);
    ex_buffer_done(&tail);
    ex_output_remove(path);
    ex_pump_close(pump);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static struct ex_output *open_output(int *ret_fd) {
    struct ex_output *output = NULL;

    assert_int_equal(ex_output_open(pump, path, PIECE_BYTES, &output, ret_fd), 0);
    return output;
}

static void on_done(void *ctx) {
    *(bool *)ctx = true;
}

static void finish(struct ex_output *output) {
    bool done = false;

    ex_output_finish(output, on_done, &done);
    while (!done)
        (void)uv_run(&loop, UV_RUN_ONCE);
    ex_output_read(output, &head, &tail);
    (void)ex_output_free(output);
}

/* Writes lines "0000000\n", "0000001\n" ... */
static void write_lines(int fd, unsigned count) {
    static char block[8 * 4096];

    for (unsigned line = 0; line < count;) {
        size_t len = 0;
        for (; line < count && len < sizeof block - 9; line++)
            len += (size_t)snprintf(block + len, 9, "%07u\n", line);
        assert_int_equal(write(fd, block, len), (ssize_t)len);
    }
}

static void test_little(void **state) {
    int fd = -1;
    struct ex_output *output = open_output(&fd);

    (void)state;
    assert_int_equal(write(fd, "hello\n", 6), 6);
    finish(output); /* although the other end is still open */
    assert_string_equal(ex_buffer_text(&head), "hello\n");
    assert_int_equal(tail.len, 0);
    assert_int_equal(atomic_load(&dropped_bytes), 0);
    (void)close(fd);
}

static void test_nothing(void **state) {
    int fd = -1;
    struct ex_output *output = open_output(&fd);

    (void)state;
    (void)close(fd);
    finish(output);
    assert_int_equal(head.len, 0);
    assert_int_equal(tail.len, 0);
    assert_int_equal(access(path, F_OK), -1); /* no log of nothing */
}

static void expect_head_and_tail(unsigned lines, size_t tail_len) {
    char last[9];

    assert_int_equal(head.len, EX_OUTPUT_HEAD_BYTES);
    assert_memory_equal(head.bytes, "0000000\n0000001\n", 16);
    assert_int_equal(tail.len, tail_len);
    (void)snprintf(last, sizeof last, "%07u\n", lines - 1);
    assert_memory_equal(tail.bytes + tail.len - 8, last, 8);
    (void)snprintf(last, sizeof last, "%07u\n", (unsigned)(lines - tail_len / 8));
    assert_memory_equal(tail.bytes, last, 8);
}

/* Just above the head, over one piece, over all pieces and then some. */
static void test_sizes(void **state) {
    static const unsigned lines[] = {8193, 30000, 40000, 70000, 98304, 98305, 500000};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int fd = -1;
        struct ex_output *output = open_output(&fd);
        size_t after_head = (size_t)lines[i] * 8 - EX_OUTPUT_HEAD_BYTES;
        write_lines(fd, lines[i]);
        (void)close(fd);
        finish(output);
        expect_head_and_tail(lines[i],
                             after_head < EX_OUTPUT_TAIL_BYTES ? after_head : EX_OUTPUT_TAIL_BYTES);
        ex_output_remove(path);
        ex_buffer_reset(&head);
        ex_buffer_reset(&tail);
    }
}

static off_t size_of(const char *file) {
    struct stat info;

    return stat(file, &info) == 0 ? info.st_size : -1;
}

static void test_byte_cap(void **state) {
    char piece[PATH_SIZE + 32];
    int fd = -1;
    struct ex_output *output = open_output(&fd);

    (void)state;
    write_lines(fd, 500000); /* 4 MB into three pieces of 256 KiB */
    (void)close(fd);
    finish(output);
    assert_int_equal(size_of(path), PIECE_BYTES);
    (void)snprintf(piece, sizeof piece, "%s.1", path);
    assert_int_equal(size_of(piece), PIECE_BYTES);
    (void)snprintf(piece, sizeof piece, "%s.2", path);
    assert_true(size_of(piece) > 0 && size_of(piece) <= PIECE_BYTES);
    (void)snprintf(piece, sizeof piece, "%s.3", path);
    assert_int_equal(size_of(piece), -1);
}

static void test_endless_line(void **state) {
    static char block[64 * 1024];
    int fd = -1;
    struct ex_output *output = open_output(&fd);

    (void)state;
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 64; i++)
        assert_int_equal(write(fd, block, sizeof block), sizeof block);
    (void)close(fd);
    finish(output);
    assert_int_equal(head.len, EX_OUTPUT_HEAD_BYTES);
    assert_int_equal(tail.len, EX_OUTPUT_TAIL_BYTES);
}

/* A disk of 128 KiB: the writer is never blocked, the rest is counted, the last words are known. */
static void test_full_disk(void **state) {
    int fd = -1;

    (void)state;
    if (mount("none", folder, "tmpfs", 0, "size=128k") == -1)
        skip(); /* not root, or no mounts here */
    struct ex_output *output = open_output(&fd);
    write_lines(fd, 100000);
    assert_int_equal(write(fd, "last words\n", 11), 11);
    (void)close(fd);
    finish(output);
    assert_int_equal(head.len, EX_OUTPUT_HEAD_BYTES);
    assert_true(atomic_load(&dropped_bytes) >= 800000 - 128 * 1024);
    assert_memory_equal(tail.bytes + tail.len - 19, "0099999\nlast words\n", 19);
    ex_output_remove(path);
    assert_int_equal(umount(folder), 0);
}

/* A log that cannot be opened at all. */
static void test_no_folder(void **state) {
    int fd = -1;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/no/log", folder);
    struct ex_output *output = open_output(&fd);
    write_lines(fd, 20000);
    (void)close(fd);
    finish(output);
    assert_int_equal(atomic_load(&dropped_bytes), 160000);
    assert_memory_equal(tail.bytes + tail.len - 8, "0019999\n", 8);
}

/* Somebody outside holds the other end and goes on writing: the end comes nevertheless. */
static void test_writer_that_goes_on(void **state) {
    int fd = -1;
    struct ex_output *output = open_output(&fd);

    (void)state;
    pid_t writer = fork();
    if (writer == 0) {
        (void)signal(SIGPIPE, SIG_DFL);
        for (;;)
            (void)!write(fd, "noise\n", 6);
    }
    (void)close(fd);
    finish(output);
    assert_true(head.len > 0 || tail.len == 0);
    (void)kill(writer, SIGKILL);
}

static void test_many_at_once(void **state) {
    enum { COUNT = 50, LINES = 20000 };
    struct ex_output *outputs[COUNT];
    int fds[COUNT];

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(path, sizeof path, "%s/log%d", folder, i);
        outputs[i] = open_output(&fds[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        write_lines(fds[i], LINES);
        (void)close(fds[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        ex_buffer_reset(&head);
        ex_buffer_reset(&tail);
        finish(outputs[i]);
        expect_head_and_tail(LINES, (size_t)LINES * 8 - EX_OUTPUT_HEAD_BYTES);
        (void)snprintf(path, sizeof path, "%s/log%d", folder, i);
        ex_output_remove(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_little, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_byte_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writer_that_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
