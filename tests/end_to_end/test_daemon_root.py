#!/usr/bin/python3
"""sceaud started as root: what it opens as root, whom it becomes, and that there is no way back. Needs root, but for the first part."""
import glob
import grp
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import house

REST = ('authserv_id = "mx.here.test"\ndns { mode = "zones" zone_files = { "%s" } }\nhttp { listen = "127.0.0.1:{http}" }\n'
        % house.put("zone", house.zone_text("here.test", "a A 127.0.0.1")))
BOX = 'listener "in" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/box/Maildir" %s }\n'
IS_ROOT = os.geteuid() == 0


def start(text):
    file = house.put("conf/x", text.replace("{smtp}", "10025").replace("{http}", "9811").replace("{folder}", house.FOLDER))
    done = subprocess.run([house.SCEAUD, "-c", file], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.replace(file, "F")


def names_that_do_not_serve():
    for lines, sentence in (('group = "nogroup"\n', "sceaud: F: 'group' needs 'user' beside it\n"),
                            ('user = "nobody-has-this"\n', "sceaud: F: 'user': there is no user 'nobody-has-this'\n"),
                            ('user = "nobody"\ngroup = "nobody-has-this"\n', "sceaud: F: 'group': there is no group 'nobody-has-this'\n")):
        assert start(lines + BOX % "" + REST) == (78, sentence), start(lines + BOX % "" + REST)
    if not IS_ROOT:
        assert start('user = "root"\n' + BOX % "" + REST) == (78, "sceaud: F: 'user': only root can become 'root'\n")


def root_by_accident_is_told():
    for lines, warnings in (("", 1), ('user = "root"\n', 0)):
        daemon = house.Daemon(lines + BOX % "" + REST, "accident" + str(warnings))
        said = daemon.log_text()
        assert said.count("serves as root: user =") == warnings, said
        assert daemon.stop() == 0


def low_port():
    """A port that only root may bind, and nobody uses."""
    for port in range(1023, 900, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    house.skip("no port below 1024 is free")


def status_of(path):
    with open(path, encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def certificate(name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                    "-subj", "/CN=mx.here.test", "-keyout", house.path(name + ".key"), "-out", house.path(name + ".pem")],
                   check=True, capture_output=True)
    os.chmod(house.path(name + ".key"), 0o600)
    return f'tls = "may" tls_certificate = "{house.path(name + ".pem")}" tls_key = "{house.path(name + ".key")}"'


def root_opens_and_nobody_serves():
    nobody = pwd.getpwnam("nobody")
    tls, port = certificate("mx"), low_port()
    os.makedirs(house.path("root/box/x"))
    os.chown(house.path("root/box/y")[:-2], nobody.pw_uid, nobody.pw_gid)
    text = ('user = "nobody"\nspool = "{folder}/spool"\nlimits { spool_memory = 4KiB }\n'
            + (BOX % tls).replace("{smtp}", str(port)) + REST)
    daemon = house.Daemon(text, "root")
    daemon.smtp = port
    pid = daemon.process.pid
    house.wait_for(lambda: "event=start" in daemon.log_text(), "all threads")
    assert len(os.listdir(f"/proc/{pid}/task")) > 5
    for task in glob.glob(f"/proc/{pid}/task/*/status"):
        status = status_of(task)
        assert status["Uid"].split() == [str(nobody.pw_uid)] * 4 and status["Gid"].split() == [str(nobody.pw_gid)] * 4, status
        assert set(status["Groups"].split()) <= {str(group) for group in os.getgrouplist("nobody", nobody.pw_gid)}, status["Groups"]
        assert status["NoNewPrivs"] == "1" and int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0, status
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        assert re.search(r"Max core file size +0 +0 ", file.read())
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0, "root's, since no debugger may look at it"
    assert os.stat(house.path("root/spool/x")[:-2]).st_uid == nobody.pw_uid
    big = house.message("there.test", body="y\r\n" * 30000)
    assert daemon.send(big)[0] == 250, daemon.log_text()  # by way of a spool file
    assert len(daemon.stored("box/Maildir")) == 1
    assert f"uid={nobody.pw_uid}" in daemon.log_text()
    # The key is root's, and nobody may not read it: the configuration before stays, and TLS with it.
    daemon.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: "the configuration before stays in use" in daemon.log_text(), "the reload's failure")
    assert "mx.key: Permission denied" in daemon.log_text(), daemon.log_text()
    client = smtplib.SMTP("127.0.0.1", port, timeout=60)
    assert client.starttls()[0] == 220
    client.quit()
    os.chown(house.path("mx.key"), nobody.pw_uid, nobody.pw_gid)
    daemon.process.send_signal(signal.SIGHUP)
    house.wait_for(lambda: 'result="in use"' in daemon.log_text(), "a reload")
    assert daemon.stop() == 0, daemon.log_text()
    again = house.Daemon(text, "root")  # a key of the user that it is about to become will do as well
    assert again.stop() == 0, again.log_text()


def a_unix_socket_belongs_to_the_user():
    nobody, group = pwd.getpwnam("nobody"), grp.getgrnam("nogroup")
    box = 'listener "box" { protocol = "lmtp" listen = "unix:{folder}/lmtp" socket_mode = "0660" downstream = "maildir:{folder}/Maildir" }\n'
    daemon = house.Daemon('user = "nobody"\ngroup = "nogroup"\nspool = "{folder}/spool"\n' + box + REST, "local")
    socket_file = os.stat(house.path("local/lmtp"))
    assert (socket_file.st_uid, socket_file.st_gid) == (nobody.pw_uid, group.gr_gid) and stat.S_IMODE(socket_file.st_mode) == 0o660, socket_file
    assert daemon.stop() == 0, daemon.log_text()
    again = house.Daemon('user = "nobody"\nspool = "{folder}/spool"\n' + box + REST, "local")  # over a file that nobody could remove
    assert again.stop() == 0, again.log_text()


def a_maildir_that_is_not_the_users_is_a_temporary_fault():
    os.makedirs(house.path("foreign/box/x"))
    os.chmod(house.path("foreign/box/y")[:-2], 0o700)
    daemon = house.Daemon('user = "nobody"\ngroup = "nogroup"\nspool = "{folder}/spool"\n' + BOX % "" + REST, "foreign")
    assert daemon.send(house.message("there.test"))[0] == 451
    assert daemon.stop() == 0, daemon.log_text()


if __name__ == "__main__":
    names_that_do_not_serve()
    if not IS_ROOT or shutil.which("openssl") is None:
        house.skip("only root can become somebody else")
    house.main(root_by_accident_is_told, root_opens_and_nobody_serves, a_unix_socket_belongs_to_the_user, a_maildir_that_is_not_the_users_is_a_temporary_fault)
