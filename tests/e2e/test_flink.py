# SPDX-License-Identifier: Apache-2.0
"""Jobs of Flink clusters: answers that were recorded from real ones, told again; and a JobManager that
lies, hangs and floods."""
import glob
import json
import os
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flink"))
from harness import Case, main, wait_for  # noqa: E402
from recorded import Server  # noqa: E402

RECORDED = sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "flink", "recorded", "*")))
JOB = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"
STATES = ("INITIALIZING", "CREATED", "RUNNING", "FAILING", "FAILED", "CANCELLING", "CANCELED", "FINISHED",
          "RESTARTING", "SUSPENDED", "RECONCILING")


def entry(at, name="java.io.IOException", task="map (1/2) - execution #0", labels=None, concurrent=0):
    found = {"exceptionName": name, "stacktrace": f"{name}: No space left on device\n\tat A.b(A.java:1)\n",
             "timestamp": at, "failureLabels": labels or {},
             "concurrentExceptions": [{"exceptionName": name, "stacktrace": name, "timestamp": at,
                                       "failureLabels": {}}] * concurrent}
    return found if task is None else {**found, "taskName": task}


class Job:
    """A job of a made-up JobManager."""

    def __init__(self, jid=JOB, name="demo", start=1000, strategy="Restart with fixed delay (PT1S). #5 restart attempts."):
        self.jid, self.name, self.start, self.strategy = jid, name, start, strategy
        self.state, self.since, self.end = "RUNNING", {"RUNNING": start + 10}, -1
        self.modified, self.restarts, self.entries, self.truncated = start + 20, 0, [], False
        self.tasks = {"RUNNING": 2}

    def fail(self, at, **how):
        """A failure, answered by a restart that is over."""
        self.entries.insert(0, entry(at, **how))
        self.restarts += 1
        self.since["RUNNING"] = at + 50
        self.modified = at + 60

    def finish(self, state, at):
        self.state, self.end, self.modified, self.since[state] = state, at, at, at
        self.tasks = {"FINISHED" if state == "FINISHED" else "CANCELED": 2}

    def answers(self):
        path = f"/jobs/{self.jid}"
        plan = {"nodes": [{"id": "v2", "inputs": [{"num": 0, "id": "v1", "ship_strategy": "FORWARD",
                                                  "exchange": "pipelined_bounded"}]}, {"id": "v1"}]}
        vertices = [{"id": f"v{number}", "name": name, "parallelism": 2, "tasks": self.tasks}
                    for number, name in ((1, "map"), (2, "sink"))]
        found = {
            path: [200, {"jid": self.jid, "name": self.name, "state": self.state, "start-time": self.start,
                         "end-time": self.end, "now": self.modified + 100, "vertices": vertices, "plan": plan,
                         "timestamps": {state: self.since.get(state, 0) for state in STATES}}],
            path + "/config": [200, {"jid": self.jid, "execution-config": {
                "restart-strategy": self.strategy, "user-config": {"a": "b"}}}],
            path + "/exceptions?maxExceptions=100": [200, {"exceptionHistory": {
                "entries": self.entries, "truncated": self.truncated}}],
            path + "/checkpoints": [200, {"counts": {"failed": 3}, "latest": {
                "completed": {"latest_ack_timestamp": 1700000000000}}}]}
        if self.end < 0:
            found[path + "/metrics?get=numRestarts"] = [200, [{"id": "numRestarts", "value": str(self.restarts)}]]
        return found

    def listed(self):
        return {"jid": self.jid, "name": self.name, "start-time": self.start, "end-time": self.end,
                "duration": 1, "state": self.state, "last-modification": self.modified, "tasks": {}}


class FlinkCase(Case):
    def server(self, **options):
        server = Server(**options)
        self.addCleanup(server.close)
        return server

    def tell(self, server, *jobs):
        answers = {"/overview": [200, {"taskmanagers": 2, "slots-total": 8, "slots-available": 4,
                                       "flink-version": "2.0.0"}],
                   "/jobs/overview": [200, {"jobs": [job.listed() for job in jobs]}]}
        for job in jobs:
            answers.update(job.answers())
        server.answers = answers

    def watch(self, *urls, **settings):
        config = {"engines": {"flink": {"urls": list(urls), "interval": "100 ms", "checkpoints-interval": "100 ms",
                                        "timeout": "60 s", **settings}}}
        return self.daemon("--config.file", self.write("config.yaml", json.dumps(config)))

    def wait_total(self, daemon, wanted, name, **labels):
        try:
            wait_for(lambda: daemon.total(name, **labels) == wanted, what=name)
        except AssertionError:
            self.fail(f"{name}{labels} is {daemon.total(name, **labels)}, and not {wanted}:\n{daemon.log_text()[-3000:]}")

    def wait_polls(self, daemon, count=3):
        def polls():
            return daemon.total("failover_flink_polls_total") or 0
        until = polls() + count
        wait_for(lambda: polls() >= until, what="polls:\n" + daemon.log_text()[-3000:])


class Recorded(FlinkCase):
    """Each version that was recorded: the same counts as the cluster's own."""

    def replay(self, path):
        server = self.server(path=path)
        daemon = self.watch(server.url)
        self.wait_polls(daemon, 1)
        while server.advance():
            self.wait_polls(daemon, 1)
        jobs = server.answers["/jobs/overview"][1]["jobs"]
        self.assertGreaterEqual(len(jobs), 3)
        for job in jobs:
            self.agree(daemon, server, job)
        self.assertEqual(daemon.total("failover_flink_failed_requests_total"), 0)

    def agree(self, daemon, server, job):
        name, jid = job["name"], job["jid"]
        history = server.answers[f"/jobs/{jid}/exceptions?maxExceptions=100"][1]["exceptionHistory"]["entries"]
        self.wait_total(daemon, len(history), "failover_job_failures_total", job_name=name)
        self.wait_total(daemon, len(history), "numJobFailure_total" if history else "failover_job_failures_total",
                        job_name=name)
        self.wait_total(daemon, sum(len(found["concurrentExceptions"]) for found in history),
                        "failover_flink_concurrent_exceptions_total", job_name=name)
        self.wait_total(daemon, 1, "failover_job_state", job_name=name, state=job["state"])
        self.wait_total(daemon, 0, "failover_engine_gaps_total", job_name=name)
        self.wait_total(daemon, sum("taskName" in found for found in history), "failover_job_restarts_total",
                        job_name=name)
        self.wait_total(daemon, sum(1 for found in history if "Recovery is suppressed" in found["stacktrace"]),
                        "failover_job_exhausted_total", job_name=name, reason="budget")
        shown = json.loads(daemon.get(f"/jobs/{jid}/exceptions")[1])["exceptionHistory"]["entries"]
        self.assertEqual([found["timestamp"] for found in shown], [found["timestamp"] for found in history])
        self.assertEqual([found["exceptionName"] for found in shown], [found["exceptionName"] for found in history])
        if job["end-time"] < 0:
            plan = json.loads(daemon.get(f"/jobs/{jid}/plan?fail=worker[0]")[1])
            self.assertEqual(len(plan["decisions"][0]["restart"]), 8, plan)


for recorded in RECORDED:
    setattr(Recorded, "test_" + os.path.basename(recorded).replace(".json", "").replace("-", "_").replace(".", "_"),
            lambda self, path=recorded: self.replay(path))


class Counting(FlinkCase):
    def setUp(self):
        super().setUp()
        self.manager = self.server()
        self.job = Job()

    def start(self, **settings):
        self.tell(self.manager)
        self.exporter = self.watch(self.manager.url, **settings)
        self.wait_polls(self.exporter, 1)
        self.tell(self.manager, self.job)

    def failures(self, wanted):
        self.wait_total(self.exporter, wanted, "failover_job_failures_total", job_name="demo")

    def test_each_entry_once(self):
        self.start(labels=["team"])
        for number in range(3):
            self.job.fail(2000 + number, labels={"team": "blue", "other": "x"})
            self.tell(self.manager, self.job)
            self.failures(number + 1)
        self.wait_polls(self.exporter)
        self.failures(3)
        self.wait_total(self.exporter, 3, "numJobFailure_total", flink_team="blue", category="disk")
        self.wait_total(self.exporter, 3, "failover_job_restarts_total")
        self.wait_total(self.exporter, 0, "failover_engine_gaps_total")
        self.wait_total(self.exporter, 2, "failover_job_restart_budget_remaining")
        self.wait_total(self.exporter, 1, "failover_flink_restart_budget_estimated")
        self.wait_total(self.exporter, 1700000000, "failover_flink_last_completed_checkpoint_timestamp_seconds")
        self.wait_total(self.exporter, 3, "failover_flink_checkpoint_failures_total")
        self.wait_total(self.exporter, 2, "failover_flink_taskmanagers")
        wait_for(lambda: self.exporter.total("failover_job_recoveries_total"), what="a recovery")
        labels = json.loads(self.exporter.get(f"/jobs/{JOB}/exceptions")[1])["exceptionHistory"]["entries"][0]["failureLabels"]
        self.assertEqual(labels["flink_other"], "x")
        self.assertEqual(labels["category"], "disk")

    def test_kept(self):
        """What was counted is not counted again by a daemon that takes over."""
        self.start()
        for number in range(2):
            self.job.fail(2000 + number)
            self.tell(self.manager, self.job)
            self.failures(number + 1)
        self.exporter.process.kill()
        self.exporter.process.wait()
        self.job.fail(2002)  # while nobody looked
        self.tell(self.manager, self.job)
        self.exporter = self.daemon("--config.file", self.path("config.yaml"), storage=self.exporter.storage)
        self.failures(3)
        self.wait_polls(self.exporter)
        self.failures(3)
        self.wait_total(self.exporter, 3, "numJobFailure_total", job_name="demo")
        self.assertEqual(self.exporter.account()["counted_total"], 3)
        self.wait_total(self.exporter, 1, "failover_job_state", job_name="demo", state="RUNNING")

    def test_same_moment_other_task(self):
        self.start()
        self.job.fail(2000)
        self.job.fail(2000, task="map (2/2) - execution #0")
        self.job.fail(2000, name="java.lang.Error")
        self.tell(self.manager, self.job)
        self.failures(3)

    def test_gap_by_restarts(self):
        self.start()
        self.job.fail(2000)
        self.tell(self.manager, self.job)
        self.failures(1)
        self.job.restarts += 4
        self.job.fail(9000)
        self.tell(self.manager, self.job)
        self.failures(2)
        self.wait_total(self.exporter, 4, "failover_engine_gaps_total")
        self.wait_total(self.exporter, 6, "failover_job_restarts_total")

    def test_gap_of_an_ended_job(self):
        self.start()
        self.job.fail(2000)
        self.tell(self.manager, self.job)
        self.failures(1)
        self.job.entries = [entry(9000 - number) for number in range(16)]
        self.job.truncated = True
        self.job.finish("CANCELED", 9500)
        self.tell(self.manager, self.job)
        self.failures(17)
        self.wait_total(self.exporter, 1, "failover_engine_gaps_total")

    def test_concurrent(self):
        self.start()
        self.job.fail(2000, concurrent=2)
        self.tell(self.manager, self.job)
        self.wait_total(self.exporter, 2, "failover_flink_concurrent_exceptions_total")
        self.job.entries[0]["concurrentExceptions"] *= 2
        self.job.modified += 1
        self.tell(self.manager, self.job)
        self.wait_total(self.exporter, 4, "failover_flink_concurrent_exceptions_total")
        self.failures(1)

    def test_what_was_before_us(self):
        for number in range(5):
            self.job.fail(2000 + number)
        self.tell(self.manager, self.job)
        self.exporter = self.watch(self.manager.url)
        self.wait_total(self.exporter, 1, "failover_job_state", state="RUNNING")
        self.failures(0)
        self.wait_total(self.exporter, 5, "failover_job_restarts_total")
        self.job.fail(9000)
        self.tell(self.manager, self.job)
        self.failures(1)
        self.wait_polls(self.exporter)
        self.wait_total(self.exporter, 0, "failover_engine_gaps_total")

    def test_jobmanager_begins_anew(self):
        self.start()
        self.job.fail(2000)
        self.tell(self.manager, self.job)
        self.failures(1)
        self.manager.faults["."] = lambda handler: handler.answer(503, b"{}")
        self.wait_total(self.exporter, 0, "failover_engine_up", engine="flink")
        self.job.entries, self.job.restarts, self.job.modified = [], 0, 20000
        self.tell(self.manager, self.job)
        self.manager.faults.clear()
        self.wait_total(self.exporter, 1, "failover_engine_up", engine="flink")
        self.job.fail(30000)
        self.tell(self.manager, self.job)
        self.failures(2)
        self.wait_total(self.exporter, 2, "failover_job_restarts_total")
        self.wait_total(self.exporter, 0, "failover_engine_gaps_total")

    def test_gone_and_back(self):
        self.start()
        self.job.fail(2000)
        self.tell(self.manager, self.job)
        self.failures(1)
        self.tell(self.manager)
        self.wait_total(self.exporter, 1, "failover_job_state", state="SUSPENDED")
        self.tell(self.manager, self.job)
        self.wait_total(self.exporter, 1, "failover_job_state", state="RUNNING")
        self.wait_polls(self.exporter)
        self.failures(1)

    def test_namesakes(self):
        self.start()
        second = Job(OTHER, start=1500)
        self.tell(self.manager, self.job, second)
        self.wait_total(self.exporter, 1, "failover_job_state", job_name="demo", state="RUNNING")
        self.wait_total(self.exporter, 1, "failover_job_state", job_name="demo#2", state="RUNNING")
        self.assertIn("shown_as=\"demo#2\"", self.exporter.log_text())

    def test_end_of_the_job(self):
        self.start()
        self.job.fail(2000)
        suppressed = entry(2500, "org.apache.flink.runtime.JobException", None, concurrent=1)
        suppressed["stacktrace"] = ("org.apache.flink.runtime.JobException: Recovery is suppressed by X\n\tat A.b(A.java:1)\n"
                                    "Caused by: java.io.IOException: No space left on device\n")
        self.job.entries.insert(0, suppressed)
        self.job.finish("FAILED", 2600)
        self.tell(self.manager, self.job)
        self.wait_total(self.exporter, 1, "failover_job_state", state="FAILED")
        self.failures(2)
        self.wait_total(self.exporter, 1, "failover_job_exhausted_total", reason="budget")
        self.wait_total(self.exporter, 1, "failover_job_restarts_total")
        self.wait_total(self.exporter, 2, "failover_failures_by_class_total", category="disk")

    def test_two_jobmanagers_of_one_cluster(self):
        standby = self.server()
        self.job.fail(2000)
        self.tell(self.manager)
        self.tell(standby)
        self.exporter = self.watch(self.manager.url, standby.url)
        self.wait_total(self.exporter, 2, "failover_flink_jobmanager_up")
        self.tell(self.manager, self.job)
        self.tell(standby, self.job)
        self.failures(1)
        self.manager.faults["."] = lambda handler: handler.answer(500, b"")
        self.wait_total(self.exporter, 1, "failover_flink_jobmanager_up")
        self.job.fail(9000)
        self.tell(standby, self.job)
        self.failures(2)

    def test_orders_are_refused(self):
        self.start()
        self.wait_total(self.exporter, 1, "failover_job_state", state="RUNNING")
        control = self.exporter.control()
        for method, path in (("PATCH", f"/jobs/{JOB}"), ("POST", f"/jobs/{JOB}/restart"), ("POST", f"/jobs/{JOB}/pause")):
            control.request(method, path)
            answer = control.getresponse()
            self.assertEqual(answer.status, 409, answer.read())
            self.assertIn(b"cluster that runs it", answer.read() or b"cluster that runs it")
        control.close()
        self.assertEqual(self.exporter.stop(), 0)

    def test_files_are_read_again(self):
        targets = self.write("targets.json", json.dumps([{"targets": []}]))
        config = self.write("config.yaml", json.dumps(
            {"engines": {"prod": {"kind": "flink", "files": ["targets.json"], "interval": "100 ms"}}}))
        self.tell(self.manager, self.job)
        self.exporter = self.daemon("--config.file", config)
        self.write("targets.json", json.dumps([{"targets": [self.manager.url]}]))
        self.wait_total(self.exporter, 1, "failover_job_state", engine="prod", state="RUNNING")
        self.wait_total(self.exporter, 1, "failover_engine_up", engine="prod")
        for text, complaint in (("", "no list of addresses"), ("[nonsense", "flow sequence")):
            with open(targets, "w", encoding="utf-8") as file:
                file.write(text)
            wait_for(lambda: complaint in self.exporter.log_text(), what="a complaint")
            self.wait_polls(self.exporter)
            self.wait_total(self.exporter, 1, "failover_flink_jobmanager_up")
        self.write("targets.json", "[]")
        self.wait_total(self.exporter, None, "failover_flink_jobmanager_up")
        self.wait_total(self.exporter, 1, "failover_job_state", engine="prod", state="SUSPENDED")

    def test_secrets(self):
        token = self.write("token", "s3cret\n")
        self.start(**{"bearer-token-file": token})
        self.wait_total(self.exporter, 1, "failover_job_state", state="RUNNING")
        self.assertEqual(self.manager.asked[-1][1].get("Authorization"), "Bearer s3cret")
        self.write("token", "other\n")
        wait_for(lambda: self.manager.asked[-1][1].get("Authorization") == "Bearer other", what="the new token")

    def test_tls(self):
        """Server and client know each other by certificates; whom nobody vouches for is not asked."""
        certificate, key = self.certificate("server")
        own, own_key = self.certificate("client")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(own)
        context.verify_mode = ssl.CERT_REQUIRED
        self.manager = self.server(tls=context)
        self.tell(self.manager, self.job)
        stranger = self.watch(self.manager.url)
        self.start(**{"tls": {"ca": certificate, "cert": own, "key": own_key},
                      "basic-auth": {"user": "ada", "password-file": self.write("password", "pass:word\n")}})
        self.wait_total(self.exporter, 1, "failover_job_state", state="RUNNING")
        self.assertEqual(self.manager.asked[-1][1].get("Authorization"), "Basic YWRhOnBhc3M6d29yZA==")
        self.wait_total(stranger, 0, "failover_engine_up", engine="flink")
        self.assertIsNone(stranger.total("failover_job_state", state="RUNNING"))
        self.assertNotIn("pass:word", self.exporter.log_text())


def drip(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)


def cut_off(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"jobs": [')
    handler.close_connection = True


def flood(handler):
    handler.send_response(200)
    handler.end_headers()
    piece = b" " * (1 << 20)
    for _ in range(100):
        handler.wfile.write(piece)
    handler.close_connection = True


def body(text, status=200, **headers):
    return lambda handler: handler.answer(status, text.encode(), **headers)


# What is done, and with which paths.
FAULTS = {
    "slow": (drip, "."),
    "cut off": (cut_off, "."),
    "flood": (flood, "."),
    "errors": (body('{"errors": ["no"]}', 500), "."),
    "redirects": (body("", 302, Location="http://127.0.0.1:1/"), "."),
    "half of an answer": (body('{"jobs": {"jid": 7}, "taskmanagers": "many"'), "."),
    "other types": (body('{"jobs": [1, null, {"jid": []}], "vertices": 3, "exceptionHistory": []}'), "."),
    "a state that is none": (body('{"jobs": [{"jid": "%s", "state": "NONSENSE"}]}' % JOB), "."),
    "details of other types": (body('{"vertices": 3, "state": 7, "exceptionHistory": []}'), "^/jobs/f"),
    "details that are a list": (body("[[[]]]"), "^/jobs/f"),
    "no details": (cut_off, "^/jobs/f"),
}


class Faults(FlinkCase):
    """Whatever one JobManager does, the other is watched, the daemon answers, and nothing is counted that
    did not happen."""

    def setUp(self):
        super().setUp()
        self.bad, self.good = self.server(), self.server()
        self.job = Job()
        self.tell(self.bad)
        self.tell(self.good)
        self.exporter = self.watch(self.bad.url, self.good.url, **{"timeout": "500 ms", "answer-max": "64 KiB"})
        self.wait_total(self.exporter, 2, "failover_flink_jobmanager_up")

    def misbehave(self, number, fault, path):
        name = f"bad{number}"
        self.bad.faults[path] = fault
        self.tell(self.bad, Job(f"f{number:031x}", name=name))
        asked = len(self.bad.asked)
        wait_for(lambda: len(self.bad.asked) >= asked + 2, what="requests:\n" + self.exporter.log_text()[-2000:])
        self.job.fail(2000 + number * 1000)
        self.tell(self.good, self.job)
        self.wait_total(self.exporter, number + 1, "failover_job_failures_total", job_name="demo")
        self.assertFalse(self.exporter.total("failover_job_state", job_name=name, state="RUNNING"))
        self.bad.faults.clear()
        self.wait_total(self.exporter, 1, "failover_job_state", job_name=name, state="RUNNING")

    def test_faults(self):
        self.tell(self.good, self.job)
        self.wait_total(self.exporter, 1, "failover_job_state", job_name="demo", state="RUNNING")
        for number, (name, (fault, path)) in enumerate(FAULTS.items()):
            with self.subTest(name):
                self.misbehave(number, fault, path)
        self.assertEqual(self.exporter.total("failover_failures_received_total"), len(FAULTS))
        self.assertGreater(self.exporter.total("failover_flink_failed_requests_total"), 5)
        if not os.environ.get("FO_SANITIZE"):
            with open(f"/proc/{self.exporter.process.pid}/status", encoding="ascii") as status:
                peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
            self.assertLess(peak, 120 * 1024)
        self.bad.faults["."] = lambda handler: setattr(handler, "close_connection", True)
        self.wait_total(self.exporter, 0, "failover_flink_jobmanager_up", jobmanager=self.bad.url)
        self.wait_total(self.exporter, 0, "failover_engine_up", engine="flink")


if __name__ == "__main__":
    main()
