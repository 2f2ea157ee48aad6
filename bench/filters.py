"""What bench/filter measures: sceaud in several shapes and those beside it, each in front of a sink of its own, and the load."""
import json
import os
import pwd
import resource
import shutil
import subprocess
import sys
import time

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("SCEAU_BUILD", os.path.join(SOURCE, "build", "release"))
sys.path[:0] = [os.path.join(SOURCE, "tests", "end_to_end"), os.path.join(SOURCE, "tests", "load")]
import house  # noqa: E402  (it reads the environment)
from certificates import certificate, tls_lines  # noqa: E402

BENCH = os.path.join(house.BUILD, "bench")
PATIENCE_S = 120 * house.SLOW

if os.path.isdir("/dev/shm"):  # a disk's fsync would be all that is measured
    house.FOLDER, _unused = "/dev/shm/" + os.path.basename(house.FOLDER), house.FOLDER
    os.mkdir(house.FOLDER, 0o755)
    os.rmdir(_unused)
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


# -- messages, load, sink ----------------------------------------------------------------------------------------------

def make_corpus(most_octets=1048576):
    """The folder with the messages, and keys.zone with what SPF and DMARC ask beside the key."""
    folder = house.path("corpus/keys.zone")[:-len("/keys.zone")]
    subprocess.run([os.path.join(BENCH, "bench_corpus"), folder, "rsa2048", str(most_octets)], check=True)
    with open(os.path.join(folder, "keys.zone"), "a", encoding="ascii") as zone:
        zone.write('news.example.com. 3600 IN TXT "v=spf1 ip4:127.0.0.0/8 -all"\n'
                   '_dmarc.news.example.com. 3600 IN TXT "v=DMARC1; p=reject"\n')
    return folder


def messages_of(corpus, octets):
    return [os.path.join(corpus, f"rsa2048-{body}-relaxed-{octets}.eml") for body in ("base64", "text", "html")]


def send(port, files, **options):
    """Runs bench_load; options are its own, True for a flag, None for one that is left out. What it prints; it must not fail."""
    arguments = []
    for name, value in options.items():
        if value is True:
            arguments.append("--" + name.replace("_", "-"))
        elif value:
            arguments += ["--" + name.replace("_", "-"), str(value)]
    done = subprocess.run([os.path.join(BENCH, "bench_load"), *arguments, str(port), *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


class Sink:
    def __init__(self, lmtp=False):
        self.process = subprocess.Popen([os.path.join(BENCH, "bench_sink"), *(["--lmtp"] if lmtp else [])], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def counts(self, wanted):
        """What arrived since it was asked last; asks until the wanted messages are there."""
        counts, end = {"messages": 0, "octets": 0, "passes": 0}, time.monotonic() + PATIENCE_S
        while counts["messages"] < wanted and time.monotonic() < end:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            for name, value in json.loads(self.process.stdout.readline()).items():
                counts[name] += value
            time.sleep(0.01)
        return counts

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0, "the sink failed"


class Maildir:
    """The same for a Maildir, which is emptied."""

    def __init__(self, folder):
        self.new = os.path.join(folder, "new")

    def counts(self, wanted):
        counts, end = {"messages": 0, "octets": 0, "passes": 0}, time.monotonic() + PATIENCE_S
        while counts["messages"] < wanted and time.monotonic() < end:
            for entry in os.scandir(self.new):
                with open(entry.path, "rb") as file:
                    counts["passes"] += b"dkim=pass" in file.read(2048)
                    counts["octets"] += os.fstat(file.fileno()).st_size
                counts["messages"] += 1
                os.unlink(entry.path)
        return counts

    def stop(self):
        pass


# -- processes ---------------------------------------------------------------------------------------------------------

def cpu_s(pid):
    """Seconds of CPU time of a process with all its threads, user and system, also of those that ended (clock_getcpuclockid)."""
    return time.clock_gettime(~pid << 3 | 2)


def family(pid):
    """The process and its children."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid, *map(int, file.read().split())]


def most_memory(pids):
    """Octets that were resident at most."""
    most = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            most += 1024 * next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))
    return most


# -- contenders --------------------------------------------------------------------------------------------------------

class Contender:
    """In front of a sink, from start to stop. pids: whose CPU time counts."""
    lmtp = tls = False
    verifies = adds_fields = True
    pids, missing = (), None  # missing: what is not installed

    def start(self, corpus):
        self.sink = Sink(self.lmtp)
        self.open(corpus)

    def open(self, corpus):
        raise NotImplementedError

    def stop(self):
        self.close()
        self.sink.stop()

    def close(self):
        pass

    def measure(self, files, messages, sessions, per_session=10, rate=None):
        """One load, all of which must arrive, verified by those who verify: its figures, with messages_per_s and cpu_us, the CPU
        microseconds of one message."""
        before = sum(map(cpu_s, self.pids))
        figures = send(self.port, files, lmtp=self.lmtp, tls=self.tls, messages=messages, sessions=sessions, per_session=per_session, rate=rate)
        counts = self.sink.counts(messages)
        figures["cpu_us"] = (sum(map(cpu_s, self.pids)) - before) / messages * 1e6 if self.pids else None
        figures["messages_per_s"] = messages / figures["seconds"]
        wanted = messages if self.verifies else 0
        assert (counts["messages"], counts["passes"]) == (messages, wanted), f"{self.name}: sent {messages}, arrived: {counts}"
        assert self.adds_fields or counts["octets"] == figures["octets"], f"{self.name}: sent {figures['octets']} octets, arrived: {counts}"
        return figures


class Direct(Contender):
    """Nothing between load and sink: what these two cost."""
    name, verifies, adds_fields = "no filter", False, False

    def open(self, corpus):
        self.port = self.sink.port


class Haproxy(Contender):
    name, verifies, adds_fields = "haproxy", False, False
    missing = None if shutil.which("haproxy") else "haproxy (Debian: haproxy)"

    def open(self, corpus):
        self.port = house.free_port()
        conf = house.put(f"haproxy-{self.port}.cfg", "global\n  maxconn 5000\n"
                         "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 5m\n  timeout server 5m\n"
                         f"listen relay\n  bind 127.0.0.1:{self.port} backlog 4096\n  server next 127.0.0.1:{self.sink.port}\n")
        self.process = house.spawn(["haproxy", "-db", "-f", conf], "haproxy.log")
        self.pids = (self.process.pid,)
        house.wait_for(lambda: house.port_answers(self.port), "haproxy")

    def close(self):
        house.stop(self.process)


CONF = """
authserv_id = "mx.here.test"
spool = "{folder}/spool"
listener "in" { protocol = "%s" listen = "127.0.0.1:{smtp}" downstream = "%s" %s }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" }
limits { sessions = 5000 sessions_per_address = 5000 }
"""


class Sceaud(Contender):
    """As it is delivered: a worker for each core, SPF, iprev and DMARC as well, the log to a file."""

    def __init__(self, name, protocol="smtp", to=None, tls=False, lines=""):
        self.name, self.lmtp, self.to, self.tls, self.lines = name, protocol == "lmtp", to or protocol, tls, lines

    def open(self, corpus):
        folder = "sceaud-" + self.name.replace(" ", "-")
        where = f"{self.to}:127.0.0.1:{self.sink.port}"
        if self.to == "maildir":
            self.sink.stop()
            where = "maildir:" + house.path(folder + "/Maildir/x")[:-2]
            self.sink = Maildir(where.split(":")[1])
        lines = self.lines + (" " + tls_lines(certificate()) if self.tls else "")
        self.daemon = house.Daemon(CONF % ("lmtp" if self.lmtp else "smtp", where, lines, os.path.join(corpus, "keys.zone")), folder)
        self.port, self.pids = self.daemon.smtp, (self.daemon.process.pid,)

    def close(self):
        assert self.daemon.stop() == 0, self.daemon.log_text()


MAIN_CF = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.here.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
default_process_limit = 200
default_destination_concurrency_limit = 100
message_size_limit = 104857600
milter_default_action = tempfail
milter_protocol = 6
smtpd_milters = {milter}
"""
MASTER_CF = "127.0.0.1:{port} inet n - n - - smtpd\n" + "".join(
    f"{name} unix {private} - n {wake} {limit} {program}\n" for name, private, wake, limit, program in (
        ("cleanup", "n", "-", "0", "cleanup"), ("qmgr", "n", "300", "1", "qmgr"), ("rewrite", "-", "-", "-", "trivial-rewrite"),
        ("bounce", "-", "-", "0", "bounce"), ("defer", "-", "-", "0", "bounce"), ("trace", "-", "-", "0", "bounce"),
        ("proxymap", "-", "-", "-", "proxymap"), ("smtp", "-", "-", "-", "smtp"), ("relay", "-", "-", "-", "smtp"),
        ("error", "-", "-", "-", "error"), ("retry", "-", "-", "-", "error"), ("anvil", "-", "-", "1", "anvil"),
        ("scache", "-", "-", "1", "scache"), ("postlog", "n", "-", "1", "postlogd"))).replace("postlog unix", "postlog unix-dgram")


def postfix_missing():
    if shutil.which("postfix") is None:
        return "Postfix (Debian: postfix)"
    return None if os.geteuid() == 0 else "Postfix, which wants root"


class Postfix(Contender):
    """Postfix in front of the sink, with a milter that start_milter starts; the milter's CPU time counts, not Postfix's own."""
    name, verifies, missing = "Postfix alone", False, postfix_missing()

    def start_milter(self, corpus):
        return ""

    def open(self, corpus):
        self.port, self.milter = house.free_port(), None
        self.folder = house.path(f"postfix-{self.port}/etc/x")[:-len("/etc/x")]
        for name in ("queue", "data"):
            os.mkdir(os.path.join(self.folder, name))
        os.chown(os.path.join(self.folder, "data"), pwd.getpwnam("postfix").pw_uid, -1)
        milter = self.start_milter(corpus)
        for name, text in (("main.cf", MAIN_CF), ("master.cf", MASTER_CF)):
            for key, value in (("folder", self.folder), ("sink", self.sink.port), ("milter", milter), ("port", self.port)):
                text = text.replace("{%s}" % key, str(value))
            os.utime(house.put(os.path.join(self.folder, "etc", name), text), (0, 0))  # it waits where somebody may still be writing
        self.command("start")
        house.wait_for(lambda: house.port_answers(self.port), "Postfix")

    def command(self, what):
        with open(os.path.join(self.folder, "out"), "ab") as log:
            return subprocess.run(["postfix", "-c", os.path.join(self.folder, "etc"), what], stdout=log, stderr=log, check=True)

    def close(self):
        self.command("stop")
        if self.milter is not None:
            house.stop(self.milter)


def milter_missing(program, package):
    return postfix_missing() or (None if shutil.which(program) else f"{program} (Debian: {package})")


def key_lines(corpus):
    """(name, record) of every TXT record in the zone file."""
    with open(os.path.join(corpus, "keys.zone"), encoding="ascii") as zone:
        for line in zone:
            yield line.split(" ")[0].rstrip("."), "".join(line.split('"')[1::2])


class OpenDKIM(Postfix):
    """Keys from a file, so no look-up is in its figures."""
    name, verifies, missing = "OpenDKIM", True, milter_missing("opendkim", "opendkim")

    def start_milter(self, corpus):
        port = house.free_port()
        keys = house.put(f"{self.folder}/keys", "".join(f"{name} {record}\n" for name, record in key_lines(corpus)))
        nobody = house.put(f"{self.folder}/internal", "192.0.2.1\n")
        conf = house.put(f"{self.folder}/opendkim.conf", f"Mode v\nSocket inet:{port}@127.0.0.1\nSyslog no\nAuthservID mx.here.test\n"
                         f"AlwaysAddARHeader yes\nTestDNSData {keys}\nInternalHosts {nobody}\nMilterDebug 0\nAutoRestart no\n")
        self.milter = house.spawn(["opendkim", "-f", "-x", conf], f"{self.folder}/opendkim.log")
        self.pids = (self.milter.pid,)
        house.wait_for(lambda: house.port_answers(port), "opendkim")
        return f"inet:127.0.0.1:{port}"


RSPAMD_WORKERS = 2
RSPAMD = """
options { filters = ["dkim"]; dns { nameserver = ["127.0.0.1:%(dns)d"]; timeout = 5s; } local_addrs = ["192.0.2.1"]; control_socket = "%(folder)s/rspamd.sock mode=0600";
          pidfile = "%(folder)s/rspamd.pid"; url_tld = "$SHAREDIR/effective_tld_names.dat"; max_message = 100mb; }
logging { type = "console"; level = "error"; }
lua = "$RULESDIR/rspamd.lua";
modules { path = "$PLUGINSDIR/milter_headers.lua"; }
dkim { check_local = true; check_authed = true; }
milter_headers { use = ["authentication-results"]; skip_local = false; skip_authenticated = false; }
metric { name = "default"; actions { reject = 1000; } }
worker "rspamd_proxy" { bind_socket = "127.0.0.1:%(port)d"; milter = yes; count = %(workers)d; timeout = 120s; upstream "local" { default = yes; self_scan = yes; } }
"""


class Rspamd(Postfix):
    """Its DKIM module and Authentication-Results, all else off; keys from a name server on this machine, then from its own cache."""
    name, verifies, missing = "rspamd", True, milter_missing("rspamd", "rspamd") or (None if shutil.which("nsd") else "nsd, for rspamd (Debian: nsd)")

    def start_milter(self, corpus):
        port = house.free_port()
        zone = house.put(f"{self.folder}/zone", house.zone_text("news.example.com", "".join(
            f"{name}. TXT {house.txt(record)}\n" for name, record in key_lines(corpus) if "._domainkey." in name)))
        values = {"dns": house.start_nsd({"news.example.com": zone}), "port": port, "folder": self.folder, "workers": RSPAMD_WORKERS}
        conf = house.put(f"{self.folder}/rspamd.conf", RSPAMD % values)
        self.milter = house.spawn(["rspamd", "-f", "-i", "-c", conf], f"{self.folder}/rspamd.log")
        house.wait_for(lambda: house.port_answers(port), "rspamd")
        house.wait_for(lambda: len(family(self.milter.pid)) > RSPAMD_WORKERS, "rspamd's workers")
        self.pids = family(self.milter.pid)
        return f"inet:127.0.0.1:{port}"
