#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rule files: check_rules.py --manifest FILE DASHBOARDS_DIR

Conventions of names, labels and annotations; names of series and labels against the manifest; a
runbook for each alert and none without one; unit tests that see each alert firing and silent.
Exit 1 with one line per problem."""

import argparse
import json
import pathlib
import re
import sys

import manifest
import promql
import rulefiles

RECORD = re.compile(r"[a-z_]+:(failover_\w+|numJobFailure\w*):[a-z0-9_]+")
ALERT = re.compile(r"Failover([A-Z][a-z]+)+")
SECTIONS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]
SEVERITIES = {"critical", "warning", "info"}


def check_expression(rule, known, recorded):
    parsed = promql.parse(rule["expr"])
    yield from manifest.complaints(parsed, known, recorded)
    for selector in parsed.selectors:
        if selector.name.count(":") and selector.name not in recorded:
            yield f"nothing records {selector.name}"


def check_record(rule):
    if not RECORD.fullmatch(rule["record"]):
        yield "the name is not level:metric:operations"
    if re.search(r"\b(sum|count) by\b", rule["expr"]):
        yield "aggregates with `by`: target labels that somebody added would get lost"


def check_alert(rule, uids):
    name, annotations = rule["alert"], rule.get("annotations", {})
    if not ALERT.fullmatch(name):
        yield "the name is not Failover and CamelCase"
    if rule.get("labels", {}).get("severity") not in SEVERITIES:
        yield f"severity is none of {sorted(SEVERITIES)}"
    if "for" not in rule:
        yield "has no `for`"
    if not re.fullmatch(r"[A-Z][^{]*\.", annotations.get("summary", "")):
        yield "summary is not one plain sentence with a capital and a full stop"
    if "{{" not in annotations.get("description", "") and not rule["expr"].startswith("absent("):
        yield "description does not say where"
    if not annotations.get("runbook_url", "").endswith(f"/runbooks/{name}.md"):
        yield "runbook_url does not end with its runbook"
    dashboard = re.search(r"/d/([\w-]+)", annotations.get("dashboard_url", ""))
    if not dashboard or dashboard[1] not in uids:
        yield "dashboard_url leads to no dashboard"


def check_runbooks(alerts, directory):
    names = {rule["alert"] for rule in alerts}
    for path in sorted(directory.glob("*.md")):
        if path.stem != "README" and path.stem not in names:
            yield f"{path.name}: no alert has this runbook"
    index = (directory / "README.md").read_text(encoding="utf-8")
    for name in sorted(names):
        path = directory / f"{name}.md"
        if not path.exists():
            yield f"{name}: has no runbook"
            continue
        text = path.read_text(encoding="utf-8")
        if [line for line in text.splitlines() if line.startswith("## ")] != SECTIONS:
            yield f"{path.name}: sections are not {SECTIONS}"
        if f"({name}.md)" not in index:
            yield f"{path.name}: is not in the list of README.md"


def check_tests(alerts, tests):
    seen = {rule["alert"]: set() for rule in alerts}
    for _, content in tests:
        for test in content["tests"]:
            for case in test.get("alert_rule_test", []):
                seen[case["alertname"]].add(bool(case["exp_alerts"]))
    for name, outcomes in seen.items():
        if True not in outcomes:
            yield f"{name}: no test sees it firing"
        if False not in outcomes:
            yield f"{name}: no test sees it silent"


def check(directory, known):
    rules = rulefiles.load(directory / "prometheus")
    alerts, recorded = rulefiles.alerts(rules), rulefiles.recorded(rules)
    uids = {
        json.loads(path.read_text(encoding="utf-8"))["uid"]
        for path in (directory / "grafana").glob("*.json")
    }
    for rule in rules:
        found = list(check_expression(rule, known, recorded))
        found += check_alert(rule, uids) if "alert" in rule else check_record(rule)
        for message in found:
            yield f"{rule.get('alert') or rule['record']}: {message}"
    yield from check_runbooks(alerts, directory / "runbooks")
    yield from check_tests(alerts, rulefiles.tests(directory / "prometheus"))


def main():
    parser = argparse.ArgumentParser(description="Checks the rule files.")
    parser.add_argument("--manifest", required=True)
    parser.add_argument("directory", type=pathlib.Path)
    arguments = parser.parse_args()
    problems = list(check(arguments.directory, manifest.load(arguments.manifest)))
    print(*problems, sep="\n")
    print(f"{len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
