# SPDX-License-Identifier: Apache-2.0
"""The pictures of the documentation: a daemon with a few jobs, looked at by a browser.

    pictures.py FOLDER          (FAILOVER_EXPORTER names the program)
"""
import json
import os
import sys
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from browser import Browser, missing  # noqa: E402
from harness import Case, wait_for  # noqa: E402

EXAMPLES = ["examples/failing/job.yaml", "examples/failing/doomed.yaml", "examples/wordcount/job.yaml"]
# Two tasks fail, each in its own way; the others just run.
ORDERS = """
name: orders
configuration: {restart-strategy.type: exponential-delay, restart-strategy.exponential-delay.initial-backoff: 2 s,
                restart-strategy.exponential-delay.attempts-before-reset-backoff: 10}
vertices:
  - {id: orders-eu, parallelism: 4, command: [sleep, '1000']}
  - {id: orders-us, parallelism: 4, command: [sleep, '1000']}
  - {id: parse, parallelism: 4, runtime: python, command: [sh, -c, '[ $FAILOVER_SUBTASK_INDEX = 2 ] && [ $FAILOVER_ATTEMPT = 0 ] || exec sleep 1000;
      sleep 4; echo "Traceback (most recent call last):\\n  File \\"parse.py\\", line 31, in <module>\\nKeyError: \\047price\\047" >&2; exit 1']}
  - {id: customers, parallelism: 2, command: ['true']}
  - {id: join, parallelism: 4, command: [sleep, '1000']}
  - {id: rates, command: ['true']}
  - {id: convert, parallelism: 2, runtime: python, command: [sh, -c, '[ $FAILOVER_SUBTASK_INDEX = 1 ] && [ $FAILOVER_ATTEMPT -lt 2 ] || exec sleep 1000;
      sleep 6; echo "urllib3.exceptions.MaxRetryError: Connection refused" >&2; exit 1']}
  - {id: invoices, parallelism: 2, command: [sleep, '1000']}
edges:
  - {from: orders-eu, to: parse, pattern: pointwise}
  - {from: orders-us, to: parse, pattern: pointwise}
  - {from: parse, to: join, pattern: pointwise}
  - {from: customers, to: join, exchange: blocking}
  - {from: rates, to: convert, exchange: blocking}
  - {from: convert, to: invoices, exchange: blocking}
  - {from: join, to: invoices, exchange: blocking}
"""


def job_of(daemon, name):
    with urllib.request.urlopen(daemon.url.rsplit("/", 1)[0] + "/failover", timeout=10) as answer:
        return next(job for job in json.load(answer)["jobs"] if job["job_name"] == name)


def take(browser, url, path, scheme, size, prepare=None):
    browser.size(*size)
    browser.prefer(scheme)
    browser.open("about:blank")
    browser.open(url)
    time.sleep(2)  # for people's eyes: fonts, the first countdown
    if prepare:
        browser.run(prepare)
        time.sleep(0.5)
    browser.screenshot(path)
    print(f"{path}: {os.path.getsize(path) // 1024} KiB")


def main(folder):
    case = Case()
    case.setUp()
    browser = Browser()
    try:
        files = [os.path.join(ROOT, name) for name in EXAMPLES] + [case.write("orders.yaml", ORDERS)]
        daemon = case.daemon(*files)
        base = daemon.url.rsplit("/", 1)[0]
        wait_for(lambda: job_of(daemon, "doomed")["state"] == "FAILED", 90, "a job that gave up")
        wait_for(lambda: job_of(daemon, "orders")["failures"] >= 3, 90, "failures")
        for scheme in ("light", "dark"):
            take(browser, f"{base}/#/", os.path.join(folder, f"jobs-{scheme}.png"), scheme, (1200, 470))
        orders = f"{base}/#/jobs/{job_of(daemon, 'orders')['job_id']}"
        take(browser, orders, os.path.join(folder, "job.png"), "light", (1200, 1180),
             "document.querySelector('details').open = true")
        take(browser, orders + "/fail/parse%5B2%5D", os.path.join(folder, "what-if.png"), "dark", (1200, 780))
    finally:
        browser.done()
        case.doCleanups()


if __name__ == "__main__":
    if missing():
        sys.exit(missing())
    main(sys.argv[1])
