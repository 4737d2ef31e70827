# SPDX-License-Identifier: Apache-2.0
"""One job: its state, its budget, why it failed, what was restarted, how long that took."""

from common import (ALERTS, DEPLOYMENTS, ENGINE_VARIABLE, EXHAUSTED, EXPORTER_LINK, FAILURES, FLEET_LINK,
                    RECOVERED, RESTARTS, RUNBOOKS_LINK, TARGET_VARIABLES, job_name_variable,
                    recovery_panels, states_panel)  # fmt: skip
from panels import (GREEN, RED, YELLOW, build, lines, stat, state_mappings, state_number, steps, table,
                    type_colors)  # fmt: skip


def overview():
    return [
        stat("State", "The job's state now.", "short", state_number(), size=(4, 4), mappings=state_mappings()),
        stat("In this state since", "When the job entered its state.", "dateTimeFromNow",
             "max(failover_job_state_timestamp_seconds{<J>}) * 1000"),
        stat("Restarts left", "How many restarts the strategy still allows. Empty: there is no limit.", "short",
             "min(failover_job_restart_budget_remaining{<J>})", thresholds=steps(RED, (1, YELLOW), (2, GREEN))),
        stat("Budget left", "The same as a share of the budget; below a quarter an alert fires.", "percentunit",
             "min(instance:failover_job_restart_budget_remaining:ratio{<J>})",
             thresholds=steps(RED, (0.25, YELLOW), (0.5, GREEN))),
        stat("Next restart", "When the restart that is being waited for is due. Empty: none is pending.",
             "dateTimeFromNow", "max(failover_job_next_restart_timestamp_seconds{<J>} > 0) * 1000"),
        stat("Gave up", "Why the job gave up. Empty: it did not.", "short",
             "max by (reason) (failover_job_exhausted_total{<J>} > 0)", "{{reason}}",
             text=True),
        stat("Failures", "Failures in the time range.", "short",
             "sum(increase(failover_job_failures_total{<J>}[$__range]))", decimals=0),
        stat("Restarts in range", "Restarts in the time range.", "short",
             "sum(increase(failover_job_restarts_total{<J>}[$__range]))", decimals=0),
        stat("Recoveries", "How often all restarted tasks ran again, in the time range.", "short",
             "sum(increase(failover_job_recoveries_total{<J>}[$__range]))", decimals=0),
        stat("Tasks per restart", "How many tasks a restart touched on average, in the time range.", "short",
             "sum(increase(failover_job_restarted_tasks_total{<J>}[$__range])) / "
             "(sum(increase(failover_job_restarts_total{<J>}[$__range])) > 0)", decimals=1),
        stat("Regions", "Parts of the job that restart independently of each other.", "short",
             "max(failover_job_regions{<J>})"),
        stat("Largest region", "Tasks of the largest region: what the worst single failure restarts.", "short",
             "max(failover_job_largest_region_tasks{<J>})"),
        table("Job", "What runs under this name.", "short",
              [("", "max by (engine, job_name, job_id, restart_strategy, failover_strategy) "
                "(failover_job_info{<J>})")], size=(24, 4), sort="job_name"),
    ]  # fmt: skip


def failures():
    recent = "sum by (type, category, cause) (instance:numJobFailure:increase{}{{<J>}}) > 0"
    return [
        lines("Failures by type", "Whose fault the failures of the last 15 minutes were, at each moment.", "short",
              [("sum by (type) (instance:numJobFailure:increase15m{<J>})", "{{type}}")], stack=True,
              overrides=type_colors()),
        lines("Failures by cause", "What the failures of the last 15 minutes were, at each moment.", "short",
              [(recent.format("15m"), "{{cause}} ({{type}}, {{category}})")], stack=True),
        table("Causes", "Failures of the last hour by cause, the first failure of a cause included. The status page "
              "of the exporter has the evidence of each.", "short", [("Failures", recent.format("1h"))],
              size=(24, 7), sort="Failures"),
    ]  # fmt: skip


def restarts():
    return [
        states_panel((24, 5)),
        lines("Restart budget", "Restarts left, and how many there are at most. Empty: there is no limit.", "short",
              [("min(failover_job_restart_budget_remaining{<J>})", "left"),
               ("max(failover_job_restart_budget_limit{<J>})", "limit")]),
        lines("Restarts and restarted tasks", "Few tasks per restart: the regions do their work.", "short",
              [("sum(increase(failover_job_restarts_total{<J>}[$__rate_interval]))", "restarts"),
               ("sum(increase(failover_job_restarted_tasks_total{<J>}[$__rate_interval]))", "restarted tasks")],
              bars=True),
        lines("Tasks by state", "Where the tasks of the job stand.", "short",
              [("sum by (state) (failover_job_tasks{<J>}) > 0", "{{state}}")], stack=True),
        lines("Waiting for a restart", "Time until the restart that is due next; the back-off can be read off it.", "s",
              [("clamp_min(max(failover_job_next_restart_timestamp_seconds{<J>} > 0) - time(), 0)",
                "until the restart")]),
        *recovery_panels(),
    ]  # fmt: skip


def dashboard():
    return build(
        "failover-job", "Failover / Job", "One job: state, budget, failures and their causes, restarts, recovery.",
        [*TARGET_VARIABLES, ENGINE_VARIABLE, job_name_variable(multi=False)],
        [ALERTS, EXHAUSTED, RECOVERED, FAILURES, RESTARTS, DEPLOYMENTS],
        [FLEET_LINK, EXPORTER_LINK, RUNBOOKS_LINK],
        [("Overview", overview()), ("Failures", failures()), ("Restarts and recovery", restarts())],
    )  # fmt: skip
