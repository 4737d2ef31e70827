# SPDX-License-Identifier: Apache-2.0
"""What the dashboards share: variables, annotations, links, and panels that two of them show."""

from panels import (GREEN, ORANGE, RED, RUNBOOKS, YELLOW, annotation, heatmap, lines, link,
                    state_mappings, state_number, timeline, variable)  # fmt: skip

TARGET_VARIABLES = [
    variable("job", "Job", "label_values(failover_exporter_build_info, job)"),
    variable(
        "instance", "Instance", 'label_values(failover_exporter_build_info{job=~"$job"}, instance)'
    ),
]
ENGINE_VARIABLE = variable("engine", "Engine", "label_values(failover_job_state{<F>}, engine)")


def job_name_variable(multi):
    query = 'label_values(failover_job_state{<F>, engine=~"$engine"}, job_name)'
    return variable("job_name", "Job name", query, multi=multi)


ALERTS = annotation(
    "Alerts", 'ALERTS{alertname=~"Failover.+", alertstate="firing", severity!="info"}',
    "{{alertname}}", "{{severity}} {{job_name}} {{listener}} {{family}}", ORANGE,
)  # fmt: skip
EXHAUSTED = annotation(
    "Gave up", "increase(failover_job_exhausted_total{<J>}[$__rate_interval]) > 0",
    "{{job_name}} gave up", "reason: {{reason}}", RED,
)  # fmt: skip
RECOVERED = annotation(
    "Recovered", "increase(failover_job_recoveries_total{<J>}[$__rate_interval]) > 0",
    "{{job_name}} recovered", "all restarted tasks run again", GREEN,
)  # fmt: skip
FAILURES = annotation(
    "Failures", "increase(failover_job_failures_total{<J>}[$__rate_interval]) > 0",
    "{{job_name}} failed", "", YELLOW, on=False,
)  # fmt: skip
RESTARTS = annotation(
    "Restarts", "increase(failover_job_restarts_total{<J>}[$__rate_interval]) > 0",
    "{{job_name}} restarted", "", YELLOW, on=False,
)  # fmt: skip
DEPLOYMENTS = annotation(
    "Exporter started", "(changes(process_start_time_seconds{<F>}[$__rate_interval]) > 0) <OURS>",
    "failover_exporter started", "{{instance}}", "blue",
)  # fmt: skip

FLEET_LINK = link("Fleet", "/d/failover-fleet", "All jobs", True)
JOB_LINK = link("Job", "/d/failover-job", "One job", True)
EXPORTER_LINK = link("Exporter", "/d/failover-exporter", "The exporter itself", True)
RUNBOOKS_LINK = link("Runbooks", f"{RUNBOOKS}/README.md", "What to do about each alert", False)


def states_panel(size):
    return timeline(
        "States over time", "The state of each job. A job that ended stays visible for the retention time.",
        state_number(), "{{engine}}/{{job_name}}", state_mappings(), size=size,
    )  # fmt: skip


def recovery_panels():
    """Of a failure until all restarted tasks run again."""
    bucket = "failover_job_recovery_seconds_bucket{<J>}[$__rate_interval]"
    quantiles = [
        (f"histogram_quantile({q}, sum by (le) (rate({bucket})))", name)
        for q, name in ((0.5, "median"), (0.95, "95th percentile"), (0.99, "99th percentile"))
    ]
    return [
        heatmap("Recovery times", "How many recoveries took how long, from the failure until all restarted tasks "
                "ran again.", "s", f"sum by (le) (increase({bucket}))"),
        lines("Recovery time quantiles", "Estimated from the buckets of the heat map; the restart delay is part of it.",
              "s", quantiles),
    ]  # fmt: skip
