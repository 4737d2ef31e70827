#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the manifests for the Prometheus operator: generate.py [DIRECTORY]

prometheusrule.yaml holds the rules of dashboards/prometheus, servicemonitor.yaml the scrape job of
docker/prometheus. The links of alerts lead to the addresses of the compose stack; give yours:

  generate.py --grafana-url https://grafana.example.org --runbooks-url https://wiki.example.org/runbooks DIRECTORY
"""

import argparse
import pathlib

import yaml

HERE = pathlib.Path(__file__).resolve().parent
RULES = HERE.parent / "prometheus"
PROMETHEUS = HERE.parents[1] / "docker" / "prometheus" / "prometheus.yml"
GRAFANA_URL = "http://127.0.0.1:3000"
RUNBOOKS_URL = "http://127.0.0.1:10913/runbooks"
LABELS = {"app.kubernetes.io/name": "failover-exporter"}
HEAD = "# SPDX-License-Identifier: Apache-2.0\n# Written by generate.py; change dashboards/prometheus or docker/prometheus instead.\n"
# Key of a scrape job -> key of a ServiceMonitor's spec.
LIMITS = {
    "sample_limit": "sampleLimit",
    "label_limit": "labelLimit",
    "label_name_length_limit": "labelNameLengthLimit",
    "label_value_length_limit": "labelValueLengthLimit",
    "body_size_limit": "bodySizeLimit",
    "scrape_native_histograms": "scrapeNativeHistograms",
    "always_scrape_classic_histograms": "scrapeClassicHistograms",
}


class Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, so that expressions stay readable, and no aliases."""

    def ignore_aliases(self, _):
        return True


def write_text(dumper, text):
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, write_text)


def manifest(kind, spec):
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": kind,
        "metadata": {"name": "failover-exporter", "labels": LABELS},
        "spec": spec,
    }


def prometheus_rule(grafana_url, runbooks_url):
    groups = []
    for path in sorted(RULES.glob("*.rules.yml")):
        groups += yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in (rule for group in groups for rule in group["rules"]):
        links = rule.get("annotations", {})
        for name, text in links.items():
            links[name] = text.replace(GRAFANA_URL, grafana_url).replace(RUNBOOKS_URL, runbooks_url)
    return manifest("PrometheusRule", {"groups": groups})


def service_monitor():
    """The Service must have the labels LABELS and a port named metrics. The name of the scrape job,
    which alerts ask for, comes from a relabelling."""
    (job,) = yaml.safe_load(PROMETHEUS.read_text(encoding="utf-8"))["scrape_configs"]
    job_name = {"action": "replace", "targetLabel": "job", "replacement": job["job_name"]}
    spec = {
        "selector": {"matchLabels": LABELS},
        "endpoints": [{"port": "metrics", "relabelings": [job_name]}],
    }
    for key, value in job.items():
        if key in LIMITS:
            spec[LIMITS[key]] = value
    return manifest("ServiceMonitor", spec)


def main():
    parser = argparse.ArgumentParser(
        description="Writes the manifests for the Prometheus operator."
    )
    parser.add_argument("directory", nargs="?", type=pathlib.Path, default=HERE)
    parser.add_argument("--grafana-url", default=GRAFANA_URL)
    parser.add_argument("--runbooks-url", default=RUNBOOKS_URL)
    arguments = parser.parse_args()
    made = {
        "prometheusrule.yaml": prometheus_rule(arguments.grafana_url, arguments.runbooks_url),
        "servicemonitor.yaml": service_monitor(),
    }
    for name, content in made.items():
        text = yaml.dump(content, Dumper=Dumper, sort_keys=False, width=100, allow_unicode=True)
        (arguments.directory / name).write_text(HEAD + text, encoding="utf-8")


if __name__ == "__main__":
    main()
