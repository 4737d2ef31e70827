# SPDX-License-Identifier: Apache-2.0
"""The exporter itself: is what it shows complete, and is it well?"""

from common import ALERTS, DEPLOYMENTS, FLEET_LINK, JOB_LINK, RUNBOOKS_LINK, TARGET_VARIABLES
from panels import GREEN, ORANGE, RED, YELLOW, build, gauge, lines, stat, steps, table, texts

UP = {"mappings": texts(v0=("down", RED), v1=("up", GREEN))}
RATE = "[$__rate_interval]"


def quantiles(family, *by):
    """Median and 99th percentile of a histogram, split by labels."""
    split = ", ".join(("le", *by))
    prefix = "".join(f"{{{{{label}}}}} " for label in by)
    return [
        (
            f"histogram_quantile({q}, sum by ({split}) (rate({family}_bucket{{<F>}}{RATE})))",
            prefix + name,
        )
        for q, name in ((0.5, "median"), (0.99, "99th percentile"))
    ]


def overview():
    return [
        stat("Scrape", "Whether Prometheus can scrape each exporter that it saw in the time range.", "short",
             "min(up{<F>} and on (job, instance) last_over_time(failover_exporter_build_info{<F>}[$__range]))",
             **UP),
        stat("Engines", "Whether each engine is reachable; the jobs of one that is down are not watched.", "short",
             "min by (engine) (failover_engine_up{<F>})", "{{engine}}", **UP),
        stat("Store", "Whether the state can be written.", "short", "min(failover_store_up{<F>})", **UP),
        stat("Configuration", "Whether the last reload worked. If not, the old configuration is still in force.",
             "short", "min(failover_config_last_reload_successful{<F>})",
             mappings=texts(v0=("old", RED), v1=("current", GREEN))),
        stat("Waiting to be counted", "Accepted failures whose labels are not final yet. It should return to 0 within "
             "seconds.", "short", "sum(failover_failures_pending{<F>})", thresholds=steps(GREEN, (100, YELLOW))),
        stat("Running since", "When the daemon started.", "dateTimeFromNow",
             "min(process_start_time_seconds{<F>} <OURS>) * 1000"),
        table("Versions", "What runs.", "short",
              [("", "max by (instance, version, revision) (failover_exporter_build_info{<F>})")],
              size=(12, 5), sort="instance"),
        table("Rules", "The rules that failures are classified by.", "short",
              [("", "max without () (failover_catalogue_info{<F>})")], size=(12, 5),
              sort="instance"),
    ]  # fmt: skip


def failures():
    return [
        lines("Failures received, rejected, counted", "Received = rejected + counted + waiting. A lasting difference "
              "means that listeners do not answer.", "short",
              [(f"sum(increase(failover_failures_received_total{{<F>}}{RATE}))", "received"),
               (f"sum(increase(failover_failures_counted_total{{<F>}}{RATE}))", "counted"),
               (f"sum(increase(failover_failures_rejected_total{{<F>}}{RATE}))", "rejected"),
               ("sum(failover_failures_pending{<F>})", "waiting")]),
        lines("Rejected, by reason", "stale_attempt is ordinary (a race between a report and a restart); the others are "
              "somebody's mistake.", "short",
              [(f"sum by (reason) (increase(failover_failures_rejected_total{{<F>}}{RATE}))", "{{reason}}")],
              stack=True, bars=True),
        lines("Time to decide", "From a failure to the decision which tasks restart.", "s",
              quantiles("failover_decision_seconds")),
        lines("Time to commit", "Mean time of a commit of the store; a decision waits for one.", "s",
              [("instance:failover_store_commit_seconds:avg5m{<F>}", "{{instance}}")]),
        lines("Size of the store", "Bytes on disk. It stays flat once the retention is reached.", "bytes",
              [("failover_store_bytes{<F>}", "{{instance}}")]),
    ]  # fmt: skip


def listeners():
    by_listener = "sum by (listener) (increase({}{{<F>}}" + RATE + "))"
    return [
        lines("Answers of listeners", "empty: nothing to say; late: after the time limit, and therefore dropped.",
              "short", [(f"sum by (listener, result) (increase(failover_listener_calls_total{{<F>}}{RATE})) > 0",
                         "{{listener}} {{result}}")], stack=True, bars=True),
        lines("Time to answer", "How long listeners take. A failure is counted when all have answered or timed out.",
              "s", quantiles("failover_listener_seconds", "listener")),
        lines("Queues of listeners", "Failures that wait for a listener.", "short",
              [("max by (listener) (failover_listener_queue_length{<F>})", "{{listener}}")]),
        lines("Dropped and restarted", "Failures that a listener missed because its queue was full, and how often it had "
              "to be started again.", "short",
              [(by_listener.format("failover_listener_dropped_total"), "{{listener}} dropped"),
               (by_listener.format("failover_listener_restarts_total"), "{{listener}} restarted")], bars=True),
        table("Listeners", "The listeners that are started.", "short",
              [("", "max without () (failover_listener_info{<F>})")], size=(24, 5),
              sort="listener"),
    ]  # fmt: skip


def cardinality():
    return [
        gauge("Fullest families", "Share of the allowed series that a family uses. At 100 % new label values are folded "
              "into __overflow__.", "percentunit",
              "topk(10, max by (family) (instance_family:failover_series:ratio{<F>}))", "{{family}}", size=(8, 8),
              max=1, thresholds=steps(GREEN, (0.5, YELLOW), (0.8, RED))),
        lines("Series by family", "How many series each family has.", "short",
              [("sum by (family) (failover_series{<F>})", "{{family}}")], size=(8, 8), stack=True),
        lines("Overflow", "Updates that were folded into __overflow__ because their family was full.", "short",
              [(f"sum by (family) (increase(failover_series_overflow_total{{<F>}}{RATE}))", "{{family}}")],
              size=(8, 8), bars=True, thresholds=steps(GREEN, (1, ORANGE))),
    ]  # fmt: skip


def process():
    return [
        lines("CPU", "Processor time of the daemon, in cores. Tasks are not part of it.", "short",
              [(f"rate(process_cpu_seconds_total{{<F>}}{RATE}) <OURS>", "{{instance}}")], size=(6, 8)),
        lines("Memory", "Resident memory of the daemon.", "bytes",
              [("process_resident_memory_bytes{<F>} <OURS>", "{{instance}}")], size=(6, 8)),
        lines("Open files", "Descriptors in use, and how many there may be.", "short",
              [("process_open_fds{<F>} <OURS>", "{{instance}} open"), ("process_max_fds{<F>} <OURS>", "{{instance}} limit")],
              size=(6, 8)),
        lines("Scrape duration", "How long Prometheus takes to scrape the exporter.", "s",
              [("scrape_duration_seconds{<F>} <OURS>", "{{instance}}")], size=(6, 8)),
    ]  # fmt: skip


def dashboard():
    return build(
        "failover-exporter", "Failover / Exporter", "The exporter itself: completeness, listeners, cardinality, store.",
        TARGET_VARIABLES, [ALERTS, DEPLOYMENTS], [FLEET_LINK, JOB_LINK, RUNBOOKS_LINK],
        [("Overview", overview()), ("Failures and decisions", failures()), ("Listeners", listeners()),
         ("Cardinality", cardinality()), ("Process", process())],
    )  # fmt: skip
