# SPDX-License-Identifier: Apache-2.0
"""From a task's failure to somebody's call: the example jobs of the compose stack, the real Prometheus
and Alertmanager with the shipped rules and configuration, the receiver that prints what it is sent.

Everything runs in a hurry: jobs fail ten times as fast, a scrape and an evaluation take place each
second, and the copies of the rules made here wait one second where the shipped ones wait minutes
(`for`, `keep_firing_for`). Expressions and their windows are the shipped ones.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import yaml

from harness import PROGRAM, Case, free_port, main, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/dashboards"))
import query_all  # noqa: E402

TICK = "1s"
MINUTES = 5  # that queries look back; longer than the whole test
# What the two example jobs do within seconds.
FIRES = {"FailoverJobGaveUp", "FailoverJobRecovered", "FailoverRestartStorm", "FailoverSameCauseRepeats"}
LINE = re.compile(r"(FIRING|RESOLVED) +\w+ +(\w+): (.*)")


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


class Stack(Case):
    def quicken(self, name, *changes):
        """Changes a file of the example; each (old, new) must be in it."""
        path = pathlib.Path(self.path("failing")) / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def start(self, name, *command):
        log = open(self.path(name + ".log"), "w", encoding="utf-8")
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        log.close()
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def make_jobs(self):
        """The example jobs, in a hurry; the one that gives up waits for a word before it begins to fail."""
        shutil.copytree(ROOT / "examples/failing", self.path("failing"))
        self.quicken("records.sh", ("sleep 1", "sleep 0.1"))
        until_told = f"until [ -e {self.path('go')} ]; do sleep 0.1; done"
        return [
            self.quicken("job.yaml", ("interval: 30", "interval: 1000"), ("delay: 3 s", "delay: 300 ms")),
            self.quicken("doomed.yaml", ("sleep 3", until_told), ("delay: 5 s", "delay: 300 ms")),
        ]

    def make_listener(self):
        """Flags for the example listener beside the catalogue, and a webhook that nobody takes posts of."""
        shutil.copytree(os.path.join(os.path.dirname(PROGRAM), "plugins/webhook"), self.path("plugins/webhook"))
        plugin = pathlib.Path(self.path("plugins/enrich/enrich.py"))
        plugin.parent.mkdir(parents=True)
        shutil.copy(ROOT / "examples/listeners/enrich.py", plugin)
        config = self.write("config.yaml", "jobmanager.failure-enrichers: catalogue, enrich, webhook\n"
                            "listeners: {enrich: {config: {teams: {doomed: night}}},\n"
                            f"            webhook: {{config: {{url: 'http://127.0.0.1:{free_port()}/'}}}}}}\n")
        return [f"--config.file={config}", f"--listeners.path={self.path('plugins')}"]

    def start_receiver(self):
        port = free_port()
        self.start("receiver", sys.executable, "-B", str(ROOT / "docker/receiver/receiver.py"), str(port),
                   str(ROOT / "dashboards/runbooks"))
        return port

    def start_alertmanager(self, receiver):
        config = load("docker/alertmanager/alertmanager.yml")
        config["route"].update(group_wait=TICK, group_interval=TICK)
        (webhook,) = config["receivers"][0]["webhook_configs"]
        webhook["url"] = f"http://127.0.0.1:{receiver}/alerts"
        port = free_port()
        self.start("alertmanager", "prometheus-alertmanager", "--cluster.listen-address=",
                   f"--config.file={self.write('alertmanager.yml', json.dumps(config))}",
                   f"--storage.path={self.path('alertmanager')}", f"--web.listen-address=127.0.0.1:{port}")
        return port

    def hurried_rules(self):
        """Copies of the rule files that wait no longer than a tick."""
        for path in sorted((ROOT / "dashboards/prometheus").glob("*.rules.yml")):
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
            for group in content["groups"]:
                for rule in group["rules"]:
                    rule.update({key: TICK for key in ("for", "keep_firing_for") if key in rule})
            yield self.write(path.name, json.dumps(content))

    def start_prometheus(self, exporter, alertmanager):
        config = load("docker/prometheus/prometheus.yml")
        config["global"] = {"scrape_interval": TICK, "scrape_timeout": "900ms", "evaluation_interval": TICK}
        config["rule_files"] = list(self.hurried_rules())
        config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
        (job,) = config["scrape_configs"]
        for key in ("scrape_native_histograms", "always_scrape_classic_histograms"):
            del job[key]  # Prometheus 3 only
        job["static_configs"] = [{"targets": [exporter]}]
        port = free_port()
        self.start("prometheus", "prometheus", f"--web.listen-address=127.0.0.1:{port}",
                   f"--config.file={self.write('prometheus.yml', json.dumps(config))}",
                   f"--storage.tsdb.path={self.path('tsdb')}", "--enable-feature=exemplar-storage")
        return f"http://127.0.0.1:{port}"

    def calls(self, status):
        """{alert: text} of what the receiver printed with that status."""
        found = (LINE.fullmatch(line) for line in self.read("receiver.log").splitlines())
        return {call[2]: call[3] for call in found if call and call[1] == status}

    def await_call(self, status, *alerts, seconds=120):
        def told():
            return set(alerts) <= self.calls(status).keys()
        wait_for(told, seconds, f"{status} of {alerts}; so far: {self.read('receiver.log')}\n"
                 f"{self.read('alertmanager.log')}")
        return self.calls(status)

    def await_data(self, url, expression):
        def there():
            try:
                return query_all.has_data(url, expression, MINUTES)
            except OSError:
                return False  # Prometheus does not listen yet
        wait_for(there, 120, f"data of {expression}")

    def check_every_expression(self, url):
        """Each has data within a while: some take two scrapes and an evaluation."""
        deadline = time.monotonic() + 120
        while True:
            asked, empty = query_all.without_data(url, ROOT / "dashboards", MINUTES)
            if not empty:
                break
            self.assertLess(time.monotonic(), deadline, "\n".join(empty))
            time.sleep(1)
        self.assertGreater(asked, 100)

    def test_from_failure_to_call(self):
        for program in ("prometheus", "prometheus-alertmanager"):
            if not shutil.which(program):
                self.skipTest(f"SKIP: {program} is not installed")
        address = f"127.0.0.1:{free_port()}"
        url = self.start_prometheus(address, self.start_alertmanager(self.start_receiver()))
        jobs, listener = self.make_jobs(), self.make_listener()
        daemon = self.daemon(*listener, *jobs, address=address)

        # What is seen at 0 first is seen to rise.
        self.await_data(url, 'count_over_time(failover_job_exhausted_total{job_name="doomed"}[1m]) > 1')
        self.write("go", "")
        firing = self.await_call("FIRING", *FIRES)
        self.assertEqual(firing["FailoverJobGaveUp"], "Job doomed on engine local is FAILED (reason: budget). "
                         "Nothing restarts it by itself any more.")

        # Somebody mends the job and submits it again: the alert is over.
        mended = self.write("mended.yaml", "{name: doomed, vertices: [{id: load, command: [sleep, '1000']}]}")
        subprocess.run([PROGRAM, "submit", f"--storage.path={daemon.storage}", mended], check=True,
                       stdout=subprocess.DEVNULL)
        self.await_call("RESOLVED", "FailoverJobGaveUp")

        # The daemon dies: its own alerts cannot say so, Prometheus can. Another takes its place.
        os.kill(daemon.process.pid, signal.SIGKILL)
        self.await_call("FIRING", "FailoverExporterDown")
        self.daemon(*listener, *jobs, address=address)
        self.await_call("RESOLVED", "FailoverExporterDown")
        self.check_every_expression(url)


if __name__ == "__main__":
    main()
