"""The dashboard: each expression returns the numbers of the sockets that were made."""

import collections
import json
import os
import subprocess

from delivery import OURS
from parts import DASHBOARD, wait_for
from world import EARLY_LEAKS, PORTS, dropped


def panels():
    """Title and expression of each panel that has one."""
    with open(DASHBOARD, encoding="utf-8") as file:
        found = json.load(file)["panels"]
    return [(panel["title"], target["expr"]) for panel in found for target in panel.get("targets", [])]


def replaced(expression, job):
    """With values for the dashboard's variables, as Grafana puts them."""
    for variable, value in (("$job", job), ("$instance", ".*"), ("$process", OURS)):
        expression = expression.replace(variable, value)
    assert "$" not in expression, expression
    return expression


def rows_by(names, rows):
    """Numbers by the values of these labels; `Counter` has 0 for those that are not there."""
    found = collections.Counter()
    for labels, value in rows:
        key = tuple(labels.get(name, "") for name in names)
        assert key not in found, f"two rows of {key}"
        found[key] = value
    return found


def number(expected):
    """One row without labels that matter."""
    return (), {(): expected}


def between(least, most):
    """For what is measured: one row in these bounds."""
    return lambda rows: len(rows) == 1 and least <= rows[0][1] <= most


def descriptors(world):
    """The share of each program's limit, from /proc."""
    shares = {}
    for name, pid in world.pids.items():
        with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
            limit = next(int(line.split()[3]) for line in limits if line.startswith("Max open files"))
        shares[name,] = len(os.listdir(f"/proc/{pid}/fd")) / limit
    return shares


def doctors(portwho):
    """How many findings portwho's doctor has of our programs, by kind and name."""
    found = collections.Counter()
    for finding in portwho.json("doctor")["findings"]:
        if finding["image"] in OURS.split("|"):
            found[finding["kind"], finding["image"]] += 1
    return found


def ephemeral_share(port):
    """The share of the ephemeral ports that a connection to this port cannot get, by ss: those of the
    connections to it, and those that listeners hold."""
    printed = subprocess.run(["ss", "-Htan"], capture_output=True, text=True, check=True).stdout
    used = set()
    for line in printed.splitlines():
        state, _, _, local, foreign = line.split()[:5]
        own = int(local.rpartition(":")[2])
        if PORTS[0] <= own <= PORTS[1] and (state == "LISTEN" or foreign.endswith(f":{port}")):
            used.add(own)
    return len(used) / (PORTS[1] - PORTS[0] + 1)


def not_made(portwho):
    """The checks that portwho's doctor cannot make here, because these sockets are not the machine's."""
    return {check["kind"] for check in portwho.json("doctor")["checks"] if not check["made"]}


def expected(stage):
    """By title: labels and the rows of them, or a condition. Queues of others are empty. Connections that wait
    to be accepted are those of whom they wait for."""
    oldest = stage.portwho.metrics()["portwho_close_wait_oldest_seconds",
                                     frozenset({("process", "leaky")})]
    return {
        "Hosts that report": number(1),
        "Oldest numbers": between(0, 15),
        "Hosts with findings": number(1 if stage.portwho.json("doctor")["findings"] else 0),
        "CLOSE_WAIT": number(EARLY_LEAKS),
        "Items not seen": number(0),
        "Tables not read": number(0),
        "TCP sockets by state": (["state"], {
            ("LISTENING",): 3, ("ESTABLISHED",): 46, ("CLOSE_WAIT",): EARLY_LEAKS}),
        "Sockets by owner, the 20 with most": (["process"], {
            ("leaky",): EARLY_LEAKS + 1, ("web",): 11, ("slow",): 37, ("lossy",): 1, ("greedy",): 1}),
        "CLOSE_WAIT by owner, the 20 with most": (["process"], {("leaky",): EARLY_LEAKS}),
        "Oldest CLOSE_WAIT": between(oldest - 15, oldest + 15),
        "UDP sockets by owner, the 20 with most": (["process"], {("lossy",): 1, ("greedy",): 1}),
        "Ephemeral ports used, worst destination": number(ephemeral_share(9000)),
        "Listeners that other machines may reach": (["process", "protocol", "bind", "port"], {
            ("web", "tcp", "any", "8443"): 1, ("slow", "tcp", "any", "9000"): 1,
            ("lossy", "udp", "any", "5300"): 1}),
        "Listeners by address": (["bind"], {("any",): 3, ("loopback",): 2}),
        "Connections that wait for accept()": (["bind", "port"], {("any", "9000"): 18}),
        "Accept queue, share of its limit": (["bind", "port"], {("any", "9000"): 18 / 20}),
        "Dropped since the listener was opened": (["protocol", "port"], {("udp", "5300"): dropped(5300)}),
        "Descriptors, share of the limit": (["process"], descriptors(stage.world)),
        "Findings": (["kind", "process"], doctors(stage.portwho)),
        "Not seen": ([], {}),
        "Checks that could not be made": lambda rows: not_made(stage.portwho) == {
            labels["kind"] for labels, _ in rows},
        "Duration of a look": between(0.001, 10),
        "Label sets merged into other": number(0),
        "Versions": (["version"], {(stage.portwho.run("--version").stdout.split()[1],): 1}),
    }


def differs(rows, wanted):
    """What is not as expected, or nothing."""
    if callable(wanted):
        return None if wanted(rows) else rows
    names, numbers = wanted
    found = rows_by(names, rows)
    keys = set(found) | set(numbers)
    return {key: (found[key], numbers.get(key, 0)) for key in keys
            if abs(found[key] - numbers.get(key, 0)) > 1e-6} or None


def every_expression_returns_what_was_made(stage):
    """In Prometheus, of both jobs. A panel that is not expected here is a failure."""
    fleet = stage.fleet
    assert dropped(5300) > 0, "nothing was dropped"
    wanted = expected(stage)
    titles = [title for title, _ in panels()]
    assert sorted(titles) == sorted(wanted), set(titles) ^ set(wanted)
    for job in fleet.jobs:
        for title, expression in panels():
            query = replaced(expression, job)
            # The first scrapes may be older than the last of the sockets.
            try:
                wait_for(title, lambda: not differs(fleet.prometheus.query(query), wanted[title]), 60)
            except TimeoutError:
                found = differs(fleet.prometheus.query(query), wanted[title])
                raise AssertionError(f"{title} ({job}): found and expected: {found}\n{query}") from None
