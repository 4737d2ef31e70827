#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks dashboards: check_dashboards.py --manifest FILE --rules DIR DASHBOARD.json...

The 17 rules of Grafana's dashboard-linter, all of them fatal, and ours: layout, ids, names of series
and labels against the manifest, links to dashboards that exist. Exceptions stand in a file .lint
beside the dashboards; one that nothing needs any more is a problem too. Exit 1 with one line per
problem."""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import manifest
import promql
import rulefiles
import yaml

LABEL_QUERY = re.compile(r"label_values\((?:(?P<selector>[^()]+),\s*)?(?P<label>\w+)\)$")
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"short", "s", "bytes", "percentunit", "dateTimeFromNow"}
# What stands for Grafana's variables when promtool reads an expression.
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h"}


def panels_of(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets_of(dashboard):
    return [
        (panel, target) for panel in panels_of(dashboard) for target in panel.get("targets", [])
    ]


def selectors_of(dashboard):
    """(panel title, selector) for each series that a panel reads; broken expressions are left to
    target-promql-rule."""
    for panel, target in targets_of(dashboard):
        try:
            for selector in promql.parse(target.get("expr", "")).selectors:
                yield panel["title"], selector
        except (ValueError, IndexError):
            continue


def variables_of(dashboard):
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def for_promtool(expression):
    for variable, text in VARIABLES.items():
        expression = expression.replace(variable, text)
    return expression


# ---- the rules of dashboard-linter: each yields (panel title or None, message) ----------------


def template_datasource(dashboard):
    variable = variables_of(dashboard).get("datasource")
    if not variable or variable["type"] != "datasource":
        yield None, "there is no variable `datasource` of type datasource"
        return
    if variable["query"] != "prometheus":
        yield None, "`datasource` does not choose among data sources of type prometheus"
    if variable["label"] != "Data source":
        yield None, "the label of `datasource` is not 'Data source'"


def target_variable(dashboard, name, label):
    variable = variables_of(dashboard).get(name)
    if not variable:
        yield None, f"there is no variable `{name}`"
        return
    wanted = {"type": "query", "label": label, "multi": True, "includeAll": True, "allValue": ".+"}
    for key, value in {**wanted, "datasource": DATASOURCE}.items():
        if variable.get(key) != value:
            yield None, f"variable `{name}`: {key} is {variable.get(key)!r}, not {value!r}"


def template_job(dashboard):
    yield from target_variable(dashboard, "job", "Job")


def template_instance(dashboard):
    yield from target_variable(dashboard, "instance", "Instance")


def template_label_promql(dashboard):
    for name, variable in variables_of(dashboard).items():
        if variable["type"] != "query":
            continue
        match = LABEL_QUERY.match(variable["query"]["query"])
        if not match:
            yield None, f"variable `{name}` is no label_values(selector, label)"
            continue
        try:
            promql.parse(match["selector"])
        except (ValueError, IndexError, TypeError) as error:
            yield None, f"variable `{name}`: {error}"


def template_on_time_change_reload(dashboard):
    for name, variable in variables_of(dashboard).items():
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield None, f"variable `{name}` is not refreshed when the time range changes"


def panel_datasource(dashboard):
    for panel in panels_of(dashboard):
        sources = [
            panel.get("datasource"),
            *(t.get("datasource") for t in panel.get("targets", [])),
        ]
        if any(source != DATASOURCE for source in sources):
            yield panel["title"], "does not use ${datasource} everywhere"


def panel_title_description(dashboard):
    for panel in panels_of(dashboard):
        if not panel.get("title"):
            yield f"id {panel['id']}", "has no title"
        if not panel.get("description"):
            yield panel["title"], "has no description"


def panel_units(dashboard):
    for panel in panels_of(dashboard):
        unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
        if unit not in UNITS:
            yield panel["title"], f"unit {unit!r} is none of those we use: {sorted(UNITS)}"


def panel_no_targets(dashboard):
    for panel in panels_of(dashboard):
        if not any(target.get("expr") for target in panel.get("targets", [])):
            yield panel["title"], "asks for nothing"


def target_logql(dashboard):
    """We have no logs: whatever is not for Prometheus is a mistake."""
    for panel, target in targets_of(dashboard):
        if target.get("datasource", {}).get("type") != "prometheus":
            yield panel["title"], f"target {target['refId']} is not for Prometheus"


def target_logql_auto(dashboard):
    for panel, target in targets_of(dashboard):
        if "$__auto" in target.get("expr", ""):
            yield panel["title"], f"target {target['refId']} uses $__auto, which only Loki knows"


def target_promql(dashboard):
    """promtool reads all expressions of the dashboard at once, as the rules of one file."""
    targets = targets_of(dashboard)
    rules = [
        {"record": f"target_{index}", "expr": for_promtool(target.get("expr", ""))}
        for index, (_, target) in enumerate(targets)
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
        yaml.safe_dump({"groups": [{"name": "targets", "rules": rules}]}, file)
        file.flush()
        run = subprocess.run(["promtool", "check", "rules", "--lint=none", file.name],
                             capture_output=True, text=True, check=False)  # fmt: skip
    if run.returncode == 0:
        return
    named = re.findall(r'"target_(\d+)": (.*)', run.stdout + run.stderr)
    for index, message in dict(named).items():
        panel, target = targets[int(index)]
        yield panel["title"], f"target {target['refId']}: {message}"
    if not named:
        yield None, run.stdout + run.stderr


def target_rate_interval(dashboard):
    for title, selector in selectors_of(dashboard):
        called = {"rate", "irate", "increase"} & set(selector.calls)
        if called and selector.range != "$__rate_interval":
            yield title, f"{called.pop()}({selector.name}[{selector.range}]): not $__rate_interval"


def target_matcher(dashboard, label):
    for title, selector in selectors_of(dashboard):
        if selector.matchers.get(label) != ("=~", f"${label}"):
            yield title, f'{selector.name} has no {label}=~"${label}"'


def target_job(dashboard):
    yield from target_matcher(dashboard, "job")


def target_instance(dashboard):
    yield from target_matcher(dashboard, "instance")


def target_counter_agg(dashboard):
    for title, selector in selectors_of(dashboard):
        rated = {"rate", "irate", "increase"} & set(selector.calls)
        if selector.name.endswith("_total") and not rated:
            yield title, f"{selector.name} is a counter and stands outside rate, irate, increase"


def uneditable_dashboard(dashboard):
    if dashboard.get("editable") is not False:
        yield None, "is editable"


LINTER_RULES = {
    "template-datasource-rule": template_datasource,
    "template-job-rule": template_job,
    "template-instance-rule": template_instance,
    "template-label-promql-rule": template_label_promql,
    "template-on-time-change-reload-rule": template_on_time_change_reload,
    "panel-datasource-rule": panel_datasource,
    "panel-title-description-rule": panel_title_description,
    "panel-units-rule": panel_units,
    "panel-no-targets-rule": panel_no_targets,
    "target-logql-rule": target_logql,
    "target-logql-auto-rule": target_logql_auto,
    "target-promql-rule": target_promql,
    "target-rate-interval-rule": target_rate_interval,
    "target-job-rule": target_job,
    "target-instance-rule": target_instance,
    "target-counter-agg-rule": target_counter_agg,
    "uneditable-dashboard": uneditable_dashboard,
}


# ---- rules of ours ----------------------------------------------------------------------------


def head(dashboard):
    if not re.fullmatch(r"[A-Za-z0-9-]{1,40}", dashboard.get("uid") or ""):
        yield None, "uid is not 1 to 40 letters, digits and hyphens"
    if dashboard.get("id") is not None or "__inputs" in dashboard:
        yield None, "a provisioned dashboard has no id and no __inputs"
    if dashboard.get("graphTooltip") != 1 or not dashboard.get("tags"):
        yield None, "graphTooltip is not 1, or tags are missing"
    if not re.fullmatch(r"(\d+m|[3-9]\ds)", dashboard.get("refresh", "")):
        yield None, f"refresh {dashboard.get('refresh')!r} is not 30 s or more"
    if not 39 <= dashboard.get("schemaVersion", 0) <= 42:
        yield None, "schemaVersion is not 39 to 42"


def layout(dashboard):
    taken, ids = {}, set()
    for panel in dashboard["panels"]:
        spot = panel["gridPos"]
        if spot["x"] + spot["w"] > 24:
            yield panel["title"], "reaches over the right edge"
        if panel["id"] in ids:
            yield panel["title"], f"id {panel['id']} is taken"
        ids.add(panel["id"])
        for x in range(spot["x"], spot["x"] + spot["w"]):
            for y in range(spot["y"], spot["y"] + spot["h"]):
                if taken.setdefault((x, y), panel["id"]) != panel["id"]:
                    yield panel["title"], f"overlaps another panel at column {x}, line {y}"
                    return


def unique_titles(dashboard):
    """Exceptions and e2e tests name a panel by its title."""
    seen = set()
    for panel in panels_of(dashboard):
        if panel["title"] in seen:
            yield panel["title"], "has a title that another panel has"
        seen.add(panel["title"])


def texts_of(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for child in value.values() if isinstance(value, dict) else value:
            yield from texts_of(child)


def links(uids):
    """Links between dashboards lead to dashboards that exist."""

    def rule(dashboard):
        for text in texts_of(dashboard):
            for uid in re.findall(r"(?:^|\d)/d/([\w-]+)", text):
                if uid not in uids:
                    yield None, f"a link leads to /d/{uid}, which does not exist"

    return rule


def known_names(known, recorded):
    """Panels, annotations and variables name series and labels that exist."""

    def rule(dashboard):
        expressions = [(panel["title"], target["expr"]) for panel, target in targets_of(dashboard)]
        expressions += [(None, mark["expr"]) for mark in dashboard["annotations"]["list"]]
        for variable in variables_of(dashboard).values():
            match = variable["type"] == "query" and LABEL_QUERY.match(variable["query"]["query"])
            if match and match["selector"]:
                expressions.append((None, match["selector"]))
        for title, text in expressions:
            try:
                parsed = promql.parse(text)
            except (ValueError, IndexError) as error:
                yield title, str(error)
                continue
            for message in manifest.complaints(parsed, known, recorded):
                yield title, message

    return rule


# ---- running them -----------------------------------------------------------------------------


class Exceptions:
    """The entries of a .lint file, and which of them were needed."""

    def __init__(self, path):
        found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.entries = set()
        self.used = set()
        self.problems = []
        for rule, body in found.get("exclusions", {}).items():
            if not body.get("reason"):
                self.problems.append(f".lint: {rule} has no reason")
            for entry in body["entries"]:
                self.entries.add((rule, entry["dashboard"], entry["panel"]))

    def allow(self, *entry):
        if entry in self.entries:
            self.used.add(entry)
        return entry in self.entries

    def unused(self):
        return [
            f".lint: nothing needs {' / '.join(entry)}"
            for entry in sorted(self.entries - self.used)
        ]


def check(dashboards, known, recorded, exceptions):
    """Problems of the dashboards, one line each."""
    uids = {dashboard["uid"] for dashboard in dashboards}
    rules = {**LINTER_RULES, "head": head, "layout": layout, "unique-titles": unique_titles,
             "links": links(uids), "known-names": known_names(known, recorded)}  # fmt: skip
    problems = list(exceptions.problems)
    for dashboard in dashboards:
        for name, rule in rules.items():
            for title, message in rule(dashboard):
                if not exceptions.allow(name, dashboard["title"], title):
                    where = f", panel '{title}'" if title else ""
                    problems.append(f"{dashboard['title']}{where}: {name}: {message}")
    return problems + exceptions.unused()


def main():
    parser = argparse.ArgumentParser(description="Checks dashboards.")
    parser.add_argument("--manifest", required=True)
    parser.add_argument("--rules", required=True, type=pathlib.Path)
    parser.add_argument("dashboards", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    dashboards = [json.loads(path.read_text(encoding="utf-8")) for path in arguments.dashboards]
    exceptions = Exceptions(arguments.dashboards[0].parent / ".lint")
    recorded = rulefiles.recorded(rulefiles.load(arguments.rules))
    problems = check(dashboards, manifest.load(arguments.manifest), recorded, exceptions)
    print(*problems, sep="\n")
    print(f"{sum(len(panels_of(d)) for d in dashboards)} panels, {len(problems)} problems")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
