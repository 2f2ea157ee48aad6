#!/usr/bin/python3
"""Sockets that a service manager passes (LISTEN_FDS), and the modes of unix sockets that sceaud opens itself."""
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import house
from smtp_script import Client, Wire

REST = ('authserv_id = "mx.here.test"\nspool = "{folder}/spool"\ndns { mode = "zones" zone_files = { "%s" } }\nhttp { listen = "127.0.0.1:{http}" }\n'
        % house.put("zone", house.zone_text("here.test", "a A 127.0.0.1")))
LISTENER = 'listener "%s" { protocol = "%s" listen = "%s" downstream = "maildir:{folder}/Maildir" %s }\n'


def tcp(port=0, address="127.0.0.1", family=socket.AF_INET):
    opened = socket.socket(family)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.bind((address, port or house.free_port()))
    opened.listen(64)
    return opened


def unix(path):
    opened = socket.socket(socket.AF_UNIX)
    opened.bind(path)
    opened.listen(64)
    return opened


# What a service manager does between fork and exec.
PASS = """import os, sys
high, environment = eval(sys.argv[1]), eval(sys.argv[2])
for number, fd in enumerate(high):
    os.dup2(fd, 3 + number)
    os.close(fd)
if environment["LISTEN_PID"] == "own":
    environment["LISTEN_PID"] = str(os.getpid())
os.environ.update(environment)
os.execv(sys.argv[3], sys.argv[3:])"""


class Activated(house.Daemon):
    """sceaud with sockets from number 3 on, as systemd passes them."""

    def __init__(self, configuration, name, sockets, names=None, pid="own"):
        self.sockets, self.names, self.pid = sockets, names, pid
        super().__init__(configuration, name)

    def command(self):
        high = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in self.sockets]
        environment = {"LISTEN_PID": str(self.pid), "LISTEN_FDS": str(len(high)), **({"LISTEN_FDNAMES": ":".join(self.names)} if self.names else {})}
        return [sys.executable, "-c", PASS, repr(high), repr(environment), house.SCEAUD, "-c", self.conf], {"pass_fds": high}

    def start_again(self):
        argv, more = self.command()
        self.process = house.spawn(argv, self.log, env=self.environment, **more)
        for fd in more["pass_fds"]:
            os.close(fd)
        house.wait_for(lambda: self.process.poll() is not None or "event=start" in self.log_text(), "sceaud")


def listening_inodes():
    with open("/proc/net/tcp", encoding="ascii") as file:
        return [line.split()[9] for line in file.readlines()[1:] if line.split()[3] == "0A"]


def sockets_go_to_whom_they_are_named_for():
    passed, pages, local, mute = tcp(), tcp(), unix(house.path("named/lmtp")), tcp(address="::", family=socket.AF_INET6)
    port, wide = passed.getsockname()[1], mute.getsockname()[1]
    text = (LISTENER % ("in", "smtp", f"127.0.0.1:{port}", "") + LISTENER % ("box", "lmtp", "unix:{folder}/lmtp", "")
            + LISTENER % ("wide", "smtp", f"*:{wide}", "") + LISTENER % ("own", "smtp", "127.0.0.1:{smtp}", "")
            + REST.replace("{http}", str(pages.getsockname()[1])))
    daemon = Activated(text, "named", [pages, passed, local, mute], ["http", "in", "box", "sceaud.socket"])
    assert daemon.process.poll() is None, daemon.log_text()
    daemon.http = pages.getsockname()[1]
    for other in (port, wide, daemon.smtp):
        client = Client(other)
        assert client.greeting[0] == 220
        client.close()
    box = Wire(socket.socket(socket.AF_UNIX))
    box.socket.connect(house.path("named/lmtp"))
    assert box.reply()[0] == 220
    box.close()
    assert daemon.get("/readyz")[0] == 200
    assert daemon.send(house.message("there.test"), port=port)[0] == 250
    inode = str(os.fstat(passed.fileno()).st_ino)
    daemon.process.send_signal(signal.SIGHUP)  # and they stay over a reload
    house.wait_for(lambda: "event=reload" in daemon.log_text(), "a reload")
    assert inode in listening_inodes() and daemon.send(house.message("there.test"), port=port)[0] == 250
    assert daemon.stop() == 0, daemon.log_text()
    assert os.path.exists(house.path("named/lmtp")), "the service manager's file"
    waiting = socket.create_connection(("127.0.0.1", port), 20)  # while nobody serves, clients wait in line
    daemon.start_again()
    waiting.settimeout(60 * house.SLOW)
    assert waiting.recv(3) == b"220"
    assert daemon.stop() == 0, daemon.log_text()


def mismatches_are_told():
    passed, datagrams, deaf = tcp(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
    datagrams.bind(("127.0.0.1", 0))
    port = passed.getsockname()[1]
    text = LISTENER % ("in", "smtp", "127.0.0.1:{smtp}", "") + REST
    right = text.replace("{smtp}", str(port))
    for sockets, names, configuration, sentence in (
            ([passed], ["in"], text, f'the socket that the service manager passed for "in" is bound to 127.0.0.1:{port}, but the configuration says 127.0.0.1:'),
            ([passed], ["http"], text, f'the socket that the service manager passed for "http" is bound to 127.0.0.1:{port}, but the configuration says 127.0.0.1:'),
            ([passed], ["out"], text, f'the service manager passed the socket 127.0.0.1:{port} ("out"), but no listener has that name or listens there'),
            ([passed], None, text, f'the service manager passed the socket 127.0.0.1:{port} (""), but no listener has that name or listens there'),
            ([passed, passed], ["in", "in"], right, 'the service manager passed two sockets for "in"'),
            ([datagrams], ["in"], right, 'descriptor 3 ("in") that the service manager passed is no stream socket that listens'),
            ([deaf], ["in"], right, 'descriptor 3 ("in") that the service manager passed is no stream socket that listens')):
        daemon = Activated(configuration, "mismatch", sockets, names)
        assert daemon.process.wait(20 * house.SLOW) == 78 and sentence in daemon.log_text(), (sentence, daemon.log_text())
    passed.close()
    daemon = Activated(right, "mismatch", [tcp(port)], ["in"], pid="1")  # passed to another process: none of ours
    assert daemon.process.wait(20 * house.SLOW) == 69 and "Address already in use" in daemon.log_text(), daemon.log_text()


def a_unix_socket_has_the_mode_that_is_wanted():
    for mode, wanted in (('socket_mode = "0660"', 0o660), ('socket_mode = "666"', 0o666), ("", 0o755)):
        daemon = house.Daemon(LISTENER % ("box", "lmtp", "unix:{folder}/lmtp", mode) + REST, "mode", umask=0o022)
        assert stat.S_IMODE(os.stat(house.path("mode/lmtp")).st_mode) == wanted, (mode, oct(os.stat(house.path("mode/lmtp")).st_mode))
        assert daemon.stop() == 0 and not os.path.exists(house.path("mode/lmtp"))
    for lines, sentence in (('listen = "unix:/x" socket_mode = "0888"', "'0888' is no mode like 0660"),
                            ('listen = "unix:/x" socket_mode = "1777"', "'1777' is no mode like 0660"),
                            ('listen = "127.0.0.1:25" socket_mode = "0660"', '"in" has a \'socket_mode\', but listens on no unix socket')):
        file = house.put("conf/mode", 'listener "in" { protocol = "smtp" %s downstream = "maildir:/x" }\n' % lines)
        done = subprocess.run([house.SCEAUD, "--check", "-c", file], capture_output=True, text=True, timeout=60)
        assert done.returncode == 78 and sentence in done.stderr, done.stderr


if __name__ == "__main__":
    house.main(sockets_go_to_whom_they_are_named_for, mismatches_are_told, a_unix_socket_has_the_mode_that_is_wanted)
