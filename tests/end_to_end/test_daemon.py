"""sceaud as an operator meets it: its command line, what --check says, --dump, a port that is taken, the service manager's
socket, SIGHUP with a good file and with a bad one, SIGTERM with a message on its way."""
import json
import os
import re
import signal
import smtplib
import socket
import subprocess

import house

LISTENER = 'listener "smtp" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }\n'
SECOND = 'listener "lmtp" { protocol = "lmtp" listen = "127.0.0.1:{lmtp}" downstream = "maildir:{folder}/Maildir" }\n'
# No network: a name that nobody asks for is all the DNS there is.
ZONE = house.put("zone", house.zone_text("here.test", "a A 127.0.0.1"))
REST = 'authserv_id = "mx.here.test"\nspool = "{folder}/spool"\ndns { mode = "zones" zone_files = { "%s" } }\nhttp { listen = "127.0.0.1:{http}" }\n' % ZONE


def run(*arguments, **more):
    done = subprocess.run([house.SCEAUD, *arguments], capture_output=True, text=True, timeout=60, **more)
    return done.returncode, done.stdout, done.stderr


def fill(text, **values):
    for key, value in values.items():
        text = text.replace("{%s}" % key, str(value))
    return text


def conf(name, text):
    return house.put("conf/" + name, text)


def the_command_line_is_read_strictly():
    for arguments, sentence in (
            (["--chek"], "sceaud: there is no option --chek; did you mean --check?\n"),
            (["--frobnicate"], "sceaud: there is no option --frobnicate (see sceaud --help)\n"),
            (["--check=yes"], "sceaud: --check takes no value\n"),
            (["--config="], "sceaud: --config needs a file behind it\n"),
            (["-x"], "sceaud: there is no option -x (see sceaud --help)\n"),
            (["-c"], "sceaud: -c needs a file behind it\n"),
            (["sceau.conf"], "sceaud: 'sceau.conf' is too much: the configuration is given with -c (see sceaud --help)\n"),
            (["--check", "--dump"], "sceaud: one of --check, --dump, --help and --version at a time\n")):
        assert run(*arguments) == (64, "", sentence), (arguments, run(*arguments))
    code, out, err = run("--help")
    assert code == 0 and "--check" in out and err == "", out
    code, out, err = run("--version")
    assert code == 0 and re.fullmatch(r"sceaud \d+\.\d+\.\d+\n", out), out


def check_says_what_is_wrong_in_one_sentence():
    plain = fill(LISTENER, smtp=10025, folder="/tmp")
    for name, text, sentence in (
            ("unknown", 'listener "x" {\n  lisen = "127.0.0.1:1"\n}\n', "{}:2: unknown key 'lisen' in listener \"x\" (did you mean 'listen'?)"),
            ("value", plain + "limits { message = 5s }", "{}:2: 'message' in limits: '5s' is not a size: octets, or a number with KiB, MiB or GiB"),
            ("rules", plain + 'rules { file = "/nowhere/x.rules" }', "{}: 'file' in rules: /nowhere/x.rules: cannot read the file: No such file or directory"),
            ("anchor", plain + 'dns { trust_anchor = "/nowhere/root.key" }', "{}: 'trust_anchor' in dns: /nowhere/root.key: No such file or directory"),
            ("no-anchor", plain + 'dns { trust_anchor = "%s" }' % house.put("empty.key", "; DS\n\n. IN NS a.root-servers.net.\n"),
             "{}: 'trust_anchor' in dns: %s: there is no DS or DNSKEY record in it" % house.path("empty.key")),
            ("empty", "", "{}: there is no listener")):
        file = conf(name, text)
        wanted = (78, "", "sceaud: " + sentence.replace("{}", file) + "\n")
        assert run("-c", file, "--check") == wanted, (run("-c", file, "--check"), wanted)
        assert run("-c", file) == wanted, run("-c", file)
    assert run("-c", "/nowhere/x.conf", "--check") == (78, "", "sceaud: /nowhere/x.conf: No such file or directory\n")
    assert run("-c", house.FOLDER, "--check") == (78, "", f"sceaud: {house.FOLDER}: this is no file\n")
    assert run("-c", conf("good", plain), "--check") == (0, "", "")


def check_reads_zone_files():
    bad = house.put("bad.zone", "$ORIGIN x.test.\n@ 300 IN TXT \"open\n")
    for zone in (bad, "/nowhere/x.zone"):
        file = conf("zone", fill(LISTENER, smtp=10025, folder="/tmp") + 'dns { mode = "zones" zone_files = { "%s" } }' % zone)
        code, out, err = run("-c", file, "--check")
        assert code == 78 and out == "" and err.startswith(f"sceaud: {file}: 'zone_files' in dns: {zone}:") and err.count("\n") == 1, err


def dump_prints_what_reads_back():
    text = (fill(LISTENER, smtp=10025, folder="/tmp") + 'listener "box" { protocol = "lmtp" listen = "unix:/x" socket_mode = "660" downstream = "maildir:/y" }\n'
            'user = "nobody"\ngroup = "nogroup"\nworkers = 3\nlimits { message = 2048KiB }\n')
    code, first, err = run("-c", conf("dump", text), "--dump")
    assert code == 0 and err == "" and "\nworkers = 3\n" in first and "\n    message = 2MiB\n" in first, first
    assert '\nuser = "nobody"\ngroup = "nogroup"\n' in first and '\n    socket_mode = "0660"\n' in first, first
    assert run("-c", conf("dumped", first), "--dump") == (0, first, "")


def a_port_in_use_is_named():
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    places = {"folder": house.path("in-use/x")[:-2], "smtp": port, "http": house.free_port()}
    code, out, err = run("-c", conf("in-use", fill(LISTENER + REST, **places)))
    assert code == 69 and out == "" and err.count("\n") == 1, err
    assert '"smtp"' in err and f"127.0.0.1:{port}" in err and "in use" in err, err
    places.update(smtp=house.free_port(), http=port)
    code, out, err = run("-c", conf("http-in-use", fill(LISTENER + REST, **places)))
    assert code == 69 and err.count("\n") == 1 and f"127.0.0.1:{port}" in err and "in use" in err, err
    taken.close()


class Manager:
    """A service manager's end of NOTIFY_SOCKET."""

    def __init__(self):
        self.path = house.path("notify/socket")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(30 * house.SLOW)

    def told(self):
        return self.socket.recv(4096).decode().split("\n")


def the_service_manager_is_told():
    manager = Manager()
    daemon = house.Daemon(LISTENER + REST, "notify", {"NOTIFY_SOCKET": manager.path})
    assert manager.told()[0] == "READY=1"
    daemon.process.send_signal(signal.SIGHUP)
    reloading = manager.told()
    assert reloading[0] == "RELOADING=1" and re.fullmatch(r"MONOTONIC_USEC=\d+", reloading[1]), reloading
    assert manager.told() == ["READY=1", "STATUS=serving"]
    daemon.configure(REST)
    daemon.process.send_signal(signal.SIGHUP)
    assert manager.told()[0] == "RELOADING=1"
    assert "failed" in manager.told()[1]
    daemon.process.send_signal(signal.SIGTERM)
    assert manager.told() == ["STOPPING=1"]
    assert daemon.process.wait(40) == 0, daemon.log_text()


def a_reload_is_all_or_nothing():
    daemon = house.Daemon(LISTENER + REST, "reload")
    runs = json.loads(daemon.get("/api/v1/version")[1])
    assert all(re.match(r"\d+\.\d+", runs[part]) for part in ("version", "openssl", "unbound")), runs
    text = house.message("there.test")
    daemon.configure(LISTENER + SECOND + REST.replace("mx.here.test", "mx2.here.test"))
    daemon.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: house.port_answers(daemon.lmtp), "the new listener")
    assert daemon.send(text, port=daemon.lmtp, lmtp=True)[0] == 250
    assert house.field(daemon.stored()[-1])[0].startswith("mx2.here.test;"), daemon.stored()[-1]
    good = daemon.metric('sceau_config_reloads_total{result="success"}')
    daemon.configure(LISTENER + "limits { mesage = 1MiB }\n" + REST)
    daemon.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: "did you mean 'message'?" in daemon.log_text(), "the reason in the log")
    assert daemon.metric('sceau_config_reloads_total{result="error"}') == 1
    assert daemon.metric('sceau_config_reloads_total{result="success"}') == good
    assert daemon.send(text, port=daemon.lmtp, lmtp=True)[0] == 250
    daemon.configure(LISTENER + REST)
    daemon.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: not house.port_answers(daemon.lmtp), "the end of the listener that is gone")
    assert daemon.send(text)[0] == 250
    assert daemon.stop() == 0, daemon.log_text()


def messages_in_flight_finish():
    daemon = house.Daemon(LISTENER + REST, "drain")
    client = smtplib.SMTP("127.0.0.1", daemon.smtp, timeout=60)
    client.ehlo()
    client.mail("a@there.test")
    client.rcpt("b@here.test")
    client.putcmd("data")
    assert client.getreply()[0] == 354
    client.sock.sendall(house.message("there.test"))
    daemon.process.send_signal(signal.SIGTERM)
    house.wait_for(lambda: "event=drain" in daemon.log_text(), "the drain")
    client.sock.sendall(b"\r\n.\r\n")
    assert client.getreply()[0] == 250
    client.close()
    assert daemon.process.wait(40 * house.SLOW) == 0, daemon.log_text()
    assert len(daemon.stored()) == 1


def a_second_signal_ends_at_once():
    daemon = house.Daemon(LISTENER + REST, "hurry")
    client = smtplib.SMTP("127.0.0.1", daemon.smtp, timeout=60)
    client.ehlo()
    client.mail("a@there.test")
    client.rcpt("b@here.test")
    client.putcmd("data")
    assert client.getreply()[0] == 354
    daemon.process.send_signal(signal.SIGTERM)
    house.wait_for(lambda: "event=drain" in daemon.log_text(), "the drain")
    house.wait_for(lambda: daemon.process.poll() is not None or daemon.process.send_signal(signal.SIGTERM), "the end")
    assert daemon.process.returncode == -signal.SIGTERM
    client.close()
    assert not daemon.stored()


if __name__ == "__main__":
    os.umask(0o077)
    house.main(the_command_line_is_read_strictly, check_says_what_is_wrong_in_one_sentence, check_reads_zone_files,
               dump_prints_what_reads_back, a_port_in_use_is_named, the_service_manager_is_told, a_reload_is_all_or_nothing,
               messages_in_flight_finish, a_second_signal_ends_at_once)
