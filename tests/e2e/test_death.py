# SPDX-License-Identifier: Apache-2.0
"""Nothing outlives the daemon, and nothing outlives the spawner, down to the last grandchild."""
import contextlib
import os
import signal

from harness import Case, main, marked_processes, wait_for


class Death(Case):
    def start(self, mark):
        """A task with a child in the background, and one that has left its session twice over."""
        job = self.write("job.yaml", f"""
name: family
configuration: {{restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 5,
                restart-strategy.fixed-delay.delay: 100 s}}
vertices:
  - {{id: plain, command: [sh, -c, 'sh -c "sleep 1000; :" {mark}-1 & sleep 1000; :', {mark}-0]}}
  - {{id: daemon, command: [sh, -c, '(setsid setsid sh -c "trap : TERM HUP; while :; do sleep 1000; done" {mark}-3 &) ; sleep 1000; :', {mark}-2]}}
""")
        daemon = self.daemon(job)
        wait_for(lambda: all(marked_processes(f"{mark}-{i}") for i in range(4)), what="the family")
        return daemon

    def nobody_is_left(self, mark):
        wait_for(lambda: not marked_processes(mark), what="the whole family to die")

    def spawner_of(self, daemon):
        children = f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children"
        with open(children, encoding="ascii") as file:
            for pid in file.read().split():
                with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                    if comm.read().startswith("failover_spawn"):
                        return int(pid)
        return None

    def test_kill_daemon(self):
        mark = f"mark-{os.getpid()}-daemon"
        daemon = self.start(mark)
        daemon.process.kill()
        daemon.process.wait()
        self.nobody_is_left(mark)

    def test_kill_spawner(self):
        mark = f"mark-{os.getpid()}-spawner"
        daemon = self.start(mark)
        os.kill(self.spawner_of(daemon), signal.SIGKILL)
        self.nobody_is_left(mark)
        # The daemon goes on: the tasks have failed, a new spawner is there.
        wait_for(lambda: (daemon.total("failover_job_failures_total", job_name="family") or 0) >= 1,
                 what="the tasks to have failed")
        self.assertIsNone(daemon.process.poll())
        wait_for(lambda: self.spawner_of(daemon), what="a new spawner")

    def test_stop_daemon(self):
        mark = f"mark-{os.getpid()}-stop"
        daemon = self.start(mark)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(marked_processes(mark), [])
        self.assertIn("SUSPENDED", daemon.log_text())


if __name__ == "__main__":
    main()
