"""A user with 2,000 processes who renames them between scrapes, and one who moves to other ports: Prometheus' head
may grow by 40 series for each, and the series of others stay as they are. hostile.py PORTWHO, in a network
namespace of its own."""

import contextlib
import ctypes
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from fleet import JOB, own
from parts import Program, Prometheus, become, free_port, wait_for
from world import APP, App, Portwho, Timer

PROCESSES, SCRAPES, SERIES = 2000, 100, 40
PAUSE = 0.5
# At how many ports at once, of all that are not ephemeral, the other one listens, and for how long.
LISTENERS, PORTS, STAY = 40, range(1024, 32768), 0.1
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
HONEST = {"web": ("nobody", ["listen 0.0.0.0 8443 128", "udp 0.0.0.0 5300 0"]),
          "slow": ("root", ["listen 127.0.0.1 9000 20"])}


def one_of_many(number):
    """A process of the hostile user, with a socket of its own: at each signal it has another name."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    random.seed(number)
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    held.bind(("0.0.0.0", 0))

    def rename(*_):
        libc.prctl(PR_SET_NAME, f"{random.randrange(10**6)}-{number}".encode())

    signal.signal(signal.SIGUSR1, rename)
    rename()
    while True:
        signal.pause()


def move():
    """Listens at other ports again and again."""
    ports = itertools.cycle(PORTS)
    print("ready", flush=True)
    while True:
        held = []
        for port in itertools.islice(ports, LISTENERS):
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                listener.bind(("0.0.0.0", port))
                listener.listen()
            held.append(listener)
        time.sleep(STAY)
        for listener in held:
            listener.close()


def rename():
    """The parent: 2,000 children, and a signal to all of them again and again."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    children = []
    for number in range(PROCESSES):
        pid = os.fork()
        if pid == 0:
            one_of_many(number)
        children.append(pid)
    print("ready", flush=True)
    while True:
        time.sleep(PAUSE)
        for pid in children:
            os.kill(pid, signal.SIGUSR1)


class Scraped:
    """portwho as Prometheus sees it by node_exporter, as often as it can look."""

    def __init__(self, portwho, directory):
        port, textfile = free_port(), own(directory, "textfile")
        self.timer = Timer(portwho, f"{textfile}/portwho.prom", words=(), seconds=0.02)
        words = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}",
                 "--collector.disable-defaults", "--collector.textfile",
                 f"--collector.textfile.directory={textfile}"]
        self.parts = [Program(words, port, f"{directory}/node.log", "prometheus", "/metrics")]
        # Often enough to see every look.
        config = "scrape_configs:\n" + JOB.format(name="portwho", port=port, scrape="200ms")
        self.prometheus = Prometheus(own(directory, "prometheus"), config, "prometheus")
        self.parts.append(self.prometheus)

    def looks(self):
        """How many different looks Prometheus has."""
        rows = self.prometheus.query("changes(portwho_look_timestamp_seconds[10m])")
        return sum(value for _, value in rows)

    def honest(self):
        """The series of the honest programs whose numbers stand still."""
        rows = self.prometheus.query(
            '{__name__=~"portwho_(sockets|listener_info)",process=~"web|slow"}')
        return {frozenset(labels.items()): value for labels, value in rows}

    def stop(self):
        for part in reversed(self.parts):
            part.stop()
        self.timer.stop()


def honest_apps():
    """Programs of other users."""
    apps = []
    for name, (user, orders) in HONEST.items():
        process = subprocess.Popen([f"/usr/local/bin/{name}", "-I", APP], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=become(user))
        app = App(process.stdin, process.stdout)
        for order in orders:
            app.order(order)
        apps.append((process, app))
    return apps


ATTACKS = {"rename": (rename, "games"), "move": (move, "man")}


def attacked(scraped, attack):
    """Runs an attack for SCRAPES looks; by how many series the head has grown."""
    wait_for("honest looks", lambda: scraped.looks() >= 3 and scraped.honest(), 60)
    before, honest = scraped.prometheus.head_series(), scraped.honest()
    enemy = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--hostile", attack],
                             stdout=subprocess.PIPE, text=True, start_new_session=True,
                             preexec_fn=become(ATTACKS[attack][1]))
    try:
        if enemy.stdout.readline() != "ready\n":
            raise RuntimeError(f"the hostile user did not get what it takes to {attack}")
        begun = scraped.looks()
        wait_for(f"{SCRAPES} looks", lambda: scraped.looks() - begun >= SCRAPES, 400)
        grown = scraped.prometheus.head_series() - before
        assert scraped.honest() == honest, (scraped.honest(), honest)
    finally:
        os.killpg(enemy.pid, signal.SIGKILL)
        enemy.wait()
    return grown


def main(portwho):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    directory = tempfile.mkdtemp(prefix="portwho-hostile-")
    os.chmod(directory, 0o755)
    apps = honest_apps()
    scraped, grown = None, {}
    try:
        scraped = Scraped(Portwho(portwho), directory)
        for attack in ATTACKS:
            grown[attack] = attacked(scraped, attack)
    finally:
        if scraped:
            scraped.stop()
        for process, _ in apps:
            process.kill()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{grown['rename']} series more in {SCRAPES} looks at {PROCESSES} processes that are renamed, "
          f"{grown['move']} at {LISTENERS} listeners that move")
    assert all(0 < more <= SERIES for more in grown.values()), grown


if __name__ == "__main__":
    if sys.argv[1] == "--hostile":
        ATTACKS[sys.argv[2]][0]()
    else:
        main(sys.argv[1])
