# SPDX-License-Identifier: Apache-2.0
"""Kills the daemon at any instant, over and over, on one storage path, under load of the local and the push
engine, and compares what it then says with ledgers of our own.

    chaos.py [--cycles N] [--seed S]

The local load is a job whose tasks take a lock file each (two copies would be seen) and die at random; the push
load reports failures of a job of many tasks over the control socket and writes down which were acknowledged.
After each kill: no process is left; the next daemon's counters are not below any that were ever shown; the
account adds up; every acknowledged failure is in the store once; the budget and the restarts are those of a model.
"""
import argparse
import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from harness import PROGRAM, SAMPLE, LABEL, UnixConnection, marked_processes, wait_for  # noqa: E402

SHIM = os.environ.get("CHAOS_SHIM", "")
ATTEMPTS = 1_000_000
PUSH_TASKS = 8
LOCAL_TASKS = 3
MODES = ("kill", "kill", "kill", "call", "call", "call", "stop", "clock", "ENOSPC", "EIO")

TASK = r"""
lock=$1/lock.$FAILOVER_SUBTASK_INDEX
set -C
if ! { echo $$ > "$lock"; } 2> "$1/null.$$"; then
    old=$(cat "$lock")
    if [ -n "$old" ] && grep -qs "$0" "/proc/$old/cmdline"; then echo "$old and $$" >> "$1/twice"; fi
fi
set +C
rm -f "$1/null.$$"
echo $$ > "$lock"
sleep 0.$(( $$ % 9 + 1 ))
[ "$(cat "$lock")" = $$ ] || echo "$$ lost its lock" >> "$1/twice"
rm -f "$lock"
exit 3
"""


class Broken(Exception):
    """Something that must hold does not."""


def require(holds, what):
    if not holds:
        raise Broken(what)


class Chaos:
    def __init__(self, seed):
        self.seed = seed
        self.random = random.Random(seed)
        self.folder = tempfile.mkdtemp(prefix="chaos-")
        self.storage = os.path.join(self.folder, "storage")
        self.mark = f"chaos-mark-{os.getpid()}"
        self.process = None
        self.url = None
        self.shown = {}         # counter -> the highest ever shown
        self.acknowledged = 0   # failures of the push job that were answered 200
        self.tasks = [(0, "RUNNING")] * PUSH_TASKS  # the report of each that is to be answered next
        self.submitted = False
        self.trouble = None
        self.deaths = dict.fromkeys(MODES, 0)
        os.mkdir(self.path("locks"))
        strategy = {"restart-strategy.type": "fixed-delay",
                    "restart-strategy.fixed-delay.attempts": ATTEMPTS,
                    "restart-strategy.fixed-delay.delay": "10 ms"}
        self.local = self.write("local.json", json.dumps({
            "name": "local", "configuration": strategy,
            "vertices": [{"id": "t", "parallelism": LOCAL_TASKS,
                          "command": ["sh", "-c", TASK, self.mark, self.path("locks")]}]}))
        self.push = json.dumps({
            "name": "push", "engine": "push", "vertices": [{"id": "p", "parallelism": PUSH_TASKS}],
            "configuration": {**strategy, "restart-strategy.fixed-delay.delay": "0 ms"}})
        self.arguments = [self.local]

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    # ---- the daemon ----

    def start(self, **environment):
        log = open(self.path("log"), "ab")
        begin = log.tell()
        environment = {**os.environ, "CHAOS_PROGRAM": os.path.basename(PROGRAM),
                       "CHAOS_PATH": os.path.join(self.storage, "state.db"),
                       "CHAOS_WHILE": self.path("failing"), "CHAOS_CLOCK_FILE": self.path("clock"), **environment}
        if SHIM:
            environment["LD_PRELOAD"] = SHIM
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--web.listen-address=127.0.0.1:0", f"--storage.path={self.storage}", *self.arguments],
            stderr=log, env=environment, start_new_session=True)
        log.close()

        def listening():
            with open(self.path("log"), "rb") as text:
                text.seek(begin)
                found = re.search(rb'msg="?Listening\."? address="([^"]+)"', text.read())
            return (found and found.group(1).decode()) or self.process.poll() is not None
        found = wait_for(listening, 60, "the daemon to listen")
        self.url = found if isinstance(found, str) else None
        return self.url is not None

    def died(self):
        """Reaps it; nothing that it had started may be left."""
        self.process.wait()
        wait_for(lambda: not marked_processes(self.mark), 30, "all tasks to be dead")

    def scrape(self):
        host, port = re.match(r"http://([^:/]+):(\d+)", self.url).groups()
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found = {}
        for line in text.splitlines():
            sample = SAMPLE.match(line)
            if sample:
                found[sample.group(1), tuple(sorted(LABEL.findall(sample.group(2) or "")))] = float(sample.group(3))
        return found

    @staticmethod
    def total(samples, family, **labels):
        return sum(value for (name, found), value in samples.items()
                   if name == family and labels.items() <= dict(found).items())

    def look(self):
        """A scrape must add up, and no counter may ever be below what was shown before."""
        now = self.scrape()

        def total(name):
            return self.total(now, name)
        require(total("failover_failures_received_total") == total("failover_failures_rejected_total")
                + total("failover_failures_counted_total") + total("failover_failures_pending"), "the account")
        require(total("failover_failures_counted_total") == total("failover_failures_by_class_total"), "the classes")
        for key, value in now.items():
            if key[0].endswith("_total") and key[0].startswith(
                    ("numJobFailure", "failover_job_", "failover_failures_")):
                require(value >= self.shown.get(key, 0), f"{key} fell from {self.shown.get(key)} to {value}")
                self.shown[key] = value
        return now

    # ---- the push load ----

    def ask(self, method, path, body):
        connection = UnixConnection(os.path.join(self.storage, "control.sock"))
        connection.connect()
        connection.sock.settimeout(5)
        connection.request(method, path, body=body, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, text

    def push_load(self, stop):
        """Fails tasks of the push job one after the other; each attempt is known by its number."""
        task = 0
        while not stop.is_set():
            attempt, state = self.tasks[task]
            body = {"task": f"p[{task}]", "attempt": attempt, "sequence": int(state == "FAILED"), "state": state}
            if state == "FAILED":
                body["failure"] = {"exit_code": 3, "output": "chaos"}
            try:
                status, text = self.ask("POST", "/jobs/push/reports", json.dumps(body))
            except (OSError, http.client.HTTPException):
                time.sleep(0.005)
                continue  # no answer: the same report again, until there is one
            if status != 200:
                if status in (503, 429):
                    time.sleep(0.01)
                    continue
                if status == 409 and state == "RUNNING":
                    time.sleep(0.005)  # not deployed yet
                    continue
                self.trouble = f"report {body} was answered {status} {text!r}"
                return
            if state == "RUNNING":
                self.tasks[task] = (attempt, "FAILED")
            else:
                self.acknowledged += 1
                self.tasks[task] = (attempt + 1, "RUNNING")
                task = (task + 1) % PUSH_TASKS

    def submit_push(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            if not self.submitted:
                status, _ = self.ask("POST", "/jobs", self.push)
                require(status in (201, 409), f"the push job was answered {status}")
                self.submitted = True

    @contextlib.contextmanager
    def loaded(self):
        """The load on the daemon, which is killed in the end if it still lives; nothing of it may be left."""
        stop = threading.Event()
        load = threading.Thread(target=self.push_load, args=(stop,))
        self.submit_push()
        if self.submitted:
            load.start()
        try:
            yield
        finally:
            if self.process.poll() is None:
                self.process.kill()
            self.died()
            stop.set()
            if load.ident:
                load.join()
        require(not self.trouble, self.trouble)

    # ---- one cycle ----

    def cycle(self):
        mode = self.random.choice(MODES)
        environment = {}
        if mode == "call" and SHIM:
            environment["CHAOS_KILL_AT"] = str(self.random.randint(1, self.random.choice((40, 200, 1500))))
        if mode in ("ENOSPC", "EIO"):
            environment["CHAOS_FAIL"] = mode
        if mode == "clock":
            self.write("clock", str(self.random.randint(-4000, 4000)))
        self.deaths[mode] += 1
        if not self.start(**environment):
            require(self.process.returncode == -signal.SIGKILL, f"it ended by itself: {self.process.returncode}")
            self.died()
            return
        with self.loaded(), contextlib.suppress(OSError, http.client.HTTPException):  # it died meanwhile
            self.look()
            deadline = time.monotonic() + self.random.random() * 0.3
            if mode in ("ENOSPC", "EIO"):
                self.write("failing", "")
                time.sleep(self.random.random() * 0.2)
                self.look()
                os.unlink(self.path("failing"))
            if mode == "stop":
                self.process.send_signal(signal.SIGSTOP)
                time.sleep(self.random.random() * 0.3)
                self.process.send_signal(signal.SIGCONT)
            while time.monotonic() < deadline and self.process.poll() is None:
                self.look()
        if os.path.exists(self.path("failing")):
            os.unlink(self.path("failing"))

    def check_copies(self):
        twice = self.path("locks/twice")
        if os.path.exists(twice):
            with open(twice, encoding="utf-8") as text:
                raise Broken("two copies of a task ran: " + text.read())

    def check_store(self):
        """What is on the disk, read by somebody else."""
        database = sqlite3.connect(f"file:{self.storage}/state.db?mode=ro", uri=True)

        def one(query, *arguments):
            return database.execute(query, arguments).fetchone()[0]
        require(one("PRAGMA quick_check(1)") == "ok", "the database")
        failures, names = {}, {}
        for identifier, task, attempt, record in database.execute("SELECT id, task, attempt, record FROM failure"):
            name = json.loads(record)["job_name"]
            names[name] = names.get(name, 0) + 1
            key = (name, task, attempt)
            require(key not in failures, f"{key} twice: {failures.get(key)} and {identifier}")
            failures[key] = identifier
        counted = dict(database.execute("SELECT category, sum(count) FROM class_count GROUP BY category").fetchall())
        pending = one("SELECT count(*) FROM failure WHERE final=0")
        require(sum(counted.values()) + pending == len(failures), f"{counted} and {pending} of {len(failures)}")
        accepted = one("SELECT coalesce(sum(accepted), 0) FROM job_state")
        require(accepted == len(failures), f"{accepted} accepted of {len(failures)}")
        in_flight = sum(state == "FAILED" for _, state in self.tasks)
        stored = names.get("push", 0)
        require(self.acknowledged <= stored <= self.acknowledged + in_flight,
                f"{self.acknowledged} were acknowledged, {stored} are stored")
        for task, (attempt, _) in enumerate(self.tasks):
            for number in range(attempt):
                require(("push", task, number) in failures, f"p[{task}] attempt {number} is missing")
        database.close()
        return names

    def check_model(self, names):
        """Every failure costs one attempt and leads to one restart."""
        if not self.start():
            raise Broken("it does not start")
        now = self.look()
        for job in ("local", "push") if self.submitted else ("local",):
            failures = names.get(job, 0)
            spent = ATTEMPTS - self.total(now, "failover_job_restart_budget_remaining", job_name=job)
            require(failures <= spent <= failures + LOCAL_TASKS + PUSH_TASKS, f"{job}: {failures} failed, {spent} spent")
        self.process.kill()
        self.died()

    def run(self, cycles):
        began = time.monotonic()
        for number in range(1, cycles + 1):
            self.cycle()
            self.check_copies()
            if number % 20 == 0 or number == cycles:
                names = self.check_store()
                print(f"{number} cycles, {sum(names.values())} failures, {self.acknowledged} acknowledged, "
                      f"{time.monotonic() - began:.0f} s", flush=True)
        self.check_model(self.check_store())
        print("deaths:", " ".join(f"{mode}={count}" for mode, count in self.deaths.items()))


def options_of(parser):
    """With the seed, which every one of these programs takes."""
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    return parser.parse_args()


def show(chaos, work, *arguments):
    """Does it and says how it went; what is left after a failure is for looking at."""
    print(f"seed {chaos.seed}, shim {'yes' if SHIM else 'no'}", flush=True)
    try:
        work(*arguments)
    except Exception:
        if chaos.process and chaos.process.poll() is None:
            chaos.process.kill()
        print(f"seed {chaos.seed}: broken; see {chaos.folder}", file=sys.stderr)
        raise
    shutil.rmtree(chaos.folder)
    print(f"{os.path.basename(sys.argv[0]).removesuffix('.py')}: all holds")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cycles", type=int, default=15)
    options = options_of(parser)
    chaos = Chaos(options.seed)
    show(chaos, chaos.run, options.cycles)


if __name__ == "__main__":
    main()
