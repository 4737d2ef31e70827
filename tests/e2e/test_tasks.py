# SPDX-License-Identifier: Apache-2.0
"""Tasks that behave badly, and what a task is told."""
import glob
import os
import signal
import subprocess

from harness import PROGRAM, Case, main, marked_processes, wait_for


class Tasks(Case):
    def job(self, command, extra="", configuration="{}"):
        return self.write("job.yaml", f"name: bad\nconfiguration: {configuration}\n"
                                      f"vertices:\n  - id: a\n    command: {command}\n{extra}")

    def stored_bytes(self, folder):
        return sum(os.path.getsize(os.path.join(where, name))
                   for where, _, names in os.walk(folder) for name in names)

    def test_endless_line(self):
        """Memory and disk stay bounded however much a task says."""
        daemon = self.daemon(self.job("[sh, -c, \"head -c 300000000 /dev/zero | tr '\\\\0' x; exit 1\"]"))
        daemon.wait_state("bad", "FAILED", seconds=180)
        self.assertLess(self.stored_bytes(daemon.storage), 64 << 20)
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
            resident = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
        if "asan" not in PROGRAM and "tsan" not in PROGRAM:
            self.assertLess(resident, 64 << 10)

    def test_closes_its_output(self):
        daemon = self.daemon(self.job("[sh, -c, 'exec >&- 2>&-; sleep 0.2; exit 4']"))
        daemon.wait_state("bad", "FAILED")
        self.assertIn("4", daemon.log_text())

    def test_ignores_term(self):
        mark = f"mark-{os.getpid()}-term"
        job = self.job(f"[sh, -c, 'trap : TERM; while :; do sleep 0.1; done', {mark}]",
                       "    stop-timeout: 300 ms\n")
        with self.running("run", job) as run:
            wait_for(lambda: marked_processes(mark), what="the task to run")
            run.send_signal(signal.SIGTERM)
            run.communicate(timeout=120)
        self.assertEqual(run.returncode, 130)
        self.assertEqual(marked_processes(mark), [])

    def test_leaves_a_child_behind(self):
        """A task that exits 0 leaves nobody behind."""
        mark = f"mark-{os.getpid()}-fork"
        answer = self.run_program("run", self.job(
            f"[sh, -c, '(setsid sh -c \"sleep 1000; :\" {mark} > /dev/null 2>&1 &); exit 0']"))
        self.assertEqual(answer.returncode, 0, answer.stdout)
        self.assertEqual(marked_processes(mark), [])

    def test_timeout_fails(self):
        daemon = self.daemon(self.job("[sleep, '100']", "    timeout: 300 ms\n"))
        daemon.wait_state("bad", "FAILED")
        self.assertEqual(daemon.total("numJobFailure_total", job_name="bad", cause="deadline_exceeded"), 1)

    def test_readiness_and_watchdog(self):
        tell = ("import os,socket,time; s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); "
                "s.connect(os.environ['NOTIFY_SOCKET']); time.sleep(0.5); s.send(b'READY=1'); time.sleep(100)")
        daemon = self.daemon(self.job(f"[/usr/bin/python3, -c, \"{tell}\"]",
                                      "    ready: notify\n    watchdog: 3 s\n"))
        daemon.wait_state("bad", "FAILED")
        self.assertEqual(daemon.total("numJobFailure_total", job_name="bad", cause="hang"), 1)

    def test_environment(self):
        """A clean environment plus what a task must know."""
        os.environ["LEAKED"] = "yes"
        answer = self.run_program("run", self.job(f"[sh, -c, 'env > {self.folder}/env']",
                                                  "    env: {MINE: 'a b'}\n"))
        self.assertEqual(answer.returncode, 0, answer.stdout)
        found = dict(line.split("=", 1) for line in self.read("env").splitlines() if "=" in line)
        self.assertNotIn("LEAKED", found)
        self.assertEqual(found["MINE"], "a b")
        for name, value in (("JOB_NAME", "bad"), ("VERTEX", "a"), ("SUBTASK_INDEX", "0"),
                            ("PARALLELISM", "1"), ("ATTEMPT", "0")):
            self.assertEqual(found["FAILOVER_" + name], value)
        self.assertRegex(found["FAILOVER_JOB_ID"], "^[0-9a-f]{32}$")
        self.assertIn("FAILOVER_EPOCH", found)
        self.assertIn("FAILOVER_STATE_DIR", found)

    def test_memory_kill_is_proven(self):
        """Where a cgroup can be made the verdict rests on the kernel's own counter."""
        daemon = self.daemon(self.job(
            '[/usr/bin/python3, -c, "b=[]\\nwhile True: b.append(bytearray(10000000))"]',
            "    memory: 64 MiB\n"))
        if "no cgroup" in daemon.log_text().lower():
            self.skipTest("SKIP: no memory cgroup can be made here")
        daemon.wait_state("bad", "FAILED", seconds=180)
        self.assertEqual(daemon.total("numJobFailure_total", job_name="bad", category="oom"), 1)

    def test_disk_full(self):
        """Nothing is decided that cannot be stored: the daemon goes on, and decides once there is room."""
        if os.geteuid() != 0:
            self.skipTest("SKIP: needs root for a small tmpfs")
        small = self.path("small")
        os.mkdir(small, 0o700)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", small], check=False)
        if mounted.returncode != 0:
            self.skipTest("SKIP: no tmpfs can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", small], check=False)
        daemon = self.daemon(self.job("[sh, -c, 'head -c 200000 /dev/zero; head -c 20000000 /dev/zero > "
                                      "$FAILOVER_STATE_DIR/big; exit 1']"), storage=os.path.join(small, "s"))
        wait_for(lambda: daemon.total("failover_store_up") == 0, what="the disk to be full")
        self.assertEqual(daemon.get("/-/healthy")[0], 200)
        [big] = glob.glob(f"{small}/s/jobs/**/big", recursive=True)
        os.unlink(big)
        daemon.wait_state("bad", "FAILED")
        self.assertEqual(daemon.total("numJobFailure_total", job_name="bad"), 1)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    main()
