#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scheduler for the push engine: scheduler.py SOCKET JOB.json

Runs the commands of the job as processes of its own, tells the daemon how they are and obeys. All that it knows of
failover is: start what `deploy` names, stop what `cancel` names. Standard library only; the job's exit is its own.
"""
import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time


class Door(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path, method, target, body=None):
    """Status and answer; asked again until there is one: every report may be repeated."""
    while True:
        door = Door(path)
        try:
            door.request(method, target, body and json.dumps(body), {"Content-Type": "application/json"})
            answer = door.getresponse()
            text = answer.read()
            if answer.status != 503:
                return answer.status, json.loads(text)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            door.close()
        time.sleep(0.2)


def follow(path, job, events):
    """The decisions of the job, without end and without a gap: after a break it goes on where it was."""
    last = 0
    while True:
        door = Door(path)
        try:
            door.request("GET", f"/jobs/{job}/decisions", headers={"Last-Event-ID": str(last)})
            for line in door.getresponse():
                if line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    last = event["id"]
                    events.put(event)
        except (OSError, http.client.HTTPException):
            time.sleep(0.2)
        finally:
            door.close()


class Scheduler:
    def __init__(self, path, file):
        with open(file, encoding="utf-8") as text:
            self.spec = json.load(text)
        self.path = path
        self.commands = {vertex["id"]: vertex["command"] for vertex in self.spec["vertices"]}
        self.directory = os.path.dirname(os.path.abspath(file))
        status, answer = ask(path, "POST", "/jobs?directory=/", self.spec)  # the daemon runs no commands of this job
        if status != 201:
            sys.exit(f"the job was refused: {answer['errors'][0]}")
        self.job = answer["jid"]
        self.running = {}  # (task, attempt): [process, its output, whether we stop it]

    def report(self, task, attempt, sequence, state, **more):
        report = {"task": task, "attempt": attempt, "sequence": sequence, "state": state, **more}
        return ask(self.path, "POST", f"/jobs/{self.job}/reports", report)[0]

    def start(self, task, attempt):
        vertex, index = task[:-1].split("[")
        output = os.memfd_create(task)
        environment = dict(os.environ, FAILOVER_SUBTASK_INDEX=index, FAILOVER_ATTEMPT=str(attempt))
        process = subprocess.Popen(self.commands[vertex], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   env=environment, cwd=self.directory, start_new_session=True)
        self.running[task, attempt] = [process, output, False]
        if self.report(task, attempt, 0, "RUNNING") == 409:
            self.stop(task, attempt)

    def stop(self, task, attempt):
        if (task, attempt) in self.running:
            self.running[task, attempt][2] = True
            os.killpg(self.running[task, attempt][0].pid, signal.SIGKILL)

    def reap(self):
        for (task, attempt), (process, output, stopped) in list(self.running.items()):
            if process.poll() is None:
                continue
            del self.running[task, attempt]
            text = os.pread(output, 65536, 0).decode(errors="replace")
            os.close(output)
            if stopped or process.returncode == 0:
                self.report(task, attempt, 1, "CANCELED" if stopped else "FINISHED")
                continue
            how = {"signal": -process.returncode} if process.returncode < 0 else {"exit_code": process.returncode}
            self.report(task, attempt, 1, "FAILED", failure={"output": text, **how})

    def obey(self, event):
        named = {(entry["task"], entry["attempt"]) for entry in event["tasks"]}
        wanted = {(entry["task"], entry["attempt"]) for entry in event["tasks"] if entry.get("state") != "CANCELING"}
        if event["action"] in ("deploy", "reset"):
            for task, attempt in wanted - set(self.running):
                self.start(task, attempt)
        if event["action"] in ("cancel", "reset", "close"):
            for task, attempt in {"cancel": named, "reset": set(self.running) - wanted}.get(event["action"], set(self.running)):
                self.stop(task, attempt)

    def run(self):
        events = queue.Queue()
        threading.Thread(target=follow, args=(self.path, self.job, events), daemon=True).start()
        action = None
        while action != "close":
            self.reap()
            try:
                event = events.get(timeout=0.02)
            except queue.Empty:
                continue
            action = event["action"]
            self.obey(event)
        return 0 if ask(self.path, "GET", f"/jobs/{self.job}/status")[1]["status"] == "FINISHED" else 1


if __name__ == "__main__":
    sys.exit(Scheduler(*sys.argv[1:3]).run())
