"""One host as an administrator sets it up, on loopback: both ways to the metrics, the shipped rules, the
shipped Alertmanager example, and a receiver of its notifications."""

import http.server
import json
import os
import re
import shutil
import threading

from parts import CONTRIB, RULES, Program, Prometheus, free_port
from world import Timer

# By how much time passes faster than in the rules: `for: 15m` is 6 seconds.
FASTER = 150
SCRAPE = "1s"
# Half a second of a scrape is the transport's; the rest has to suffice for a look on a busy machine.
PATIENT = "2s"
ALERTMANAGER = os.path.join(CONTRIB, "prometheus", "portwho.alertmanager.yml")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def hurried_rules(faster=FASTER):
    """The shipped rules with every `for`, range, offset and interval divided, and nothing else changed."""

    def shorter(match):
        return f"{int(match['number']) * UNITS[match['unit']] * 1000 // faster}ms"

    duration = r"(?P<number>\d+)(?P<unit>[smhd])"
    with open(RULES, encoding="utf-8") as file:
        text = file.read()
    for before, after in (("for: ", r"\b"), (r"\[", r"\]"), ("offset ", r"\b"), ("interval: ", r"\b")):
        text = re.sub(f"(?<={before}){duration}(?={after})", shorter, text)
    return text


def hurried_alertmanager(url):
    """The shipped example with our receiver, and half a second for its waits."""
    with open(ALERTMANAGER, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"(?<=url: )\S+", url, text)
    return re.sub(r"(group_wait|group_interval): \w+", r"\1: 500ms", text)


class Receiver:
    """A webhook on loopback: keeps the alerts of every notification."""

    def __init__(self):
        received = self.alerts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802: the name is http.server's
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.extend(json.loads(body)["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def has(self, status, **labels):
        return [alert for alert in list(self.alerts) if alert["status"] == status
                and labels.items() <= alert["labels"].items()]


CONFIG = """
global: {{evaluation_interval: {scrape}}}
rule_files: ['{rules}']
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}
scrape_configs:
"""
# Both deliver the same labels, of which `container` is portwho's own; a host has one name in both jobs.
JOB = """
  - job_name: {name}
    honor_labels: true
    scrape_interval: {scrape}
    scrape_timeout: {scrape}
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
    relabel_configs: [{{target_label: instance, replacement: host}}]
"""


class Fleet:
    """The programs. As on Debian, they run as the user `prometheus`; the file is written by root."""

    def __init__(self, portwho, directory):
        self.portwho = portwho
        self.parts = []
        self.textfile = os.path.join(directory, "textfile")
        os.makedirs(self.textfile)
        self.file = os.path.join(self.textfile, "portwho.prom")
        self.timer = Timer(portwho, self.file)
        self.receiver = Receiver()
        self.jobs = {"node": self._node_exporter(directory).port}
        if portwho.can_listen():
            self.jobs["portwho"] = self._exporter(directory).port
        alertmanager = self._alertmanager(directory)
        self.prometheus = self._prometheus(directory, alertmanager.port)

    def _keep(self, program):
        self.parts.append(program)
        return program

    def _node_exporter(self, directory):
        port = free_port()
        words = ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}",
                 "--collector.disable-defaults", "--collector.textfile", "--collector.netstat",
                 f"--collector.textfile.directory={self.textfile}"]
        log = os.path.join(directory, "node_exporter.log")
        self.node = self._keep(Program(words, port, log, user="prometheus", ready="/metrics"))
        return self.node

    def _exporter(self, directory):
        port = free_port()
        words = [self.portwho.path, "metrics", "--listen", f"127.0.0.1:{port}"]
        log = os.path.join(directory, "exporter.log")
        self.exporter = self._keep(Program(words, port, log, ready="/metrics"))
        return self.exporter

    def _alertmanager(self, directory):
        port = free_port()
        path = os.path.join(directory, "alertmanager.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(hurried_alertmanager(self.receiver.url))
        words = ["prometheus-alertmanager", f"--config.file={path}",
                 f"--storage.path={own(directory, 'alertmanager')}",
                 f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        log = os.path.join(directory, "alertmanager.log")
        return self._keep(Program(words, port, log, user="prometheus"))

    def _prometheus(self, directory, alertmanager):
        home = own(directory, "prometheus")
        rules = os.path.join(home, "rules.yml")
        with open(rules, "w", encoding="utf-8") as file:
            file.write(hurried_rules())
        config = CONFIG.format(scrape=SCRAPE, rules=rules, alertmanager=f"127.0.0.1:{alertmanager}")
        for name, port in self.jobs.items():
            config += JOB.format(name=name, port=port, scrape=PATIENT if name == "portwho" else SCRAPE)
        return self._keep(Prometheus(home, config, user="prometheus"))

    def stop(self):
        """Ends all of them; an error of the timer is told here."""
        for part in reversed(self.parts):
            part.stop()
        self.receiver.server.shutdown()
        self.timer.stop()


def own(directory, name):
    """A directory of the user `prometheus`."""
    path = os.path.join(directory, name)
    os.makedirs(path)
    shutil.chown(path, "prometheus", "prometheus")
    return path
