"""The fault table: what goes wrong, what the client gets, and what else must hold (docs/proxy.md)."""
import dataclasses
import os
import random
import resource
import signal
import socket
import time

import house
from letters import is_big, is_wide

LOST = "451 4.4.2"      # downstream died or went silent inside a transaction
AWAY = ("421 4.3.2", "451 4.3.2")  # downstream is not to be had: at EHLO, at MAIL
CUT = "lost"            # the client's own connection ended without a reply
SHY = "421 4.4.2"       # downstream died while it was greeted
QUICK_MS = 1000 * house.SLOW
QUICK = " ".join(f"{name}_timeout = {QUICK_MS}ms" for name in ("reply", "data", "final_reply", "greeting"))
# A server killed just as it was connected to may never say a word: the daemon has to give it up before clients give up the daemon.
QUICK_OPENING = f"greeting_timeout = {QUICK_MS}ms"
LATE_S = QUICK_MS / 2000  # with QUICK: what a server says later than that may not be heard any more
SHIM = os.path.join(house.BUILD, "fault_shim.so")
SANITIZER = next((kind for kind in ("asan", "tsan") if kind in os.path.basename(house.BUILD)), None)


@dataclasses.dataclass
class Row:
    """One fault. listeners: of smtp (to an SMTP server), lmtp (LMTP to LMTP), edge (SMTP to LMTP), box (SMTP to a Maildir).

    must       replies, by code and enhanced code, that clients have to see
    may        others that they may see; any other but 250 is a violation
    unharmed   listeners whose clients must notice nothing
    script, greetings, mixed, late_s   of the store
    shim       rules of shim.c; each must have made a fault
    during     a function of the run, in the main thread while clients are at work
    after      a function of the run that returns complaints
    lossy      the daemon itself may miss a reply of downstream that came
    verdicts   DKIM verdicts that stored copies may carry"""

    name: str
    listeners: tuple = ("smtp", "lmtp", "edge")
    must: tuple = ()
    may: tuple = ()
    unharmed: tuple = ()
    script: dict = dataclasses.field(default_factory=dict)
    greetings: dict = dataclasses.field(default_factory=dict)
    mixed: bool = False
    late_s: float = 1e9
    shim: str = ""
    during: object = None
    after: object = None
    lossy: bool = False
    verdicts: tuple = ("pass",)
    limits: str = ""
    lines: dict = dataclasses.field(default_factory=dict)  # of the configuration, by listener
    more: str = ""
    dns: object = None
    clients: dict = dataclasses.field(default_factory=dict)
    divisor: int = 1  # so many times fewer messages than asked for


# -- what happens meanwhile --

def now_and_then(run, action, times):
    """Does action so many times, spread over the run with some jitter, or until the clients are done."""
    draws, done = random.Random(times), 0
    while run.clients.are_busy() and done < times:
        due = (done + draws.random()) * run.messages / (times + 1)
        while run.clients.are_busy() and run.clients.finished() < due:
            time.sleep(0.001)
        action(done)
        done += 1
    if done < 0.9 * times:
        run.complain("done", done, "times, wanted", times)
    run.times = done


def kill_and_restart(run):
    def kill(_):
        run.end_proxy(signal.SIGKILL)
        run.start_proxy()
    now_and_then(run, kill, max(4, run.messages // 50))


def store_comes_and_goes(run):
    def bounce(number):
        for store in run.stores.values():
            store.kill()
        time.sleep(0.02 * (number % 3))
        for store in run.stores.values():
            store.start()
    now_and_then(run, bounce, max(3, run.messages // 200))


def hang_up(run):
    good = run.proxy.template

    def reload(number):
        broken = number % 3 == 2
        run.proxy.configure(good + (f"\nwrong_{number} = 1\n" if broken else f"# {number}\n"))
        last = run.reload()
        if broken != ("stays in use" in last) or broken and not (f"wrong_{number}" in last and run.proxy.conf in last):
            run.complain("SIGHUP", number, "said:", last)
    now_and_then(run, reload, max(6, run.messages // 100))


def terminate_and_restart(run):
    def terminate(_):
        start = time.monotonic()
        code = run.end_proxy(signal.SIGTERM)
        if code != 0 or time.monotonic() - start > 30:
            run.complain("SIGTERM: exit code", code, "after", round(time.monotonic() - start, 1), "s")
        run.start_proxy()
    now_and_then(run, terminate, max(3, run.messages // 500))


def take_descriptors(run):
    """Leaves the process no descriptor more than it holds, or just a few, then gives them back."""
    pid = run.proxy.process.pid
    most = resource.prlimit(pid, resource.RLIMIT_NOFILE)

    def starve(number):
        held = run.proxy.open_files()[-1] + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (max(3, held - number % 4), most[1]))
        time.sleep(0.15)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, most)
    now_and_then(run, starve, max(4, run.messages // 250))


def everything(run):
    """Signals, a restarting server and scripted faults, as chance has it."""
    draws = random.Random(99)
    deeds = [run.reload, lambda: (run.end_proxy(signal.SIGKILL), run.start_proxy()),
             lambda: (run.end_proxy(signal.SIGTERM), run.start_proxy()),
             lambda: [(store.kill(), store.start()) for store in run.stores.values()]]
    now_and_then(run, lambda _: draws.choice(deeds)(), max(8, run.messages // 100))


# -- what must hold afterwards --

def all_sessions_fit(run):
    """The cap is on sessions at a time; a metric tells of those who were turned away."""
    turned_away = run.proxy.metric('sceau_rejected_connections_total{reason="limit"}')
    return [] if turned_away > 0 else ["nobody was turned away"]


def tmp_is_empty(run):
    """A delivery that failed leaves nothing behind."""
    left = os.listdir(os.path.join(run.proxy.folder, "Maildir", "tmp"))
    return [f"left in tmp: {left[:3]}"] if left else []


def descriptors_are_back(run):
    """When all clients have gone, what they used is given back, and memory that stands for messages as well."""
    spool = run.proxy.metric("sceau_spool_bytes")
    waiting = run.proxy.metric("sceau_downstream_idle_connections")
    open_files = len(run.proxy.open_files())
    return [f"{spool} octets in the spool, {open_files} descriptors"] if spool != 0 or open_files > run.descriptors + waiting + 4 else []


def silent_dns():
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    SILENT.append(silent)
    return (f'mode = "forward" forward = {{ "127.0.0.1@{silent.getsockname()[1]}" }} trust_anchor = "none" budget = 200ms query_timeout = 5s')


SILENT = []  # sockets that must stay open

ROWS = [
    Row("no fault", ("smtp", "lmtp", "edge", "box")),
    Row("downstream refuses connections", ("smtp", "lmtp", "box"), must=AWAY[:1], may=(AWAY[1], LOST, SHY), unharmed=("box",),
        during=store_comes_and_goes, limits=QUICK_OPENING),
    Row("downstream greets 421, 554, nonsense, dies, hangs", ("smtp", "lmtp", "box"), must=AWAY[:1], may=("421 4.5.0", "451 4.5.0", AWAY[1]),
        unharmed=("box",), limits=QUICK + " idle_downstreams = 0",  # each session hears a greeting
        greetings={"421 4.3.2 busy": .05, "554 5.7.1 go away": .05, "no SMTP": .05, "die greeting": .05, "hang greeting": .005}),
    Row("downstream dies before the end of data", must=(LOST,), script={f"die {at}": .03 for at in ("MAIL", "RCPT", "DATA", "content", "dot")}),
    Row("downstream dies with the message stored", must=(LOST,), script={"die stored": .05, "half reply": .05}),
    Row("downstream hangs", must=(LOST,), limits=QUICK, late_s=LATE_S,
        script={f"hang {at}": .004 for at in ("RCPT", "DATA", "content", "dot", "stored")}),
    Row("downstream refuses in mid content, speaks unasked, in pieces", must=("452 4.3.1", "451 4.5.0"), may=(LOST, "421 4.3.2"),
        script={"early": .05, "unasked": .05, "split": .05, "garbage": .03}),
    Row("downstream says 4xx", must=("450 4.2.0", "450 4.7.1", "451 4.3.5"), script={f"refuse {at}": .05 for at in ("MAIL", "RCPT", "DATA", "dot")}),
    Row("recipient refused", ("smtp", "lmtp", "edge"), clients={"recipients": ("nobody", "b")}),
    Row("LMTP mixed replies", ("lmtp",), must=("452 4.2.2", "550 5.7.1"), mixed=True,
        clients={"recipients": ("a", "b", "nobody", "c"), "mixed": True}),
    Row("client vanishes in mid data", ("smtp", "lmtp", "box"), after=descriptors_are_back, clients={"vanish": .2}),
    Row("DNS is dead", ("smtp", "box"), verdicts=("temperror",), dns=silent_dns, divisor=5),
    Row("message or header section over a limit", ("smtp", "lmtp", "box"), must=("552 5.3.4",), limits="message = 80KiB header_fields = 30",
        clients={"wanted": lambda number: "552" if is_big(number) or is_wide(number) else "250"}, after=descriptors_are_back),
    Row("spool limit reached", ("smtp", "lmtp", "box"), must=("452 4.3.1",), limits="spool_total = 1MiB",
        clients={"threads": 24, "big_every": 8}, divisor=5, after=descriptors_are_back),
    Row("spool disk full, and short writes", ("smtp", "lmtp"), must=("452 4.3.1",), shim="pwrite ENOSPC 300,pwrite short 3,pwrite EINTR 5",
        after=descriptors_are_back),
    Row("spool cannot be made or read", ("smtp", "lmtp", "box"), must=("451 4.3.0",),
        shim="openat EMFILE 40,openat EIO 60,pread EIO 60,pread short 3,pread EINTR 4", after=tmp_is_empty),
    Row("Maildir: disk full, fsync fails, rename fails", ("box",), must=("452 4.3.1", "451 4.3.0"),
        shim="write ENOSPC 60,write short 3,write EINTR 4,fsync EIO 40,rename EIO 40", after=tmp_is_empty),
    Row("too many connections", ("smtp", "box"), must=("421 4.7.0",), limits="sessions = 10", after=all_sessions_fit),
    Row("short reads and writes, EINTR", ("smtp", "lmtp", "edge", "box"), shim="recv short 2,recv EINTR 7,send short 2,send EINTR 7,accept EINTR 3,connect EINTR 5"),
    Row("accept: EMFILE, ENFILE, ENOBUFS, aborted", ("smtp", "box"), may=("421 4.3.1",),
        shim="accept EMFILE 12,accept ENFILE 13,accept ENOBUFS 14,accept ECONNABORTED 9"),
    Row("no descriptor, no port", ("smtp", "lmtp"), must=("421 4.3.1",), may=("451 4.3.1", LOST, CUT) + AWAY,
        shim="socket EMFILE 10,connect EADDRNOTAVAIL 12,epoll_ctl ENOMEM 200"),
    Row("connections reset", ("smtp", "lmtp"), may=(LOST, CUT, SHY) + AWAY, lossy=True, shim="recv ECONNRESET 300,send ECONNRESET 300"),
    Row("malloc NULL", ("smtp", "lmtp", "box"), may=(CUT, LOST, "452 4.3.1", "451 4.3.1", "421 4.3.1", "421 4.3.0", "451 4.3.0", SHY) + AWAY, lossy=True,
        verdicts=("pass", "temperror"), shim="malloc null 300"),
    Row("descriptors run out", ("smtp", "lmtp", "box"), may=("421 4.3.1", "451 4.3.1", "452 4.3.1", "451 4.3.0", CUT) + AWAY, during=take_descriptors,
        after=descriptors_are_back),
    Row("clock jumps", ("smtp", "lmtp", "box"), verdicts=("pass", "permerror"), shim="clock jump 50"),
    Row("SIGHUP, every third broken", ("smtp", "lmtp", "box"), during=hang_up),
    Row("SIGTERM and start", ("smtp", "lmtp", "box"), must=("421 4.3.2",), may=(CUT,), during=terminate_and_restart),
    Row("kill -9 and start", ("smtp", "lmtp", "box"), must=(CUT,), during=kill_and_restart),
    Row("all of it at random", ("smtp", "lmtp", "edge", "box"), lossy=True, late_s=LATE_S, limits=QUICK, during=everything,
        may=("4", "lost"), verdicts=("pass", "temperror", "permerror"), clients={"vanish": .05},
        script={"die MAIL": .01, "die content": .01, "die stored": .01, "half reply": .01, "hang dot": .002, "early": .01, "unasked": .01, "split": .01},
        shim="recv short 5,recv EINTR 9,send short 5,pwrite ENOSPC 300,pread short 4,openat EMFILE 100,malloc null 2000,accept EMFILE 30,"
             "fsync EIO 100,write ENOSPC 100,recv ECONNRESET 1000,clock jump 100"),
]
