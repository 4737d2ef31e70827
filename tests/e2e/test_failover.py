# SPDX-License-Identifier: Apache-2.0
"""Which tasks restart, seen from outside: process ids, files, counters."""
import glob
import json
import os
import signal
import time

from harness import Case, alive, main, wait_for

FIXED = "{restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 1000, " \
        "restart-strategy.fixed-delay.delay: 0 s}"


class Failover(Case):
    def job(self, name, vertices, edges="", configuration=FIXED):
        return self.write("job.yaml", f"name: {name}\nconfiguration: {configuration}\n"
                                      f"vertices:\n{vertices}" + (f"edges:\n{edges}" if edges else ""))

    def test_other_region_keeps_its_processes(self):
        job = self.job("regions", f"""
  - {{id: a, parallelism: 2, command: [sh, -c, 'echo $$ >> {self.folder}/a$FAILOVER_SUBTASK_INDEX; exec sleep 100']}}
  - {{id: b, parallelism: 2, command: [sh, -c, 'echo $$ >> {self.folder}/b$FAILOVER_SUBTASK_INDEX; exec sleep 100']}}
""", "  - {from: a, to: b, pattern: pointwise}\n")
        daemon = self.daemon(job)
        names = ["a0", "a1", "b0", "b1"]
        wait_for(lambda: all(self.read(name).count("\n") == 1 for name in names), what="all to run")
        pids = {name: self.read(name).split()[0] for name in names}
        self.kill(pids["a0"])
        wait_for(lambda: self.read("a0").count("\n") == 2 and self.read("b0").count("\n") == 2,
                 what="the failed region to run again")
        daemon.wait_state("regions", "RUNNING")
        self.assertEqual(self.read("a1").split(), [pids["a1"]])
        self.assertEqual(self.read("b1").split(), [pids["b1"]])
        self.assertTrue(alive(pids["a1"]) and alive(pids["b1"]))
        self.assertEqual(daemon.total("numJobFailure_total", job_name="regions"), 1)
        self.assertEqual(daemon.total("failover_job_restarts_total", job_name="regions"), 1)
        self.assertEqual(daemon.total("failover_job_restarted_tasks_total", job_name="regions"), 2)
        wait_for(lambda: daemon.total("failover_job_recoveries_total", job_name="regions") == 1,
                 what="the recovery to be counted")

    def test_lost_partition_restarts_its_producer(self):
        """Rule 2 brings the producer back, rule 3 what is downstream of it."""
        job = self.job("lost", f"""
  - {{id: produce, command: [sh, -c, 'echo run >> {self.folder}/produced; echo data > $FAILOVER_OUTPUTS']}}
  - {{id: consume, command: [sh, -c, 'echo $$ >> {self.folder}/consumed; cat $FAILOVER_INPUTS; exec sleep 100']}}
""", "  - {from: produce, to: consume, exchange: blocking}\n")
        daemon = self.daemon(job)
        wait_for(lambda: self.read("consumed").count("\n") == 1, what="the consumer to run")
        published = [path for path in glob.glob(f"{daemon.storage}/jobs/*/produce-consume/*/*")
                     + glob.glob(f"{daemon.storage}/jobs/*/produce-consume/*") if os.path.isfile(path)]
        self.assertTrue(published, "a published partition is a file below jobs/ID/produce-consume")
        for path in published:
            os.unlink(path)
        self.kill(self.read("consumed").split()[0])
        wait_for(lambda: self.read("consumed").count("\n") == 2, what="the consumer to run again")
        self.assertEqual(self.read("produced").count("run"), 2)
        self.assertEqual(daemon.total("numJobFailure_total", job_name="lost"), 1)

    def test_kept_partition_leaves_its_producer_alone(self):
        job = self.job("kept", f"""
  - {{id: produce, command: [sh, -c, 'echo run >> {self.folder}/produced; echo data > $FAILOVER_OUTPUTS']}}
  - {{id: consume, command: [sh, -c, 'echo $$ >> {self.folder}/consumed; cat $FAILOVER_INPUTS; exec sleep 100']}}
""", "  - {from: produce, to: consume, exchange: blocking}\n")
        self.daemon(job)
        wait_for(lambda: self.read("consumed").count("\n") == 1, what="the consumer to run")
        self.kill(self.read("consumed").split()[0])
        wait_for(lambda: self.read("consumed").count("\n") == 2, what="the consumer to run again")
        self.assertEqual(self.read("produced").count("run"), 1)

    def test_two_hundred_dead_consumers(self):
        """The failure is always the consumer's, never the producer's broken pipe."""
        job = self.job("pipe", """
  - {id: produce, command: ['yes']}
  - {id: consume, command: [sh, -c, 'if [ $FAILOVER_ATTEMPT -lt 200 ]; then head -c 100000 > /dev/null; kill -KILL $$; fi; head -c 1000 > /dev/null']}
""", "  - {from: produce, to: consume}\n", FIXED[:-1] + ", web.exception-history-size: 200}")
        daemon = self.daemon(job)
        daemon.wait_state("pipe", "FINISHED", seconds=180)
        self.assertEqual(daemon.total("numJobFailure_total", job_name="pipe"), 200)
        answer = json.loads(daemon.get("/jobs/pipe/exceptions?maxExceptions=300")[1])
        failed = [entry["taskName"].split()[0] for entry in answer["exceptionHistory"]["entries"]]
        self.assertEqual(failed, ["consume"] * 200)

    def test_dead_producer_shortens_nothing(self):
        job = self.job("short", f"""
  - {{id: produce, command: [sh, -c, 'seq 1000; if [ $FAILOVER_ATTEMPT -lt 5 ]; then kill -KILL $$; fi; seq 1001 2000']}}
  - {{id: consume, command: [sh, -c, 'cat > $FAILOVER_OUTPUTS']}}
  - {{id: keep, command: [sh, -c, 'cp $FAILOVER_INPUTS {self.folder}/result']}}
""", "  - {from: produce, to: consume}\n  - {from: consume, to: keep, exchange: blocking}\n")
        daemon = self.daemon(job)
        daemon.wait_state("short", "FINISHED")
        self.assertEqual(self.read("result").split(), [str(i) for i in range(1, 2001)])
        self.assertEqual(daemon.total("numJobFailure_total", job_name="short"), 5)

    def test_yes_head_finishes(self):
        job = self.job("head", """
  - {id: produce, command: ['yes']}
  - {id: consume, command: [head, -n, '3']}
""", "  - {from: produce, to: consume}\n")
        daemon = self.daemon(job)
        daemon.wait_state("head", "FINISHED")
        self.assertEqual(daemon.total("failover_job_failures_total", job_name="head"), 0)
        daemon.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: "jobs=1 ready=1" in daemon.log_text(), what="the daemon to tell its state")
        self.assertRegex(daemon.log_text(), 'job_name="head" .* state="FINISHED"')

    def test_lines_of_a_job_are_of_one_instant(self):
        job = self.job("busy", """
  - {id: flaky, parallelism: 4, command: [sh, -c, 'exit 1']}
""", configuration="{restart-strategy.type: fixed-delay, "
                   "restart-strategy.fixed-delay.attempts: 400, restart-strategy.fixed-delay.delay: 0 s}")
        daemon = self.daemon(job)
        wait_for(lambda: daemon.total("failover_job_state", job_name="busy"), what="the job to be shown")
        end = time.monotonic() + 5
        while time.monotonic() < end:
            samples = daemon.samples()
            def value(name, samples=samples, **labels):
                return sum(v for n, found, v in samples if n == name and labels.items() <= found.items())
            self.assertEqual(value("failover_failures_received_total"),
                             value("failover_failures_rejected_total")
                             + value("failover_failures_counted_total")
                             + value("failover_failures_pending"))
            self.assertEqual(value("failover_failures_by_class_total"),
                             value("failover_failures_counted_total"))
            self.assertEqual(value("failover_job_state"), 1)
            self.assertEqual(value("failover_job_tasks"), 4)
            self.assertEqual(value("numJobFailure_total"), value("failover_job_failures_total"))
            if value("failover_job_state", state="FAILED") == 1:
                break
        self.assertEqual(daemon.wait_state("busy", "FAILED"), "FAILED")
        self.assertEqual(daemon.total("failover_job_failures_total", job_name="busy"), 401)


if __name__ == "__main__":
    main()
