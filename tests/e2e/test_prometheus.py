# SPDX-License-Identifier: Apache-2.0
"""The real Prometheus scrapes it, in every format and encoding; the lint and the strict parser have
nothing to say."""
import http.server
import json
import re
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from harness import Case, free_port, main, wait_for

# What the scraper of each path asks for, whatever it asked for itself: Prometheus 2.42 cannot be told.
PROTOCOLS = {
    "text": "text/plain;version=0.0.4",
    "openmetrics": "application/openmetrics-text;version=1.0.0",
    "protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
}
ENCODINGS = ("gzip", "identity")


class Translator(http.server.ThreadingHTTPServer):
    """Hands /PROTOCOL/ENCODING on as a scrape that asks for just that."""

    daemon_threads = True

    def __init__(self, target):
        self.target = target
        super().__init__(("127.0.0.1", 0), TranslatorRequest)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class TranslatorRequest(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        protocol, encoding = self.path.split("/")[1:]
        deadline = self.headers["X-Prometheus-Scrape-Timeout-Seconds"]
        with urllib.request.urlopen(urllib.request.Request(self.server.target, headers={
                "Accept": PROTOCOLS[protocol], "Accept-Encoding": encoding,
                "X-Prometheus-Scrape-Timeout-Seconds": deadline})) as answer:
            body = answer.read()
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Encoding"):
                if answer.headers[name]:
                    self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server:
    """A Prometheus with these scrape jobs: {name: (host and port, path)}."""

    def __init__(self, case, jobs, *arguments):
        port = free_port()
        scrapes = [{"job_name": name, "metrics_path": path, "static_configs": [{"targets": [target]}]}
                   for name, (target, path) in jobs.items()]
        config = case.write("prometheus.yml", json.dumps({
            "global": {"scrape_interval": "2s", "scrape_timeout": "2s"}, "scrape_configs": scrapes}))
        self.url = f"http://127.0.0.1:{port}/api/v1/"
        self.log_path = case.path("prometheus.log")
        with open(self.log_path, "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={case.path('tsdb')}",
                 f"--web.listen-address=127.0.0.1:{port}", *arguments], stderr=log, stdout=log)
        case.addCleanup(process.wait)
        case.addCleanup(process.kill)

    def ask(self, path, **parameters):
        try:
            with urllib.request.urlopen(self.url + path + "?" + urllib.parse.urlencode(parameters),
                                        timeout=60) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def values(self, expression):
        """{job: number} of a query whose result has the label job."""
        found = self.ask("query", query=expression)
        return {one["metric"]["job"]: float(one["value"][1]) for one in found["result"]} if found else {}

    def rejected_samples(self):
        """{reason: number} of the samples that it did not take, by what it says of itself."""
        with urllib.request.urlopen(self.url.replace("/api/v1/", "/metrics"), timeout=60) as answer:
            found = re.findall(r"^prometheus_target_scrapes_sample_(\w+)_total (\S+)$",
                               answer.read().decode(), re.MULTILINE)
        return {name: float(value) for name, value in found}

    def warnings(self):
        with open(self.log_path, encoding="utf-8") as log:
            return [line for line in log if re.search(r"level=(warn|error)", line)]


class Prometheus(Case):
    def await_values(self, server, expression, expected):
        """A scrape that took too long is no news; the next one comes."""
        wait_for(lambda: server.values(expression) == expected,
                 what=f"{expression} to be {expected}; it is {server.values(expression)}")

    def need(self, program):
        if not shutil.which(program):
            self.skipTest(f"SKIP: {program} is not installed")

    def test_scraped_as_it_comes(self):
        self.need("prometheus")
        daemon = self.flaky_daemon()
        server = Server(self, {"failover": (daemon.url.split("/")[2], "/metrics")})
        self.await_values(server, 'sum by (job) (numJobFailure_total{job_name="flaky"})', {"failover": 4})
        self.await_values(server, 'up{job="failover"}', {"failover": 1})
        self.assertEqual(server.warnings(), [])

    def test_every_protocol(self):
        self.need("prometheus")
        began = time.time()
        daemon = self.flaky_daemon()
        translator = Translator(daemon.url)
        self.addCleanup(translator.server_close)
        self.addCleanup(translator.shutdown)
        target = f"127.0.0.1:{translator.server_port}"
        jobs = {f"{protocol}-{encoding}": (target, f"/{protocol}/{encoding}")
                for protocol in PROTOCOLS for encoding in ENCODINGS}
        server = Server(self, jobs, "--enable-feature=native-histograms,exemplar-storage")

        everywhere = dict.fromkeys(jobs, 1)
        self.await_values(server, "count_over_time(up[1m]) > bool 1", everywhere)
        self.await_values(server, "up", everywhere)
        self.await_values(server, "sum by (job) (numJobFailure_total)", dict.fromkeys(jobs, 4))
        # With native histograms Prometheus 2.42 leaves the classic lines of the same histogram out.
        plain = '{__name__!~"failover_.*_(bucket|sum|count)|failover_(decision|job_recovery|listener|store_commit)_seconds", ' \
                '__name__=~"failover_.*|numJobFailure_total|process_.*"}'
        wait_for(lambda: len(set(server.values(f"count by (job) ({plain})").values())) == 1,
                 what="as many series everywhere")
        native = {job: 4 for job in jobs if job.startswith("protobuf")}
        self.await_values(server, "histogram_count(failover_decision_seconds)", native)
        self.assertTrue(all(0 < value < 10 for value in
                            server.values("histogram_quantile(0.99, failover_decision_seconds)").values()))
        self.assert_exemplars(server, jobs, began)
        self.assertEqual(server.rejected_samples(), dict.fromkeys(
            ("duplicate_timestamp", "out_of_order", "out_of_bounds"), 0))
        self.assertEqual(server.warnings(), [])

    def assert_exemplars(self, server, jobs, began):
        for query in ("numJobFailure_total", "failover_job_failures_total"):
            found = server.ask("query_exemplars", query=query, start=began - 1, end=time.time() + 1)
            self.assertEqual({one["seriesLabels"]["job"] for one in found},
                             {job for job in jobs if not job.startswith("text")})
            for one in found:
                labels = one["exemplars"][-1]["labels"]
                self.assertEqual(labels["failure_id"], "4")
                self.assertRegex(labels["job_id"], "^[0-9a-f]{32}$")

    def test_lint(self):
        self.need("promtool")
        daemon = self.flaky_daemon()
        lint = subprocess.run(["promtool", "check", "metrics"], input=daemon.get("/metrics")[1], text=True,
                              capture_output=True, check=False)
        findings = [line for line in (lint.stdout + lint.stderr).splitlines() if line.strip()]
        self.assertNotEqual(findings, [], "numJobFailure is written as the field knows it")
        self.assertEqual([line for line in findings if "numJobFailure" not in line], [])

    def test_health(self):
        daemon = self.daemon()
        self.assertEqual(daemon.get("/-/healthy")[0], 200)
        self.assertEqual(daemon.get("/-/ready")[0], 200)
        self.assertEqual(daemon.get("/")[0], 200)
        self.assertEqual(daemon.get("/nothing")[0], 404)


if __name__ == "__main__":
    main()
