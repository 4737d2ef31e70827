# SPDX-License-Identifier: Apache-2.0
"""The metric families of the exporter: what a dashboard or a rule may name.

What the exporter declares is written to metrics.json by itself, {"families": [{"name", "type",
"labels", ...}]}; a counter's name may stand with or without its _total, an info's with or without
its _info. Families that dashboards and rules name already and the exporter does not declare yet
stand in awaited.json beside this, and must leave it when they come."""

import json
import pathlib
import sys

AWAITED = pathlib.Path(__file__).with_name("awaited.json")

# The labels that Prometheus puts on every series, and those that the built-in listener gives to
# numJobFailure, whose labels depend on the listeners that are started.
TARGET_LABELS = {"job", "instance"}
CATALOGUE_LABELS = {"type", "category", "cause"}
# What Prometheus itself writes.
FROM_PROMETHEUS = {
    "up": set(),
    "scrape_duration_seconds": set(),
    "ALERTS": {"alertname", "alertstate", "severity"},
}
SUFFIXES = {
    "counter": ("_total",),
    "info": ("_info",),
    "histogram": ("_bucket", "_sum", "_count"),
    "summary": ("", "_sum", "_count"),
}


def series_of(families):
    """Every series name of the families with the labels it may have."""
    known = {name: labels | TARGET_LABELS for name, labels in FROM_PROMETHEUS.items()}
    for family in families:
        name = family["name"]
        kind = family["type"]
        if kind in ("counter", "info"):
            name = name.removesuffix("_total").removesuffix("_info")
        labels = set(family["labels"]) | TARGET_LABELS
        if name == "numJobFailure":
            labels |= CATALOGUE_LABELS
        for suffix in SUFFIXES.get(kind, ("",)):
            known[name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    return known


def awaited():
    """The series of the families that the exporter does not declare yet, with their labels."""
    known = series_of(json.loads(AWAITED.read_text(encoding="utf-8")))
    return {name: labels for name, labels in known.items() if name not in FROM_PROMETHEUS}


def load(path):
    """The series that dashboards and rules may name. SystemExit where a family is awaited in vain."""
    known = series_of(json.loads(pathlib.Path(path).read_text(encoding="utf-8"))["families"])
    come = awaited().keys() & known.keys()
    if come:
        sys.exit(f"{AWAITED.name} awaits what is there: {', '.join(sorted(come))}")
    return known | awaited()


def complaints(expression, known, recorded):
    """What is wrong with the names in a parsed expression: unknown series, unknown labels. `recorded`
    holds the names of recording rules; their labels are not followed."""
    for selector in expression.selectors:
        if selector.name in recorded:
            continue
        if selector.name not in known:
            yield f"no family has the series {selector.name}"
            continue
        for label in selector.matchers.keys() - known[selector.name]:
            yield f"{selector.name} has no label {label}"
    every = set().union(*known.values()) | {"le"}
    for label in expression.grouping - every:
        yield f"no series has the label {label}"
