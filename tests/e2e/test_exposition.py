# SPDX-License-Identifier: Apache-2.0
"""The page of metrics of the real program: its manifest, its formats, its filters, its limits."""
import gzip
import json
import os
import re
import resource
import time

import protobuf
from harness import LABEL, Case, main, wait_for

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
except ImportError:
    parse_openmetrics = None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

TEXT = "text/plain; version=0.0.4; charset=utf-8"
TEXT_1 = "text/plain; version=1.0.0; charset=utf-8; escaping="
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROTOBUF = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
ASKS_PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

# What was captured from the releases, and what a page must then say of itself.
ACCEPT = [
    # Prometheus 2.42, by default and with native histograms
    ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS),
    (ASKS_PROTOBUF + ",application/openmetrics-text;version=1.0.0;q=0.8,"
     "application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", PROTOBUF),
    # Prometheus 3.5.3: by default, protobuf first, with the old name scheme
    ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
     "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
     "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", OPENMETRICS + "; escaping=allow-utf-8"),
    (ASKS_PROTOBUF + ";q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
     "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
     "text/plain;version=0.0.4;q=0.2,*/*;q=0.1", PROTOBUF),
    ("application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.2",
     OPENMETRICS + "; escaping=underscores"),
    ("text/plain;version=1.0.0;escaping=allow-utf-8", TEXT_1 + "allow-utf-8"),
    ("text/plain;version=1.0.0", TEXT_1 + "underscores"),
    ("text/plain;version=1.0.0;escaping=values", TEXT_1 + "values"),
    ("application/openmetrics-text", OPENMETRICS),
    # nothing special, nothing that we have, nothing that makes sense
    ("*/*", TEXT),
    ("text/*", TEXT),
    ("", TEXT),
    ("text/html,application/xhtml+xml;q=0.9,image/webp,*/*;q=0.8", TEXT),
    ("application/json", TEXT),
    ("application/vnd.google.protobuf", TEXT),
    ("application/openmetrics-text;q=0,text/plain;q=0.1", TEXT),
    ("application/openmetrics-text;q=2", TEXT),
    (";;;,,,q=1;/,text/", TEXT),
    ("application/openmetrics-text;version=99", TEXT),
    ("text/plain;version=1.0.0;escaping=evil", TEXT_1 + "underscores"),
    ("text/plain;version=1.0.0;escaping=evil\"", TEXT),
]

# A job's name takes everything but control characters and the slash, up to 128 bytes.
HOSTILE_NAME = 'a "quoted" \\ back\\nslash {job="x"} # EOF 1 \u00e9\U0001f525 <script><b>'


# Name, labels, value, and in OpenMetrics an exemplar.
LINE = re.compile(r'^(\w+)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (\S+)(?: # .*)?$', re.MULTILINE)


def read_text(page):
    """{(name, labels): value} of a text page."""
    return {(name, frozenset(LABEL.findall(labels))): value for name, labels, value in LINE.findall(page)}


class Overflow(Case):
    """More jobs than there is room for: all run, what they count adds up, and who waits gets a place."""

    ROOM = 6  # jobs under a limit of 120 lines, for a histogram has 17 of each, and of all that wait

    def job(self, name, script):
        return self.write(name + ".yaml", json.dumps({
            "name": name, "configuration": {"restart-strategy.type": "none"},
            "vertices": [{"id": "a", "command": ["sh", "-c", script]}]}))

    def test_jobs_without_room(self):
        config = self.write("config.yaml", "metrics.limits.series-per-family: 120\nmetrics.retention: 3 s\n")
        go = self.path("go")
        waits = f"while [ ! -e {go} ]; do sleep 0.1; done; exit 3"
        jobs = [self.job("__overflow__", "sleep 600"), self.job("ends", waits)]
        jobs += [self.job(f"long-{i}", "sleep 600") for i in range(self.ROOM - 1)]
        jobs += [self.job("fails", waits), self.job("last", "sleep 600")]
        daemon = self.daemon(f"--config.file={config}", *jobs)

        def overflowing(state):
            return daemon.total("failover_overflow_jobs", state=state)

        def names():
            return {labels["job_name"] for name, labels, _ in daemon.samples() if name == "failover_job_state"}
        wait_for(lambda: overflowing("RUNNING") == 3, what="three jobs without room")
        self.assertEqual(names(), {"ends"} | {f"long-{i}" for i in range(self.ROOM - 1)})
        with open(go, "w", encoding="utf-8"):
            pass
        wait_for(lambda: daemon.total("failover_failures_counted_total") == 2, what="both failures")
        for family in ("failover_job_failures_total", "numJobFailure_total", "failover_job_exhausted_total"):
            self.assertEqual(daemon.total(family, job_name="__overflow__"), 1, family)
        wait_for(lambda: "last" in names(), what="a place for the one that waits")
        self.assertNotIn("__overflow__", names())
        self.assertEqual(daemon.total("failover_job_state", job_name="last", state="RUNNING"), 1)
        wait_for(lambda: overflowing("RUNNING") == 1 and overflowing("FAILED") == 0, what="the others to leave")


    def test_room_is_told_beforehand(self):
        """What --config.check says of a job is what a job then has."""
        config = self.write("config.yaml", "metrics.limits.series-per-family: 120\n")
        jobs = [self.job(f"long-{i}", "sleep 600") for i in range(8)]

        def check(*flags):
            said = self.run_program("serve", "--config.check", *flags)
            self.assertEqual(said.returncode, 0, said.stderr)
            return re.search(r"^metrics: (note|warning): a job shows (\d+) series .*; (\d+) jobs have room, limited by "
                             r"(.*)$", said.stdout, re.MULTILINE).groups()

        kind, series, room, limit = check(jobs[0])
        self.assertEqual((kind, int(room) > 1000), ("note", True))
        self.assertEqual(limit, "metrics.limits.series-per-family of failover_job_recovery_seconds")
        self.assertEqual(check(f"--config.file={config}", *jobs)[::2], ("warning", "7"))
        daemon = self.daemon(jobs[0])
        shown = [value for name, labels, value in daemon.samples()
                 if name == "failover_series" and labels["family"].startswith("failover_job")]
        self.assertEqual(sum(shown), int(series))
        daemon = self.daemon(f"--config.file={config}", *jobs[:6])
        self.assertIn("The metrics have little room", daemon.log_text())


class Manifest(Case):
    def test_committed_files_are_current(self):
        for arguments, file in ((("metrics",), "docs/metrics.md"), (("metrics", "--json"), "metrics.json")):
            answer = self.run_program(*arguments)
            self.assertEqual(answer.returncode, 0, answer.stderr)
            with open(os.path.join(ROOT, file), encoding="utf-8") as committed:
                self.assertEqual(answer.stdout, committed.read(),
                                 f"{file} is out of date: failover_exporter {' '.join(arguments)} > {file}")

    def test_says_what_is_served(self):
        families = {family["name"]: family
                    for family in json.loads(self.run_program("metrics", "--json").stdout)["families"]}
        page = self.flaky_daemon().get("/metrics")[1]
        types = dict(line.split()[2:4] for line in page.splitlines() if line.startswith("# TYPE "))
        # A Flink cluster's own families have no series without one, nor has what waits for a listener that acknowledges.
        expected = {name: "gauge" if family["type"] == "info" else family["type"]
                    for name, family in families.items()
                    if name not in ("failover_engine_gaps_total", "failover_listener_given_up_total",
                                    "failover_listener_undelivered") and not name.startswith("failover_flink_")}
        if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
            del expected["process_virtual_memory_max_bytes"]  # what has no value is left out
        self.assertEqual(types, expected)
        for name, labels in read_text(page):
            family = families.get(name) or families[name.rsplit("_", 1)[0]]
            expected = family["labels"] + (["le"] if name.endswith("_bucket") else [])
            self.assertEqual(sorted(expected), sorted(dict(labels)), name)

    def test_takes_no_arguments(self):
        self.assertEqual(self.run_program("metrics", "everything").returncode, 1)


class Formats(Case):
    @classmethod
    def setUpClass(cls):
        cls.shared = cls.shared_flaky_daemon(name=HOSTILE_NAME)

    def test_accept_headers(self):
        daemon = self.shared
        for accept, expected in ACCEPT:
            with self.subTest(accept=accept):
                status, page, headers = daemon.fetch("/metrics", Accept=accept)
                self.assertEqual(status, 200)
                self.assertEqual(headers["Content-Type"], expected)
                self.assertEqual(headers["Vary"], "Accept, Accept-Encoding")
                if expected != PROTOBUF:
                    self.assertEqual(page.endswith(b"# EOF\n"), expected.startswith(OPENMETRICS))

    def test_encodings(self):
        daemon = self.shared
        path = "/metrics?name[]=failover_job_state&name[]=failover_failures_by_class"
        plain = daemon.fetch(path)[1]
        for asked, expected in (("gzip", "gzip"), ("gzip;q=0", None), ("identity", None), ("br", None),
                                ("gzip;q=0.5, identity;q=0", "gzip"), ("", None), ("zstd", "zstd")):
            with self.subTest(encoding=asked):
                _, page, headers = daemon.fetch(path, **{"Accept-Encoding": asked})
                self.assertEqual(headers["Content-Encoding"], expected)
                if expected != "zstd":
                    self.assertEqual(gzip.decompress(page) if expected else page, plain)

    def test_same_series_in_every_format(self):
        daemon = self.shared
        path = "/metrics?name[]=failover_job_state&name[]=failover_job_failures&name[]=numJobFailure"
        text = read_text(daemon.get(path)[1])
        self.assertEqual(len(text), 11 + 1 + 1)
        for accept in ("text/plain;version=1.0.0", "application/openmetrics-text"):
            self.assertEqual(read_text(daemon.get(path, Accept=accept)[1]), text)
        families = protobuf.read_families(daemon.fetch(path, Accept=ASKS_PROTOBUF)[1])
        self.assertEqual(sum(len(family["series"]) for family in families.values()), len(text))
        for family in families.values():
            for series in family["series"]:
                self.assertEqual(series["labels"]["job_name"], HOSTILE_NAME)

    def test_strict_parser_with_hostile_names(self):
        if not parse_openmetrics:
            self.skipTest("SKIP: python3-prometheus-client is not installed")
        daemon = self.flaky_daemon("--web.openmetrics-created", name=HOSTILE_NAME)
        page = daemon.get("/metrics", Accept="application/openmetrics-text")[1]
        families = {family.name: family for family in parse_openmetrics(page)}
        counter = [sample for sample in families["numJobFailure"].samples if sample.name.endswith("_total")]
        self.assertEqual(counter[0].labels["job_name"], HOSTILE_NAME)
        self.assertEqual(counter[0].value, 4)
        self.assertEqual(sorted(counter[0].exemplar.labels), ["failure_id", "job_id"])

    def test_counter_start_times(self):
        families = protobuf.read_families(self.shared.fetch("/metrics", Accept=ASKS_PROTOBUF)[1])
        before = families["process_start_time_seconds"]["series"][0]["value"]
        for name in ("failover_job_failures_total", "numJobFailure_total", "failover_decision_seconds"):
            series = families[name]["series"][0]
            self.assertGreaterEqual(series["start"], before - 1)
            self.assertLessEqual(series["start"], time.time() + 1)
        self.assertEqual(families["numJobFailure_total"]["series"][0]["value"], 4)
        # A series of numJobFailure is born at its first failure, those of the job with the job.
        self.assertGreaterEqual(families["numJobFailure_total"]["series"][0]["start"],
                                families["failover_job_failures_total"]["series"][0]["start"])


class Requests(Case):
    @classmethod
    def setUpClass(cls):
        cls.shared = cls.shared_flaky_daemon()

    def test_filters(self):
        daemon = self.shared

        def families(query):
            page = daemon.get("/metrics?" + query)[1]
            return {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE ")}

        everything = families("")
        self.assertEqual(families("name[]=numJobFailure"), {"numJobFailure_total"})
        self.assertEqual(families("name[]=nothing"), set())
        process = families("collect[]=process")
        self.assertIn("process_open_fds", process)
        self.assertEqual(families("exclude[]=process"), everything - process)
        self.assertEqual(daemon.get("/metrics?collect[]=process&exclude[]=registry")[0], 400)

    def test_methods(self):
        daemon = self.shared
        self.assertEqual(daemon.fetch("/metrics", method="HEAD")[:2], (200, b""))
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            status, _, headers = daemon.fetch("/metrics", method=method)
            self.assertEqual(status, 405)
            self.assertEqual(headers["Allow"], "GET, HEAD")

    def test_health(self):
        daemon = self.shared
        for paths, text in ((("/-/healthy", "/healthz", "/livez"), "failover_exporter is healthy.\n"),
                            (("/-/ready", "/readyz"), "failover_exporter is ready.\n")):
            for path in paths:
                self.assertEqual(daemon.get(path)[:2], (200, text), path)

    def test_telemetry_path(self):
        daemon = self.daemon("--web.telemetry-path=/figures")
        self.assertEqual(daemon.get("/metrics")[0], 404)
        self.assertEqual(daemon.get("/figures")[0], 200)

    def test_announced_deadline(self):
        daemon = self.shared

        def scrape(seconds):
            return daemon.get("/metrics", **{"X-Prometheus-Scrape-Timeout-Seconds": seconds})[0]

        self.assertEqual(scrape("10"), 200)
        self.assertEqual(scrape("0.5"), 503)
        self.assertEqual(scrape("0.500001"), 503)  # a microsecond is not enough
        for nonsense in ("0", "-1", "3601", "inf", "nan", "soon", "1 s", "", "1" * 100):
            self.assertEqual(scrape(nonsense), 200, nonsense)
        self.assertEqual(daemon.total("failover_scrape_failures_total", reason="deadline"), 2)
        self.assertEqual(daemon.total("failover_scrape_failures_total"), 2)

    def test_size_cap(self):
        daemon = self.daemon("--web.max-response-bytes=4000")
        self.assertEqual(daemon.get("/metrics")[0], 503)
        status, page, _ = daemon.get("/metrics?name[]=failover_scrape_failures")
        self.assertEqual(status, 200)
        self.assertIn('reason="size"} 1', page)
        status, _, headers = daemon.fetch("/metrics?collect[]=process", **{"Accept-Encoding": "gzip"})
        self.assertEqual((status, headers["Content-Encoding"]), (200, "gzip"))

    def test_last_page(self):
        daemon = self.shared
        size = len(daemon.fetch("/metrics")[1])
        self.assertEqual(daemon.total("failover_last_scrape_bytes"), size)
        self.assertGreater(daemon.total("failover_last_scrape_seconds"), 0)

    def test_accounts_add_up_while_failures_come_in(self):
        job = self.write("job.yaml", """
name: busy
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 200,
                restart-strategy.fixed-delay.delay: 1 ms}
vertices: [{id: a, command: [sh, -c, '[ $FAILOVER_ATTEMPT -lt 200 ] || until [ -e go ]; do sleep 0.1; done; exit 1']}]
""")
        daemon = self.daemon(job)
        scrapes = 0
        while daemon.total("failover_job_state", state="FAILED") != 1:
            samples = daemon.samples()
            scrapes += 1

            def total(name):
                return sum(value for sample, _, value in samples if sample == name)

            received = total("failover_failures_received_total")
            counted = total("failover_failures_counted_total")
            self.assertEqual(received, total("failover_failures_rejected_total") + counted
                             + total("failover_failures_pending"))
            self.assertEqual(counted, total("failover_failures_by_class_total"))
            self.assertEqual(total("numJobFailure_total"), total("failover_job_failures_total"))
            if scrapes == 5:
                self.write("go", "")
        self.assertEqual(daemon.total("numJobFailure_total"), 201)

    def test_flink_names(self):
        """The figures of Flink's own reporter, when they are asked for; those of time move on by themselves."""
        def named(daemon):
            return {name.removeprefix("flink_jobmanager_job_"): (labels, value)
                    for name, labels, value in daemon.samples() if name.startswith("flink_")}

        def value(name, daemon):
            return named(daemon)[name][1]

        script = f"[ $FAILOVER_ATTEMPT -ge 2 ] || exit 7; until test -e {self.path('end')}; do sleep 0.1; done; exit 1"
        job = self.write("job.json", json.dumps({
            "name": "named", "vertices": [{"id": "a", "command": ["sh", "-c", script]}],
            "configuration": {"restart-strategy.type": "fixed-delay",
                              "restart-strategy.fixed-delay.attempts": 2,
                              "restart-strategy.fixed-delay.delay": "10 ms"}}))
        daemon = self.daemon(job)
        self.assertEqual(named(daemon), {})
        self.assertEqual(daemon.stop(), 0)
        daemon = self.daemon("--metrics.flink-names", job)
        wait_for(lambda: "numRestarts" in named(daemon), what="the job")
        wait_for(lambda: value("numRestarts", daemon) == 2, what="two restarts")
        self.assertEqual(value("fullRestarts", daemon), 2)
        wait_for(lambda: value("numJobFailure", daemon) == 2, what="both failures")
        before = wait_for(lambda: value("uptime", daemon), what="uptime")
        wait_for(lambda: value("uptime", daemon) > before, what="uptime to rise")
        labels, running = named(daemon)["runningTime"]
        self.assertGreater(running, 0)
        self.assertEqual(labels["job_name"], "named")
        self.assertEqual(len(labels["job_id"]), 32)
        self.assertEqual([value(name, daemon) for name in ("downtime", "restartingTime", "failingTime")], [0, 0, 0])
        self.write("end", "")
        wait_for(lambda: value("uptime", daemon) == -1, what="the end")
        self.assertEqual(value("downtime", daemon), -1)
        self.assertEqual(value("runningTime", daemon), 0)
        self.assertEqual(value("numJobFailure", daemon), 3)
        self.assertNotIn("flink_jobmanager_job_", self.run_program("metrics").stdout)
        page = self.run_program("metrics", "--metrics.flink-names").stdout
        for name in named(daemon):
            self.assertIn(f"`flink_jobmanager_job_{name}`", page)

    def test_allowed_and_denied_families(self):
        """From the file or, before that, the flag; what is left out counts all the same."""
        job = self.write("job.json", json.dumps({
            "name": "j", "vertices": [{"id": "a", "command": ["false"]}],
            "configuration": {"restart-strategy.type": "none"}}))
        config = self.write("config.yaml", "metrics: {allowlist: 'failover_job_*; num*, nothing_like_it',"
                                           " denylist: failover_job_state}\n")
        daemon = self.daemon(f"--config.file={config}", job)
        wait_for(lambda: daemon.total("numJobFailure_total"), what="the failure")
        names = {name for name, _, _ in daemon.samples()}
        self.assertIn("failover_job_state_timestamp_seconds", names)
        self.assertNotIn("failover_job_state", names)
        self.assertNotIn("process_open_fds", names)
        for accept in (OPENMETRICS, ASKS_PROTOBUF):
            self.assertNotIn(b"process_open_fds", daemon.fetch("/metrics", Accept=accept)[1])
        daemon = self.daemon(f"--config.file={config}", "--metrics.allowlist=", "--metrics.denylist=*_job_*", job)
        names = {name for name, _, _ in daemon.samples()}
        self.assertIn("process_open_fds", names)
        self.assertFalse({name for name in names if "_job_" in name})
        for flag in ("--metrics.allowlist=a{b}", "--metrics.denylist=a.b"):
            self.assertEqual(self.run_program("serve", flag).returncode, 1)
        bad = self.write("bad.yaml", "metrics:\n  denylist: a-b\n")
        said = self.run_program("check", "config", bad)
        self.assertEqual(said.returncode, 1)
        self.assertIn(f"{bad}:2: metrics.denylist", said.stderr)

    def test_disabled_exporter_metrics(self):
        daemon = self.daemon("--web.disable-exporter-metrics")
        self.assertIsNone(daemon.total("process_open_fds"))
        daemon = self.daemon("--web.disable-exporter-metrics", "--no-web.disable-exporter-metrics")
        wait_for(lambda: daemon.total("process_open_fds"), what="process metrics")


if __name__ == "__main__":
    main()
