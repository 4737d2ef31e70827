#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the dashboards: generate.py [DIRECTORY] (default: the folder of this file).

--share adds what grafana.com wants in an uploaded dashboard (__inputs, __requires).
"""

import argparse
import pathlib

import exporter
import fleet
import job
from panels import SCHEMA_VERSION, write

DASHBOARDS = {
    "fleet.json": fleet.dashboard,
    "job.json": job.dashboard,
    "exporter.json": exporter.dashboard,
}


def for_sharing(dashboard):
    """The data source is a variable, so there is no input to ask for."""
    kinds = sorted({panel["type"] for panel in dashboard["panels"] if panel["type"] != "row"})
    requires = [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "11.0.0"},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
    ]
    requires += [{"type": "panel", "id": kind, "name": kind, "version": ""} for kind in kinds]
    return {"__inputs": [], "__requires": requires, **dashboard}


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(
        description=f"Writes the dashboards (schema {SCHEMA_VERSION})."
    )
    parser.add_argument("directory", nargs="?", type=pathlib.Path, default=here)
    parser.add_argument("--share", action="store_true", help="for grafana.com")
    arguments = parser.parse_args()
    for name, make in DASHBOARDS.items():
        dashboard = make()
        write(arguments.directory / name, for_sharing(dashboard) if arguments.share else dashboard)


if __name__ == "__main__":
    main()
