# SPDX-License-Identifier: Apache-2.0
"""Real programs that fail, in the runtimes that Debian has, and the labels that each gets: on the
counter, in the exception history, and the advice for policies, which stands on no counter."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

from harness import Case, main, marked_processes, wait_for

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")

# Makes the verdict's advice visible as a label of the counter.
ADVICE = """#!/usr/bin/python3
import json, sys
sys.stdin.readline()
print(json.dumps({"name": "advice", "version": "1", "output_keys": ["retry"], "events": ["failure"]}), flush=True)
for line in sys.stdin:
    failure = json.loads(line)
    print(json.dumps({"completion": failure["completion"],
                      "labels": {"retry": failure["labels"]["retry"]}}), flush=True)
"""


def program(name):
    return os.path.join(PROGRAMS, name)


def quoted(command):
    return json.dumps(command)  # a list of JSON is one of YAML


class Runtimes(Case):
    @classmethod
    def setUpClass(cls):
        """One daemon for all: no job knows of the others."""
        cls.owner = cls()
        cls.owner.setUp()
        cls.addClassCleanup(cls.owner.doCleanups)
        cls.built = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.built, ignore_errors=True)
        plugin = cls.owner.path("plugins/advice/advice.py")
        os.makedirs(os.path.dirname(plugin))
        cls.owner.write("plugins/advice/advice.py", ADVICE)
        os.chmod(plugin, 0o755)
        config = cls.owner.write("config.yaml", "jobmanager.failure-enrichers: catalogue, advice\n")
        cls.daemon = cls.owner.daemon("--config.file=" + config,
                                      "--listeners.path=" + cls.owner.path("plugins"))

    # ---- tools ----

    def tool(self, *names):
        """The path of the first that is installed."""
        for name in names:
            if shutil.which(name):
                return shutil.which(name)
        return self.skipTest(f"SKIP: {' or '.join(names)} is not installed")

    def build(self, *command):
        made = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)

    def compiled_c(self):
        path = os.path.join(self.built, "ledger-c")
        if not os.path.exists(path):
            self.build(self.tool("cc", "gcc"), "-O1", "-o", path, program("ledger.c"))
        return path

    def submit(self, name, command, extra=""):
        job = self.write("job.yaml", f"name: {name}\nvertices:\n"
                                     f"  - {{id: a, command: {quoted(command)}{extra}}}\n")
        ended = self.run_program("submit", "--storage.path=" + self.daemon.storage, job)
        self.assertEqual(ended.returncode, 0, ended.stderr)

    def exceptions(self, name):
        answer = json.loads(self.daemon.get(f"/jobs/{name}/exceptions")[1])
        return answer["exceptionHistory"]["entries"]

    def judged(self, name, *expected):
        """The job fails once, with these labels wherever labels are shown; its entry."""
        labels = dict(zip(("type", "category", "cause", "retry"), expected))
        self.daemon.wait_state(name, "FAILED")
        wait_for(lambda: self.daemon.total("failover_job_failures_total", job_name=name) == 1,
                 what="the failure to be counted")
        found = [found for sample, found, _ in self.daemon.samples()
                 if sample == "numJobFailure_total" and found["job_name"] == name]
        self.assertEqual(found, [{"engine": "local", "job_name": name, **labels}])
        entries = self.exceptions(name)
        self.assertEqual([entry["failureLabels"] for entry in entries], [labels])
        return entries[0]

    def fails(self, name, command, *expected, extra=""):
        self.submit(name, command, extra)
        return self.judged(name, *expected)

    # ---- runtimes ----

    def test_python_traceback(self):
        entry = self.fails("python", [sys.executable, program("ledger.py")],
                           "USER", "code_bug", "uncaught_exception", "default")
        self.assertEqual(entry["exceptionName"], "KeyError")

    def test_jvm_exception_with_causes(self):
        java = self.tool("java")
        compiler = self.tool("ecj", "javac")
        options = ["-proc:none", "-source", "11", "-target", "11"]
        self.build(compiler, *options, "-d", self.built, program("Ledger.java"))
        entry = self.fails("jvm", [java, "-XX:TieredStopAtLevel=1", "-cp", self.built, "Ledger"],
                           "USER", "code_bug", "uncaught_exception", "default")
        self.assertIn("NullPointerException", entry["stacktrace"])

    def test_rust_panic(self):
        rustc = self.tool("rustc")
        path = os.path.join(self.built, "ledger-rs")
        self.build(rustc, "-C", "debuginfo=0", "-o", path, program("ledger.rs"))
        self.fails("rust", [path], "USER", "code_bug", "panic", "default")

    def test_node_rejection(self):
        entry = self.fails("node", [self.tool("node"), program("ledger.js")],
                           "USER", "code_bug", "uncaught_exception", "default")
        self.assertEqual(entry["exceptionName"], "TypeError")

    def test_perl_missing_file(self):
        self.fails("perl", [self.tool("perl"), program("ledger.pl")],
                   "USER", "data", "missing_input", "never")

    def test_segfault(self):
        self.fails("segfault", [self.compiled_c()], "USER", "code_bug", "segfault", "default")

    def test_shell_missing_command(self):
        self.fails("shell", ["sh", "-c", "ledgerctl --post"],
                   "USER", "config", "missing_command", "never")

    # ---- what the machine does to them ----

    def test_memory_kill(self):
        """Proven by the kernel's counter, not guessed from the signal."""
        command = [self.compiled_c(), "hoard"]
        if "no cgroup" in self.daemon.log_text().lower():
            self.skipTest("SKIP: no memory cgroup can be made here")
        self.fails("oom", command, "SYSTEM", "oom", "cgroup_limit", "escalate",
                   extra=", memory: 16 MiB")

    def small_disk(self):
        """A file on a disk of 1 MiB, where one can be mounted."""
        folder = self.path("small")
        os.mkdir(folder)
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
            return "/dev/full"
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        return os.path.join(folder, "ledger")

    def test_full_disk(self):
        self.fails("disk", ["dd", "if=/dev/zero", "of=" + self.small_disk(), "bs=64k", "count=100"],
                   "SYSTEM", "disk", "disk_full", "elsewhere")

    def test_refused_connection(self):
        with socket.socket() as closed:  # bound, but nobody listens
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            self.fails("refused", [self.tool("curl"), "-sS", f"http://127.0.0.1:{port}/"],
                       "SYSTEM", "network", "connection_refused", "backoff")

    # ---- signals ----

    def test_term_from_outside(self):
        mark = f"mark-{os.getpid()}-outside"
        self.submit("outside", ["sh", "-c", "sleep 1000; :", mark])
        pid = wait_for(lambda: marked_processes(mark), what="the task to run")[0]
        self.kill(pid, signal.SIGTERM)
        self.judged("outside", "UNKNOWN", "cancelled", "terminated", "backoff")

    def test_term_of_ours_is_no_failure(self):
        mark = f"mark-{os.getpid()}-ours"
        self.submit("ours", ["sh", "-c", "sleep 1000; :", mark])
        wait_for(lambda: marked_processes(mark), what="the task to run")
        wait_for(lambda: self.daemon.total("failover_job_tasks", job_name="ours", state="RUNNING") == 1)
        for order, state in (("restart", "RUNNING"), ("cancel", "CANCELED")):
            before = marked_processes(mark)
            ended = self.run_program(order, "--storage.path=" + self.daemon.storage, "ours")
            self.assertEqual(ended.returncode, 0, ended.stderr)
            wait_for(lambda: not set(before) & set(marked_processes(mark)), what="the task to end")
            self.daemon.wait_state("ours", state)
        self.assertEqual(self.daemon.total("failover_job_failures_total", job_name="ours"), 0)
        self.assertIsNone(self.daemon.total("numJobFailure_total", job_name="ours"))
        self.assertEqual(self.exceptions("ours"), [])


if __name__ == "__main__":
    main()
