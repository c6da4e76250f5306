"""The shipped rules, in promtool and with a leak of real sockets."""

import contextlib
import os
import re
import subprocess
import threading

from delivery import OURS
from parts import CONTRIB, RULES, rules_from, wait_for
from world import wait_until_old

DIRECTORY = os.path.join(CONTRIB, "prometheus")
# The rule's: how old the oldest CLOSE_WAIT has to be.
AGE = 300


def succeeds(*words):
    """A command without a failure, of which promtool's lint is one too."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "FAILED" not in done.stdout + done.stderr, done


def promtool_tests_the_rules(_stage):
    """Each alert fires, and is silent, where it should."""
    succeeds("promtool", "check", "rules", RULES)
    tests = [os.path.join(DIRECTORY, name) for name in ("portwho.rules.test.yml", "portwho.day.test.yml")]
    succeeds("promtool", "test", "rules", *tests)
    succeeds("amtool", "check-config", os.path.join(DIRECTORY, "portwho.alertmanager.yml"))


def every_alert_says_what_to_do(stage):
    """A severity, a summary and a runbook line, as Prometheus has loaded them."""
    rules = rules_from(stage.fleet.prometheus)
    names = {rule["name"] for rule in rules}
    assert names == {"CloseWaitGrowing", "DescriptorsExhausting", "AcceptQueueFull", "ListenerDrops",
                     "EphemeralPorts", "NewListener", "GapAppeared", "LookIncomplete", "Stale"}, names
    for rule in rules:
        assert rule["health"] in ("ok", "unknown"), rule
        assert rule["labels"]["severity"] in ("warning", "critical"), rule
        assert {"summary", "description", "runbook"} <= rule["annotations"].keys(), rule


def firing(prometheus):
    """What fires, as pairs of the alert and the process or port."""
    rows = prometheus.query('ALERTS{alertstate="firing"}')
    return {(labels["alertname"], labels.get("process", labels.get("port"))) for labels, _ in rows}


@contextlib.contextmanager
def leaking(leaky):
    """The program leaks 6 connections a second, so that their number grows for as long as the rule wants."""
    ended = threading.Event()

    def leak():
        while not ended.wait(0.5):
            leaky.order("leak 8080 3")

    thread = threading.Thread(target=leak, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def a_leak_is_told_and_its_end_too(stage):
    """Real sockets in CLOSE_WAIT: silence while their number stands still; growth is told to the receiver,
    of every job; and the end, once the program closes them."""
    fleet, leaky = stage.fleet, stage.world.leaky
    wait_until_old(stage.portwho, AGE)
    told = [("AcceptQueueFull", "9000")]
    wait_for("the full queue is told", lambda: firing(fleet.prometheus) == set(told), 60)
    # Until the rule can look back so far, nothing has grown.
    wait_for("the numbers reach back", lambda: fleet.prometheus.query(
        "min by (job) (portwho_look_success offset 12500ms)"), 60)
    assert firing(fleet.prometheus) == set(told)

    wanted = {"alertname": "CloseWaitGrowing", "severity": "warning", "process": "leaky"}
    with leaking(leaky):
        for job in fleet.jobs:
            alert = wait_for(f"the receiver is told by {job}",
                             lambda job=job: fleet.receiver.has("firing", job=job, **wanted), 60)[0]
            summary = alert["annotations"]["summary"]
            assert re.fullmatch(r"leaky on host leaks connections: \d+ in CLOSE_WAIT", summary), summary
            assert "portwho doctor" in alert["annotations"]["runbook"], alert
        assert firing(fleet.prometheus) == {*told, ("CloseWaitGrowing", "leaky")}

    leaky.order("fix")
    for job in fleet.jobs:
        wait_for(f"the receiver is told of the end by {job}",
                 lambda job=job: fleet.receiver.has("resolved", job=job, **wanted), 60)
    assert firing(fleet.prometheus) == set(told)
    left = fleet.prometheus.query(f'portwho_sockets{{state="CLOSE_WAIT",process=~"{OURS}"}}')
    assert not left, left
