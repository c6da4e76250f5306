"""The module of contrib/ansible, run by the real ansible-core."""

import json
import os
import re
import shutil
import subprocess
import time

from parts import CONTRIB

DIRECTORY = os.path.join(CONTRIB, "ansible")
MODULE = "portwho_listen_facts"
KEYS = {"address", "container", "name", "pid", "port", "protocol", "service", "state", "stime", "user"}
LOCAL = ["-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=/usr/bin/python3"]


def ansible(words, home, code=0):
    """A command of ansible with a home of its own."""
    environment = {**os.environ, "ANSIBLE_LIBRARY": os.path.join(DIRECTORY, "library"),
                   "ANSIBLE_HOME": home, "ANSIBLE_LOCAL_TEMP": home, "ANSIBLE_REMOTE_TEMP": home,
                   "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == code, done
    return done.stdout


def the_module_is_documented(stage):
    """ansible-doc reads all three parts."""
    printed = json.loads(ansible(["ansible-doc", "-t", "module", "-j", MODULE], stage.directory))
    module = printed[MODULE]
    returned = module["return"]["ansible_facts"]["contains"]["tcp_listen"]["contains"]
    assert set(returned) - {"foreign_address"} == KEYS, returned
    assert module["examples"] and module["doc"]["options"]


def facts(stage):
    """What the module returns, and the same in check mode, by a play that writes both down."""
    play, result = (os.path.join(stage.directory, name) for name in ("facts.yml", "facts.json"))
    arguments = {"executable": stage.portwho.path, "strict": True}
    tasks = [{MODULE: arguments, "register": "found"},
             {MODULE: arguments, "register": "checked", "check_mode": True},
             {"copy": {"content": "{{ [found, checked] | to_json }}", "dest": result}}]
    with open(play, "w", encoding="utf-8") as file:
        json.dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}], file)
    ansible(["ansible-playbook", *LOCAL, play], stage.directory)
    with open(result, encoding="utf-8") as file:
        found, checked = json.load(file)
    assert found == checked and found["changed"] is False and found["gaps"] == [], (found, checked)
    return found["ansible_facts"]


def listed_by_ss():
    """Protocol, address, port and PID of every listener of our programs."""
    printed = subprocess.run(["ss", "-H", "-lntup"], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in printed.splitlines():
        protocol, _, _, _, local = line.split()[:5]
        address, _, port = local.rpartition(":")
        found |= {(protocol, address.strip("[]"), int(port), int(pid))
                  for pid in re.findall(r"pid=(\d+)", line)}
    return found


def told_by_ps(pid):
    """The user and the start of a process."""
    words = ["ps", "-o", "user:32=,lstart=", "-p", str(pid)]
    printed = subprocess.run(words, capture_output=True, text=True, check=True,
                             env={**os.environ, "LC_ALL": "C"}).stdout
    user, _, started = printed.strip().partition(" ")
    return user, started.strip()


def seconds(started):
    """A start as both print it."""
    return time.mktime(time.strptime(started, "%a %b %d %H:%M:%S %Y"))


def the_facts_are_those_of_ss_and_ps(stage):
    """Every listener with its PID as ss has it, its user and start as ps has them, in check mode too."""
    assert stage.world
    found = facts(stage)
    entries = found["tcp_listen"] + found["udp_listen"]
    assert all(set(entry) == KEYS for entry in entries), entries
    ours = {(entry["protocol"], entry["address"], entry["port"], entry["pid"]) for entry in entries}
    assert ours == listed_by_ss(), ours ^ listed_by_ss()
    for entry in entries:
        user, started = told_by_ps(entry["pid"])
        assert entry["user"] == user, (entry, user)
        # ps computes the second from another clock than portwho does.
        assert abs(seconds(entry["stime"]) - seconds(started)) <= 2, (entry, started)
    assert {entry["state"] for entry in found["tcp_listen"]} == {"LISTEN"}, entries


def the_playbook_tells_what_is_not_expected(stage):
    """The example: it fails for our listeners, and passes where they are expected."""
    path = os.path.join(DIRECTORY, "listen.yml")
    # The example finds portwho in PATH, and root needs no sudo.
    words = ["ansible-playbook", *LOCAL, "-e", "ansible_become=false"]
    assert stage.world
    shutil.copy(stage.portwho.path, "/usr/local/bin/portwho")
    printed = ansible([*words, path], stage.directory, code=2)
    assert "not expected: 8443, 9000" in printed, printed
    ansible([*words, "-e", json.dumps({"expected_ports": [8443, 9000]}), path], stage.directory)
