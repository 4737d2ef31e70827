# SPDX-License-Identifier: Apache-2.0
"""Stops the whole daemon for a while (SIGSTOP) under the load of chaos.py, longer than any of its deadlines, and
sees whom it blames when it wakes.

    standstill.py [--seconds N] [--seed S]

A scheduler that reports all the time is not silent; a task that gives signs of life all the time lives; one that
ends in time, while nobody looks, has ended in time. Nothing is lost or counted twice, and all goes on.
"""
import argparse
import json
import os
import signal
import time

from chaos import Chaos, marked_processes, options_of, require, show, wait_for

# Signs of life, as many as go into the socket while nobody reads.
ALIVE = """
import os, socket, time
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
told.connect(os.environ["NOTIFY_SOCKET"])
told.send(b"READY=1")
while True:
    told.send(b"WATCHDOG=1")
    time.sleep(0.1)
"""
PUNCTUAL = 'touch "$1.began"; until [ -e "$1" ]; do sleep 0.05; done'


class Standstill(Chaos):
    def __init__(self, seed, seconds):
        super().__init__(seed)
        self.seconds = seconds
        self.asked = None
        patience = f"{int(seconds * 600)} ms"
        self.timeout = seconds - 0.5
        config = self.write("config.yaml", json.dumps({"heartbeat.timeout": patience}))
        once = {"restart-strategy.type": "none"}
        alive = self.write("alive.json", json.dumps({"name": "alive", "configuration": once, "vertices": [
            {"id": "t", "command": ["/usr/bin/python3", "-c", ALIVE, self.mark], "ready": "notify",
             "watchdog": patience}]}))
        self.punctual = json.dumps({"name": "punctual", "configuration": once, "working-directory": "/", "vertices": [
            {"id": "t", "command": ["sh", "-c", PUNCTUAL, f"{self.mark}-punctual", self.path("go")],
             "timeout": f"{int(self.timeout * 1000)} ms"}]})
        self.arguments = [f"--config.file={config}", alive, self.local]

    def wait_total(self, wanted, family, **labels):
        wait_for(lambda: self.total(self.look(), family, **labels) == wanted, what=f"{family} {labels} {wanted}")

    def stand_still(self):
        """Whether the punctual task ended within its time, which a busy machine may keep it from."""
        self.process.send_signal(signal.SIGSTOP)
        self.write("go", "")
        until = time.monotonic() + self.seconds
        while time.monotonic() < until and marked_processes(f"{self.mark}-punctual"):
            time.sleep(0.01)
        took = time.monotonic() - self.asked
        time.sleep(max(0, until - time.monotonic()))
        self.process.send_signal(signal.SIGCONT)
        return took < self.timeout * 0.8

    def wake(self, was_punctual):
        """What is to be seen from then on."""
        if was_punctual:
            self.wait_total(1, "failover_job_state", job_name="punctual", state="FINISHED")
        else:
            print("the punctual task was late, nothing is said of it")
        acknowledged, failures = self.acknowledged, self.failures("local")
        wait_for(lambda: self.acknowledged > acknowledged + 8, what="reports to be taken again")
        wait_for(lambda: self.failures("local") > failures + 3, what="tasks to be started again")
        self.wait_total(1, "failover_job_state", job_name="alive", state="RUNNING")
        require(self.failures("alive") == 0, "a task that lived was taken for dead")
        lost = self.total(self.look(), "failover_push_schedulers_lost_total")
        require(lost == 0, "a scheduler that reported was taken for silent")

    def failures(self, job):
        return self.total(self.look(), "failover_job_failures_total", job_name=job)

    def run(self):
        require(self.start(), "it does not start")
        with self.loaded():
            self.wait_total(1, "failover_job_tasks", job_name="alive", state="RUNNING")
            wait_for(lambda: self.acknowledged > 8, what="the load")
            self.asked = time.monotonic()
            status, answer = self.ask("POST", "/jobs", self.punctual)
            require(status == 201, f"the punctual job was answered {status} {answer}")
            wait_for(lambda: os.path.exists(self.path("go.began")), what="the punctual task")
            self.wake(self.stand_still())
        self.check_copies()
        names = self.check_store()
        self.check_model(names)
        print(f"{self.seconds:g} s of standstill, {sum(names.values())} failures, {self.acknowledged} acknowledged")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=6)
    options = options_of(parser)
    chaos = Standstill(options.seed, options.seconds)
    show(chaos, chaos.run)


if __name__ == "__main__":
    main()
