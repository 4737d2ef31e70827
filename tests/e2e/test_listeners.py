# SPDX-License-Identifier: Apache-2.0
"""Failure listeners beside the real program: those that do their work, and programs that misbehave.
Whatever one does, failures are decided in time and counted exactly once, and what went wrong is to
be seen in failover_listener_*. For libraries that misbehave see test_plugins.py."""
import http.server
import json
import os
import shutil
import stat
import subprocess
import tempfile
import threading
import time

try:
    import jsonschema
except ImportError:
    jsonschema = None

from harness import main, wait_for
from listening import JOB, ListenersCase

# What every misbehaving listener begins with; BODY is done for each failure, as `n` = 1, 2, ...
FRAME = """#!/usr/bin/python3
import json, os, signal, subprocess, sys, time
def say(message):
    print(json.dumps(message), flush=True)
config = json.loads(sys.stdin.readline())
say({"name": "bad", "version": "1", "output_keys": KEYS, "events": ["failure"]})
n = 0
for line in sys.stdin:
    failure = json.loads(line)
    completion = failure["completion"]
    n += 1
    BODY
"""
ANSWER = 'say({"completion": completion, "labels": {"team": "blue"}})'


class Listeners(ListenersCase):
    def plugin(self, name, text, folder=None):
        folder = self.path(os.path.join("plugins", folder or name))
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name + ".py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def bad(self, body, keys=("team",)):
        lines = body.replace("\n", "\n    ")
        self.plugin("bad", FRAME.replace("KEYS", json.dumps(list(keys))).replace("BODY", lines))

    def refused(self, enrichers, *words):
        os.makedirs(self.path("plugins"), exist_ok=True)
        ended = self.run_program("serve", "--web.listen-address=127.0.0.1:0",
                                 "--storage.path=" + self.storage(),
                                 "--config.file=" + self.config(enrichers),
                                 "--listeners.path=" + self.path("plugins"))
        self.assertEqual(ended.returncode, 1, ended.stderr)
        for word in words:
            self.assertIn(word, ended.stderr.splitlines()[-1])

    def misbehave(self, body, keys=("team",), timeout="30 s", restarts=2):
        self.bad(body, keys)
        return self.doomed_beside("catalogue, bad",
                                  "{bad: {timeout: %s, memory: 128 MiB}}" % timeout, restarts)

    # ---- those that do their work ----

    def test_labels_of_all_are_merged(self):
        self.plugin("one", FRAME.replace("KEYS", '["team"]').replace("BODY", ANSWER))
        self.plugin("two", FRAME.replace("KEYS", "[]").replace(
            "BODY", 'say({"completion": completion, "tag": failure["labels"]["category"]})'))
        daemon = self.start("catalogue, one, two",
                            "{one: {rename: {team: owner}}, catalogue: {rename: {type: kind}}}")
        daemon.wait_state("doomed", "FAILED")
        self.counted(daemon, 3)
        self.assertEqual(daemon.total("numJobFailure_total", kind="SYSTEM", category="disk",
                                      owner="blue", two="disk"), 3)
        self.assertIn("Found failure enricher one at ", daemon.log_text())
        self.assertEqual(self.calls(daemon, "ok", "one"), 3)
        self.assertEqual(daemon.stop(), 0)

    def test_conflicting_keys(self):
        for name in ("one", "two"):
            self.plugin(name, FRAME.replace("KEYS", '["team"]').replace("BODY", ANSWER))
        self.plugin("three", FRAME.replace("KEYS", '["shift"]').replace(
            "BODY", 'say({"completion": completion, "labels": {"shift": "day", "team": "x"}})'))
        daemon = self.start("one, two, three")
        daemon.wait_state("doomed", "FAILED")
        self.counted(daemon, 3)
        labels = [found for name, found, _ in daemon.samples() if name == "numJobFailure_total"]
        self.assertEqual(labels, [{"engine": "local", "job_name": "doomed", "shift": "day"}])
        warning = next(line for line in daemon.log_text().splitlines() if "export one key" in line)
        self.assertIn('key="team"', warning)

    def test_none(self):
        daemon = self.start("")
        daemon.wait_state("doomed", "FAILED")
        self.counted(daemon, 3)
        labels = [found for name, found, _ in daemon.samples() if name == "numJobFailure_total"]
        self.assertEqual(labels, [{"engine": "local", "job_name": "doomed"}])

    def test_events(self):
        path = self.write("told", "")
        text = FRAME.replace("KEYS", "[]").replace(
            '["failure"]', '["labelled", "exhausted", "recovered"]')
        start, _ = text.split("n = 0", 1)
        self.plugin("watch", start + "with open(config['config']['path'], 'a') as out:\n"
                                     "    for line in sys.stdin:\n"
                                     "        out.write(line)\n        out.flush()\n")
        daemon = self.start("catalogue, watch", "{watch: {config: {path: %s}, writable: [%s]}}"
                            % (path, path))
        daemon.wait_state("doomed", "FAILED")
        self.counted(daemon, 3)
        wait_for(lambda: self.read("told").count("\n") == 6, what="all events")
        self.assertEqual(daemon.stop(), 0)
        events = [json.loads(line) for line in self.read("told").splitlines()]
        self.keep_to_the_schema(events)
        kinds = [event["kind"] for event in events]
        self.assertEqual([kinds.count(kind) for kind in ("labelled", "exhausted", "recovered")],
                         [3, 1, 2])
        self.assertEqual(events[0]["labels"],
                         {"type": "SYSTEM", "category": "disk", "cause": "disk_full"})
        self.assertEqual(next(e for e in events if e["kind"] == "exhausted")["reason"], "budget")

    def keep_to_the_schema(self, events):
        if not jsonschema:
            self.skipTest("python3-jsonschema is not installed")
        with open(os.path.join(os.path.dirname(__file__), "../../docs/event.schema.json"),
                  encoding="utf-8") as file:
            schema = json.load(file)
        schema["additionalProperties"] = False  # every member is described
        for event in events:
            jsonschema.validate(event, schema)

    def test_the_record_of_a_failure(self):
        path = self.write("told", "")
        self.plugin("bad", FRAME.replace("KEYS", "[]").replace(
            "BODY", f"open({path!r}, 'a').write(line)\n    say({{'completion': completion}})"))
        daemon = self.start("bad", "{bad: {writable: [%s]}}" % path)
        daemon.wait_state("doomed", "FAILED")
        self.counted(daemon, 3)
        self.assertEqual(self.calls(daemon, "empty"), 3)
        failures = [json.loads(line) for line in self.read("told").splitlines()]
        self.assertEqual([failure["attempt"] for failure in failures], [0, 1, 2])
        self.assertEqual(failures[0]["exit_code"], 3)
        self.assertEqual(failures[0]["task"], "a[0]")
        self.assertEqual(failures[0]["output"], "No space left on device\n")
        self.assertEqual(failures[0]["matched"], "No space left on device")
        self.assertEqual(failures[0]["labels"]["category"], "disk")
        self.keep_to_the_schema(failures)

    def test_redacted(self):
        self.plugin("bad", FRAME.replace("KEYS", '["seen"]').replace(
            "BODY", "say({'completion': completion, 'labels': {'seen': failure['output']}})"))
        daemon = self.start("bad", "{catalogue: {redact: ['left on [a-z]*']}}")
        daemon.wait_state("doomed", "FAILED")
        self.counted(daemon, 3)
        self.assertNotIn("left on", daemon.get("/metrics")[1])
        self.assertIn("No space ***", daemon.get("/metrics")[1])

    def test_counted_before_its_job_is_replaced(self):
        """A later job of the name takes the place of one whose failure is still on its round."""
        self.plugin("slow", FRAME.replace("KEYS", '["team"]').replace(
            "BODY", f"while not os.path.exists({self.path('go')!r}): time.sleep(0.05)\n    " + ANSWER))
        daemon = self.start("catalogue, slow", "{slow: {timeout: 100 s}}", 0)
        daemon.wait_state("doomed", "FAILED")
        self.assertEqual(daemon.total("failover_failures_pending"), 1)
        self.assertEqual(daemon.total("failover_failures_counted_total"), 0)
        ended = self.run_program("submit", "--storage.path=" + daemon.storage,
                                 self.path("job.yaml"))
        self.assertEqual(ended.returncode, 0, ended.stderr)
        wait_for(lambda: daemon.total("failover_failures_received_total") == 2)
        self.assertEqual(daemon.total("failover_failures_counted_total"), 1)
        self.assertEqual(daemon.total("failover_failures_by_class_total"), 1)
        self.write("go", "")
        wait_for(lambda: daemon.total("failover_failures_counted_total") == 2)
        self.assertEqual(daemon.total("failover_failures_pending"), 0)
        self.assertEqual(daemon.total("numJobFailure_total", team="blue"), 1)

    def test_stop_does_not_wait_for_a_listener(self):
        self.bad("time.sleep(60)")
        daemon = self.start("catalogue, bad", "{bad: {timeout: 60 s}}", 0)
        daemon.wait_state("doomed", "FAILED")
        self.assertEqual(daemon.total("failover_failures_pending"), 1)
        began = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - began, 40)

    def test_run_counts_before_it_ends(self):
        self.plugin("slow", FRAME.replace("KEYS", '["team"]').replace(
            "BODY", "time.sleep(0.3)\n    " + ANSWER))
        ended = self.run_program(
            "run", "--config.file=" + self.config("slow", "{slow: {timeout: 30 s}}"),
            "--listeners.path=" + self.path("plugins"), "--web.listen-address=127.0.0.1:0",
            "--storage.path=" + self.storage(), self.write("job.yaml", JOB % 0))
        self.assertEqual(ended.returncode, 1, ended.stderr)

    # ---- those that come with it ----

    def shipped(self, enrichers, listeners, restarts=2):
        return self.daemon("--config.file=" + self.config(enrichers, listeners),
                           self.write("job.yaml", JOB % restarts), storage=self.storage())

    def test_log(self):
        os.makedirs(self.path("logs"))
        daemon = self.shipped("catalogue, log",
                              "{log: {config: {path: %s, max_bytes: 500, files: 2}, writable: [%s]}}"
                              % (self.path("logs/events"), self.path("logs")))
        daemon.wait_state("doomed", "FAILED")
        self.counted(daemon, 3)

        def last():
            text = self.read("logs/events")
            return json.loads(text.splitlines()[-1]) if text.endswith("\n") else {}
        wait_for(lambda: (last().get("kind"), last().get("failure_id")) == ("labelled", 3), what="the last event")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(sorted(os.listdir(self.path("logs"))), ["events", "events.1", "events.2"])
        for name in os.listdir(self.path("logs")):
            self.assertLessEqual(os.path.getsize(self.path("logs/" + name)), 500)

    def test_log_without_grant(self):
        os.makedirs(self.path("logs"))
        ended = self.run_program(
            "serve", "--web.listen-address=127.0.0.1:0", "--storage.path=" + self.storage(),
            "--config.file=" + self.config(
                "log", "{log: {config: {path: %s}}}" % self.path("logs/events")))
        if "no Landlock" not in ended.stderr:
            self.assertEqual(ended.returncode, 1)
            self.assertIn("config.path cannot be written", ended.stderr)

    def receiver(self, refusals=0):
        posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posts.append((self.path, self.headers["Authorization"], json.loads(body)))
                self.send_response(503 if len(posts) <= refusals else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}", posts

    def test_webhook(self):
        url, posts = self.receiver(refusals=2)
        token = self.write("token", "s3cret\n")
        daemon = self.shipped("catalogue, webhook", "{webhook: {config: {url: '%s/hook', "
                              "bearer_token_file: %s}}}" % (url, token))
        daemon.wait_state("doomed", "FAILED")
        wait_for(lambda: daemon.total("failover_plugin_webhook_deliveries_total",
                                      result="delivered") == 6, what="all to be delivered")
        self.assertEqual(daemon.total("failover_plugin_webhook_deliveries_total",
                                      result="failed"), 2)
        wait_for(lambda: daemon.total("failover_plugin_webhook_undelivered") == 0, what="the webhook to say so")
        self.assertEqual({(path, secret) for path, secret, _ in posts},
                         {("/hook", "Bearer s3cret")})
        kinds = [event["kind"] for _, _, event in posts[2:]]
        self.assertEqual([kinds.count(kind) for kind in ("labelled", "exhausted", "recovered")],
                         [3, 1, 2])
        self.assertNotIn("s3cret", daemon.log_text())

    def test_webhook_to_alertmanager(self):
        url, posts = self.receiver()
        daemon = self.shipped("catalogue, webhook", "{webhook: {config: {format: alertmanager, "
                              "url: '%s/api/v2/alerts'}}}" % url)
        daemon.wait_state("doomed", "FAILED")
        wait_for(lambda: len(posts) == 6, what="all alerts")
        alerts = [alert for _, _, batch in posts for alert in batch]
        names = [alert["labels"]["alertname"] for alert in alerts]
        self.assertEqual(names.count("FailoverJobGaveUp"), 1)
        self.assertEqual(sum("endsAt" in alert for alert in alerts), 2)
        self.assertEqual(alerts[0]["annotations"]["category"], "disk")

    # ---- those that keep the daemon from starting ----

    def test_missing(self):
        self.refused("absent", "absent", self.path("plugins"))

    def test_no_library(self):
        os.makedirs(self.path("plugins/broken"))
        self.write("plugins/broken/broken.so", "no library at all")
        self.refused("broken", "broken", "it says")

    def test_writable_by_others(self):
        path = self.plugin("loose", FRAME.replace("KEYS", "[]").replace("BODY", ANSWER))
        os.chmod(path, 0o777)
        self.refused("loose", "loose", "may be written by others")
        os.chmod(path, 0o755)
        os.chmod(os.path.dirname(path), 0o775)
        self.refused("loose", "loose", "may be written by others")

    def test_bad_first_line(self):
        self.plugin("mute", "#!/bin/sh\nread config; echo '[]'; sleep 9\n")
        self.refused("mute", "mute", "no JSON object")

    # ---- those that misbehave ----

    def test_eats_memory(self):
        daemon = self.misbehave("hoard = [bytearray(1 << 20) for i in range(1 << 20)]",
                                timeout="60 s")
        self.assertGreaterEqual(self.calls(daemon, "error"), 1)
        self.assertIn("MemoryError", daemon.log_text())

    def test_garbage(self):
        daemon = self.misbehave("sys.stdout.buffer.write(b'\\0\\xff{{{[' * 99 + b'\\n'); "
                                "sys.stdout.flush()")
        self.assertGreaterEqual(self.calls(daemon, "error"), 1)
        wait_for(lambda: daemon.total("failover_listener_restarts_total", listener="bad") >= 1)

    def test_endless_line(self):
        daemon = self.misbehave("while True: sys.stdout.write('x' * 65536)")
        self.assertGreaterEqual(self.calls(daemon, "error"), 1)

    def test_key_of_the_catalogue(self):
        daemon = self.misbehave('say({"completion": completion, "labels": {"category": "x"}})',
                                keys=("category",))
        labels = [found for name, found, _ in daemon.samples() if name == "numJobFailure_total"]
        self.assertEqual(labels, [{"engine": "local", "job_name": "doomed"}])
        self.assertEqual(daemon.total("failover_failures_by_class_total", category="disk"), 3)

    def test_floods_the_log(self):
        daemon = self.misbehave(
            'for i in range(100000): print(json.dumps({"log": {"message": "flood"}}))\n'
            'for i in range(100000): print("flood", file=sys.stderr)\n' + ANSWER)
        suppressed = daemon.total("failover_listener_log_lines_suppressed_total", listener="bad")
        self.assertGreater(suppressed, 100)
        self.assertLess(daemon.log_text().count("flood"), suppressed / 10)

    def test_closes_its_pipes(self):
        daemon = self.misbehave("os.close(1); os.close(0); time.sleep(60)")
        self.assertGreaterEqual(self.calls(daemon, "error"), 1)
        wait_for(lambda: daemon.total("failover_listener_restarts_total", listener="bad") >= 1)

    def test_writes_files(self):
        path = self.write("precious", "kept")
        daemon = self.misbehave(
            "try:\n    open(%r, 'w').write('gone')\nexcept OSError: say({'log': 'refused'})\n"
            % path + ANSWER)
        if "no Landlock" not in daemon.log_text():
            self.assertEqual(self.read("precious"), "kept")
            self.assertIn('text="refused"', daemon.log_text())
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & stat.S_IWUSR, stat.S_IWUSR)

    def test_inherits_nothing(self):
        daemon = self.misbehave(
            "say({'log': 'open: ' + ','.join(sorted(os.listdir('/proc/self/fd')))})\n" + ANSWER)
        self.assertIn('text="open: 0,1,2,3"', daemon.log_text())  # 3 is the listing itself

    def test_metrics_of_its_own(self):
        daemon = self.misbehave(
            "if n == 1: say({'metric': {'name': 'seen', 'type': 'counter', 'help': 'Seen.', "
            "'labels': ['job']}})\n"
            "say({'metric': {'name': 'seen', 'values': [failure['job_name']], 'value': 2}})\n"
            + ANSWER)
        self.assertEqual(daemon.total("failover_plugin_bad_seen_total", job="doomed"), 6)


if __name__ == "__main__":
    main()
