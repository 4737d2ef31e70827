# SPDX-License-Identifier: Apache-2.0
"""run, plan, check job and version as a person meets them: exit status, words, nothing left over."""
import contextlib
import json
import os
import pty
import signal
import subprocess
import threading

from harness import PATIENCE, PROGRAM, Case, main, marked_processes, wait_for

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WORDCOUNT = os.path.join(ROOT, "examples", "wordcount", "job.yaml")

BAD_JOBS = {
    "cycle": ("name: x\nvertices:\n  - {id: a, command: [cat]}\n  - {id: b, command: [cat]}\n"
              "edges:\n  - {from: a, to: b}\n  - {from: b, to: a}\n", "cycle"),
    "unknown vertex": ("name: x\nvertices:\n  - {id: alpha, command: [cat]}\nedges:\n"
                       "  - {from: alpha, to: alpah}\n", "alpah"),
    "duplicate id": ("name: x\nvertices:\n  - {id: a, command: [cat]}\n  - {id: a, command: [cat]}\n",
                     "a"),
    "parallelism 0": ("name: x\nvertices:\n  - {id: a, parallelism: 0, command: [cat]}\n", "parallelism"),
    "parallelism 10^9": ("name: x\nvertices:\n  - {id: a, parallelism: 1000000000, command: [cat]}\n",
                         "parallelism"),
    "too many channels": ("name: x\nvertices:\n  - {id: a, parallelism: 2000, command: [cat]}\n"
                          "  - {id: b, parallelism: 2000, command: [cat]}\nedges:\n  - {from: a, to: b}\n",
                          "4000000"),
    "no such command": ("name: x\nvertices:\n  - {id: a, command: [no-such-command-anywhere]}\n",
                        "no-such-command-anywhere"),
    "not a map": ("- a\n- b\n", "map"),
    "unknown key": ("name: x\nvertices:\n  - {id: a, comand: [cat]}\n", "comand"),
    "broken yaml": ("name: x\nvertices: [\n", ""),
}


class Run(Case):
    def test_wordcount_recovers(self):
        answer = self.run_program("run", WORDCOUNT, cwd=self.folder)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn("wordcount ended FINISHED", answer.stdout)
        self.assertIn("2 failures", answer.stdout)
        self.assertIn("split[1], attempt 0", answer.stdout)
        self.assertIn("merge[0], attempt 0", answer.stdout)
        self.assertIn("recovered", answer.stdout)

    def test_budget_used_up(self):
        mark = f"mark-{os.getpid()}-budget"
        job = self.write("job.yaml", f"""
name: doomed
configuration: {{restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 2,
                restart-strategy.fixed-delay.delay: 10 ms}}
vertices:
  - {{id: bad, command: [sh, -c, 'echo the disk is on fire >&2; exit 3']}}
  - {{id: good, command: [sh, -c, 'sleep 1000 & sleep 1000', {mark}]}}
""")
        answer = self.run_program("run", job)
        self.assertEqual(answer.returncode, 1, answer.stdout + answer.stderr)
        self.assertIn("the disk is on fire", answer.stdout)
        self.assertIn("doomed ended FAILED", answer.stdout)
        self.assertIn("3 failures", answer.stdout)
        self.assertEqual(marked_processes(mark), [])

    def test_exhausted_is_counted(self):
        job = self.write("job.yaml", """
name: doomed
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 2,
                restart-strategy.fixed-delay.delay: 10 ms}
vertices: [{id: bad, command: ['false']}]
""")
        daemon = self.daemon(job)
        daemon.wait_state("doomed", "FAILED")
        self.assertEqual(daemon.total("failover_job_exhausted_total", reason="budget"), 1)
        self.assertEqual(daemon.total("failover_job_exhausted_total"), 1)
        self.assertEqual(daemon.total("failover_job_restart_budget_limit", job_name="doomed"), 2)
        self.assertEqual(daemon.total("failover_job_restart_budget_remaining", job_name="doomed"), 0)

    def test_interrupt_cancels(self):
        mark = f"mark-{os.getpid()}-interrupt"
        job = self.write("job.yaml", 
                         f"name: long\nvertices: [{{id: a, command: [sh, -c, 'sleep 1000 & wait', {mark}]}}]\n")
        with self.running("run", job) as run:
            wait_for(lambda: marked_processes(mark), what="the task to run")
            run.send_signal(signal.SIGINT)
            output, _ = run.communicate(timeout=120 * PATIENCE)
        self.assertEqual(run.returncode, 130, output)
        self.assertIn("CANCELED", output)
        self.assertIn("0 failures", output)
        self.assertEqual(marked_processes(mark), [])

    def test_bad_jobs(self):
        for name, (text, word) in BAD_JOBS.items():
            job = self.write("bad.yaml", text)
            for command, status in ((["run", job], 2), (["plan", job], 2), (["check", "job", job], 1),
                                    (["serve", "--web.listen-address=127.0.0.1:0", job], 1)):
                with self.subTest(job=name, command=command[0]):
                    answer = self.run_program(*command)
                    self.assertEqual(answer.returncode, status, answer.stdout + answer.stderr)
                    errors = [line for line in answer.stderr.splitlines()
                              if line.startswith("failover_exporter: ")]
                    self.assertEqual(len(errors), 1, answer.stderr)
                    self.assertIn(job, errors[0])
                    self.assertIn(word, errors[0])
                    self.assertNotIn("switched state", answer.stderr)
                    self.assertNotIn("metrics at", answer.stdout)

    def test_one_bad_job_starts_none(self):
        started = self.path("started")
        good = self.write("good.yaml", f"name: good\nvertices: [{{id: a, command: [touch, {started}]}}]\n")
        bad = self.write("bad.yaml", "name: bad\nvertices: [{id: a, command: [no-such-command-anywhere]}]\n")
        again = self.write("again.yaml", self.read("good.yaml"))
        for second, word in ((bad, "no-such-command-anywhere"), (again, "good")):
            answer = self.run_program("serve", "--web.listen-address=127.0.0.1:0", good, second)
            self.assertEqual(answer.returncode, 1, answer.stderr)
            self.assertIn(f"failover_exporter: {second}:", answer.stderr)
            self.assertIn(word, answer.stderr)
            self.assertNotIn("switched state", answer.stderr)
            self.assertFalse(os.path.exists(started))

    def test_the_file_that_is_wrong_is_named(self):
        config = self.write("config.yaml", "restart-strategy.typ: none\n")
        for command in (["run"], ["plan"], ["check", "job"], ["serve"]):
            answer = self.run_program(*command, f"--config.file={config}", WORDCOUNT)
            self.assertIn(f"failover_exporter: {config}:1: ", answer.stderr, command)

    def test_unreadable_file(self):
        for command, status in (("run", 2), ("plan", 2)):
            answer = self.run_program(command, self.path("absent.yaml"))
            self.assertEqual(answer.returncode, status)
            self.assertIn("absent.yaml", answer.stderr)

    def test_bad_flags(self):
        for command, status in (("run", 2), ("plan", 2), ("serve", 1), ("check", 1)):
            answer = self.run_program(command, "--no-such-flag", WORDCOUNT)
            self.assertEqual(answer.returncode, status, answer.stderr)
            self.assertIn("--no-such-flag", answer.stderr)

    def test_plan(self):
        answer = self.run_program("plan", WORDCOUNT, "--fail", "count[1]@5s", "--fail", "merge", "--json")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        plan = json.loads(answer.stdout)
        self.assertEqual(sorted(map(sorted, plan["regions"])),
                         [["check[0]"], ["count[0]", "count[1]", "split[0]", "split[1]"], ["merge[0]"]])
        self.assertIsNone(plan["gives_up_at_ms"])
        self.assertEqual([d["action"] for d in plan["decisions"]], ["restart"])
        first = plan["decisions"][0]
        self.assertEqual((first["failed"], first["restart"], first["at_ms"], first["delay_ms"]),
                         ("merge[0]", ["merge[0]"], 0, 200))

    def test_check_and_version(self):
        answer = self.run_program("check", "job", WORDCOUNT)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        answer = self.run_program("version")
        self.assertRegex(answer.stdout, r"^failover_exporter, version \d+\.\d+\.\d+ \(branch: \S+, "
                                        r"revision: \S+\)\n")
        self.assertEqual(self.run_program("--version").stdout, answer.stdout)

    def test_live_view_on_a_terminal(self):
        job = self.write("job.yaml", """
name: seen
configuration: {restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 3,
                restart-strategy.fixed-delay.delay: 3 s}
vertices: [{id: worker, parallelism: 2, command: [sh, -c, 'until [ -e go.$FAILOVER_ATTEMPT ]; do sleep 0.1; done;
                                                           test $FAILOVER_ATTEMPT -gt 0']}]
""")
        keyboard, terminal = pty.openpty()
        run = subprocess.Popen([PROGRAM, "run", job], stdin=terminal, stdout=terminal, stderr=terminal)
        self.addCleanup(run.wait)
        self.addCleanup(run.kill)
        os.close(terminal)
        screen = self.collect(keyboard)
        self.await_shown(screen, "worker", "RUNNING 2")
        self.write("go.0", "")
        self.await_shown(screen, "failures 2", "1 of 3 restarts left", "next restart in",
                         "worker[1], attempt 0: exit status 1")
        self.write("go.1", "")
        self.assertEqual(run.wait(300), 0, screen)
        self.await_shown(screen, "seen ended FINISHED")

    def collect(self, keyboard):
        """A list of what is printed on a terminal, which grows until the program has ended."""
        pieces = []

        def read():
            with contextlib.suppress(OSError), open(keyboard, "rb", buffering=0) as file:
                while piece := file.read(65536):
                    pieces.append(piece)
        threading.Thread(target=read, daemon=True).start()
        return pieces

    def await_shown(self, screen, *words):
        def shown():
            text = b"".join(screen).decode(errors="replace")
            return all(word in text for word in words)
        wait_for(shown, what=f"{words} to be shown")

    def test_output_cannot_steer_the_terminal(self):
        job = self.write("job.yaml", """
name: loud
vertices: [{id: a, command: [sh, -c, 'printf "one\\n\\033]0;two\\007 \\302\\233 three" >&2; exit 1']}]
""")
        answer = self.run_program("run", job)
        self.assertEqual(answer.returncode, 1, answer.stdout)
        self.assertIn("one\n?]0;two? ? three\n", answer.stdout)

    def test_policies_steer_decisions(self):
        config = self.write("config.yaml", """
restart-strategy: {type: fixed-delay, fixed-delay.attempts: 1, fixed-delay.delay: 10 ms}
policies:
  - {match: {type: USER, retry: never}, action: fail}
  - {match: {category: quota}, restart-strategy: {type: exponential-delay,
      exponential-delay.initial-backoff: 10 ms, exponential-delay.jitter-factor: 0}}
  - {match: {cause: killed}, action: restart, charge: false, delay: 20 ms}
""")
        quota = "test $FAILOVER_ATTEMPT -lt 3 || exit 0; echo HTTP 429 Too Many Requests >&2; exit 1"
        for command, status, decisions in (
                ("no_such_command_here", 1, ["gives up, 1 of 1"]),
                (quota, 0, ["1 of 1"] * 3),
                ("test $FAILOVER_ATTEMPT -lt 3 || exit 0; kill -KILL $$", 0, ["1 of 1"] * 3),
                ("test $FAILOVER_ATTEMPT -lt 3 || exit 0; exit 9", 1, ["0 of 1", "gives up, 0 of 1"])):
            job = self.write("job.yaml", f"name: steered\nvertices: [{{id: a, command: [sh, -c, '{command}']}}]\n")
            answer = self.run_program("run", f"--config.file={config}", job)
            self.assertEqual(answer.returncode, status, answer.stdout)
            decided = [line for line in answer.stdout.splitlines() if "a[0], attempt" in line]
            self.assertEqual(len(decided), len(decisions), answer.stdout)
            for line, words in zip(decided, decisions):
                self.assertIn(words + " restarts left", line)

    def test_metrics_while_it_runs(self):
        mark = f"mark-{os.getpid()}-metrics"
        job = self.write("job.yaml", f"name: slow\nvertices: [{{id: a, command: [sh, -c, "
                         f"'until [ -e go ]; do sleep 0.1; done', {mark}]}}]\n")
        with self.running("run", job) as run:
            line = run.stdout.readline()
            self.assertIn("metrics at http://", line)
            wait_for(lambda: marked_processes(mark), what="the task to run")
            page = subprocess.run(["curl", "-fsS", line.split()[-1]], capture_output=True, text=True,
                                  check=True).stdout
            self.assertIn('failover_job_state{engine="local",job_name="slow",state="RUNNING"} 1', page)
            self.write("go", "")
            run.communicate(timeout=120 * PATIENCE)
            self.assertEqual(run.returncode, 0)


if __name__ == "__main__":
    main()
