# SPDX-License-Identifier: Apache-2.0
"""The schedulers of examples/push against the real daemon."""
import os
import subprocess

from harness import Case, main, wait_for

EXAMPLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "examples", "push")
JOB = os.path.join(EXAMPLES, "job.json")


class Examples(Case):
    @classmethod
    def setUpClass(cls):
        owner = Case()
        owner.setUp()
        cls.addClassCleanup(owner.doCleanups)
        cls.server = owner.daemon()

    def begin(self, *command):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def python(self, job=JOB):
        return self.begin("/usr/bin/python3", os.path.join(EXAMPLES, "scheduler.py"), self.door(), job)

    def shell(self, job=JOB, command=os.path.join(EXAMPLES, "task.sh")):
        return self.begin("sh", os.path.join(EXAMPLES, "scheduler.sh"), self.door(), job, command)

    def door(self):
        return os.path.join(self.server.storage, "control.sock")

    def check(self, process):
        self.assertEqual(process.wait(300), 0, process.stderr.read())
        name = "push-example"
        self.assertEqual(self.server.total("failover_job_state", job_name=name, state="FINISHED"), 1)
        self.assertEqual(self.server.total("failover_job_failures_total", job_name=name), 1)
        self.assertEqual(self.server.total("failover_job_restarts_total", job_name=name), 1)
        self.assertEqual(self.server.total("failover_job_tasks", job_name=name, state="FINISHED"), 4)

    def check_cancel(self, begin):
        """A cancelled job stops what runs; the scheduler says that the job did not finish."""
        job = self.write("job.json", '{"name": "sleepy", "engine": "push", "vertices": [{"id": "v", "parallelism": 2,'
                                     f' "command": ["{self.sleeper()}"]}}]}}')
        process = begin(job)
        wait_for(lambda: self.server.total("failover_job_tasks", job_name="sleepy", state="RUNNING") == 2,
                 60, "the tasks to run")
        door = self.server.control()
        door.request("PATCH", "/jobs/sleepy")
        self.assertEqual(door.getresponse().status, 202)
        door.close()
        self.assertEqual(process.wait(300), 1)
        self.assertEqual(self.server.total("failover_job_tasks", job_name="sleepy", state="CANCELED"), 2)

    def sleeper(self):
        path = self.write("sleeper.sh", "#!/bin/sh\nexec sleep 1000\n")
        os.chmod(path, 0o755)
        return path

    def test_python(self):
        process = self.python()
        self.check(process)
        self.assertEqual(self.server.total("numJobFailure_total", job_name="push-example", category="oom"), 1)

    def test_shell(self):
        self.check(self.shell())

    def test_python_cancels(self):
        self.check_cancel(self.python)

    def test_shell_cancels(self):
        self.check_cancel(lambda job: self.shell(job, self.sleeper()))


if __name__ == "__main__":
    main()
