# SPDX-License-Identifier: Apache-2.0
"""The push engine as an outside scheduler sees it: reports, decisions, silence, bad input, roles."""
import json
import socket
import subprocess
import threading
import time

from harness import Case, free_port, main, wait_for

RETRY = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": 3,
         "restart-strategy.fixed-delay.delay": "50 ms"}
NONE = {"decision": {"action": "none", "restart": [], "delay_ms": 0}}
LINES = "application/x-ndjson"
HASH = "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"  # secret


def job_file(name="job", vertices=None, edges=(), **more):
    return json.dumps({"name": name, "engine": "push", "configuration": RETRY,
                       "vertices": vertices or [{"id": "a", "parallelism": 2}], "edges": list(edges), **more})


def report(task, attempt, sequence, state, **more):
    return {"task": task, "attempt": attempt, "sequence": sequence, "state": state, **more}


class Stream:
    """Server-sent events, collected by a thread until the end."""

    def __init__(self, owner, last_id=None):
        self.connection = owner.server.control()
        headers = {"Last-Event-ID": str(last_id)} if last_id is not None else {}
        self.connection.request("GET", f"/jobs/{owner.job}/decisions", headers=headers)
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        self.events = []
        self.ended = False
        owner.addCleanup(self.close)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for line in self.answer:
                if line.startswith(b"data: "):
                    self.events.append(json.loads(line[6:]))
        except (OSError, ValueError):
            pass
        self.ended = True

    def wait(self, action, count=1):
        return wait_for(lambda: [event for event in self.events if event["action"] == action][count - 1:],
                        what=f"{action} on the stream")[0]

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # closed, here or there
        self.thread.join(20)
        self.answer.close()
        self.connection.close()


class PushCase(Case):
    """One daemon for all tests of a class; a job for each, of the test's name."""
    CONFIG = "{}"

    @classmethod
    def setUpClass(cls):
        owner = Case()
        owner.setUp()
        cls.addClassCleanup(owner.doCleanups)
        cls.server = owner.daemon(f"--config.file={owner.write('config.yaml', cls.CONFIG)}")

    def setUp(self):
        super().setUp()
        self.job = self._testMethodName
        self.before = self.account()

    def state(self, *states):
        self.server.wait_state(self.job, *states)

    def ask(self, method, path, body=None, content_type="application/json", connection=None):
        connection = connection or self.server.control()
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        connection.request(method, path, body, {"Content-Type": content_type} if body is not None else {})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.headers.get_content_type() == LINES:
            return answer.status, [json.loads(line) for line in text.splitlines()]
        return answer.status, json.loads(text) if text else None

    def submit(self, **more):
        status, answer = self.ask("POST", "/jobs", job_file(self.job, **more))
        self.assertEqual(status, 201, answer)
        return answer["jid"]

    def post(self, body=None, content_type="application/json"):
        return self.ask("POST", f"/jobs/{self.job}/reports", body, content_type)

    def report(self, *reports):
        if len(reports) == 1:
            return self.post(reports[0])
        return self.post("\n".join(json.dumps(each) for each in reports), LINES)

    def decisions(self, query=""):
        status, answer = self.ask("GET", f"/jobs/{self.job}/decisions?wait=10s{query}")
        self.assertEqual(status, 200, answer)
        return answer

    def exception(self):
        return self.ask("GET", f"/jobs/{self.job}/exceptions")[1]["exceptionHistory"]["entries"][0]["exceptionName"]

    def account(self):
        return self.server.account()

    def rise(self):
        now = self.account()
        return {name: now[name] - self.before[name] for name in now}

    def expect_rise(self, **expected):
        """Rejections are shown once they are stored, which may be after the answer."""
        def risen():
            rise = self.rise()
            return all(rise[name] == value for name, value in expected.items())
        wait_for(risen, what=f"{expected}; it was {self.rise()}")


class Push(PushCase):

    # ---- the way of a job ----

    def test_a_job_from_its_start_to_its_end(self):
        self.submit(vertices=[{"id": "a"}, {"id": "b"}], edges=[{"from": "a", "to": "b", "exchange": "blocking"}])
        stream = Stream(self)
        self.assertEqual(stream.answer.headers["Content-Type"], "text/event-stream")
        reset = stream.wait("reset")
        self.assertEqual(reset["tasks"], [{"task": "a[0]", "attempt": 0, "state": "DEPLOYING"}])
        self.assertEqual(self.report(report("a[0]", 0, 0, "RUNNING")), (200, NONE))
        self.state("RUNNING")
        failure = {"output": "MemoryError", "exit_code": 1}
        decision = {"decision": {"action": "restart", "restart": ["a[0]"], "delay_ms": 50}}
        self.assertEqual(self.report(report("a[0]", 0, 1, "FAILED", failure=failure)), (200, decision))
        announced = stream.wait("restart")
        self.assertEqual(announced["tasks"], [{"task": "a[0]", "attempt": 0}])
        again = stream.wait("deploy")
        self.assertEqual(again["tasks"], [{"task": "a[0]", "attempt": 1}])
        self.assertGreaterEqual(again["due_ms"], announced["due_ms"])
        self.assertEqual(self.report(report("a[0]", 1, 0, "RUNNING"), report("a[0]", 1, 1, "FINISHED")),
                         (200, [NONE, NONE]))
        self.assertEqual(stream.wait("deploy", 2)["tasks"], [{"task": "b[0]", "attempt": 0}])
        self.report(report("b[0]", 0, 0, "RUNNING"), report("b[0]", 0, 1, "FINISHED"))
        stream.wait("close")
        wait_for(lambda: stream.ended, what="the end of the stream")
        self.state("FINISHED")
        self.assertEqual([event["id"] for event in stream.events],
                         sorted({event["id"] for event in stream.events}))
        self.assertEqual(self.server.total("numJobFailure_total", job_name=self.job, category="oom"), 1)
        self.assertEqual(self.server.total("failover_engine_up", engine="push"), 1)
        # Who did not hear may ask again, also after the end.
        self.assertEqual(self.report(report("a[0]", 0, 1, "FAILED", failure=failure)), (200, decision))
        self.assertEqual(self.report(report("b[0]", 0, 1, "FINISHED")), (200, NONE))
        self.assertEqual(self.report(report("b[0]", 0, 2, "FAILED"))[0], 409)
        self.account()

    def test_giving_up(self):
        self.submit(configuration={"restart-strategy.type": "none"})
        stream = Stream(self)
        answer = self.report(report("a[0]", 0, 0, "RUNNING"), report("a[1]", 0, 0, "RUNNING"),
                             report("a[0]", 0, 1, "FAILED", failure={"signal": "SIGKILL"}))[1][2]
        self.assertEqual(answer["decision"]["action"], "fail")
        self.assertEqual(stream.wait("fail")["tasks"], [{"task": "a[0]", "attempt": 0}])
        self.assertEqual(stream.wait("cancel")["tasks"], [{"task": "a[1]", "attempt": 0}])
        self.assertEqual(self.report(report("a[1]", 0, 1, "CANCELED")), (200, NONE))
        self.state("FAILED")
        stream.wait("close")

    def test_non_recoverable(self):
        self.submit()
        failure = {"exception": ["com.example.Bad: no", "java.io.IOException"], "evidence": ["non_recoverable"]}
        answer = self.report(report("a[0]", 0, 0, "FAILED", failure=failure))
        self.assertEqual(answer[1]["decision"]["action"], "fail")
        self.report(report("a[1]", 0, 0, "CANCELED"))
        self.state("FAILED")
        self.assertEqual(self.exception(), "com.example.Bad")

    def test_messages_of_exceptions_are_judged(self):
        self.submit(configuration={"restart-strategy.type": "none"})
        failure = {"exception": ["com.example.SinkFailed: batch 7", "java.io.IOException: No space left on device"]}
        self.report(report("a[0]", 0, 0, "FAILED", failure=failure))
        self.assertEqual(self.server.total("numJobFailure_total", job_name=self.job, category="disk"), 1)

    # ---- reports ----

    def test_a_report_counts_once(self):
        self.submit(vertices=[{"id": "a", "parallelism": 50}])
        batch = [report(f"a[{i}]", 0, 9, "FAILED", failure={"exit_code": 3}) for i in range(50)]
        first = self.report(*batch[:3])
        self.assertEqual({line["decision"]["action"] for line in first[1]}, {"restart"})
        answers = [None] * 8

        def send(place):
            answers[place] = self.report(*batch[3:])
        threads = [threading.Thread(target=send, args=(place,)) for place in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for answer in answers:
            self.assertEqual(answer, answers[0])
        self.assertEqual(self.report(*batch[:3]), first)
        decided = {line["decision"]["action"] for line in answers[0][1]}
        self.assertLessEqual(decided, {"restart", "fail", "none"})
        rise = self.rise()
        self.assertEqual(self.server.total("failover_job_failures_total", job_name=self.job), rise["counted_total"])
        self.assertLessEqual(rise["received_total"], 50)
        self.assertEqual(self.server.total("failover_push_reports_in_flight"), 0)

    def test_attempts_are_fenced(self):
        self.submit()
        self.assertEqual(self.report(report("a[0]", 1, 0, "RUNNING"))[0], 409)  # has not come yet
        self.report(report("a[0]", 0, 0, "FAILED"))
        wait_for(lambda: self.report(report("a[0]", 1, 0, "RUNNING"))[0] == 200, what="the next attempt")
        for late in (report("a[0]", 0, 1, "FAILED"), report("a[0]", 0, 1, "FINISHED"), report("a[0]", 0, 7, "RUNNING")):
            status, answer = self.report(late)
            self.assertEqual(status, 409, answer)
            self.assertIn("attempt", answer["errors"][0])
        self.assertEqual(self.report(report("a[0]", 1, 1, "INITIALIZING"))[0], 409)  # from RUNNING
        self.assertEqual(self.report(report("a[0]", 1, 1, "RUNNING")), (200, NONE))
        self.expect_rise(stale_attempt=1)
        self.assertEqual(self.server.total("failover_job_failures_total", job_name=self.job), 1)

    def test_lines(self):
        self.submit()
        good = json.dumps(report("a[0]", 0, 0, "RUNNING"))
        body = "\n".join([good, "", "{", json.dumps(report("b[0]", 0, 0, "FAILED")), "[1]",
                          good.replace('"attempt": 0', '"attempt": 5'), good, "\r"])
        status, answers = self.post(body, LINES)
        self.assertEqual(status, 200)
        self.assertEqual([line.get("reason") for line in answers],
                         [None, "malformed", "unknown_task", "malformed", "stale_attempt", None])
        self.assertEqual([line.get("status", 200) for line in answers], [200, 400, 404, 400, 409, 200])
        self.assertEqual(self.post("", LINES), (200, {}))
        self.assertEqual(self.post(), (200, {}))
        self.expect_rise(malformed=2, unknown_task=1, unknown_job=0)
        self.assertEqual(self.ask("POST", "/jobs/none/reports", json.dumps(report("a[0]", 0, 0, "FAILED")))[0], 404)
        self.expect_rise(unknown_job=1)

    def test_bad_reports(self):
        self.submit()
        good = {"task": "a[0]", "attempt": 0, "sequence": 0, "state": "RUNNING"}
        failed = {**good, "state": "FAILED"}
        for body, word in (
                ("{", "JSON"), ("[]", "object"), ("null", ""), ("1e999", ""), ('{"a": 1', "JSON"),
                (b'{"task": "\xff\xfe"}', "decode byte"), ('{"task": "a[0]", "task": "a[1]"}', "duplicate"),
                ("[" * 100000, "one another"), ('{"task": ' * 2000, "one another"),
                ({**good, "sequenze": 1}, "sequenze"), ({**good, "task": 7}, "task"), ({**good, "task": ""}, "task"),
                ({**good, "task": "a" * 1000}, "task"), ({**good, "task": "a\0b"}, ""),
                ({**good, "attempt": -1}, "attempt"), ({**good, "attempt": 4294967296}, "attempt"),
                ({**good, "attempt": "0"}, "attempt"), ({**good, "attempt": 0.5}, "attempt"),
                ({**good, "sequence": -1}, "sequence"), ({**good, "sequence": None}, "sequence"),
                (json.dumps(good).replace('"sequence": 0', '"sequence": 99999999999999999999'), "JSON"),
                ({**good, "state": "running"}, "state"), ({**good, "state": "CREATED"}, "state"),
                ({**good, "state": 3}, "state"), ({**good, "failure": {}}, "failure"),
                ({**failed, "failure": []}, "failure"), ({**failed, "failure": {"exit_code": 2 ** 40}}, "exit_code"),
                ({**failed, "failure": {"signal": "SIGNOTHING"}}, "signal"),
                ({**failed, "failure": {"evidence": "x"}}, "evidence"), ({**failed, "failure": {"output": 1}}, "output"),
                ({**failed, "failure": {"exception": [1]}}, "exception"),
        ):
            status, answer = self.post(body)
            self.assertEqual(status, 400, body)
            self.assertIn(word, answer["errors"][0])
        self.assertEqual(self.post(good, "text/plain")[0], 415)
        self.assertEqual(self.post("\n".join(["{}"] * 10001), LINES)[0], 413)
        long = {**failed, "failure": {"output": "x" * (1 << 20)}}
        self.assertEqual(self.post(long)[0], 400)
        for query in ("wait=1h", "wait=x", "after=-1", "after=x", "wait=1s&after=99999999999999999999999"):
            self.assertEqual(self.ask("GET", f"/jobs/{self.job}/decisions?{query}")[0], 400, query)
        self.assertEqual(self.ask("GET", "/jobs/none/decisions")[0], 404)
        self.assertEqual(self.ask("GET", f"/jobs/{'n' * 300}/decisions")[0], 404)
        self.assertEqual(self.ask("POST", f"/jobs/{'n' * 300}/reports", good)[0], 404)
        self.assertEqual(self.server.total("failover_job_failures_total", job_name=self.job), 0)
        self.account()

    def test_bodies_without_end(self):
        self.submit()
        head = f"POST /jobs/{self.job}/reports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        for rest, feed in (("Content-Length: 2147483648\r\n\r\n", b""),
                           ("Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 0x10000 + b"\r\n")):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(60)
                client.connect(self.server.storage + "/control.sock")
                client.sendall((head + rest).encode())
                try:
                    for _ in range(1000 if feed else 0):
                        client.sendall(feed)
                except OSError:
                    pass  # it hung up: enough is enough
                try:
                    answer = client.recv(4096)
                except ConnectionResetError:
                    answer = b"HTTP/1.1 413"
                self.assertIn(b" 413", answer.splitlines()[0])
        self.assertEqual(self.report(report("a[0]", 0, 0, "RUNNING")), (200, NONE))

    # ---- decisions ----

    def test_polls(self):
        self.submit()
        first = self.decisions()
        self.assertEqual([event["action"] for event in first["events"]], ["reset"])
        last = first["last_event_id"]
        begun = time.monotonic()
        none = self.ask("GET", f"/jobs/{self.job}/decisions?wait=300ms&after={last}")[1]
        self.assertEqual(none, {"events": [], "last_event_id": last})
        self.assertGreater(time.monotonic() - begun, 0.25)
        seen = []
        waiter = threading.Thread(target=lambda: seen.append(self.decisions(f"&after={last}")))
        waiter.start()
        wait_for(lambda: self.server.total("failover_push_followers") == 1, what="the poll to wait")
        self.report(report("a[0]", 0, 0, "FAILED"))
        waiter.join()
        self.assertEqual([event["action"] for event in seen[0]["events"]], ["restart"])
        last = seen[0]["last_event_id"]
        self.assertEqual([event["action"] for event in self.decisions(f"&after={last}")["events"]], ["deploy"])

    def test_a_stream_goes_on_where_it_broke(self):
        self.submit(configuration={**RETRY, "restart-strategy.fixed-delay.attempts": 1000,
                                   "restart-strategy.fixed-delay.delay": "0 ms"})
        stream = Stream(self)
        last = stream.wait("reset")["id"]
        stream.close()
        for attempt in range(3):
            wait_for(lambda: self.report(report("a[0]", attempt, 0, "FAILED"))[0] == 200, what="the attempt")
        wait_for(lambda: self.report(report("a[0]", 3, 0, "RUNNING"))[0] == 200, what="the attempt")
        again = Stream(self, last)
        again.wait("deploy", 3)
        self.assertEqual([(event["id"], event["action"]) for event in again.events],
                         [(last + 1 + i, action) for i, action in enumerate(["restart", "deploy"] * 3)])
        again.close()
        for attempt in range(3, 40):  # more than are kept
            wait_for(lambda: self.report(report("a[0]", attempt, 1, "FAILED"))[0] == 200, what="the attempt")
        wait_for(lambda: self.report(report("a[0]", 40, 0, "RUNNING"))[0] == 200, what="the attempt")
        gap = Stream(self, last)
        state = {entry["task"]: (entry["attempt"], entry["state"]) for entry in gap.wait("reset")["tasks"]}
        self.assertEqual(state, {"a[0]": (40, "RUNNING"), "a[1]": (0, "DEPLOYING")})
        self.assertEqual(len(gap.events), 1)
        gap.close()

    # ---- the end ----

    def test_nobody_stops_what_is_cancelled(self):
        self.submit(vertices=[{"id": "a", "stop-timeout": "300 ms"}, {"id": "b", "stop-timeout": "300 ms"}])
        self.report(report("a[0]", 0, 0, "RUNNING"), report("b[0]", 0, 0, "RUNNING"))
        self.assertEqual(self.ask("PATCH", f"/jobs/{self.job}"), (202, {}))
        self.state("CANCELED")
        for task in ("a[0]", "b[0]"):
            self.assertEqual(self.report(report(task, 0, 1, "CANCELED"))[0], 409)


class Silence(PushCase):
    HEARTBEAT_SECONDS = 5  # longer than a busy machine lets somebody wait
    CONFIG = f"heartbeat.timeout: {HEARTBEAT_SECONDS} s"

    def test_silent_schedulers(self):
        """An empty report is life, and so is a stream that is open."""
        self.job = "followed"
        self.submit(configuration={"restart-strategy.type": "none"})
        stream = Stream(self)
        self.job = "reported"
        self.submit(configuration={"restart-strategy.type": "none"})
        self.report(report("a[0]", 0, 0, "RUNNING"), report("a[1]", 0, 0, "RUNNING"))
        end = time.monotonic() + self.HEARTBEAT_SECONDS + 1
        while time.monotonic() < end:
            time.sleep(0.1)
            self.assertEqual(self.post(), (200, {}))
        self.assertEqual(self.server.total("failover_push_schedulers_lost_total"), 0)
        stream.close()
        for self.job in ("followed", "reported"):
            self.state("FAILED")
            self.assertEqual(self.exception(), "failover.HeartbeatMissed")
        self.assertEqual(self.server.total("failover_push_schedulers_lost_total"), 2)
        self.account()

    def test_z_shutdown(self):
        """The last of its class by name: what follows ends, and nobody is waited for long."""
        self.submit(vertices=[{"id": "a", "stop-timeout": "300 ms"}])
        stream = Stream(self)
        last = self.decisions()["last_event_id"]
        poll = threading.Thread(target=self.decisions, args=(f"&after={last}",))
        poll.start()
        wait_for(lambda: self.server.total("failover_push_followers") == 2, what="both to wait")
        begun = time.monotonic()
        self.server.process.terminate()
        self.assertEqual(self.server.process.wait(120), 0)
        self.assertLess(time.monotonic() - begun, 40)
        wait_for(lambda: stream.ended, what="the end of the stream")
        poll.join(20)


class Roles(Case):
    def test_roles(self):
        port = free_port()
        certificate, key = self.certificate()
        web = self.write("web.yaml", f"""
tls_server_config: {{cert_file: {certificate}, key_file: {key}}}
basic_auth_users: {{ci: {HASH}, reader: {HASH}, boss: {HASH}}}
""")
        path = self.write("config.yaml", "web: {roles: {ci: [report], reader: [read], boss: [control]}}\n")
        self.server = self.daemon(f"--config.file={path}", f"--web.config.file={web}",
                                  f"--control.listen-address=127.0.0.1:{port}")
        local = json.dumps({"name": "mine", "vertices": [{"id": "v", "command": ["true"]}]})

        def status(user, method, path, body="", content_type="application/json"):
            answer = subprocess.run(
                ["curl", "-s", "--cacert", certificate, "-u", f"{user}:secret", "-X", method, "-o", "/dev/null",
                 "-w", "%{http_code}", "-H", f"Content-Type: {content_type}", "--data-binary", body,
                 f"https://localhost:{port}{path}"], capture_output=True, text=True, timeout=300, check=True)
            return int(answer.stdout)
        good = json.dumps(report("a[0]", 0, 0, "RUNNING"))
        self.assertEqual(status("reader", "POST", "/jobs", job_file()), 403)
        self.assertEqual(status("ci", "POST", "/jobs?directory=/bin", local), 403)
        self.assertEqual(status("ci", "POST", "/jobs", job_file()), 201)
        for user, wanted in (("ci", 200), ("reader", 403), ("boss", 200)):
            self.assertEqual(status(user, "POST", "/v1/jobs/job/reports", good), wanted, user)
            self.assertEqual(status(user, "GET", "/jobs/job/decisions?wait=0"), wanted, user)
            self.assertEqual(status(user, "GET", "/jobs/job"), 200, user)
        for path in ("/jobs/job/pause", "/jobs/job/resume", "/jobs/job/restart", "/-/quit", "/-/reload"):
            self.assertEqual(status("ci", "POST", path), 403, path)
            self.assertEqual(status("reader", "POST", path), 403, path)
        self.assertEqual(status("ci", "PATCH", "/jobs/job"), 403)
        self.assertEqual(status("boss", "POST", "/jobs?directory=/", local), 201)
        # Nobody reports through the read door.
        address = self.server.url.split("/")[2].replace("127.0.0.1", "localhost")
        for path in ("/jobs/job/reports", "/v1/jobs/job/reports", "/jobs/job%2freports", "//jobs/job/reports"):
            answer = subprocess.run(["curl", "-s", "--cacert", certificate, "-u", "boss:secret", "-o", "/dev/null",
                                     "-w", "%{http_code}", "-H", "Content-Type: application/json", "-d", good,
                                     f"https://{address}{path}"], capture_output=True, text=True, check=True)
            self.assertIn(answer.stdout, ("404", "405"), path)
        self.assertNotIn("secret", self.server.log_text())


if __name__ == "__main__":
    main()
