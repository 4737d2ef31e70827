#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a real Prometheus everything that the dashboards and rules ask:
query_all.py URL DASHBOARDS_DIR [--minutes N]

Each expression of each panel, annotation and recording rule must have had data at some time of the
last N minutes, and each series that an alert reads as well (its condition need not hold). Those
that read what the exporter does not have yet (awaited.json) are not asked. Exit 1 with one line per
expression without data."""

import argparse
import json
import pathlib
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import manifest
import promql
import rulefiles

STEP_SECONDS = 1


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
        if error.code == 503:
            raise  # it listens, and is not yet ready
        raise ValueError(f"{expression}: {error.read().decode()}") from error


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


def awaited_names(rules):
    """The series that cannot have data yet, with those that rules record of them."""
    names = set(manifest.awaited())
    while True:
        more = {
            rule["record"] for rule in rules if "record" in rule and reads(rule["expr"], names)
        } - names  # fmt: skip
        if not more:
            return names
        names |= more


def reads(expression, names):
    return any(selector.name in names for selector in promql.parse(expression).selectors)


def without_data(url, directory, minutes):
    """(the number of expressions that were asked, a line for each that had no data)."""
    awaited = awaited_names(rulefiles.load(directory / "prometheus"))
    asked = [(where, expression) for where, expression in expressions(directory)
             if not reads(replace_variables(expression, minutes), awaited)]  # fmt: skip
    empty = [
        f"{where}: no data: {expression}" for where, expression in asked
        if not has_data(url, replace_variables(expression, minutes), minutes)
    ]  # fmt: skip
    return len(asked), empty


def main():
    parser = argparse.ArgumentParser(description="Asks everything that dashboards and rules ask.")
    parser.add_argument("url")
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--minutes", type=int, default=5)
    arguments = parser.parse_args()
    asked, empty = without_data(arguments.url, arguments.directory, arguments.minutes)
    print(*empty, sep="\n")
    print(f"{asked} expressions, {len(empty)} without data")
    sys.exit(1 if empty or not asked else 0)


if __name__ == "__main__":
    main()
