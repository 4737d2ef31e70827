# SPDX-License-Identifier: Apache-2.0
"""What the tests of failure listeners share: a job that is doomed, and what must be true of its
failures whatever the listeners do."""
import os
import shutil
import subprocess
import tempfile

from harness import PROGRAM, Case, wait_for

JOB = """
name: doomed
configuration:
  restart-strategy.type: fixed-delay
  restart-strategy.fixed-delay.attempts: %d
  restart-strategy.fixed-delay.delay: 50 ms
vertices:
  - {id: a, command: [sh, -c, "echo 'No space left on device' >&2; exit 3"]}
"""


class ListenersCase(Case):
    plugins = None  # the folder of the listeners; None: the test's own

    @classmethod
    def setUpClass(cls):
        """Compiles the rules once; each daemon gets a copy."""
        cls.compiled = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.compiled, ignore_errors=True)
        with subprocess.Popen([PROGRAM, "serve", "--web.listen-address=127.0.0.1:0",
                               "--storage.path=" + cls.compiled],
                              stderr=subprocess.PIPE, text=True) as daemon:
            next((line for line in daemon.stderr if "Listening." in line), None)
            daemon.terminate()
            daemon.stderr.read()

    def storage(self):
        self.copies = getattr(self, "copies", 0) + 1
        return shutil.copytree(self.compiled, self.path(f"storage{self.copies}"))

    def config(self, enrichers, listeners="{}"):
        return self.write("config.yaml", f"jobmanager.failure-enrichers: {enrichers}\n"
                                         f"listeners: {listeners}\n")

    def start(self, enrichers, listeners="{}", restarts=2):
        return self.daemon("--config.file=" + self.config(enrichers, listeners),
                           "--listeners.path=" + (self.plugins or self.path("plugins")),
                           self.write("job.yaml", JOB % restarts), storage=self.storage())

    def counted(self, daemon, number):
        """All failures are counted, each once, in every account there is."""
        wait_for(lambda: daemon.total("failover_failures_counted_total") == number, 120,
                 f"{number} failures to be counted:\n" + daemon.log_text())
        self.assertEqual(daemon.total("numJobFailure_total"), number)
        self.assertEqual(daemon.total("failover_failures_by_class_total"), number)
        self.assertEqual(daemon.total("failover_failures_pending"), 0)
        self.assertEqual(daemon.total("failover_failures_received_total"), number)

    def calls(self, daemon, result, listener="bad"):
        return daemon.total("failover_listener_calls_total", listener=listener, result=result)

    def doomed_beside(self, enrichers, listeners, restarts=2):
        """Runs the doomed job beside listeners that may misbehave: its fate does not depend on them."""
        daemon = self.start(enrichers, listeners, restarts)
        daemon.wait_state("doomed", "FAILED")
        self.counted(daemon, restarts + 1)
        return daemon
