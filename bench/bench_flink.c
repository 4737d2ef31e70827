/* SPDX-License-Identifier: Apache-2.0 */
/* bench_flink - the real daemon watches one JobManager with a thousand jobs, every 5 s: what that
 * costs of a core and of memory. The JobManager is this program, which tells the same answers over
 * and over; in each poll a few jobs have changed. Finds failover_exporter beside itself. Prints
 * `figure value unit`. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    JOBS = 1000,
    CHANGED_PER_POLL = 10,
    CONNECTIONS_MAX = 64,
    REQUEST_BYTES = 4096,
    ANSWER_BYTES = 1 << 20,
    PATH_BYTES = 512,
    SETTLE_S = 25,
    MEASURE_S = 60,
    FIRST_PASS_S = 300,
    PROC_BYTES = 1024,
    STAT_UTIME = 14, /* field of /proc/PID/stat */
};

static char program[PATH_BYTES];
static char config_path[] = "/tmp/bench_flink.XXXXXX";

struct job {
    long long modified_ms;
    unsigned failures;
    bool asked; /* about its exceptions */
};

static struct job jobs[JOBS];
static unsigned polls;
static unsigned next_change;
static unsigned long long requests;
static unsigned jobs_asked;
static bool measuring;
static char answer[ANSWER_BYTES];
static size_t answer_len;

static void die(const char *what) {
    perror(what);
    exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static double now_s(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...) {
    va_list args;

    va_start(args, format);
    answer_len += (size_t)vsnprintf(answer + answer_len, sizeof answer - answer_len, format, args);
    va_end(args);
}

/* ---- the JobManager ------------------------------------------------------------------------- */

static void say_id(unsigned job) {
    say("%032x", job + 1);
}

static void say_jobs(void) {
    polls++;
    for (unsigned i = 0; measuring && i < CHANGED_PER_POLL; i++) {
        struct job *job = &jobs[next_change++ % JOBS];
        job->failures++;
        job->modified_ms += 1000;
    }
    say("{\"jobs\":[");
    for (unsigned i = 0; i < JOBS; i++) {
        say("%s{\"jid\":\"", i > 0 ? "," : "");
        say_id(i);
        say("\",\"name\":\"pipeline-%u\",\"start-time\":1000,\"end-time\":-1,\"duration\":5000,"
            "\"state\":\"RUNNING\",\"last-modification\":%lld,\"tasks\":{\"running\":8,"
            "\"canceling\":0,\"canceled\":0,\"total\":8,\"created\":0,\"scheduled\":0,"
            "\"deploying\":0,\"reconciling\":0,\"finished\":0,\"initializing\":0,\"failed\":0}}",
            i, jobs[i].modified_ms);
    }
    say("]}");
}

static void say_vertices(void) {
    say("\"vertices\":[");
    for (unsigned i = 0; i < 4; i++)
        say("%s{\"id\":\"vertex%u\",\"name\":\"operator %u\",\"parallelism\":2,\"status\":"
            "\"RUNNING\",\"tasks\":{\"RUNNING\":2,\"FAILED\":0},\"metrics\":{\"read-bytes\":0,"
            "\"write-bytes\":0,\"read-records\":0,\"write-records\":0}}",
            i > 0 ? "," : "", i, i);
    say("],\"plan\":{\"nodes\":[{\"id\":\"vertex0\"}");
    for (unsigned i = 1; i < 4; i++)
        say(",{\"id\":\"vertex%u\",\"inputs\":[{\"num\":0,\"id\":\"vertex%u\",\"ship_strategy\":"
            "\"HASH\",\"exchange\":\"pipelined_bounded\"}]}",
            i, i - 1);
    say("]}");
}

static void say_exceptions(const struct job *job) {
    unsigned shown = job->failures < 16 ? job->failures : 16;

    say("{\"exceptionHistory\":{\"truncated\":false,\"entries\":[");
    for (unsigned i = 0; i < shown; i++) {
        say("%s{\"exceptionName\":\"java.io.IOException\",\"timestamp\":%u,\"failureLabels\":{},"
            "\"taskName\":\"operator 1 (1/2) - execution #%u\",\"concurrentExceptions\":[],"
            "\"stacktrace\":\"java.io.IOException: No space left on device",
            i > 0 ? "," : "", (job->failures - i) * 1000, job->failures - i - 1);
        for (unsigned frame = 0; frame < 20; frame++)
            say("\\n\\tat "
                "org.example.pipeline.operators.SomeOperator.process(SomeOperator.java:%u)",
                frame);
        say("\"}");
    }
    say("]}}");
}

static void say_about(unsigned number, const char *what) {
    struct job *job = &jobs[number];

    if (strncmp(what, "/config", 7) == 0) {
        say("{\"execution-config\":{\"restart-strategy\":\"Restart with fixed delay (PT1S). "
            "#1000000 restart attempts.\",\"user-config\":{}}}");
    } else if (strncmp(what, "/metrics", 8) == 0) {
        say("[{\"id\":\"numRestarts\",\"value\":\"%u\"}]", job->failures);
    } else if (strncmp(what, "/exceptions", 11) == 0) {
        jobs_asked += !job->asked;
        job->asked = true;
        say_exceptions(job);
    } else if (strncmp(what, "/checkpoints", 12) == 0) {
        say("{\"counts\":{\"failed\":0},\"latest\":{\"completed\":{\"latest_ack_timestamp\":%u}}}",
            1000 + polls);
    } else {
        say("{\"state\":\"RUNNING\",\"start-time\":1000,\"end-time\":-1,\"now\":%lld,"
            "\"timestamps\":{\"RUNNING\":%lld},",
            job->modified_ms + 100, job->modified_ms);
        say_vertices();
        say("}");
    }
}

static void say_answer(const char *path) {
    static const char of_job[] = "/jobs/";
    char id[33] = "";

    if (strcmp(path, "/jobs/overview") == 0) {
        say_jobs();
    } else if (strncmp(path, of_job, sizeof of_job - 1) == 0 && strlen(path) >= 38) {
        memcpy(id, path + sizeof of_job - 1, 32);
        unsigned long number = strtoul(id, NULL, 16);
        if (number >= 1 && number <= JOBS)
            say_about((unsigned)number - 1, path + 38);
    } else {
        say("{\"taskmanagers\":100,\"slots-total\":8000,\"slots-available\":0}");
    }
}

/* A request has no body and comes in one piece: our own client sends it. */
static bool serve(int fd) {
    char request[REQUEST_BYTES];
    char path[REQUEST_BYTES];
    char head[128];
    ssize_t len = read(fd, request, sizeof request - 1);

    if (len <= 0)
        return false;
    request[len] = '\0';
    if (sscanf(request, "GET %4095s HTTP/1.1", path) != 1)
        return false;
    requests++;
    answer_len = 0;
    say_answer(path);
    int head_len = snprintf(head, sizeof head,
                            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            answer_len);
    bool sent = write(fd, head, (size_t)head_len) == head_len;
    for (size_t at = 0; sent && at < answer_len;) {
        ssize_t written = write(fd, answer + at, answer_len - at);
        sent = written > 0;
        at += sent ? (size_t)written : 0;
    }
    return sent;
}

struct server {
    struct pollfd fds[CONNECTIONS_MAX];
    nfds_t count;
};

static void take_connection(struct server *server) {
    static const int on = 1;
    int fd = accept4(server->fds[0].fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd == -1)
        return;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (server->count == CONNECTIONS_MAX)
        (void)close(fd);
    else
        server->fds[server->count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void serve_until(struct server *server, double until_s, unsigned wanted_jobs) {
    while (now_s() < until_s && (wanted_jobs == 0 || jobs_asked < wanted_jobs)) {
        if (poll(server->fds, server->count, 100) < 0 && errno != EINTR)
            die("poll");
        for (nfds_t i = server->count; i-- > 1;) {
            if (server->fds[i].revents == 0 || serve(server->fds[i].fd))
                continue;
            (void)close(server->fds[i].fd);
            server->fds[i] = server->fds[--server->count];
        }
        if (server->fds[0].revents != 0)
            take_connection(server);
    }
}

static unsigned short listen_on_loopback(struct server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd == -1 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, CONNECTIONS_MAX) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("listen");
    server->fds[0] = (struct pollfd){.fd = fd, .events = POLLIN};
    server->count = 1;
    return ntohs(address.sin_port);
}

/* ---- the daemon -------------------------------------------------------------------------------
 */

static pid_t start_daemon(unsigned short port) {
    char serve_word[] = "serve";
    char address[] = "--web.listen-address=127.0.0.1:0";
    char level[] = "--log.level=error";
    char flag[] = "--config.file";
    char *arguments[] = {program, serve_word, address, level, flag, config_path, NULL};
    int fd = mkstemp(config_path);
    pid_t pid;

    if (fd == -1 || dprintf(fd, "engines: {flink: {urls: [\"http://127.0.0.1:%u\"]}}\n", port) < 0)
        die(config_path);
    (void)close(fd);
    if (posix_spawn(&pid, program, NULL, NULL, arguments, environ) != 0)
        die(program);
    return pid;
}

/* User and system time of the process so far. */
static double cpu_s(pid_t pid) {
    char path[64];
    char text[PROC_BYTES];

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file || !fgets(text, sizeof text, file))
        die(path);
    (void)fclose(file);
    const char *field = strrchr(text, ')');
    for (int number = 2; field && number < STAT_UTIME; number++)
        field = strchr(field + 1, ' ');
    if (!field)
        die("/proc/PID/stat");
    char *end;
    unsigned long long user = strtoull(field, &end, 10);
    unsigned long long system_time = strtoull(end, NULL, 10);
    return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

static double rss_mib(pid_t pid) {
    char path[64];
    char line[PROC_BYTES];
    unsigned long kib = 0;

    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtoul(line + 6, NULL, 10);
    }
    if (file)
        (void)fclose(file);
    return (double)kib / 1024;
}

int main(int argc, char **argv) {
    struct server server;
    const char *slash = strrchr(argv[0], '/');

    (void)argc;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(program, sizeof program, "%.*s/failover_exporter",
                   slash ? (int)(slash - argv[0]) : 1, slash ? argv[0] : ".");
    for (unsigned i = 0; i < JOBS; i++)
        jobs[i].modified_ms = 2000;
    pid_t pid = start_daemon(listen_on_loopback(&server));
    double began = now_s();
    serve_until(&server, began + FIRST_PASS_S, JOBS);
    (void)printf("flink_first_pass %.3f s\n", now_s() - began);
    serve_until(&server, now_s() + SETTLE_S, 0);
    measuring = true;
    unsigned long long requests_before = requests;
    double cpu_before = cpu_s(pid);
    began = now_s();
    serve_until(&server, began + MEASURE_S, 0);
    double span = now_s() - began;
    (void)printf("flink_jobs %d jobs\n", JOBS);
    (void)printf("flink_requests %.1f 1/s\n", (double)(requests - requests_before) / span);
    (void)printf("flink_cpu %.2f percent\n", (cpu_s(pid) - cpu_before) / span * 100);
    (void)printf("flink_rss %.1f MiB\n", rss_mib(pid));
    (void)kill(pid, SIGTERM);
    (void)waitpid(pid, NULL, 0);
    (void)unlink(config_path);
    return jobs_asked == JOBS ? 0 : 1;
}
