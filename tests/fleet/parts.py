"""The real programs: Prometheus, node_exporter and Alertmanager, started on ports of loopback."""

import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

CONTRIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib")
RULES = os.path.join(CONTRIB, "prometheus", "portwho.rules.yml")
DASHBOARD = os.path.join(CONTRIB, "prometheus", "portwho.dashboard.json")

# Nothing here asks another machine, whatever the environment says of proxies.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    """A port of loopback that the kernel chose. Other programs of this namespace are ours."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, timeout=5):
    with _OPENER.open(url, timeout=timeout) as answer:
        return answer.read().decode()


def wait_for(what, condition, seconds):
    """What `condition` returns as soon as it is true; an error after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def become(user):
    """For preexec_fn: the process dies with this one, and runs as `user` where one is given."""
    entry = pwd.getpwnam(user) if user else None

    def change():
        if entry:
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
        # After the change of user, which clears it: PR_SET_PDEATHSIG in prctl(2).
        import ctypes  # noqa: PLC0415
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)

    return change


class Program:
    """A program that answers HTTP, with its output in a file."""

    def __init__(self, words, port, log, user=None, ready="/-/ready"):
        self.url = f"http://127.0.0.1:{port}"
        self.port = port
        self.log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                words, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                preexec_fn=become(user))
        try:
            wait_for(f"{words[0]} answers", lambda: self._answers(ready), 60)
        except BaseException:
            self.stop()
            raise

    def _answers(self, path):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8") as log:
                raise RuntimeError(f"exited with {self.process.returncode}: {log.read()[-2000:]}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            fetch(self.url + path)
            return True
        return False

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Prometheus(Program):
    """Prometheus with a configuration in a directory of its own."""

    def __init__(self, directory, config, user=None):
        port = free_port()
        path = os.path.join(directory, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        words = ["prometheus", f"--config.file={path}", f"--storage.tsdb.path={directory}/data",
                 f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
                 # A busy machine takes its time for half a million series.
                 "--query.timeout=15m"]
        super().__init__(words, port, os.path.join(directory, "prometheus.log"), user)

    def api(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        answer = json.loads(fetch(f"{self.url}/api/v1/{path}?{query}", timeout=900))
        if answer["status"] != "success":
            raise RuntimeError(f"{path}: {answer}")
        return answer["data"]

    def query(self, expression):
        """An instant query, as pairs of labels and number."""
        result = self.api("query", query=expression)["result"]
        return [(series["metric"], float(series["value"][1])) for series in result]

    def head_series(self):
        return self.api("status/tsdb")["headStats"]["numSeries"]


def rules_from(prometheus):
    groups = prometheus.api("rules", type="alert")["groups"]
    return [rule for group in groups for rule in group["rules"]]
