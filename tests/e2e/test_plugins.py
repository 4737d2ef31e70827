# SPDX-License-Identifier: Apache-2.0
"""Listener libraries that misbehave in every way they can (plugins/faulty.c). Whatever one does,
failures are decided in time and counted exactly once, and what went wrong is to be seen in
failover_listener_*."""
import json
import os

from harness import main, marked_processes, wait_for
from listening import ListenersCase

PLUGINS = os.environ.get("FAULTY_PLUGINS", os.path.abspath("build/release/tests/plugins"))


class Plugins(ListenersCase):
    plugins = PLUGINS

    def calls(self, daemon, result, listener="faulty"):
        return super().calls(daemon, result, listener)

    def misbehave(self, fault, listener="faulty", timeout="30 s", restarts=2,
                  mark=""):
        options = {"timeout": timeout, "memory": "128 MiB", "config": {"fault": fault, "mark": mark}}
        return self.doomed_beside("catalogue, " + listener, json.dumps({listener: options}), restarts)

    def starts_again(self, daemon):
        wait_for(lambda: daemon.total("failover_listener_restarts_total", listener="faulty") >= 1,
                 what="the listener to start again")

    def breaks_down(self, fault, **options):
        """It ends, or is ended: calls fail, and it is started again."""
        daemon = self.misbehave(fault, **options)
        self.assertGreaterEqual(self.calls(daemon, "error"), 1)
        self.starts_again(daemon)

    def test_answers(self):
        """Without a fault it is a good one: what the others show is their fault's doing."""
        daemon = self.misbehave("none")
        self.assertEqual(self.calls(daemon, "ok"), 3)
        self.assertEqual(self.calls(daemon, "error"), 0)
        self.assertEqual(daemon.total("numJobFailure_total", team="blue", category="disk"), 3)
        self.assertEqual(daemon.total("failover_listener_restarts_total", listener="faulty"), 0)

    def test_segfault(self):
        self.breaks_down("segfault")

    def test_abort(self):
        self.breaks_down("abort", restarts=3)

    def test_endless_loop(self):
        daemon = self.misbehave("loop", timeout="400 ms")
        self.assertGreaterEqual(self.calls(daemon, "timeout"), 1)
        self.starts_again(daemon)

    def test_past_its_time(self):
        daemon = self.misbehave("oversleep", timeout="400 ms", restarts=1, mark=self.path("wake"))
        self.assertEqual(self.calls(daemon, "timeout"), 2)
        self.write("wake", "")
        wait_for(lambda: self.calls(daemon, "late") == 2, what="late answers")
        self.assertIsNone(daemon.total("numJobFailure_total", team="blue"))

    def test_eats_memory(self):
        self.breaks_down("hoard", timeout="60 s")

    def test_prints(self):
        """What a library prints goes to the log: it neither answers nor breaks the protocol."""
        daemon = self.misbehave("print")
        self.assertEqual(self.calls(daemon, "ok"), 3)
        self.assertIsNone(daemon.total("numJobFailure_total", team="forged"))
        self.assertEqual(daemon.total("numJobFailure_total", team="blue"), 3)
        wait_for(lambda: "forged" in daemon.log_text(), what="what it printed")

    def test_garbage_in_the_protocol(self):
        self.breaks_down("write")

    def test_answers_twice(self):
        daemon = self.misbehave("answer twice")
        self.assertEqual(self.calls(daemon, "ok"), 3)
        wait_for(lambda: self.calls(daemon, "error") == 3, what="the second answers")
        self.assertEqual(daemon.total("numJobFailure_total", team="blue"), 3)

    def test_answers_for_another(self):
        daemon = self.misbehave("answer another", timeout="3 s")
        self.assertGreaterEqual(self.calls(daemon, "error"), 3)
        self.assertEqual(self.calls(daemon, "timeout"), 3)
        self.assertIsNone(daemon.total("numJobFailure_total", team="blue"))

    def test_reserved_keys(self):
        daemon = self.misbehave("none", "faulty_reserved")
        self.assertEqual(daemon.total("numJobFailure_total", engine="local", team="blue"), 3)
        self.assertIn("reserved or no label name", daemon.log_text())

    def test_conflicting_key(self):
        """The catalogue and the library lose their labels, not the failures nor the policies' verdict."""
        daemon = self.misbehave("none", "faulty_conflicting")
        labels = [found for name, found, _ in daemon.samples() if name == "numJobFailure_total"]
        self.assertEqual(labels, [{"engine": "local", "job_name": "doomed"}])
        self.assertEqual(daemon.total("failover_failures_by_class_total", category="disk"), 3)
        self.assertIn('key="category"', daemon.log_text())

    def test_floods_the_log(self):
        daemon = self.misbehave("flood", timeout="400 ms")

        def suppressed():
            return daemon.total("failover_listener_log_lines_suppressed_total", listener="faulty")
        wait_for(lambda: suppressed() > 100, what="lines to be suppressed")
        wait_for(lambda: daemon.log_text().count("flood") < suppressed() / 10, what="most of them to be")

    def test_closes_its_pipes(self):
        self.breaks_down("close")

    def test_forks(self):
        mark = f"6262.{os.getpid()}"
        self.breaks_down("fork", mark=mark)
        wait_for(lambda: not marked_processes("sleep\0" + mark), what="its children to be gone")

    # ---- what `check config` says of them beforehand ----

    def check(self, text, status):
        path = self.write("config.yaml", text)
        ended = self.run_program("check", "config", "--listeners.path=" + PLUGINS, path)
        self.assertEqual(ended.returncode, status, ended.stdout + ended.stderr)
        return ended.stdout + ended.stderr

    def test_check_conflict(self):
        enrichers = "jobmanager.failure-enrichers: catalogue, faulty_conflicting, absent\n"
        said = self.check(enrichers, 1)
        self.assertIn("config.yaml:1: listeners \"catalogue\" and \"faulty_conflicting\" both export "
                      "\"category\"", said)
        self.assertIn("\"absent\" is not here", said)
        self.check(enrichers + "listeners: {faulty_conflicting: {rename: {category: team}}}\n", 0)
        said = self.check("jobmanager.failure-enrichers: faulty, faulty_conflicting\n"
                          "listeners: {faulty_conflicting: {rename: {category: team}}}\n", 1)
        self.assertIn('"team"', said)

    def test_check_cause_of_a_policy(self):
        policy = "policies:\n  - {match: {type: USER}, action: fail}\n  - {match: {cause: %s}, action: fail}\n"
        self.assertIn("config.yaml:3: policy: \"preemted\" is the cause of no rule; the nearest is "
                      "\"preempted\"", self.check(policy % "preemted", 1))
        self.write("rules.yaml", "causes: [late_truck]\nrules:\n"
                                 "  - {id: ours.truck, priority: 90, match: {message_regex: 'truck late'},\n"
                                 "     labels: {type: SYSTEM, category: dependency, cause: late_truck, "
                                 "retry: backoff}}\n")
        self.check(policy % "late_truck" + "listeners: {catalogue: {files: [rules.yaml]}}\n", 0)


if __name__ == "__main__":
    main()
