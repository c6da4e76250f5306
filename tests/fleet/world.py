"""The sockets that the tests know, and how portwho is run among them."""

import json
import os
import socket
import subprocess
import threading

from parts import become, wait_for

APP = "/usr/local/bin/app.py"
# So many ephemeral ports that a few connections are a share of them.
PORTS = (40000, 40499)

# What each program makes, besides `leaky`, which is there from the beginning.
ORDERS = {
    "web": ("nobody", ["listen 0.0.0.0 8443 128", "connect 127.0.0.1 8443 5", "accept 8443 5"]),
    "slow": ("nobody", ["listen 0.0.0.0 9000 20", "connect 127.0.0.1 9000 18"]),
    "lossy": ("nobody", ["udp 0.0.0.0 5300 2304", "send 5300 50"]),
    "greedy": ("games", ["udp 127.0.0.1 5400 0", "files 200 150"]),
}
EARLY_LEAKS = 60


class App:
    """A program that obeys, see app.py."""

    def __init__(self, orders, answers):
        self.orders, self.answers = orders, answers
        self.answer()

    def answer(self):
        line = self.answers.readline()
        if not line:
            raise RuntimeError("a program of the world has exited")
        return line

    def order(self, line):
        self.orders.write(line + "\n")
        self.orders.flush()
        self.answer()


class World:
    """All programs with known sockets."""

    def __init__(self, directory):
        with open("/proc/sys/net/ipv4/ip_local_port_range", "w", encoding="ascii") as file:
            file.write("{} {}".format(*PORTS))
        self.processes = {}
        with open(f"{directory}/pid", encoding="ascii") as file:
            self.pids = {"leaky": int(file.read())}
        self.leaky = self._leaky(directory)
        for name, (user, orders) in ORDERS.items():
            app = self._start(name, user)
            for order in orders:
                app.order(order)

    def _leaky(self, directory):
        """It was begun with two orders; its pipes have names."""
        answers = open(f"{directory}/answers", encoding="ascii")  # noqa: SIM115: the world's
        app = App(open(f"{directory}/orders", "w", encoding="ascii"), answers)  # noqa: SIM115
        for _ in range(2):
            app.answer()
        return app

    def _start(self, name, user):
        process = subprocess.Popen([f"/usr/local/bin/{name}", "-I", APP], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   preexec_fn=become(user))
        self.processes[name] = process
        self.pids[name] = process.pid
        return App(process.stdin, process.stdout)

    def stop(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


def dropped(port):
    """What the kernel says a UDP socket has dropped: the last column of /proc/net/udp."""
    with open("/proc/net/udp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(int(row[-1]) for row in rows if row[1].endswith(f":{port:04X}"))


def parse(text):
    """Metrics in the text format, as pairs of (name, labels) and number; labels without a value are none."""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        head, _, value = line.rpartition(" ")
        name, _, labels = head.partition("{")
        pairs = [pair.split("=", 1) for pair in labels.rstrip("}").split(",") if pair]
        found[name, frozenset((key, text.strip('"')) for key, text in pairs if text != '""')] = float(value)
    return found


class Portwho:
    """The program under test."""

    def __init__(self, path):
        self.path = path

    def run(self, *words, before=()):
        return subprocess.run([*before, self.path, *words], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=60)

    def metrics(self, *words, before=()):
        """What it prints; an error where it fails or remarks anything."""
        output = self.run("metrics", *words, before=before)
        if output.returncode != 0:
            raise RuntimeError(f"exit code {output.returncode}: {output.stderr}")
        return parse(output.stdout)

    def json(self, *words):
        return json.loads(self.run(*words, "--json").stdout)

    def can_listen(self):
        """Whether it was built with the feature `exporter`."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            output = self.run("metrics", "--listen", "127.0.0.1:{}".format(taken.getsockname()[1]))
        return "--features exporter" not in output.stderr


class Timer:
    """What the systemd timer does, more often: writes the file until it is stopped."""

    def __init__(self, portwho, path, words=("--interval", "200ms"), seconds=0.2):
        self.portwho, self.seconds = portwho, seconds
        self.words = ["metrics", *words, "--output", path]
        self.ended = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self._write, daemon=True)
        self.thread.start()
        wait_for("the file is written", lambda: self.failure or os.path.exists(path), 60)

    def _write(self):
        while not self.ended.is_set():
            try:
                output = self.portwho.run(*self.words)
            except subprocess.TimeoutExpired as error:
                self.failure = str(error)
                return
            if output.returncode != 0 or output.stderr:
                self.failure = f"exit code {output.returncode}: {output.stderr}"
                return
            self.ended.wait(self.seconds)

    def stop(self):
        self.ended.set()
        self.thread.join()
        if self.failure:
            raise RuntimeError(self.failure)


def oldest_leak(portwho):
    """How old the oldest CLOSE_WAIT of `leaky` is, in seconds."""
    ages = [value for (name, labels), value in portwho.metrics().items()
            if name == "portwho_close_wait_oldest_seconds" and ("process", "leaky") in labels]
    return max(ages, default=0)


def wait_until_old(portwho, seconds):
    """Until the leak is old enough for the rule. At once where it was begun early enough."""
    missing = seconds - oldest_leak(portwho)
    if missing > 0:
        print(f"the leak must be {missing:.0f} s older; begin it earlier: tests/fleet/begin", flush=True)
        wait_for("the leak is old", lambda: oldest_leak(portwho) > seconds, missing + 60)
