#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Shows that the checks can fail: each rule is broken once in a good dashboard or rule, and must be
the one that complains. test_checks.py DASHBOARDS_DIR MANIFEST"""

import copy
import json
import pathlib
import sys
import unittest

import check_dashboards
import check_rules
import check_stack
import manifest
import promql
import rulefiles
import yaml

DIRECTORY = pathlib.Path(sys.argv[1])
KNOWN = manifest.load(sys.argv[2])
RULES = rulefiles.load(DIRECTORY / "prometheus")
RECORDED = rulefiles.recorded(RULES)
GOOD, *OTHERS = (
    json.loads((DIRECTORY / "grafana" / name).read_text(encoding="utf-8"))
    for name in ("fleet.json", "job.json", "exporter.json")
)
UIDS = {"failover-fleet", "failover-job", "failover-exporter"}


def panel(dashboard, title="Failures by type"):
    return next(one for one in dashboard["panels"] if one["title"] == title)


def expr(dashboard, text):
    panel(dashboard)["targets"][0]["expr"] = text


def variable(dashboard, name):
    return check_dashboards.variables_of(dashboard)[name]


TARGET = 'job=~"$job", instance=~"$instance"'
# Rule -> how to break it, several ways.
BREAKS = {
    "template-datasource-rule": [
        lambda d: variable(d, "datasource").update(name="source"),
        lambda d: variable(d, "datasource").update(query="loki"),
        lambda d: variable(d, "datasource").update(label="Source"),
    ],
    "template-job-rule": [
        lambda d: variable(d, "job").update(multi=False),
        lambda d: variable(d, "job").update(allValue=".*"),
        lambda d: d["templating"]["list"].remove(variable(d, "job")),
    ],
    "template-instance-rule": [lambda d: variable(d, "instance").update(label="Target")],
    "template-label-promql-rule": [
        lambda d: variable(d, "engine").update(query={"query": "label_values(a{, b)"}),
        lambda d: variable(d, "engine").update(query={"query": "metrics(a)"}),
    ],
    "template-on-time-change-reload-rule": [lambda d: variable(d, "job").update(refresh=1)],
    "panel-datasource-rule": [
        lambda d: panel(d).update(datasource={"type": "prometheus", "uid": "abc"}),
        lambda d: panel(d)["targets"][0].pop("datasource"),
    ],
    "panel-title-description-rule": [
        lambda d: panel(d).update(title=""),
        lambda d: panel(d).update(description=""),
    ],
    "panel-units-rule": [
        lambda d: panel(d)["fieldConfig"]["defaults"].pop("unit"),
        lambda d: panel(d)["fieldConfig"]["defaults"].update(unit="bits"),
    ],
    "panel-no-targets-rule": [lambda d: panel(d).update(targets=[])],
    "target-logql-rule": [lambda d: panel(d)["targets"][0].update(datasource={"type": "loki"})],
    "target-logql-auto-rule": [lambda d: expr(d, f"rate(up{{{TARGET}}}[$__auto])")],
    "target-promql-rule": [
        lambda d: expr(d, f"sum(up{{{TARGET}}}"),
        lambda d: expr(d, f"rate(up{{{TARGET}}})"),
    ],
    "target-rate-interval-rule": [
        lambda d: expr(d, f"increase(failover_job_failures_total{{{TARGET}}}[5m])")
    ],
    "target-job-rule": [
        lambda d: expr(d, 'up{instance=~"$instance"}'),
        lambda d: expr(d, 'up{job="$job", instance=~"$instance"}'),
    ],
    "target-instance-rule": [lambda d: expr(d, 'up{job=~"$job"}')],
    "target-counter-agg-rule": [lambda d: expr(d, f"sum(failover_job_failures_total{{{TARGET}}})")],
    "uneditable-dashboard": [lambda d: d.update(editable=True), lambda d: d.pop("editable")],
    "head": [
        lambda d: d.update(uid="with space"),
        lambda d: d.update(id=7),
        lambda d: d.update(refresh="5s"),
        lambda d: d.update(tags=[]),
        lambda d: d.update(schemaVersion=16),
    ],
    "layout": [
        lambda d: panel(d)["gridPos"].update(y=1),
        lambda d: panel(d)["gridPos"].update(x=20),
        lambda d: panel(d).update(id=1),
    ],
    "unique-titles": [lambda d: panel(d).update(title="Restarts")],
    "links": [lambda d: d["links"][0].update(url="/d/nowhere")],
    "known-names": [
        lambda d: expr(d, f"failover_job_size{{{TARGET}}}"),
        lambda d: expr(d, f'up{{{TARGET}, colour="red"}}'),
        lambda d: expr(d, f"sum by (colour) (up{{{TARGET}}})"),
        lambda d: d["annotations"]["list"][0].update(expr="failover_alarms"),
        lambda d: variable(d, "engine").update(query={"query": "label_values(nothing, engine)"}),
    ],
}


def problems(dashboard):
    exceptions = check_dashboards.Exceptions(DIRECTORY / "grafana" / ".lint")
    return check_dashboards.check([dashboard, *OTHERS], KNOWN, RECORDED, exceptions)


class Dashboards(unittest.TestCase):
    def test_every_rule_is_broken_once(self):
        self.assertLessEqual(check_dashboards.LINTER_RULES.keys(), BREAKS.keys())
        self.assertEqual(len(check_dashboards.LINTER_RULES), 17)

    def test_good_is_good(self):
        self.assertEqual(problems(GOOD), [])

    def test_breaks(self):
        for rule, ways in BREAKS.items():
            for number, way in enumerate(ways):
                with self.subTest(rule=rule, way=number):
                    broken = copy.deepcopy(GOOD)
                    way(broken)
                    self.assertIn(f": {rule}: ", "\n".join(problems(broken)))

    def test_exception_that_nothing_needs(self):
        dashboard = copy.deepcopy(GOOD)
        target = panel(dashboard, "SYSTEM failures")["targets"][0]
        target["expr"] = f"failover_failures_pending{{{TARGET}}}"
        self.assertIn(".lint: nothing needs", "\n".join(problems(dashboard)))


class Rules(unittest.TestCase):
    def alert(self, **changes):
        rule = copy.deepcopy(rulefiles.alerts(RULES)[0])
        for key, value in changes.items():
            rule[key] = value
        return list(check_rules.check_alert(rule, UIDS))

    def test_alerts(self):
        good = rulefiles.alerts(RULES)[0]
        self.assertEqual(self.alert(), [])
        self.assertTrue(self.alert(alert="JobGaveUp"))
        self.assertTrue(self.alert(labels={"severity": "page"}))
        for key, value in {"summary": "no capital.", "runbook_url": "http://x/runbooks/Other.md",
                           "dashboard_url": "http://x/d/other"}.items():  # fmt: skip
            self.assertTrue(self.alert(annotations={**good["annotations"], key: value}), key)
        self.assertTrue(
            list(check_rules.check_alert({k: v for k, v in good.items() if k != "for"}, UIDS))
        )

    def test_records(self):
        for name in ("failover_x", "instance:other:sum", "instance:failover_x"):
            self.assertTrue(list(check_rules.check_record({"record": name, "expr": "up"})), name)
        by = {"record": "instance:failover_x:sum", "expr": "sum by (job) (up)"}
        self.assertTrue(list(check_rules.check_record(by)))

    def test_names(self):
        for text in ("nothing", 'up{a="b"}', "instance:failover_x:sum"):
            found = list(check_rules.check_expression({"expr": text}, KNOWN, RECORDED))
            self.assertTrue(found, text)

    def test_untested_alert(self):
        alerts = [{"alert": "FailoverNew"}]
        firing = {"alertname": "FailoverNew", "exp_alerts": [{}]}
        tests = [(None, {"tests": [{"alert_rule_test": [firing]}]})]
        self.assertEqual(len(list(check_rules.check_tests(alerts, []))), 2)
        self.assertEqual(len(list(check_rules.check_tests(alerts, tests))), 1)


class Stack(unittest.TestCase):
    """Each property of a service of the compose file, taken away or spoiled."""

    directory = DIRECTORY.parent / "docker"
    breaks = {
        "read_only": False,
        "cap_drop": [],
        "security_opt": [],
        "restart": "no",
        "mem_limit": None,
        "pids_limit": None,
        "healthcheck": None,
        "networks": None,
        "logging": None,
        "image": "prom/prometheus",
        "user": "0:0",
        "ports": ["9090:9090"],
        "volumes": ["./prometheus:/etc/prometheus"],
    }

    def test_services(self):
        compose = yaml.safe_load((self.directory / "compose.yaml").read_text(encoding="utf-8"))
        good = compose["services"]["prometheus"]
        self.assertEqual(list(check_stack.check_service(good, self.directory)), [])
        missing = {**good, "volumes": ["./nothing:/etc/prometheus:ro"]}
        spoiled = [{**good, key: value} for key, value in self.breaks.items() if value is not None]
        spoiled += [{k: v for k, v in good.items() if k != key} for key in self.breaks
                    if key not in ("ports", "volumes")]  # fmt: skip
        for service in [missing, *spoiled]:
            self.assertTrue(list(check_stack.check_service(service, self.directory)))


class Promql(unittest.TestCase):
    def test_parse(self):
        parsed = promql.parse(
            'sum by (le, a) (rate(x_total{b="1,}",c!~"y"}[5m] offset 1h)) / on (d) group_left () '
            "(up > bool 1e3) or vector(inf)"
        )
        self.assertEqual([s.name for s in parsed.selectors], ["x_total", "up"])
        first = parsed.selectors[0]
        self.assertEqual(first.matchers, {"b": ("=", "1,}"), "c": ("!~", "y")})
        self.assertEqual((first.range, first.calls), ("5m", ("sum", "rate")))
        self.assertEqual(parsed.grouping, {"le", "a", "d"})

    def test_clause_after(self):
        parsed = promql.parse("sum(increase(x_total[1m])) without (a)")
        self.assertEqual((parsed.selectors[0].calls, parsed.grouping), (("sum", "increase"), {"a"}))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
