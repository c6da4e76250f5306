"""The ways from portwho to Prometheus."""

import os
import stat
import subprocess

from parts import fetch, wait_for
from world import parse

# Numbers that differ from one look to the next.
MOVING = {"portwho_look_timestamp_seconds", "portwho_look_duration_seconds",
          "portwho_close_wait_oldest_seconds", "portwho_process_open_fds"}
OURS = "leaky|web|slow|lossy|greedy"


def promtool_has_nothing_to_say(stage):
    """Neither an error nor a remark on names, units, HELP or TYPE."""
    text = stage.portwho.run("metrics").stdout
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                             text=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", ""), checked
    assert text.endswith("\n") and "\r" not in text


def node_exporter_reads_the_file_as_its_own_user(stage):
    """The user `prometheus`, who does not own the file, gets all of its series."""
    mode = os.stat(stage.fleet.file)
    assert (stat.S_IMODE(mode.st_mode), mode.st_uid) == (0o644, 0), mode
    with open(f"/proc/{stage.fleet.node.process.pid}/status", encoding="ascii") as status:
        assert "Uid:\t0\t" not in status.read()
    delivered = parse(fetch(stage.fleet.node.url + "/metrics"))
    assert delivered["node_textfile_scrape_error", frozenset()] == 0
    with open(stage.fleet.file, encoding="utf-8") as file:
        written = parse(file.read())
    missing = set(written) - set(delivered)
    assert not missing, missing
    # A temporary beside it, and no other file, is there only while it is written.
    others = [name for name in os.listdir(stage.fleet.textfile) if name.endswith(".prom")]
    assert others == ["portwho.prom"], others


def both_ways_deliver_the_same(stage):
    """Prometheus has the same series of both jobs; of one, where the program has no --listen."""
    prometheus = stage.fleet.prometheus
    jobs = sorted(stage.fleet.jobs)
    wait_for("all targets are up", lambda: len(prometheus.query("up == 1")) == len(jobs), 60)

    def series(job):
        rows = prometheus.query(f'{{__name__=~"portwho_.+",job="{job}",process=~"{OURS}"}}')
        return {frozenset((key, value) for key, value in labels.items() if key != "job"): number
                for labels, number in rows if labels["__name__"] not in MOVING}

    for job in jobs:
        wait_for(f"{job} has the series", lambda job=job: series(job), 60)
    if len(jobs) < 2:
        return "only by file: this program was built without the feature exporter"
    first, second = (series(job) for job in jobs)
    assert first == second, {key: (first.get(key), second.get(key)) for key in first.keys() ^ second.keys()}
    return None
