# SPDX-License-Identifier: Apache-2.0
"""All jobs: what failed, whose fault, who gave up, what is about to."""

from common import (ALERTS, DEPLOYMENTS, ENGINE_VARIABLE, EXHAUSTED, EXPORTER_LINK, FAILURES, JOB_LINK,
                    RECOVERED, RESTARTS, RUNBOOKS_LINK, TARGET_VARIABLES, job_name_variable,
                    recovery_panels, states_panel)  # fmt: skip
from panels import (GREEN, ORANGE, RED, YELLOW, build, gauge, job_link, lines, stat, state_mappings,
                    state_number, steps, table, type_colors)  # fmt: skip


def in_state(state):
    return f'sum(failover_job_state{{<J>, state="{state}"}})'


def overview():
    failed_of = 'sum(increase(failover_failures_by_class_total{{<F>, type="{}"}}[$__range]))'
    return [
        stat("Gave up", "Jobs that are FAILED: nothing restarts them by itself.", "short", in_state("FAILED"),
             size=(3, 4), thresholds=steps(GREEN, (1, RED))),
        stat("Restarting", "Jobs that wait for a restart or are being restarted.", "short", in_state("RESTARTING"),
             size=(3, 4), thresholds=steps(GREEN, (1, YELLOW))),
        stat("Running", "Jobs that are RUNNING.", "short", in_state("RUNNING"), size=(3, 4)),
        stat("Least budget left", "The smallest share of a restart budget that any job has left. Empty when no job "
             "has a limit.", "percentunit", "min(instance:failover_job_restart_budget_remaining:ratio{<J>})",
             size=(3, 4), thresholds=steps(RED, (0.25, YELLOW), (0.5, GREEN))),
        stat("SYSTEM failures", "Failures in the time range that were the platform's fault.", "short",
             failed_of.format("SYSTEM"), size=(3, 4), decimals=0, thresholds=steps(GREEN, (1, RED))),
        stat("USER failures", "Failures in the time range that were the job author's fault.", "short",
             failed_of.format("USER"), size=(3, 4), decimals=0),
        stat("Unknown share", "Share of the failures of the last hour that no rule of the catalogue knew. Above 10 % "
             "new rules are due.", "percentunit",
             "max(instance:failover_failures_unknown:ratio_increase1h{<F>})", size=(3, 4),
             thresholds=steps(GREEN, (0.1, ORANGE))),
        stat("Exporters up", "Exporters that answer Prometheus. Empty means: nothing on this page is current.",
             "short", "count(failover_exporter_build_info{<F>})", size=(3, 4), thresholds=steps(RED, (1, GREEN))),
    ]  # fmt: skip


def jobs():
    by_job = "by (engine, job_name)"
    columns = [
        ("State", state_number()),
        ("Budget left", f"max {by_job} (failover_job_restart_budget_remaining{{<J>}})"),
        ("Budget", f"max {by_job} (failover_job_restart_budget_limit{{<J>}})"),
        (
            "Next restart",
            f"max {by_job} (failover_job_next_restart_timestamp_seconds{{<J>}} > 0) * 1000",
        ),
        ("Failures", f"sum {by_job} (increase(failover_job_failures_total{{<J>}}[$__range]))"),
        ("Restarts", f"sum {by_job} (increase(failover_job_restarts_total{{<J>}}[$__range]))"),
        ("In state since", f"max {by_job} (failover_job_state_timestamp_seconds{{<J>}}) * 1000"),
    ]
    return [
        table("Jobs", "One row per job; failures and restarts are those of the time range. No budget: the job may "
              "restart without limit. Click a name for the job's own dashboard.", "short", columns,
              sort="Failures", units={"Next restart": "dateTimeFromNow", "In state since": "dateTimeFromNow"},
              mappings={"State": state_mappings()}, links={"job_name": job_link()}),
        states_panel((16, 9)),
        gauge("Least restart budget left", "The ten jobs with the smallest share of their restart budget left. At 0 "
              "the next failure is the last.", "percentunit",
              "bottomk(10, min by (engine, job_name) (instance:failover_job_restart_budget_remaining:ratio{<J>}))",
              "{{engine}}/{{job_name}}", size=(8, 9), max=1,
              thresholds=steps(RED, (0.25, YELLOW), (0.5, GREEN))),
    ]  # fmt: skip


def failures():
    by_class = "failover_failures_by_class_total{<F>}[$__rate_interval]"
    recent = "instance:numJobFailure:increase1h{<J>}"
    return [
        lines("Failures by type", "Whose fault: USER is the job's author, SYSTEM the platform, UNKNOWN could not be "
              "told.", "short", [(f"sum by (type) (increase({by_class}))", "{{type}}")], stack=True, bars=True,
              overrides=type_colors()),
        lines("Failures by category", "What kind of failure, whoever caused it.", "short",
              [(f"sum by (category) (increase({by_class})) > 0", "{{category}}")], stack=True, bars=True),
        table("Top causes", "The causes of most failures of the last hour, the first failure of a cause included.",
              "short", [("Failures", f"topk(20, sum by (type, category, cause) ({recent}) > 0)"),
                        ("Jobs", f"count by (type, category, cause) (sum by (engine, job_name, type, category, cause) "
                         f"({recent}) > 0)")], sort="Failures", size=(12, 9)),
        table("Jobs that fail most", "Failures of the last hour by job and type.", "short",
              [("Failures", f"topk(20, sum by (engine, job_name, type) ({recent}) > 0)")], sort="Failures",
              size=(12, 9), links={"job_name": job_link()}),
        lines("One cause, many jobs", "How many jobs failed of the same cause within 15 minutes; three or more call "
              "somebody.", "short",
              [("count by (type, category, cause) (sum by (engine, job_name, type, category, cause) "
                "(instance:numJobFailure:increase15m{<J>}) > 0)", "{{cause}} ({{type}})")]),
        lines("Unknown share over time", "Share of the failures of the last hour that no rule of the catalogue knew.",
              "percentunit", [("instance:failover_failures_unknown:ratio_increase1h{<F>}", "{{instance}}")], max=1,
              thresholds=steps(GREEN, (0.1, ORANGE))),
    ]  # fmt: skip


def restarts():
    each = "[$__rate_interval]"
    return [
        lines("Restarts", "Restarts of each job. Flink calls the number of them numRestarts.", "short",
              [(f"sum by (engine, job_name) (increase(failover_job_restarts_total{{<J>}}{each})) > 0",
                "{{engine}}/{{job_name}}")], stack=True, bars=True),
        lines("Restarted tasks", "Tasks that were restarted, the healthy ones of a failed region included.", "short",
              [(f"sum by (engine, job_name) (increase(failover_job_restarted_tasks_total{{<J>}}{each})) > 0",
                "{{engine}}/{{job_name}}")], stack=True, bars=True),
        lines("Failed, gave up, recovered", "Three signals: a failure, a recovery (all restarted tasks run again), and "
              "giving up.", "short",
              [(f"sum(increase(failover_job_failures_total{{<J>}}{each}))", "failed"),
               (f"sum(increase(failover_job_recoveries_total{{<J>}}{each}))", "recovered"),
               (f"sum(increase(failover_job_exhausted_total{{<J>}}{each}))", "gave up")], bars=True),
        lines("Gave up, by reason", "budget: no restarts left; non_recoverable: the failure says that a restart cannot "
              "help; policy: a policy said so.", "short",
              [(f"sum by (reason) (increase(failover_job_exhausted_total{{<J>}}{each}))", "{{reason}}")],
              stack=True, bars=True),
        *recovery_panels(),
    ]  # fmt: skip


def dashboard():
    return build(
        "failover-fleet", "Failover / Fleet", "What failed, whose fault, what was restarted, who gave up.",
        [*TARGET_VARIABLES, ENGINE_VARIABLE, job_name_variable(multi=True)],
        [ALERTS, EXHAUSTED, RECOVERED, FAILURES, RESTARTS, DEPLOYMENTS],
        [JOB_LINK, EXPORTER_LINK, RUNBOOKS_LINK],
        [("Overview", overview()), ("Jobs", jobs()), ("Failures", failures()),
         ("Restarts and recovery", restarts())],
    )  # fmt: skip
