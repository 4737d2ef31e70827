# SPDX-License-Identifier: Apache-2.0
"""Events for the webhook survive: the receiver is down, the daemon or the listener is killed, and in the end each
event has arrived at least once, under one id. FO_KILLS says how often the daemon is killed at random instants,
FO_SEED which ones."""
import http.server
import json
import os
import random
import shutil
import sqlite3
import threading
import time

from harness import PROGRAM, main, marked_processes, wait_for
from listening import JOB, ListenersCase

KILLS = int(os.environ.get("FO_KILLS", 2))
SEED = int(os.environ.get("FO_SEED", time.time_ns() % 1000000))


class Receiver:
    """Its port is its own from the start, and refuses connections until open() is called."""

    def __init__(self, case):
        self.posts = []  # (id, event) of all that came
        self.refuses = None  # a kind of events
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.posts.append((self.headers["Failover-Event-Id"], body))
                self.send_response(503 if body["kind"] == receiver.refuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.server.server_bind()
        case.addCleanup(self.server.server_close)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.case = case

    def open(self):
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.case.addCleanup(self.server.shutdown)

    def ids(self):
        return [name for name, _ in self.posts]

    def kinds(self):
        return sorted(event["kind"] for event in dict(self.posts).values())


class Deliveries(ListenersCase):
    def setUp(self):
        super().setUp()
        self.state = self.storage()
        self.receiver = Receiver(self)
        self.arguments = ["--config.file=" + self.config(
            "catalogue, webhook", "{webhook: {config: {url: '%s'}}}" % self.receiver.url)]

    def go(self, *arguments):
        return self.daemon(*self.arguments, *arguments, storage=self.state)

    def kill_daemon(self, daemon):
        daemon.process.kill()
        daemon.process.wait()

    def undelivered(self, daemon):
        return daemon.total("failover_listener_undelivered", listener="webhook")

    def rows(self, query):
        """Of the daemon that has ended."""
        with sqlite3.connect(os.path.join(self.state, "state.db")) as database:
            found = database.execute(query).fetchall()
        database.close()
        return found

    def stop(self, daemon):
        """In peace: nothing is left to be told again."""
        wait_for(lambda: self.undelivered(daemon) == 0, 60, f"all to be delivered:\n{daemon.log_text()}")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.rows("SELECT count(*) FROM delivery"), [(0,)])

    def test_kill(self):
        """The receiver is down, the daemon is killed; both start again: three failures, two recoveries and the end
        of the job arrive, each once."""
        daemon = self.go(self.write("job.yaml", JOB % 2))
        wait_for(lambda: self.undelivered(daemon) == 6, what="six events")
        daemon.wait_state("doomed", "FAILED")
        self.kill_daemon(daemon)
        daemon = self.go()  # by now nothing of the other one lives
        self.receiver.open()
        self.stop(daemon)
        self.assertEqual(self.receiver.kinds(), ["exhausted"] + ["labelled"] * 3 + ["recovered"] * 2)
        self.assertEqual(len(self.receiver.ids()), 6)
        events = [event for _, event in self.receiver.posts]
        self.assertEqual([event["failure_id"] for event in events if event["kind"] == "labelled"], [1, 2, 3])
        self.assertEqual({event["labels"]["category"] for event in events if event["kind"] == "labelled"}, {"disk"})
        self.assertFalse([event for event in events if "delivery" in event])

    def test_same_id(self):
        """What was refused is told again by the next daemon under the same id, and in the same words."""
        self.receiver.refuses = "labelled"
        self.receiver.open()
        daemon = self.go(self.write("job.yaml", JOB % 0))
        wait_for(lambda: "labelled" in self.receiver.kinds(), what="a post to be refused")
        self.kill_daemon(daemon)
        before = dict(self.receiver.posts)
        self.receiver.posts.clear()
        self.receiver.refuses = None
        self.stop(self.go())
        self.assertEqual(self.receiver.kinds()[-1], "labelled")
        for name, event in self.receiver.posts:
            self.assertEqual(event, before[name])

    def test_listener_killed(self):
        """The listener is killed, not the daemon: its next life is told what the last one had not delivered."""
        shutil.copytree(os.path.join(os.path.dirname(PROGRAM), "plugins/webhook"), self.path("plugins/webhook"))
        self.arguments.append("--listeners.path=" + self.path("plugins"))
        daemon = self.go(self.write("job.yaml", JOB % 2))
        wait_for(lambda: self.undelivered(daemon) == 6, what="six events")
        for pid in marked_processes(self.path("plugins/webhook")):
            self.kill(pid)
        self.receiver.open()
        self.stop(daemon)
        self.assertEqual(self.receiver.kinds(), ["exhausted"] + ["labelled"] * 3 + ["recovered"] * 2)

    def test_kills(self):
        """Killed at random instants while a job fails on and on: the receiver has each event that is in the store,
        and no other."""
        print(f"seed {SEED}", flush=True)
        chance = random.Random(SEED)
        job = self.write("job.yaml", JOB.replace("50 ms", "5 ms") % 1000000)
        failures = 0

        def more_failures(daemon):
            return (daemon.total("failover_job_failures_total") or 0) > failures
        for cycle in range(KILLS):
            if cycle == KILLS // 2:
                self.receiver.open()
            daemon = self.go(job)
            wait_for(lambda d=daemon: more_failures(d), what="a failure")
            failures = daemon.total("failover_job_failures_total")
            time.sleep(chance.random())
            self.kill_daemon(daemon)
        daemon = self.go(job)
        wait_for(lambda: more_failures(daemon), what="one more failure")
        connection = daemon.control()
        connection.request("PATCH", "/jobs/doomed?mode=cancel")
        self.assertEqual(connection.getresponse().status, 202)
        connection.close()
        daemon.wait_state("doomed", "CANCELED")
        self.assertEqual(daemon.total("failover_listener_given_up_total"), 0)
        self.stop(daemon)
        records = [json.loads(text) for table in ("failure", "event")
                   for (text,) in self.rows(f"SELECT record FROM {table}")]
        wanted = {"{}-{}-{}".format(event["job_id"], event["kind"].replace("failure", "labelled"),
                                    event["incident" if event["kind"] == "recovered" else "failure_id"])
                  for event in records}
        self.assertGreater(len(wanted), KILLS)
        self.assertEqual(set(self.receiver.ids()), wanted)
        print(f"{len(wanted)} events, {len(self.receiver.posts)} posts", flush=True)


if __name__ == "__main__":
    main()
