"""The units of contrib/systemd and the task of contrib/windows, checked without a PID 1 that runs them."""

import os
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ElementTree

from parts import CONTRIB, fetch, free_port, wait_for
from rights import UNITS, option

SERVICES = ["portwho-metrics.service", "portwho-exporter.service"]
# With these portwho sees a part of the machine, or none of it, where all looks healthy.
FORBIDDEN = ["PrivateNetwork", "PrivateUsers", "PrivatePIDs", "ProcSubset", "ProtectProc"]
# Calls that a look surely makes, and so often that they are not traced.
PLAIN = {"readlinkat", "openat", "read", "close", "fcntl", "getdents64"}
# Of 10; a service without any option has 9.6.
EXPOSURE = 3.0


def systemd_finds_nothing_to_say(stage):
    """`systemd-analyze verify` is silent, and `security` agrees that they are confined."""
    # The command of the units, which has to be there; /usr/local/bin is the test's own.
    shutil.copy(stage.portwho.path, "/usr/local/bin/portwho")
    for unit in [*SERVICES, "portwho-metrics.timer"]:
        path = os.path.join(UNITS, unit)
        done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True,
                              check=False)
        said = [line for line in (done.stdout + done.stderr).splitlines() if "portwho" in line]
        assert done.returncode == 0 and not said, done
    levels = []
    for unit in SERVICES:
        words = ["systemd-analyze", "security", "--offline=yes", "--no-pager", os.path.join(UNITS, unit)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if "unrecognized option" in done.stderr:
            assert os.environ.get("CI") != "true", done
            return "skipped: the exposure of the units, which systemd 250 computes offline"
        level = re.search(r"exposure level for \S+: (\d+\.\d+)", done.stdout)
        assert level and float(level[1]) <= EXPOSURE, done
        levels.append(f"{unit} {level[1]}")
    return ", ".join(levels)


def no_option_hides_the_machine(_stage):
    """None that is forbidden, and netlink among the families of sockets."""
    for unit in SERVICES:
        for name in FORBIDDEN:
            assert not option(unit, name), f"{unit}: {name}"
        assert "AF_NETLINK" in option(unit, "RestrictAddressFamilies"), unit
        assert option(unit, "CapabilityBoundingSet") == ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"], unit
    assert option(SERVICES[1], "AmbientCapabilities") == option(SERVICES[1], "CapabilityBoundingSet")
    assert option(SERVICES[1], "DynamicUser") == ["yes"]


def sets_of_calls():
    """The named sets of systemd, each with what it lists."""
    printed = subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True,
                             check=True).stdout
    sets, current = {}, None
    for line in printed.splitlines():
        word = line.strip()
        if line.startswith("@"):
            current = sets.setdefault(word, [])
        elif word and not word.startswith("#") and current is not None:
            current.append(word)
    return sets


def expanded(words, sets):
    """The calls of these words, of which some are sets."""
    found = set()
    for word in words:
        found |= expanded(sets[word], sets) if word.startswith("@") else {word}
    return found


def allowed(unit):
    """The calls that SystemCallFilter= leaves: the first line allows, one with ~ takes away."""
    sets = sets_of_calls()
    calls = expanded(["@default"], sets)
    with open(os.path.join(UNITS, unit), encoding="utf-8") as file:
        lines = [line.strip().partition("=")[2] for line in file if line.startswith("SystemCallFilter=")]
    for line in lines:
        words = expanded(line.removeprefix("~").split(), sets)
        calls = calls - words if line.startswith("~") else calls | words
    return calls


def called(trace):
    """The calls and families of sockets of a trace of strace."""
    with open(trace, encoding="utf-8", errors="replace") as file:
        text = file.read()
    calls = set(re.findall(r"^\d+ +(\w+)\(", text, re.MULTILINE))
    return calls, set(re.findall(r"\bsocket\((AF_\w+)", text))


def the_filter_allows_what_a_look_calls(stage):
    """Every system call of a look, and every family of sockets, is one of the unit's."""
    trace = os.path.join(stage.directory, "trace")
    written = os.path.join(stage.directory, "traced.prom")
    traced = ["strace", "-f", "-o", trace, "--seccomp-bpf", "-e", f"trace=!{','.join(PLAIN)}",
              stage.portwho.path, "metrics"]
    commands = {SERVICES[0]: [*traced, "--interval", "1s", "--output", written]}
    if stage.portwho.can_listen():
        commands[SERVICES[1]] = [*traced, "--listen", f"127.0.0.1:{free_port()}"]
    for unit, words in commands.items():
        # A group of its own, so that a signal ends strace and what it runs.
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            if "--listen" in words:
                url = f"http://{words[-1]}/metrics"
                wait_for("the traced exporter answers", lambda url=url: answers(url), 60)
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(90)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        calls, families = called(trace)
        denied = (calls | PLAIN) - allowed(unit)
        assert len(calls) > 20 and not denied, (unit, denied)
        assert families <= set(option(unit, "RestrictAddressFamilies")), (unit, families)
        assert not calls & {"setns", "unshare"}, "RestrictNamespaces=yes forbids these"


def answers(url):
    """Whether something answers there."""
    try:
        return fetch(url)
    except OSError:
        return None


def the_task_of_windows_writes_what_is_collected(_stage):
    """As SYSTEM, every minute, a .prom file."""
    name = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
    root = ElementTree.parse(os.path.join(CONTRIB, "windows", "portwho-metrics.xml")).getroot()

    def text(path):
        found = root.find("/".join(name + part for part in path.split("/")))
        assert found is not None, path
        return found.text

    assert root.tag == name + "Task"
    assert text("Principals/Principal/UserId") == "S-1-5-18"
    assert text("Triggers/TimeTrigger/Repetition/Interval") == "PT1M"
    assert text("Settings/MultipleInstancesPolicy") == "IgnoreNew"
    assert text("Actions/Exec/Command") == r'"C:\Program Files\portwho\portwho.exe"'
    assert re.fullmatch(r'metrics --interval 1s --output "C:\\[^"]+\\portwho\.prom"',
                        text("Actions/Exec/Arguments"))
