#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a real Prometheus everything that the dashboards and rules ask:
query_all.py URL DASHBOARDS_DIR [--minutes N]

Each expression of each panel, annotation and recording rule must have had data at some time of the
last N minutes, and each series that an alert reads as well (its condition need not hold).
Exit 1 with one line per expression without data."""

import argparse
import json
import pathlib
import sys
import time
import urllib.parse
import urllib.request

import promql
import rulefiles

STEP_SECONDS = 5


def replace_variables(text, minutes):
    for variable, value in {"$__rate_interval": "30s", "$__range": f"{minutes}m"}.items():
        text = text.replace(variable, value)
    for variable in ("$job_name", "$job", "$instance", "$engine"):
        text = text.replace(variable, ".+")
    return text


def has_data(url, expression, minutes):
    now = time.time()
    form = {"query": expression, "start": now - 60 * minutes, "end": now, "step": STEP_SECONDS}
    request = urllib.request.Request(
        f"{url}/api/v1/query_range", urllib.parse.urlencode(form).encode()
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bool(json.load(answer)["data"]["result"])
    except urllib.error.HTTPError as error:
        sys.exit(f"{expression}: {error.read().decode()}")


def selector_text(selector):
    matchers = ",".join(f'{label}{op}"{value}"' for label, (op, value) in selector.matchers.items())
    return f"{selector.name}{{{matchers}}}"


def expressions(directory):
    """(where it stands, expression)."""
    for path in sorted((directory / "grafana").glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{dashboard['title']}, {panel['title']}, {target['refId']}", target["expr"]
        for mark in dashboard["annotations"]["list"]:
            yield f"{dashboard['title']}, annotation {mark['name']}", mark["expr"]
    for rule in rulefiles.load(directory / "prometheus"):
        if "record" in rule:
            yield rule["record"], rule["expr"]
        else:
            for selector in promql.parse(rule["expr"]).selectors:
                yield f"{rule['alert']}, {selector.name}", selector_text(selector)


def main():
    parser = argparse.ArgumentParser(description="Asks everything that dashboards and rules ask.")
    parser.add_argument("url")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--minutes", type=int, default=5)
    arguments = parser.parse_args()
    asked = list(expressions(arguments.directory))
    empty = [
        f"{where}: no data: {expression}" for where, expression in asked
        if not has_data(arguments.url, replace_variables(expression, arguments.minutes), arguments.minutes)
    ]  # fmt: skip
    print(*empty, sep="\n")
    print(f"{len(asked)} expressions, {len(empty)} without data")
    sys.exit(1 if empty or not asked else 0)


if __name__ == "__main__":
    main()
