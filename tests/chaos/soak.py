# SPDX-License-Identifier: Apache-2.0
"""Jobs that come, fail, recover and go, for a long time: prints resident memory and descriptors as
`figure value unit`, and fails when they grow.

    soak.py [--seconds N]
"""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e"))
from harness import Daemon  # noqa: E402

JOBS = 20
GROWTH_MAX = 1.10  # of the last quarter over the second one: the first is for warming up


def ask(daemon, method, path, body=None):
    connection = daemon.control()
    connection.request(method, path, body=body and json.dumps(body), headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def job(number):
    """Fails twice, then finishes; every third one gives up, every fifth is the push engine's."""
    attempts = 1 if number % 3 == 0 else 5
    base = {"name": f"soak-{number % JOBS}", "configuration": {
        "restart-strategy.type": "fixed-delay", "restart-strategy.fixed-delay.attempts": attempts,
        "restart-strategy.fixed-delay.delay": "20 ms"}}
    if number % 5 == 0:
        return {**base, "engine": "push", "vertices": [{"id": "p", "parallelism": 4}]}
    return {**base, "working-directory": "/", "vertices": [
        {"id": "a", "parallelism": 2, "command": ["sh", "-c", "[ $FAILOVER_ATTEMPT -ge 2 ] || exit 7; sleep 0.05"]}]}


def churn(daemon, number):
    spec = job(number)
    ask(daemon, "PATCH", f"/jobs/{spec['name']}?mode=cancel")
    for _ in range(100):
        status, _ = ask(daemon, "POST", "/jobs", spec)
        if status == 201:
            break
        time.sleep(0.02)  # the former one of that name has yet to end
    if spec.get("engine") == "push":
        for task in range(4):
            report = {"task": f"p[{task}]", "attempt": 0, "sequence": 0, "state": "FAILED",
                      "failure": {"exit_code": 3, "output": "soak"}}
            ask(daemon, "POST", f"/jobs/{spec['name']}/reports", report)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="soak-")
    config = os.path.join(folder, "config.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write("metrics: {retention: 2 s}\nstorage: {retention: {count: 5000}}\n")
    daemon = Daemon(f"--config.file={config}", storage=os.path.join(folder, "storage"))
    pid = daemon.process.pid
    began = time.monotonic()
    samples, number = [], 0
    while time.monotonic() - began < options.seconds:
        churn(daemon, number)
        number += 1
        if number % 10 == 0:
            daemon.account()
            samples.append((resident_kib(pid), len(os.listdir(f"/proc/{pid}/fd"))))
    quarter = max(len(samples) // 4, 1)
    early, late = samples[quarter:2 * quarter] or samples, samples[-quarter:]
    for place, name, unit in ((0, "resident", "KiB"), (1, "descriptors", "1")):
        before = statistics.median(sample[place] for sample in early)
        after = statistics.median(sample[place] for sample in late)
        print(f"soak_{name}_early {before:.0f} {unit}\nsoak_{name}_late {after:.0f} {unit}")
        if after > before * GROWTH_MAX + 8:
            raise SystemExit(f"{name} grew from {before} to {after}; see {folder}")
    print(f"soak_jobs {number} 1\nsoak_failures {daemon.account()['received_total']:.0f} 1")
    assert daemon.stop() == 0
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
