"""The rights of the shipped units, applied without systemd: all owners are found with them, and what a
sandbox hides is told."""

import os
import sys

from parts import CONTRIB
from world import EARLY_LEAKS

HERE = os.path.dirname(os.path.abspath(__file__))
UNITS = os.path.join(CONTRIB, "systemd")
# What a user that systemd makes for a unit (DynamicUser=) is: nobody else's.
DYNAMIC = "64123"
OWNERS = {"leaky": EARLY_LEAKS + 1, "web": 11, "slow": 37, "lossy": 1, "greedy": 1}


def option(unit, name):
    """The words of an option of a unit in contrib/systemd."""
    with open(os.path.join(UNITS, unit), encoding="utf-8") as file:
        lines = [line.strip().partition("=")[2] for line in file if line.startswith(f"{name}=")]
    return " ".join(lines).split()


def capabilities(unit, name):
    """As setpriv wants them: none but these."""
    words = [word.removeprefix("CAP_").lower() for word in option(unit, name)]
    return ",".join(["-all", *(f"+{word}" for word in words)])


def as_root(unit, bounding=None):
    """setpriv with the rights of a unit that runs as root."""
    bounding = bounding or capabilities(unit, "CapabilityBoundingSet")
    return ["setpriv", "--no-new-privs", "--inh-caps=-all", f"--bounding-set={bounding}"]


def as_dynamic_user(unit, ambient=None):
    """setpriv with the rights of a unit with DynamicUser=."""
    ambient = ambient or capabilities(unit, "AmbientCapabilities")
    bounding = capabilities(unit, "CapabilityBoundingSet")
    return ["setpriv", "--no-new-privs", f"--reuid={DYNAMIC}", f"--regid={DYNAMIC}", "--clear-groups",
            f"--inh-caps={ambient}", f"--ambient-caps={ambient}", f"--bounding-set={bounding}"]


# ProtectSystem=strict: the same files, read-only, in a mount namespace of its own.
READ_ONLY = ["unshare", "--mount", "sh", "-euc", 'mount -o remount,bind,ro /; exec "$@"', "-"]


# The world of this test is itself what PrivateNetwork= makes, where PID 1 may be asked.
APART = "namespaces-unseen"
# A shell as PID 1, which may be asked, and the rest in its network namespace or in one of its own.
FIRST = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-euc"]


def owners(metrics):
    """How many sockets each of our programs has."""
    found = dict.fromkeys(OWNERS, 0)
    for (name, labels), value in metrics.items():
        process = dict(labels).get("process")
        if name == "portwho_sockets" and process in found:
            found[process] += value
    return found


def not_seen(metrics):
    """The gaps that are not 0, and the tables that were not read."""
    gaps = {dict(labels)["kind"]: value for (name, labels), value in metrics.items()
            if name == "portwho_gaps" and value}
    tables = {dict(labels)["table"]: value for (name, labels), value in metrics.items()
              if name == "portwho_look_success" and not value}
    return {**gaps, **tables}


def checks_not_made(metrics):
    """The checks of doctor that could not be made."""
    return {dict(labels)["kind"] for (name, labels), value in metrics.items()
            if name == "portwho_check_success" and not value}


def the_rights_of_the_units_show_every_owner(stage):
    """With nothing but what the units grant."""
    assert stage.world
    file = as_root("portwho-metrics.service")
    exporter = as_dynamic_user("portwho-exporter.service")
    for before in (file, READ_ONLY + file, exporter, READ_ONLY + exporter):
        metrics = stage.portwho.metrics(before=before)
        assert owners(metrics) == OWNERS, (before, owners(metrics))
        assert not_seen(metrics).keys() <= {APART}, (before, not_seen(metrics))
        assert checks_not_made(metrics) == checks_not_made(stage.portwho.metrics()), before


def a_wrong_sandbox_is_told(stage):
    """Fewer rights, or a part of /proc: gaps, tables that were not read or checks that were not made, never a
    healthy machine."""
    assert stage.world
    unit = "portwho-exporter.service"
    without_netlink = [sys.executable, os.path.join(HERE, "without_netlink.py")]
    other_proc = "mount -t proc -o {} proc /proc; exec \"$@\""
    subset, invisible = (["unshare", "--mount", "sh", "-euc", other_proc.format(option), "-"]
                         for option in ("subset=pid", "hidepid=invisible"))
    sandboxes = {
        "no capabilities": as_dynamic_user(unit, "-all"),
        "CAP_SYS_PTRACE alone": as_dynamic_user(unit, "-all,+sys_ptrace"),
        "CAP_DAC_READ_SEARCH alone": as_dynamic_user(unit, "-all,+dac_read_search"),
        "root without CAP_SYS_PTRACE": as_root(unit, "-all,+dac_read_search"),
        "ProtectProc=invisible without CAP_SYS_PTRACE": invisible + as_dynamic_user(unit, "-all,+dac_read_search"),
        "PrivatePIDs=yes": ["unshare", "--pid", "--fork", "--mount-proc"],
        "PrivateUsers=yes": ["unshare", "--user", "--map-root-user"],
        "ProcSubset=pid": subset,
        "RestrictAddressFamilies=AF_UNIX AF_INET": without_netlink,
    }
    everywhere = checks_not_made(stage.portwho.metrics())
    told = {}
    for name, before in sandboxes.items():
        metrics = stage.portwho.metrics(before=before)
        seen = not_seen(metrics).keys() - {APART}
        told[name] = sorted(seen) + sorted(checks_not_made(metrics) - everywhere)
    rights = as_dynamic_user(unit)
    for name, script in (("PrivateNetwork=no", '"$@"; :'), ("PrivateNetwork=yes", 'unshare --net "$@"; :')):
        metrics = stage.portwho.metrics(before=[*FIRST, script, "-", *rights])
        told[name] = sorted(not_seen(metrics).keys() & {APART})
    assert not told.pop("PrivateNetwork=no"), told
    assert all(told.values()), told
    return "; ".join(f"{name}: {', '.join(words)}" for name, words in told.items())
