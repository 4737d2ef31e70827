# SPDX-License-Identifier: Apache-2.0
"""Words for describing Grafana dashboards: panels, variables, annotations, and their layout.

A dashboard here is a list of rows, a row a title and a list of panels. Everything that Grafana wants
on every panel (data source, position, id) is added in build(). In expressions <F> stands for the
matchers of the scrape target and <J> for those plus the matchers of the job; <OURS> keeps only series
of exporters, for "all" of `job` means every target that Prometheus has.
"""

import json

SCHEMA_VERSION = 39  # the lowest that has all we use; Grafana migrates upward
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
RUNBOOKS = "http://127.0.0.1:10913/runbooks"
TARGET = 'job=~"$job", instance=~"$instance"'
JOB = TARGET + ', engine=~"$engine", job_name=~"$job_name"'

GREEN, YELLOW, ORANGE, RED, BLUE, GREY = "green", "yellow", "orange", "red", "blue", "text"

# Whose fault: the same colours everywhere.
TYPE_COLORS = {"USER": BLUE, "SYSTEM": RED, "UNKNOWN": "purple"}
# State -> (number on a state timeline, colour). The order is that of a job's life.
JOB_STATES = {
    "INITIALIZING": (1, GREY), "CREATED": (2, GREY), "RUNNING": (3, GREEN),
    "RESTARTING": (4, YELLOW), "RECONCILING": (5, YELLOW), "FAILING": (6, ORANGE),
    "FAILED": (7, RED), "CANCELLING": (8, BLUE), "CANCELED": (9, BLUE),
    "FINISHED": (10, "dark-green"), "SUSPENDED": (11, "purple"),
}  # fmt: skip


def fill(expr):
    """Writes the matchers into an expression."""
    expr = expr.replace("<OURS>", "and on (job, instance) failover_exporter_build_info{<F>}")
    return expr.replace("<F>", TARGET).replace("<J>", JOB)


def state_number():
    """An expression with one series per job: the number of its state in JOB_STATES."""
    terms = [
        f'failover_job_state{{<J>, state="{state}"}} * {number}'
        for state, (number, _) in JOB_STATES.items()
    ]
    return "max by (engine, job_name) (" + " or ".join(terms) + ")"


def state_mappings():
    options = {
        str(number): {"text": state, "color": color, "index": number}
        for state, (number, color) in JOB_STATES.items()
    }
    return [{"type": "value", "options": options}]


def texts(**by_value):
    """Value mappings: texts(v0=("down", RED), v1=("up", GREEN))."""
    options = {
        key[1:]: {"text": text, "color": color, "index": index}
        for index, (key, (text, color)) in enumerate(by_value.items())
    }
    return [{"type": "value", "options": options}]


def steps(base, *above):
    """Thresholds: steps(GREEN, (1, RED)) is green, and red from 1 on."""
    values = [{"color": base, "value": None}]
    values += [{"color": color, "value": value} for value, color in above]
    return {"mode": "absolute", "steps": values}


def panel(kind, title, about, unit, targets, *, size, options, custom=None, **defaults):
    """One panel. `targets` is a list of (expression, legend); `size` is (width of 24, height)."""
    overrides = defaults.pop("overrides", [])
    transformations = defaults.pop("transformations", None)
    instant = defaults.pop("instant", False)
    shape = "table" if kind == "table" else "heatmap" if kind == "heatmap" else "time_series"
    made = {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": DATASOURCE,
        "gridPos": {"w": size[0], "h": size[1]},
        "fieldConfig": {
            "defaults": {"unit": unit, "custom": custom or {}, **defaults},
            "overrides": overrides,
        },
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "expr": fill(expr),
                "legendFormat": legend,
                "format": shape,
                "instant": instant,
                "range": not instant,
            }
            for index, (expr, legend) in enumerate(targets)
        ],
    }
    if transformations:
        made["transformations"] = transformations
    return made


def stat(title, about, unit, expr, legend="", *, size=(4, 4), text=False, **defaults):
    """The present value, large. `text` shows the name of the series instead of its value."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "background" if {"thresholds", "mappings"} & defaults.keys() else "value",
        "graphMode": "none",
        "textMode": "name" if text else "auto",
        "justifyMode": "auto",
        "orientation": "auto",
    }
    return panel("stat", title, about, unit, [(expr, legend)], size=size, options=options,
                 instant=True, **defaults)  # fmt: skip


def lines(title, about, unit, targets, *, size=(12, 8), stack=False, bars=False, **defaults):
    """Values over time."""
    custom = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 70 if bars else 20 if stack else 8,
        "lineWidth": 1,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, about, unit, targets, size=size, options=options,
                 custom=custom, **{"min": 0, **defaults})  # fmt: skip


def gauge(title, about, unit, expr, legend, *, size=(4, 4), **defaults):
    """Bars from 0 to a maximum, one per series."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "showUnfilled": True,
    }
    return panel("bargauge", title, about, unit, [(expr, legend)], size=size, options=options,
                 instant=True, **{"min": 0, **defaults})  # fmt: skip


def timeline(title, about, expr, legend, mappings, *, size=(24, 8)):
    """States over time, one line per series."""
    options = {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": 0.9,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, about, "short", [(expr, legend)], size=size,
                 options=options, custom={"fillOpacity": 80, "lineWidth": 0},
                 mappings=mappings)  # fmt: skip


def heatmap(title, about, unit, expr, *, size=(12, 8)):
    """How often a duration fell into which bucket."""
    options = {
        "calculate": False,
        "yAxis": {"unit": unit, "axisPlacement": "left"},
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
        "cellGap": 1,
        "tooltip": {"mode": "single", "yHistogram": True},
        "legend": {"show": True},
    }
    return panel("heatmap", title, about, unit, [(expr, "{{le}}")], size=size, options=options)


def table(
    title, about, unit, columns, *, size=(24, 8), sort, units=None, mappings=None, links=None
):
    """One row per series. `columns` is a list of (heading, expression); queries with the same labels
    join into one row, and a heading of "" hides the value (an info series is all labels). `units` and
    `mappings` are by heading, `links` by label."""
    options = {
        "showHeader": True,
        "cellHeight": "sm",
        "sortBy": [{"displayName": sort, "desc": True}],
        "footer": {"show": False, "reducer": ["sum"], "fields": ""},
    }
    value_names = ["Value"] if len(columns) == 1 else [
        f"Value #{chr(ord('A') + index)}" for index in range(len(columns))
    ]  # fmt: skip
    headings = [heading for heading, _ in columns]
    names = {value: heading for value, heading in zip(value_names, headings) if heading}
    hidden = {value: True for value, heading in zip(value_names, headings) if not heading}
    overrides = [by_name(heading, unit=unit) for heading, unit in (units or {}).items()]
    overrides += [
        by_name(heading, mappings=maps, **{"custom.cellOptions": {"type": "color-text"}})
        for heading, maps in (mappings or {}).items()
    ]
    overrides += [by_name(label, links=[link]) for label, link in (links or {}).items()]
    return panel(
        "table", title, about, unit, [(expr, heading) for heading, expr in columns], size=size,
        options=options, custom={"align": "auto", "filterable": True}, overrides=overrides,
        instant=True,
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {"excludeByName": {"Time": True, **hidden}, "renameByName": names}},
        ],
    )  # fmt: skip


def by_name(name, **properties):
    """An override of field properties for one field."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def type_colors():
    """Overrides that give USER, SYSTEM and UNKNOWN their colours."""
    return [
        by_name(name, color={"mode": "fixed", "fixedColor": color})
        for name, color in TYPE_COLORS.items()
    ]


def job_link():
    """From a job's name in a table to its dashboard, with data source, target and time."""
    return {
        "title": "Show job ${__value.text}",
        "url": "/d/failover-job?var-job_name=${__value.text}&${datasource:queryparam}"
        "&${job:queryparam}&${instance:queryparam}&${engine:queryparam}&${__url_time_range}",
    }


def variable(name, label, query, *, multi=True):
    """A variable whose choices come from a label."""
    made = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": fill(query), "refId": f"variable-{name}", "qryType": 1},
        "definition": fill(query),
        "refresh": 2,  # when the time range changes
        "sort": 1,
        "multi": multi,
        "includeAll": multi,
        "current": {"selected": False, "text": "All", "value": "$__all"} if multi else {},
        "hide": 0,
        "options": [],
        "regex": "",
        "skipUrlSync": False,
    }
    if multi:
        made["allValue"] = ".+"
    return made


def datasource_variable():
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
        "skipUrlSync": False,
    }


def annotation(name, expr, title, text, color, on=True):
    """Marks on every panel where the expression has a value."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": on,
        "hide": False,
        "iconColor": color,
        "target": {"expr": fill(expr), "refId": f"annotation-{name}", "interval": "30s"},
        "expr": fill(expr),
        "step": "30s",
        "titleFormat": title,
        "textFormat": text,
        "useValueForTime": False,
    }


def link(title, url, tooltip, same_view):
    """A link in the head of a dashboard; `same_view` carries variables and time along."""
    return {
        "type": "link",
        "title": title,
        "url": url,
        "tooltip": tooltip,
        "icon": "external link" if not same_view else "dashboard",
        "includeVars": same_view,
        "keepTime": same_view,
        "targetBlank": not same_view,
        "asDropdown": False,
        "tags": [],
    }


def lay_out(rows):
    """Gives ids and positions: panels run left to right and wrap at 24 columns."""
    placed, top, number = [], 0, 0
    for title, panels in rows:
        number += 1
        placed.append({
            "type": "row", "title": title, "id": number, "collapsed": False, "panels": [],
            "gridPos": {"x": 0, "y": top, "w": 24, "h": 1},
        })  # fmt: skip
        top, left, height = top + 1, 0, 0
        for one in panels:
            width = one["gridPos"]["w"]
            if left + width > 24:
                top, left, height = top + height, 0, 0
            number += 1
            spot = {"x": left, "y": top, "w": width, "h": one["gridPos"]["h"]}
            placed.append({**one, "id": number, "gridPos": spot})
            left, height = left + width, max(height, spot["h"])
        top += height
    return placed


def build(uid, title, about, variables, annotations, links, rows):
    """The dashboard as Grafana's classic JSON model."""
    return {
        "id": None,
        "uid": uid,
        "title": title,
        "description": about,
        "tags": ["failover_exporter"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [datasource_variable(), *variables]},
        "annotations": {"list": annotations},
        "links": links,
        "panels": lay_out(rows),
    }


def write(path, dashboard):
    path.write_text(json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
