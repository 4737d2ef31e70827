# SPDX-License-Identifier: Apache-2.0
"""The real Prometheus scrapes it; the lint and the strict parser have nothing to say."""
import json
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request

from harness import Case, main, wait_for


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus(Case):
    def failing_daemon(self):
        job = self.write("job.yaml", """
name: flaky
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 3,
                restart-strategy.fixed-delay.delay: 100 ms}
vertices: [{id: a, command: [sh, -c, 'exit 7']}]
""")
        daemon = self.daemon(job)
        daemon.wait_state("flaky", "FAILED")
        return daemon

    def test_scraped_and_queried(self):
        if not shutil.which("prometheus"):
            self.skipTest("SKIP: Debian's prometheus is not installed")
        daemon = self.failing_daemon()
        target = daemon.url.split("/")[2]
        port = free_port()
        config = self.write("prometheus.yml", "global: {scrape_interval: 1s, scrape_timeout: 900ms}\n"
                            "scrape_configs:\n  - job_name: failover\n    static_configs:\n"
                            f"      - targets: ['{target}']\n")
        log = open(self.path("prometheus.log"), "w", encoding="utf-8")
        self.addCleanup(log.close)
        prometheus = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.path('tsdb')}",
             f"--web.listen-address=127.0.0.1:{port}"], stderr=log, stdout=log)
        self.addCleanup(prometheus.wait)
        self.addCleanup(prometheus.kill)

        def query(expression):
            url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    return json.load(answer)["data"]["result"]
            except OSError:
                return None

        found = wait_for(lambda: query('sum(numJobFailure_total{job_name="flaky"})'), 60, "the count")
        self.assertEqual(found[0]["value"][1], "4")
        self.assertEqual(query('up{job="failover"}')[0]["value"][1], "1")

    def test_lint(self):
        if not shutil.which("promtool"):
            self.skipTest("SKIP: promtool is not installed")
        daemon = self.failing_daemon()
        page = daemon.get("/metrics")[1]
        lint = subprocess.run(["promtool", "check", "metrics"], input=page, text=True,
                              capture_output=True, check=False)
        findings = [line for line in (lint.stdout + lint.stderr).splitlines() if line.strip()]
        others = [line for line in findings if "numJobFailure" not in line]
        self.assertEqual(others, [])

    def test_strict_parser(self):
        daemon = self.failing_daemon()
        status, page, headers = daemon.get("/metrics", Accept="application/openmetrics-text;version=1.0.0")
        self.assertEqual(status, 200)
        self.assertIn("application/openmetrics-text; version=1.0.0", headers["Content-Type"])
        parse = ("import sys; from prometheus_client.openmetrics.parser import "
                 "text_string_to_metric_families as p; print(len(list(p(sys.stdin.read()))))")
        answer = subprocess.run(["/usr/bin/python3", "-c", parse], input=page, text=True,
                                capture_output=True, check=False)
        if "No module named" in answer.stderr:
            self.skipTest("SKIP: python3-prometheus-client is not installed")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertGreater(int(answer.stdout), 20)

    def test_doors(self):
        daemon = self.failing_daemon()
        self.assertEqual(daemon.get("/-/healthy")[0], 200)
        self.assertEqual(daemon.get("/-/ready")[0], 200)
        self.assertEqual(daemon.get("/")[0], 200)
        self.assertEqual(daemon.get("/nothing")[0], 404)
        status, page, headers = daemon.get("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertTrue(page.endswith("\n"))


if __name__ == "__main__":
    main()
