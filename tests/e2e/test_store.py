# SPDX-License-Identifier: Apache-2.0
"""State that survives: daemons that die, are stopped, wait for each other, meet full disks and strange
files; what they had counted and decided still holds."""
import json
import os
import sqlite3
import subprocess
import time

from harness import PROGRAM, Case, main, wait_for

FIXED = {"restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": 5,
         "restart-strategy.fixed-delay.delay": "50 ms"}


class StoreCase(Case):
    def setUp(self):
        super().setUp()
        self.storage = self.path("storage")

    def job(self, script, name="kept", configuration=None, **more):
        return self.write(f"{name}.json", json.dumps({
            "name": name, "configuration": configuration or FIXED,
            "vertices": [{"id": "a", "command": ["sh", "-c", script], **more}]}))

    def start(self, *arguments, **options):
        return self.daemon(*arguments, storage=self.storage, **options)

    def kill_daemon(self, daemon):
        daemon.process.kill()
        daemon.process.wait()

    def counters(self, daemon):
        """Every counter that must never fall."""
        return {(name, tuple(sorted(labels.items()))): value
                for name, labels, value in daemon.samples()
                if name.endswith("_total") and name.startswith(
                    ("numJobFailure", "failover_job_", "failover_failures_"))}


class Surviving(StoreCase):
    def test_kill(self):
        """Two failures, then kill -9: all that was counted still is, the task runs again, nobody is charged."""
        job = self.job(f"echo $FAILOVER_ATTEMPT $FAILOVER_EPOCH >> {self.path('runs')};"
                       "[ $FAILOVER_ATTEMPT -ge 2 ] || exit 7; exec sleep 1000")
        daemon = self.start(job)
        wait_for(lambda: daemon.total("failover_job_tasks", state="RUNNING") == 1
                 and daemon.total("failover_job_restarts_total") == 2, what="two restarts")
        wait_for(lambda: len(self.read("runs").splitlines()) == 3, what="the third attempt's line")
        before = self.counters(daemon)
        budget = daemon.total("failover_job_restart_budget_remaining")
        jid = json.loads(daemon.get("/jobs/overview")[1])["jobs"][0]["jid"]
        self.kill_daemon(daemon)
        killed = time.time()
        daemon = self.start("--web.openmetrics-created", job)
        wait_for(lambda: len(self.read("runs").splitlines()) == 4, what="the fourth attempt")
        after = self.counters(daemon)
        for key, value in before.items():
            self.assertGreaterEqual(after.get(key, -1), value, key)
        self.assertEqual(daemon.total("failover_job_failures_total"), 2)
        self.assertEqual(daemon.total("failover_job_restarts_total"), 2)
        self.assertEqual(daemon.total("failover_job_restart_budget_remaining"), budget)
        self.assertEqual(daemon.total("numJobFailure_total"), 2)
        daemon.account()
        runs = [line.split() for line in self.read("runs").splitlines()]
        self.assertEqual([run[0] for run in runs], ["0", "1", "2", "3"])
        epochs = [int(run[1]) for run in runs]
        self.assertEqual(epochs, sorted(set(epochs)))
        exceptions = json.loads(daemon.get(f"/jobs/{jid}/exceptions")[1])
        self.assertEqual(len(exceptions["exceptionHistory"]["entries"]), 2)
        text = daemon.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")[1]
        created = {line.split("{")[0]: float(line.split()[-1]) for line in text.splitlines()
                   if line.startswith("failover_job_re") and "_created{" in line}
        self.assertLess(created["failover_job_restarts_created"], killed)  # goes on
        self.assertGreater(created["failover_job_recovery_seconds_created"], killed)  # begins anew
        self.assertEqual(daemon.stop(), 0)

    def test_stop(self):
        """SIGTERM suspends; the job goes on with the next daemon; one whose file has changed begins anew."""
        job = self.job("exec sleep 1000")
        daemon = self.start(job)
        daemon.wait_state("kept", "RUNNING")
        jid = json.loads(daemon.get("/jobs/overview")[1])["jobs"][0]["jid"]
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start(job)
        daemon.wait_state("kept", "RUNNING")
        self.assertEqual(json.loads(daemon.get("/jobs/overview")[1])["jobs"][0]["jid"], jid)
        self.assertEqual(daemon.total("failover_job_failures_total"), 0)
        self.assertEqual(daemon.total("failover_job_restarts_total"), 0)
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start(self.job("exec sleep 2000"))
        daemon.wait_state("kept", "RUNNING")
        jobs = json.loads(daemon.get("/jobs/overview")[1])["jobs"]
        self.assertEqual(len(jobs), 1)
        self.assertNotEqual(jobs[0]["jid"], jid)

    def test_ended(self):
        """An ended job is still shown after a restart, and run again only with --rerun."""
        job = self.job(f"echo x >> {self.path('runs')}; exit 3",
                       configuration={"restart-strategy.type": "none"})
        daemon = self.start(job)
        daemon.wait_state("kept", "FAILED")
        self.kill_daemon(daemon)
        daemon = self.start(job)
        daemon.wait_state("kept", "FAILED")
        self.assertEqual(daemon.total("failover_job_exhausted_total", reason="budget"), 1)
        self.assertEqual(daemon.total("failover_job_failures_total"), 1)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.read("runs"), "x\n")
        daemon = self.start("--rerun", job)
        wait_for(lambda: self.read("runs") == "x\nx\n", what="the job to run again")

    def test_delay(self):
        """A restart that waits is due when it was."""
        job = self.job("exit 1", configuration={**FIXED, "restart-strategy.fixed-delay.delay": "1 h"})
        daemon = self.start(job)
        daemon.wait_state("kept", "RESTARTING")
        due = daemon.total("failover_job_next_restart_timestamp_seconds")
        self.kill_daemon(daemon)
        daemon = self.start(job)
        daemon.wait_state("kept", "RESTARTING")
        self.assertAlmostEqual(
            daemon.total("failover_job_next_restart_timestamp_seconds"), due, places=2)
        self.assertEqual(daemon.total("failover_job_failures_total"), 1)

    def test_partitions(self):
        """What a finished producer has published is used by a later daemon; what has gone is made again."""
        job = self.write("kept.json", json.dumps({
            "name": "kept", "configuration": FIXED,
            "vertices": [
                {"id": "a", "command": ["sh", "-c",
                                        f"echo x >> {self.path('made')}; echo hello > $FAILOVER_OUTPUTS"]},
                {"id": "b", "command": ["sh", "-c",
                                        f"cat $FAILOVER_INPUTS >> {self.path('got')}; exec sleep 1000"]}],
            "edges": [{"from": "a", "to": "b", "exchange": "blocking"}]}))
        daemon = self.start(job)
        wait_for(lambda: self.read("got") == "hello\n", what="the consumer to read")
        self.kill_daemon(daemon)
        daemon = self.start(job)
        wait_for(lambda: self.read("got") == "hello\n" * 2, what="the consumer to read again")
        self.assertEqual(self.read("made"), "x\n")
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start(job)
        wait_for(lambda: self.read("got") == "hello\n" * 3, what="the consumer to read once more")
        self.assertEqual(self.read("made"), "x\n")
        self.kill_daemon(daemon)
        subprocess.run(f"rm -rf {self.storage}/jobs/*/a-b/0.*", shell=True, check=True)
        daemon = self.start(job)
        wait_for(lambda: self.read("got") == "hello\n" * 4, what="the lost partition to be made again")
        self.assertEqual(self.read("made"), "x\nx\n")


class Push(StoreCase):
    """Tasks that live on while the daemon does not."""

    def ask(self, daemon, method, path, body=None):
        connection = daemon.control()
        connection.request(method, path, body=body and json.dumps(body),
                           headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text)

    def report(self, daemon, task, attempt, sequence, state, **more):
        return self.ask(daemon, "POST", "/jobs/kept/reports", {
            "task": task, "attempt": attempt, "sequence": sequence, "state": state, **more})

    def check(self, end):
        daemon = self.start()
        status, _ = self.ask(daemon, "POST", "/jobs", {
            "name": "kept", "engine": "push", "vertices": [{"id": "a", "parallelism": 3}],
            "configuration": FIXED})
        self.assertEqual(status, 201)
        for task in range(3):
            self.assertEqual(self.report(daemon, f"a[{task}]", 0, 1, "RUNNING")[0], 200)
        failed = self.report(daemon, "a[1]", 0, 2, "FAILED", failure={"exit_code": 3})
        self.assertEqual(failed[1]["decision"]["action"], "restart")
        wait_for(lambda: daemon.total("failover_job_tasks", state="DEPLOYING") == 1, what="the restart")
        self.assertEqual(self.report(daemon, "a[1]", 1, 1, "RUNNING")[0], 200)
        end(daemon)
        daemon = self.start()
        wait_for(lambda: daemon.total("failover_job_tasks", state="RUNNING") == 3, what="all to be running")
        self.assertEqual(self.report(daemon, "a[1]", 0, 2, "FAILED", failure={"exit_code": 3}), failed)
        self.assertEqual(daemon.total("failover_job_failures_total"), 1)
        self.assertEqual(daemon.total("failover_failures_rejected_total"), 0)
        self.assertEqual(daemon.total("failover_job_restarts_total"), 1)
        for task in range(3):
            answer = self.report(daemon, f"a[{task}]", int(task == 1), 3, "FINISHED")
            self.assertEqual(answer[0], 200, answer)
        daemon.wait_state("kept", "FINISHED")
        daemon.account()

    def test_kill(self):
        self.check(self.kill_daemon)

    def test_kill_after_the_answer(self):
        """What was answered is stored: a daemon killed at once has not forgotten it, counts it once however often
        it is sent again, and tells who followed the decisions how things stand."""
        daemon = self.start()
        self.assertEqual(self.ask(daemon, "POST", "/jobs", {
            "name": "kept", "engine": "push", "vertices": [{"id": "a", "parallelism": 2}],
            "configuration": FIXED})[0], 201)
        for task in range(2):
            self.assertEqual(self.report(daemon, f"a[{task}]", 0, 0, "RUNNING")[0], 200)
        last = self.ask(daemon, "GET", "/jobs/kept/decisions?wait=10s")[1]["last_event_id"]
        answers = []
        for restarts in range(3):
            failed = ("a[0]", restarts, 7, "FAILED")
            answers.append(self.report(daemon, *failed, failure={"exit_code": 3}))
            self.kill_daemon(daemon)
            self.assertEqual(answers[-1][1]["decision"]["action"], "restart")
            daemon = self.start()
            for _ in range(2):
                self.assertEqual(self.report(daemon, *failed, failure={"exit_code": 3}), answers[-1])
            status, told = self.ask(daemon, "GET", f"/jobs/kept/decisions?wait=10s&after={last}")
            self.assertEqual(status, 200)
            self.assertEqual(told["events"][0]["action"], "reset", told)
            self.assertIn({"task": "a[1]", "attempt": 0},
                          [{key: each[key] for key in ("task", "attempt")} for each in told["events"][0]["tasks"]])
            self.assertGreater(told["last_event_id"], last)
            last = told["last_event_id"]
            wait_for(lambda: self.report(daemon, "a[0]", restarts + 1, 0, "RUNNING")[0] == 200,
                     what="the next attempt")
            self.assertEqual(daemon.total("failover_job_failures_total"), restarts + 1)
            self.assertEqual(daemon.total("failover_job_restarts_total"), restarts + 1)
        daemon.account()

    def follow(self, daemon, path, last_id):
        connection = daemon.control()
        self.addCleanup(connection.close)
        connection.request("GET", path, headers={"Last-Event-ID": str(last_id)})
        return connection.getresponse()

    def event(self, stream):
        """(kind, id) of the next one; keep-alives are passed over."""
        fields = {}
        while "data" not in fields:
            name, separator, value = stream.readline().decode().rstrip("\n").partition(": ")
            if separator and name:
                fields[name] = value
        return fields["event"], int(fields["id"])

    def test_streams_go_on(self):
        """A stream that comes back with the id of an event of the daemon before is told that it has missed
        something; the new ids are higher, and with them it goes on."""
        daemon = self.start()
        self.ask(daemon, "POST", "/jobs", {
            "name": "kept", "engine": "push", "vertices": [{"id": "a", "parallelism": 2}], "configuration": FIXED})
        for task in range(2):
            self.report(daemon, f"a[{task}]", 0, 0, "RUNNING")
        last = {"/jobs/kept/decisions": 1, "/events": 1}
        for attempt, end in enumerate((self.kill_daemon, lambda daemon: daemon.stop())):
            for path, known in last.items():
                kind, last[path] = self.event(self.follow(daemon, path, known))
                self.assertEqual(kind, "reset", path)
                self.assertGreater(last[path], known)
            streams = {path: self.follow(daemon, path, known) for path, known in last.items()}
            self.report(daemon, "a[0]", attempt, 1, "FAILED", failure={"exit_code": 3})
            for (path, stream), expected in zip(streams.items(), ("restart", "failure")):
                kind, known = self.event(stream)
                self.assertEqual((kind, known), (expected, last[path] + 1), path)
                last[path] = known
            wait_for(lambda: self.report(daemon, "a[0]", attempt + 1, 0, "RUNNING")[0] == 200,
                     what="the next attempt")
            end(daemon)
            daemon = self.start()

    def test_stop(self):
        """Stopping the daemon stops nothing that runs elsewhere."""
        self.check(lambda daemon: self.assertEqual(daemon.stop(), 0))


class Tools(StoreCase):
    def test_log(self):
        """backup, export, import and replay."""
        job = self.job("echo 'disk quota exceeded' >&2; exit 3", configuration={
            **FIXED, "restart-strategy.fixed-delay.attempts": 2, "restart-strategy.fixed-delay.delay": "7 ms"})
        daemon = self.start(job)
        daemon.wait_state("kept", "FAILED")
        where = f"--storage.path={self.storage}"
        backup = self.run_program("backup", where, self.path("copy.db"))
        self.assertEqual(backup.returncode, 0, backup.stderr)
        self.assertEqual(self.run_program("backup", where, self.path("copy.db")).returncode, 1)
        exported = self.run_program("export", where)
        self.assertEqual(exported.returncode, 0, exported.stderr)
        lines = [json.loads(line) for line in exported.stdout.splitlines()]
        self.assertEqual([line["decision"]["action"] for line in lines], ["restart", "restart", "fail"])
        self.assertEqual([line["decision"]["delay_ms"] for line in lines[:2]], [7, 7])
        self.assertEqual([line["job_name"] for line in lines], ["kept"] * 3)
        busy = self.run_program("import", where, self.write("failures.ndjson", exported.stdout))
        self.assertEqual(busy.returncode, 1)
        self.assertIn("another daemon", busy.stderr)
        self.assertEqual(daemon.stop(), 0)
        os.rename(self.path("copy.db"), os.path.join(self.storage, "state.db"))
        for name in ("state.db-wal", "state.db-shm"):
            self.assertFalse(os.path.exists(os.path.join(self.storage, name)))
        imported = self.run_program("import", where, self.path("failures.ndjson"))
        self.assertEqual((imported.returncode, imported.stdout), (0, "3 failures imported\n"), imported.stderr)
        again = self.run_program("export", where).stdout.splitlines()
        self.assertEqual(len(again), 6)
        self.assertEqual(len({json.loads(line)["failure_id"] for line in again}), 6)
        daemon = self.start(job)
        daemon.wait_state("kept", "FAILED")
        self.assertEqual(daemon.account()["counted_total"], 3)

        same = self.write("same.yaml", "\n".join(
            f"{key}: {value}" for key, value in {
                "restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": 2,
                "restart-strategy.fixed-delay.delay": "7 ms"}.items()))
        replay = self.run_program("replay", f"--config.file={same}", self.path("failures.ndjson"))
        self.assertEqual((replay.returncode, replay.stdout), (0, "3 failures, 0 differ\n"), replay.stderr)
        other = self.write("other.yaml", "restart-strategy.type: none\n")
        replay = self.run_program("replay", f"--config.file={other}", self.path("failures.ndjson"))
        self.assertEqual(replay.returncode, 0)
        self.assertIn("restart after 7 ms -> give up", replay.stdout)
        self.assertIn("3 failures, 2 differ", replay.stdout)


class Locking(StoreCase):
    def test_two(self):
        """A second daemon is kept out; one that stands by takes over within a second."""
        job = self.job(f"echo $$ >> {self.path('pids')}; exec sleep 1000")
        daemon = self.start(job)
        daemon.wait_state("kept", "RUNNING")
        wait_for(lambda: self.read("pids"), what="the task")
        second = self.run_program("serve", "--web.listen-address=127.0.0.1:0",
                                  f"--storage.path={self.storage}")
        self.assertEqual(second.returncode, 1)
        self.assertIn("another daemon has it", second.stderr)
        standby = subprocess.Popen(
            [PROGRAM, "serve", "--web.listen-address=127.0.0.1:0", f"--storage.path={self.storage}",
             "--storage.standby"], stderr=subprocess.DEVNULL)
        self.addCleanup(standby.wait)
        self.addCleanup(standby.kill)
        time.sleep(0.3)
        self.assertIsNone(standby.poll())
        self.kill_daemon(daemon)
        wait_for(lambda: len(self.read("pids").splitlines()) == 2, what="the job to run at the standby")
        first = int(self.read("pids").split()[0])
        self.assertFalse(os.path.exists(f"/proc/{first}"))


class Refusing(StoreCase):
    def refused(self, *words):
        result = self.run_program("serve", "--web.listen-address=127.0.0.1:0",
                                  f"--storage.path={self.storage}")
        self.assertEqual(result.returncode, 1)
        for word in (os.path.join(self.storage, "state.db"), *words):
            self.assertIn(word, result.stderr)

    def test_files(self):
        os.mkdir(self.storage, 0o700)
        self.write("storage/state.db", "no database at all " * 100)
        self.refused("damaged", "backup")
        os.unlink(self.path("storage/state.db"))
        database = sqlite3.connect(self.path("storage/state.db"))
        database.execute("CREATE TABLE theirs(a)")
        database.commit()
        database.close()
        self.refused("another program")
        os.unlink(self.path("storage/state.db"))
        daemon = self.start()
        self.assertEqual(daemon.stop(), 0)
        database = sqlite3.connect(self.path("storage/state.db"))
        database.execute("PRAGMA user_version=99")
        database.close()
        self.refused("later version")


class Degraded(StoreCase):
    def test_locked(self):
        """While nothing can be written nothing is acted on, and all say so; then it goes on by itself."""
        job = self.job(f"echo x >> {self.path('runs')}; [ $FAILOVER_ATTEMPT -ge 1 ] && exec sleep 1000;"
                       f"while [ ! -e {self.path('die')} ]; do sleep 0.05; done; exit 1")
        daemon = self.start(job)
        wait_for(lambda: daemon.total("failover_job_tasks", state="RUNNING") == 1, what="the task")
        database = sqlite3.connect(self.path("storage/state.db"), isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        self.write("die", "")
        wait_for(lambda: daemon.total("failover_store_up") == 0, what="the store to be down")
        self.assertEqual(daemon.fetch("/-/ready")[0], 503)
        self.assertEqual(daemon.fetch("/-/healthy")[0], 200)
        self.assertEqual(self.read("runs"), "x\n")
        self.assertEqual(daemon.total("failover_job_failures_total"), 0)
        database.execute("COMMIT")
        database.close()
        wait_for(lambda: self.read("runs") == "x\nx\n", what="the restart")
        self.assertEqual(daemon.total("failover_store_up"), 1)
        self.assertEqual(daemon.total("failover_job_failures_total"), 1)
        self.assertEqual(daemon.fetch("/-/ready")[0], 200)
        daemon.account()


if __name__ == "__main__":
    main()
