"""What the end-to-end tests share: free ports, the built programs, NSD with signed zones, sceaud with a configuration,
signed messages, Maildirs. Everything listens on 127.0.0.1, lives in one temporary folder, and is stopped by process id."""
import atexit
import base64
import email.utils
import json
import os
import random
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

SOURCE = os.environ.get("SCEAU_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SCEAU_BUILD") or os.path.join(SOURCE, "build", "dev")
SCEAU = os.path.join(BUILD, "sceau")
SCEAUD = os.environ.get("SCEAUD") or os.path.join(BUILD, "sceaud")
SHARED = os.environ.get("SCEAU_SHARED") or os.path.join(os.path.dirname(SOURCE), "shared")
SLOW = 4 if "san" in os.path.basename(BUILD) else 1  # sanitizer builds get more time

FOLDER = tempfile.mkdtemp(prefix="sceau-test.")
os.chmod(FOLDER, 0o755)
_running = []


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def need(*programs):
    """Ends the test as skipped when a program is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            skip(program + " is not installed")


_ports = set()  # handed out


def free_port():
    """A TCP and UDP port of 127.0.0.1 that nobody uses now. Below those that clients get by themselves, so that none of the
    many connections of a test takes it before its server does, or while that is being restarted, and no client that tries a
    port nobody listens on is connected to itself. No port twice."""
    while True:
        port = random.SystemRandom().randrange(10240, 32768)
        if port in _ports:
            continue
        with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            try:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            _ports.add(port)
            return port


def path(name):
    full = os.path.join(FOLDER, name)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    return full


def put(name, text):
    full = path(name)
    with open(full, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return full


def wait_for(condition, what, seconds=20):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not after {seconds * SLOW} s")


def port_answers(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def spawn(argv, log, **more):
    out = open(path(log), "ab")
    process = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, **more)
    _running.append(process)
    return process


def stop(process, sig=signal.SIGTERM, seconds=40):
    """Ends what spawn started and returns its exit code."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in _running:
        _running.remove(process)
    return process.returncode


@atexit.register
def _clean_up():
    for process in list(_running):
        stop(process, signal.SIGKILL)
    shutil.rmtree(FOLDER, ignore_errors=True)


# -- DNS ---------------------------------------------------------------------------------------------------------------

def zone_text(origin, records):
    return f"$ORIGIN {origin}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 900 86400 60\n@ NS ns\nns A 127.0.0.1\n{records}\n"


def sign_zone(origin, file):
    """Signs the zone with ECDSA keys of its own; returns the signed file and the file with its DS record."""
    folder = os.path.dirname(file)
    keys = [subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", *flag, origin], cwd=folder, check=True,
                           capture_output=True, text=True).stdout.strip() for flag in (["-k"], [])]
    subprocess.run(["ldns-signzone", file, *keys], cwd=folder, check=True, capture_output=True)
    return file + ".signed", os.path.join(folder, keys[0] + ".ds")


def break_signatures(file):
    """Changes every TXT record of a signed zone file, so that no TXT signature fits any more."""
    with open(file, encoding="ascii") as source:
        lines = source.read().splitlines()
    changed = [line.replace('v=DKIM1;', 'v=DKIM1; n=broken;') if "\tTXT\t" in line else line for line in lines]
    assert changed != lines
    with open(file, "w", encoding="ascii") as target:
        target.write("\n".join(changed) + "\n")


def start_nsd(zones):
    """zones: {origin: file}. Returns the port."""
    port = free_port()
    folder = path("nsd-%d/x" % port)[:-2]
    text = f"""server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  server-count: 1
  database: ""
  pidfile: "{folder}/nsd.pid"
  zonesdir: "{folder}"
  xfrdir: "{folder}"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  logfile: "{folder}/nsd.log"
remote-control:
  control-enable: no
"""
    for origin, file in zones.items():
        text += f"zone:\n  name: {origin}\n  zonefile: {file}\n"
    spawn(["nsd", "-d", "-c", put(f"nsd-{port}/nsd.conf", text)], f"nsd-{port}/out")
    wait_for(lambda: port_answers(port), "nsd")
    return port


# -- keys and messages ---------------------------------------------------------------------------------------------------

def make_key(name="key", bits=2048):
    """A private RSA key: (PEM octets, text of its key record)."""
    file = path(name + ".pem")
    subprocess.run(["openssl", "genrsa", "-out", file, str(bits)], check=True, capture_output=True)
    der = subprocess.run(["openssl", "rsa", "-in", file, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    with open(file, "rb") as pem:
        return pem.read(), "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()


def txt(text):
    """A TXT record's data in a zone file: strings of at most 200 octets."""
    return " ".join('"%s"' % text[i:i + 200] for i in range(0, len(text), 200))


def message(from_domain, subject="a test", body="Hello\r\n", more=""):
    return (f"From: Alice <alice@{from_domain}>\r\nTo: bob@here.test\r\nSubject: {subject}\r\n"
            f"Date: {email.utils.formatdate()}\r\nMessage-ID: {email.utils.make_msgid(domain=from_domain)}\r\n{more}\r\n{body}").encode()


def signed(text, domain, selector, pem):
    """The message with a signature by python3-dkim on top: an implementation that is not ours."""
    import dkim
    field = dkim.sign(text, selector.encode(), domain.encode(), pem, include_headers=[b"from", b"to", b"subject", b"date"])
    return field + text


# -- sceau and sceaud ----------------------------------------------------------------------------------------------------

def verify(text, *options):
    """`sceau verify --json` on the octets: (exit code, the object)."""
    done = subprocess.run([SCEAU, "verify", "--json", *options, "-"], input=text, capture_output=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr.decode()


class Daemon:
    """sceaud with a configuration; {smtp}, {lmtp}, {http} and {folder} in it are filled in."""

    def __init__(self, configuration, name="sceaud", environment=None, **more):
        self.smtp, self.lmtp, self.http = free_port(), free_port(), free_port()
        self.folder = path(name + "/x")[:-2]
        self.log = os.path.join(self.folder, "log")
        self.template, self.more = configuration, more
        self.environment = {**os.environ, **(environment or {})}
        self.configure(configuration)
        self.start_again()

    def start_again(self):
        """With the configuration as it is; the process before must have ended."""
        self.process = spawn([SCEAUD, "-c", self.conf], os.path.join(self.folder, "log"), env=self.environment, **self.more)
        wait_for(lambda: self.process.poll() is not None or port_answers(self.http), "sceaud")
        assert self.process.poll() is None, self.log_text()

    def configure(self, configuration):
        for key in ("smtp", "lmtp", "http", "folder"):
            configuration = configuration.replace("{%s}" % key, str(getattr(self, key)))
        self.conf = put(os.path.join(self.folder, "sceau.conf"), configuration)

    def log_text(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def send(self, text, recipients=("bob@here.test",), sender="alice@there.test", port=None, lmtp=False):
        """Sends the octets and returns the reply to the end of data (LMTP: of the last recipient)."""
        client = (smtplib.LMTP if lmtp else smtplib.SMTP)("127.0.0.1", port or self.smtp, timeout=60)
        try:
            client.ehlo_or_helo_if_needed()
            code, reply = client.mail(sender)
            if code != 250:
                return code, reply
            for recipient in recipients:
                code, reply = client.rcpt(recipient)
                if code != 250:
                    return code, reply
            return client.data(text)
        finally:
            client.close()

    def stored(self, maildir="Maildir"):
        """All messages of the Maildir, oldest first."""
        new = os.path.join(self.folder, maildir, "new")
        files = [os.path.join(new, name) for name in os.listdir(new)] if os.path.isdir(new) else []
        texts = []
        # Times of files are too coarse: the name has seconds, and a number that counts deliveries (the microseconds are of another clock).
        for file in sorted(files, key=lambda one: [int(part) for part in re.match(r"(\d+)\.M\d+P\d+Q(\d+)", os.path.basename(one)).groups()]):
            with open(file, "rb") as source:
                texts.append(source.read())
        return texts

    def get(self, where):
        """(status, octets) of a page."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{where}", timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def metric(self, series):
        """The value of one series, named as /metrics prints it."""
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.rsplit(" ", 1)[0] == series:
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(series + " is not in /metrics")

    def open_files(self):
        """The numbers of its descriptors; where nobody may look (it is not dumpable), as many from 0 on as it counts itself."""
        try:
            return sorted(map(int, os.listdir(f"/proc/{self.process.pid}/fd")))
        except PermissionError:
            return list(range(int(self.metric("process_open_fds"))))

    def stop(self, sig=signal.SIGTERM):
        return stop(self.process, sig)


def field(text, name="Authentication-Results"):
    """The bodies, unfolded, of the fields with this name, topmost first."""
    head = text.split(b"\r\n\r\n")[0].decode("utf-8", "replace")
    for fold in ("\r\n\t", "\r\n "):
        head = head.replace(fold, " ")
    return [line.split(":", 1)[1].strip() for line in head.split("\r\n") if line.lower().startswith(name.lower() + ":")]


def main(*tests):
    """Runs the tests in order, prints each by name; any exception fails the script."""
    for test in tests:
        start = time.monotonic()
        test()
        print(f"ok {test.__name__} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"{len(tests)} passed, 0 failed")
