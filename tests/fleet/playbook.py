"""The module of contrib/ansible, run by the real ansible-core."""

import json
import os
import re
import subprocess

from parts import CONTRIB

DIRECTORY = os.path.join(CONTRIB, "ansible")
MODULE = "portwho_listen_facts"
KEYS = {"address", "container", "name", "pid", "port", "protocol", "service", "state", "stime", "user"}
LOCAL = ["-i", "localhost,", "-c", "local", "-e", "ansible_python_interpreter=/usr/bin/python3"]


def ansible(words, home, code=0):
    """A command of ansible with a home of its own."""
    environment = {**os.environ, "ANSIBLE_LIBRARY": os.path.join(DIRECTORY, "library"),
                   "ANSIBLE_HOME": home, "ANSIBLE_LOCAL_TEMP": home, "ANSIBLE_REMOTE_TEMP": home,
                   "ANSIBLE_STDOUT_CALLBACK": "json", "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
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


def facts(stage, *words):
    """What the module returns, by a play."""
    play = os.path.join(stage.directory, "facts.yml")
    arguments = {"executable": stage.portwho.path, "strict": True}
    with open(play, "w", encoding="utf-8") as file:
        json.dump([{"hosts": "all", "gather_facts": False, "tasks": [{MODULE: arguments}]}], file)
    printed = json.loads(ansible(["ansible-playbook", *LOCAL, *words, play], stage.directory))
    result = printed["plays"][0]["tasks"][0]["hosts"]["localhost"]
    assert result["changed"] is False and result["gaps"] == [], result
    return result["ansible_facts"]


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


def the_facts_are_those_of_ss_and_ps(stage):
    """Every listener with its PID as ss has it, its user and start as ps has them, in check mode too."""
    found = facts(stage)
    assert found == facts(stage, "--check")
    entries = found["tcp_listen"] + found["udp_listen"]
    assert all(set(entry) == KEYS for entry in entries), entries
    ours = {(entry["protocol"], entry["address"], entry["port"], entry["pid"]) for entry in entries}
    assert ours == listed_by_ss(), ours ^ listed_by_ss()
    for entry in entries:
        user, started = told_by_ps(entry["pid"])
        assert entry["user"] == user, (entry, user)
        # ps computes the second from another clock than portwho does.
        assert entry["stime"][:17] == started[:17] and entry["stime"][20:] == started[20:], (entry, started)
    assert {entry["state"] for entry in found["tcp_listen"]} == {"LISTEN"}, entries


def the_playbook_tells_what_is_not_expected(stage):
    """The example: it fails for our listeners, and passes where they are expected."""
    path = os.path.join(DIRECTORY, "listen.yml")
    # The example finds portwho in PATH, and root needs no sudo.
    words = ["ansible-playbook", *LOCAL, "-e", "ansible_become=false"]
    assert os.path.exists("/usr/local/bin/portwho"), "an earlier test copies it there"
    printed = ansible([*words, path], stage.directory, code=2)
    assert "[8443, 9000]" in printed, printed
    ansible([*words, "-e", json.dumps({"expected_ports": [8443, 9000]}), path], stage.directory)
