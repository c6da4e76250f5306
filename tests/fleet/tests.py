"""The tests, in the namespaces that `begin` made: tests.py PORTWHO DIRECTORY [PART_OF_A_NAME]... Called
by `run`."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import alerts
import playbook
import cluster
import dashboard
import delivery
import rights
import units
from fleet import Fleet
from world import Portwho, World

HERE = os.path.dirname(os.path.abspath(__file__))

# Before the hostile user comes, whose processes are looked at too.
EARLY = [
    units.systemd_finds_nothing_to_say,
    units.no_option_hides_the_machine,
    units.the_filter_allows_what_a_look_calls,
    units.the_task_of_windows_writes_what_is_collected,
    cluster.the_manifests_grant_what_is_needed_and_no_more,
    rights.the_rights_of_the_units_show_every_owner,
    rights.a_wrong_sandbox_is_told,
]
# In this order: the alerts need the leak to be old, and end it.
LATE = [
    delivery.promtool_has_nothing_to_say,
    delivery.node_exporter_reads_the_file_as_its_own_user,
    delivery.both_ways_deliver_the_same,
    alerts.promtool_tests_the_rules,
    alerts.every_alert_says_what_to_do,
    dashboard.every_expression_returns_what_was_made,
    playbook.the_module_is_documented,
    playbook.the_facts_are_those_of_ss_and_ps,
    playbook.the_playbook_tells_what_is_not_expected,
    alerts.a_leak_is_told_and_its_end_too,
]


class Stage:
    """What the tests use; each part is made when the first test wants it."""

    def __init__(self, portwho, world):
        self.portwho = Portwho(portwho)
        self.begun = world
        self.directory = tempfile.mkdtemp(prefix="portwho-tests-")
        os.chmod(self.directory, 0o755)

    @functools.cached_property
    def world(self):
        """Programs with known sockets."""
        return World(self.begun)

    @functools.cached_property
    def fleet(self):
        """The programs that read what portwho says of the world."""
        assert self.world
        return Fleet(self.portwho, self.directory)

    def stop(self):
        """Ends everything; the timer may still report an error."""
        made = [self.__dict__[name] for name in ("fleet", "world") if name in self.__dict__]
        try:
            for part in made:
                part.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


def run(name, test):
    """One test, with its outcome on a line: 1 if it failed."""
    begun = time.monotonic()
    try:
        remark = test()
    except Exception:  # noqa: BLE001: each failure is told, and the others run
        print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
        return 1
    print(f"ok {name} ({time.monotonic() - begun:.1f} s){': ' + remark if remark else ''}", flush=True)
    return 0


def hostile(portwho):
    """The hostile user has a network namespace of its own, and runs while the other tests do."""
    words = ["unshare", "--net", sys.executable, os.path.join(HERE, "hostile.py"), portwho]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def outcome_of(process):
    """What the hostile user's test printed, as a test."""
    printed, _ = process.communicate(timeout=900)
    if process.returncode != 0:
        raise AssertionError(printed)
    return printed.strip()


def main():
    portwho, directory, *chosen = sys.argv[1:]

    def run_all(tests):
        wanted = [test for test in tests if not chosen or any(part in test.__name__ for part in chosen)]
        return [run(test.__name__, lambda test=test: test(stage)) for test in wanted]

    aside = None
    stage = Stage(portwho, directory)
    try:
        outcomes = run_all(EARLY)
        if not chosen or "hostile" in chosen:
            aside = hostile(portwho)
        outcomes += run_all(LATE)
        if aside:
            outcomes.append(run("a_hostile_user_adds_few_series", lambda: outcome_of(aside)))
    finally:
        if aside:
            aside.kill()
        outcomes.append(run("the_timer_never_failed", stage.stop))
    failed = sum(outcomes)
    print(f"{len(outcomes) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
