#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Facts on the sockets of a host and their owners, from `portwho --json`."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: portwho_listen_facts
short_description: Gather facts on processes listening on TCP and UDP ports, with portwho
description:
  - Returns C(tcp_listen) and C(udp_listen) as M(community.general.listen_ports_facts) does, so that a playbook
    works with either.
  - In addition each entry has the state, the systemd service and the container; and C(gaps) says what could not
    be seen. Without C(become) these are the owners of other users' sockets.
  - Linux only.
requirements:
  - portwho on the managed host
options:
  executable:
    description: The path of portwho. By default it is searched in PATH, C(/usr/local/bin) and C(/usr/local/sbin).
    type: path
  include_non_listening:
    description:
      - List connections and connected UDP sockets too.
      - Adds C(foreign_address) to each entry.
    type: bool
    default: false
  strict:
    description: Fail where something could not be seen, instead of warning.
    type: bool
    default: false
attributes:
  check_mode:
    description: It changes nothing, so check mode returns the same.
    support: full
  facts:
    description: It returns an C(ansible_facts) dictionary.
    support: full
  platform:
    description: The systems it runs on.
    support: full
    platforms: Linux
author:
  - The portwho developers
"""

EXAMPLES = r"""
- name: Gather facts on listening ports
  portwho_listen_facts:
  become: true

- name: Nothing but ssh listens at every address
  ansible.builtin.assert:
    that: item.port == 22
    fail_msg: "{{ item.name }} ({{ item.service }}) listens on {{ item.address }}:{{ item.port }}"
  loop: "{{ ansible_facts.tcp_listen | selectattr('address', 'in', ['0.0.0.0', '::']) | list }}"

- name: Connections that are not closed
  portwho_listen_facts:
    include_non_listening: true
  become: true

- name: Show who leaks them
  ansible.builtin.debug:
    msg: "{{ ansible_facts.tcp_listen | selectattr('state', 'eq', 'CLOSE_WAIT') | map(attribute='name') | unique }}"
"""

RETURN = r"""
ansible_facts:
  description: The sockets, one entry for each process that holds one.
  returned: always
  type: complex
  contains:
    tcp_listen:
      description: Processes that listen on a TCP port.
      returned: always
      type: list
      elements: dict
      contains:
        address:
          description: The local address; without brackets where it is of IPv6.
          returned: always
          type: str
          sample: "0.0.0.0"
        foreign_address:
          description: The foreign address and port, as C(ss) prints them.
          returned: if O(include_non_listening=true)
          type: str
          sample: "10.80.0.1:443"
        state:
          description: The state of the socket, in the words of Linux' C(netstat); empty for UDP.
          returned: always
          type: str
          sample: "LISTEN"
        name:
          description: The name of the process; empty where it is not known.
          returned: always
          type: str
          sample: "mysqld"
        pid:
          description: The PID of the process; 0 where it is not known.
          returned: always
          type: int
          sample: 1223
        port:
          description: The local port.
          returned: always
          type: int
          sample: 3306
        protocol:
          description: C(tcp) or C(udp).
          returned: always
          type: str
          sample: "tcp"
        stime:
          description: When the process started, in the host's time; empty where it is not known.
          returned: always
          type: str
          sample: "Thu Feb  2 13:29:45 2017"
        user:
          description: The user of the process, or of the socket where the process is not known.
          returned: always
          type: str
          sample: "mysql"
        service:
          description: The systemd unit; empty where there is none.
          returned: always
          type: str
          sample: "mariadb.service"
        container:
          description: The name of the container, or else its id; empty where there is none.
          returned: always
          type: str
          sample: "web"
    udp_listen:
      description: Processes that have an unconnected UDP socket, with the same keys as C(tcp_listen).
      returned: always
      type: list
      elements: dict
    portwho_gaps:
      description: The same as C(gaps), so that a later task finds it.
      returned: always
      type: list
      elements: dict
gaps:
  description: What could not be seen. Empty where the facts are complete.
  returned: always
  type: list
  elements: dict
  sample: [{"kind": "owners-hidden", "count": 3, "remedy": "run with sudo to see the owners of other users' sockets"}]
"""

import calendar
import json
import platform
import time

from ansible.module_utils.basic import AnsibleModule

# Where portwho's words for states are not those of Linux' netstat, which playbooks compare with.
STATES = {
    "LISTENING": "LISTEN",
    "SYN_RECEIVED": "SYN_RECV",
    "FIN_WAIT_1": "FIN_WAIT1",
    "FIN_WAIT_2": "FIN_WAIT2",
}
LOCAL_DIRECTORIES = ["/usr/local/bin", "/usr/local/sbin"]


def host_time(started):
    """A time of RFC 3339 in UTC as `ps -o lstart` prints it: local, with English names."""
    if not started:
        return ""
    return time.ctime(calendar.timegm(time.strptime(started, "%Y-%m-%dT%H:%M:%SZ")))


def container_name(container):
    """The name that the runtime gives it, or its id."""
    container = container or {}
    return container.get("name") or container.get("id") or ""


def foreign_address(foreign):
    """An endpoint as ss prints it; `0.0.0.0:*` where there is none."""
    if not foreign:
        return "0.0.0.0:*"
    address = foreign["address"]
    return "{0}:{1}".format("[" + address + "]" if ":" in address else address, foreign["port"])


def holders(owner, processes):
    """What is known of each process that holds a socket; of none, what its creator tells."""
    if owner["kind"] == "processes":
        return [processes.get(pid, {"pid": pid}) for pid in owner["pids"]]
    return [{"pid": 0, "service": owner.get("service"), "container": owner.get("container")}]


def entries(answer, with_foreign):
    """The sockets of an answer of portwho, one entry for each process."""
    processes = dict((process["pid"], process) for process in answer["processes"])
    for socket in answer["sockets"]:
        for process in holders(socket["owner"], processes):
            entry = {
                "protocol": socket["protocol"],
                "address": socket["local"]["address"],
                "port": socket["local"]["port"],
                "state": STATES.get(socket["state"], socket["state"] or ""),
                "pid": process["pid"],
                "name": process.get("name") or "",
                "stime": host_time(process.get("started")),
                "user": process.get("user") or socket["user"] or "",
                "service": process.get("service") or "",
                "container": container_name(process.get("container")),
            }
            if with_foreign:
                entry["foreign_address"] = foreign_address(socket["foreign"])
            yield entry


def ask(module, executable):
    """The answer of portwho. Exit code 1 is an empty list, 2 an error."""
    words = [executable, "--json"] + ([] if module.params["include_non_listening"] else ["-l"])
    code, stdout, stderr = module.run_command(words)
    if code not in (0, 1):
        module.fail_json(msg=stderr.strip() or "portwho failed", rc=code, cmd=words)
    try:
        return json.loads(stdout)
    except ValueError as error:
        module.fail_json(msg="portwho printed no JSON: {0}".format(error), rc=code, cmd=words)


def main():
    """Gathers the facts."""
    module = AnsibleModule(
        argument_spec=dict(
            executable=dict(type="path"),
            include_non_listening=dict(type="bool", default=False),
            strict=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    if platform.system() != "Linux":
        module.fail_json(msg="This module requires Linux.")
    executable = module.params["executable"]
    if not executable:
        executable = module.get_bin_path("portwho", required=True, opt_dirs=LOCAL_DIRECTORIES)
    answer = ask(module, executable)
    gaps = answer["gaps"]
    found = list(entries(answer, module.params["include_non_listening"]))
    if gaps and module.params["strict"]:
        module.fail_json(msg="not everything could be seen", gaps=gaps)
    for gap in gaps:
        module.warn("portwho: {0}: {1}".format(gap["kind"], gap.get("remedy") or "not seen"))
    facts = dict(
        tcp_listen=[entry for entry in found if entry["protocol"] == "tcp"],
        udp_listen=[entry for entry in found if entry["protocol"] == "udp"],
        portwho_gaps=gaps,
    )
    module.exit_json(changed=False, ansible_facts=facts, gaps=gaps)


if __name__ == "__main__":
    main()
