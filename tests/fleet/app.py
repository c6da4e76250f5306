"""A program whose sockets are known: it makes what the lines on stdin say, and answers each with one.

    listen ADDRESS PORT BACKLOG   listens, and accepts nothing
    connect ADDRESS PORT N        N connections of its own
    accept PORT N                 accepts N connections of that listener
    leak PORT N                   N connections to its own listener, accepted, closed by the peer only
    fix                           closes what it leaked
    udp ADDRESS PORT BYTES        a UDP socket with a receive buffer of BYTES (0: the system's)
    send PORT N                   N datagrams to that port of loopback
    files SOFT N                  its limit of descriptors, and N of them in use in all

It ends when stdin does.
"""

import os
import resource
import socket
import sys


class App:
    def __init__(self):
        self.listeners = {}
        self.kept = []
        self.leaked = []

    def listen(self, address, port, backlog):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, int(port)))
        listener.listen(int(backlog))
        self.listeners[int(port)] = listener

    def connect(self, address, port, count):
        for _ in range(int(count)):
            self.kept.append(socket.create_connection((address, int(port))))

    def accept(self, port, count):
        for _ in range(int(count)):
            self.kept.append(self.listeners[int(port)].accept()[0])

    def leak(self, port, count):
        for _ in range(int(count)):
            # An address for each: a port that a later peer gets again would reset what was leaked.
            number = len(self.leaked) + 1
            source = (f"127.1.{number // 250}.{number % 250 + 1}", 0)
            peer = socket.create_connection(("127.0.0.1", int(port)), source_address=source)
            leaked = self.listeners[int(port)].accept()[0]
            peer.close()
            # The peer's end of stream: from here on the socket is in CLOSE_WAIT.
            leaked.recv(1)
            self.leaked.append(leaked)

    def fix(self):
        for leaked in self.leaked:
            leaked.close()
        self.leaked.clear()

    def udp(self, address, port, buffer):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if int(buffer):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, int(buffer))
        made.bind((address, int(port)))
        self.kept.append(made)

    def send(self, port, count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(int(count)):
                sender.sendto(bytes(512), ("127.0.0.1", int(port)))

    def files(self, soft, count):
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), int(soft)))
        # The directory that is being listed is a descriptor too.
        while len(os.listdir("/proc/self/fd")) - 1 < int(count):
            self.kept.append(open("/dev/null", "rb"))  # noqa: SIM115: kept open


def main():
    app = App()
    print("ready", flush=True)
    for line in sys.stdin:
        order, *words = line.split()
        getattr(app, order)(*words)
        print("done", flush=True)


if __name__ == "__main__":
    main()
