/* SPDX-License-Identifier: Apache-2.0 */
/* bench_daemon - the real daemon, from outside: how soon a killed task runs again, what a thousand
 * supervised tasks cost, how soon nobody is left when the daemon or the spawner is killed.
 * Finds failover_exporter beside itself. Prints `figure value unit`, medians. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 200, MANY_TASKS = 1000, PATH_BYTES = 512, DEATHS = 5 };

/* What a task says when it starts. One write of it into a pipe is whole. */
struct hello {
    int64_t pid;
    uint64_t at_ns;
};

static char program[PATH_BYTES]; /* failover_exporter */
static char self[PATH_BYTES];
static char folder[PATH_BYTES];
static char fifo[PATH_BYTES + 8];

static uint64_t now_ns(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static void sleep_ms(long ms) {
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&time, NULL);
}

/* ---- the task: this program, started by the daemon ---- */

static int be_task(const char *path) {
    const struct hello hello = {.pid = getpid(), .at_ns = now_ns()};
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd == -1 || write(fd, &hello, sizeof hello) != (ssize_t)sizeof hello)
        return 1;
    (void)close(fd);
    for (;;)
        (void)pause();
}

/* ---- the daemon ---- */

static void write_job(char *path, size_t size, int parallelism) {
    (void)snprintf(path, size, "%s/job.yaml", folder);
    FILE *file = fopen(path, "we");
    if (!file)
        die(path);
    (void)fprintf(file,
                  "name: bench\n"
                  "configuration: {restart-strategy.type: fixed-delay,\n"
                  "  restart-strategy.fixed-delay.attempts: 1000000,\n"
                  "  restart-strategy.fixed-delay.delay: 0 s}\n"
                  "vertices: [{id: task, parallelism: %d, command: [%s, --task, %s]}]\n",
                  parallelism, self, fifo);
    (void)fclose(file);
}

static pid_t start_daemon(char *job, char *storage) {
    char serve[] = "serve";
    char address[] = "--web.listen-address=127.0.0.1:0";
    char level[] = "--log.level=error";
    char *arguments[] = {program, serve, address, level, job, storage, NULL};
    pid_t pid;

    if (posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0)
        die(program);
    return pid;
}

static void stop_daemon(pid_t pid, int signal_number) {
    (void)kill(pid, signal_number);
    (void)waitpid(pid, NULL, 0);
}

static struct hello next_hello(int fd) {
    struct hello hello;

    if (read(fd, &hello, sizeof hello) != (ssize_t)sizeof hello)
        die("reading from the tasks");
    return hello;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

static void figure(const char *name, double value, const char *unit) {
    (void)printf("%s %.3f %s\n", name, value, unit);
    (void)fflush(stdout);
}

/* ---- the figures ---- */

/* With its state in memory, or (`storage`: the flag) on the disk. */
static void measure_restart(int fd, char *storage, const char *name, const char *name_p99) {
    char job[PATH_BYTES + 16];
    double times_ms[KILLS];

    write_job(job, sizeof job, 1);
    pid_t daemon = start_daemon(job, storage);
    struct hello task = next_hello(fd);
    for (int i = 0; i < KILLS; i++) {
        sleep_ms(20);
        uint64_t killed_ns = now_ns();
        (void)kill((pid_t)task.pid, SIGKILL);
        task = next_hello(fd);
        times_ms[i] = (double)(task.at_ns - killed_ns) / 1e6;
    }
    stop_daemon(daemon, SIGTERM);
    figure(name, median(times_ms, KILLS), "ms");
    figure(name_p99, times_ms[KILLS * 99 / 100], "ms");
}

/* The first number of a line of /proc/PID/FILE. */
static long read_proc(pid_t pid, const char *name, const char *key) {
    char path[64];
    char line[256];
    long value = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    }
    (void)fclose(file);
    return value;
}

static pid_t first_child(pid_t pid) {
    char name[64];

    (void)snprintf(name, sizeof name, "task/%d/children", (int)pid);
    return (pid_t)read_proc(pid, name, "");
}

static void measure_many(int fd) {
    char job[PATH_BYTES + 16];

    write_job(job, sizeof job, MANY_TASKS);
    uint64_t started_ns = now_ns();
    pid_t daemon = start_daemon(job, NULL);
    for (int i = 0; i < MANY_TASKS; i++)
        (void)next_hello(fd);
    figure("start_1000_tasks", (double)(now_ns() - started_ns) / 1e6, "ms");
    sleep_ms(1000);
    long resident_kib =
        read_proc(daemon, "status", "VmRSS:") + read_proc(first_child(daemon), "status", "VmRSS:");
    figure("resident_1000_tasks", (double)resident_kib / 1024, "MiB");
    stop_daemon(daemon, SIGTERM);
}

static double time_of_death(int fd, int kill_spawner) {
    char job[PATH_BYTES + 16];
    pid_t tasks[16];

    write_job(job, sizeof job, 16);
    pid_t daemon = start_daemon(job, NULL);
    for (int i = 0; i < 16; i++)
        tasks[i] = (pid_t)next_hello(fd).pid;
    uint64_t killed_ns = now_ns();
    if (kill_spawner)
        (void)kill(first_child(daemon), SIGKILL);
    else
        stop_daemon(daemon, SIGKILL);
    for (int i = 0; i < 16;) {
        if (kill(tasks[i], 0) == -1 && errno == ESRCH)
            i++;
    }
    double time_ms = (double)(now_ns() - killed_ns) / 1e6;
    if (kill_spawner) {
        for (int i = 0; i < 16; i++)
            (void)next_hello(fd);
        stop_daemon(daemon, SIGTERM);
    }
    return time_ms;
}

static void measure_deaths(int fd) {
    double times_ms[DEATHS];

    for (int kill_spawner = 0; kill_spawner < 2; kill_spawner++) {
        for (int i = 0; i < DEATHS; i++)
            times_ms[i] = time_of_death(fd, kill_spawner);
        figure(kill_spawner ? "tasks_dead_after_spawner" : "tasks_dead_after_daemon",
               median(times_ms, DEATHS), "ms");
    }
}

static void find_programs(void) {
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);

    if (len <= 0)
        die("/proc/self/exe");
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    (void)snprintf(program, sizeof program, "%.*s/failover_exporter", (int)(slash - self), self);
}

int main(int argc, char **argv) {
    char template[] = "/tmp/bench_daemon.XXXXXX";

    if (argc == 3 && strcmp(argv[1], "--task") == 0)
        return be_task(argv[2]);
    find_programs();
    if (!mkdtemp(template))
        die(template);
    (void)snprintf(folder, sizeof folder, "%s", template);
    (void)snprintf(fifo, sizeof fifo, "%s/hello", folder);
    if (mkfifo(fifo, S_IRUSR | S_IWUSR) == -1)
        die(fifo);
    int fd = open(fifo, O_RDWR | O_CLOEXEC);
    if (fd == -1)
        die(fifo);

    char storage[PATH_BYTES + 32];
    (void)snprintf(storage, sizeof storage, "--storage.path=%s/storage", folder);
    measure_restart(fd, NULL, "kill_to_running", "kill_to_running_p99");
    measure_restart(fd, storage, "kill_to_running_stored", "kill_to_running_stored_p99");
    measure_many(fd);
    measure_deaths(fd);

    char job[PATH_BYTES + 16];
    (void)snprintf(job, sizeof job, "rm -rf %s", folder);
    int status = system(job); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): ours */
    return status == 0 ? 0 : 1;
}
