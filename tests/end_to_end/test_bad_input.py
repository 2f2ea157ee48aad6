"""Bad input, as an operator meets it: for each command line its one sentence and its exit code, printed as a shell would show
them. (test_cli_errors.py and test_daemon.py go through all the other command lines.)"""
import os
import socket
import subprocess

import house

LISTENER = 'listener "in" { protocol = "smtp" listen = "127.0.0.1:{port}" downstream = "maildir:Maildir" }\n'
OFFLINE = 'spool = "spool"\ndns { mode = "zones" zone_files = { "good.zone" } }\n'
IN_USE = "Address already in use"


def show(title, rows):
    """rows: command line, sentence, exit code."""
    print("\n" + title)
    for line, sentence, code in rows:
        program, *arguments = line.split()
        done = subprocess.run([os.path.join(house.BUILD, program), *arguments], cwd=house.FOLDER, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, env={**os.environ, "LC_ALL": "C"})
        print(f"  $ {line}\n    {done.stderr.rstrip()}\n    exit {done.returncode}")
        assert done.stderr == f"{program}: {sentence}\n", f"wanted: {program}: {sentence}"
        assert done.returncode == code and done.stdout == "", f"wanted exit {code} and nothing on standard output"


def an_unreadable_configuration():
    house.put("good.zone", house.zone_text("here.test", ""))
    house.put("key.conf", 'listener "in" {\n    lisen = "127.0.0.1:25"\n}\n')
    house.put("section.conf", LISTENER.replace("{port}", "25") + "limit { message = 1MiB }\n")
    house.put("value.conf", LISTENER.replace("{port}", "25") + "limits {\n    message = 50MB\n}\n")
    house.put("string.conf", 'authserv_id = "mx.here.test\n')
    house.put("missing.conf", 'listener "in" { protocol = "smtp" listen = "127.0.0.1:25" }\n')
    house.put("bad.rules", 'rule "x" {\n    when header["Subject"] matches /(/ then reject\n}\n')
    house.put("rules.conf", LISTENER.replace("{port}", "25") + 'rules { file = "bad.rules" }\n')
    house.put("open.conf", LISTENER.replace("{port}", "25") + 'http { listen = "0.0.0.0:9811" }\n')
    house.put("empty.conf", "")
    os.makedirs(house.path("folder/x")[:-2], exist_ok=True)
    show("Unreadable configuration: file, line, key, nearest known key", [
        ("sceaud -c nowhere.conf --check", "nowhere.conf: No such file or directory", 78),
        ("sceaud -c folder --check", "folder: this is no file", 78),
        ("sceaud -c empty.conf --check", "empty.conf: there is no listener", 78),
        ("sceaud -c string.conf --check", "string.conf:1: this string is never closed", 78),
        ("sceaud -c key.conf --check", "key.conf:2: unknown key 'lisen' in listener \"in\" (did you mean 'listen'?)", 78),
        ("sceaud -c section.conf --check", "section.conf:2: unknown key 'limit' (did you mean 'limits'?)", 78),
        ("sceaud -c value.conf --check",
         "value.conf:3: 'message' in limits: '50MB' is not a size: octets, or a number with KiB, MiB or GiB", 78),
        ("sceaud -c missing.conf --check", "missing.conf:1: 'listener': listener \"in\" has no 'downstream'", 78),
        ("sceaud -c open.conf --check", "open.conf:2: 'http': other hosts can reach 0.0.0.0:9811, and the pages tell who writes to whom: "
         "write access_file = \"/etc/sceau/access\" with a token or password in it (docs/metrics.md), or listen on 127.0.0.1, "
         "[::1] or unix:path", 78),
        ("sceaud -c rules.conf --check", "rules.conf: 'file' in rules: bad.rules:2:38: the pattern is wrong: missing closing parenthesis; "
         "PCRE2 syntax, see pcre2pattern(3); \\Q...\\E takes text as it is", 78),
        ("sceaud -c key.conf", "key.conf:2: unknown key 'lisen' in listener \"in\" (did you mean 'listen'?)", 78)])


def a_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port, other = taken.getsockname()[1], house.free_port()
        house.put("smtp.conf", LISTENER.replace("{port}", str(port)) + OFFLINE + f'http {{ listen = "127.0.0.1:{other}" }}\n')
        house.put("http.conf", LISTENER.replace("{port}", str(other)) + OFFLINE + f'http {{ listen = "127.0.0.1:{port}" }}\n')
        show("Port in use", [
            ("sceaud -c smtp.conf", f"listener \"in\": cannot listen on 127.0.0.1:{port}: {IN_USE}", 69),
            ("sceaud -c http.conf", f"http cannot listen on 127.0.0.1:{port}: {IN_USE}", 69)])


def an_unreadable_zone_file():
    house.put("bad.zone", '$ORIGIN here.test.\n@ 300 IN TXT "never closed\n')
    house.put("message.eml", house.message("here.test"))
    for name in ("nowhere", "bad"):
        house.put(name + "-zone.conf", LISTENER.replace("{port}", "25") + f'dns {{ mode = "zones" zone_files = {{ "{name}.zone" }} }}\n')
    show("Unreadable zone file", [
        ("sceaud -c nowhere-zone.conf --check", "nowhere-zone.conf: 'zone_files' in dns: nowhere.zone: No such file or directory", 78),
        ("sceaud -c bad-zone.conf --check", "bad-zone.conf: 'zone_files' in dns: bad.zone:2: string without its closing quote", 78),
        ("sceau verify --zone nowhere.zone message.eml", "nowhere.zone: No such file or directory", 2),
        ("sceau verify --zone bad.zone message.eml", "bad.zone:2: string without its closing quote", 2),
        ("sceau verify --zone folder message.eml", "folder: Is a directory", 2),
        ("sceau key --zone bad.zone here.test s1", "bad.zone:2: string without its closing quote", 2)])


def no_message():
    house.put("shopping.txt", "bread and butter\n")
    house.put("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0")
    house.put("empty.eml", "")
    show("Not a message, empty file, directory without messages", [
        ("sceau verify --zone good.zone shopping.txt", "shopping.txt: not a message: it does not begin with header fields", 3),
        ("sceau verify --zone good.zone picture.png", "picture.png: not a message: it does not begin with header fields", 3),
        ("sceau verify --zone good.zone empty.eml", "empty.eml: the file is empty", 3),
        ("sceau verify --zone good.zone folder", "no message in folder folder", 3),
        ("sceau verify --zone good.zone nowhere.eml", "cannot read nowhere.eml: No such file or directory", 2),
        ("sceau results nowhere.txt", "cannot read nowhere.txt: No such file or directory", 2)])


def an_unknown_option():
    show("Unknown option", [
        ("sceaud --chekc", "there is no option --chekc; did you mean --check?", 64),
        ("sceaud -x", "there is no option -x (see sceaud --help)", 64),
        ("sceau verify --jsn message.eml", "verify has no option '--jsn'; did you mean --json?", 2),
        ("sceau verify -x message.eml", "verify has no option '-x'; 'sceau verify --help' lists them", 2),
        ("sceau key --zoen good.zone here.test s1", "key has no option '--zoen'; did you mean --zone?", 2),
        ("sceau vrify message.eml", "no verb 'vrify'; did you mean verify?", 2)])


if __name__ == "__main__":
    house.main(an_unreadable_configuration, a_port_in_use, an_unreadable_zone_file, no_message, an_unknown_option)
