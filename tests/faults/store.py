"""The scripted server behind the filter, in a process of its own: keeps books of every copy and fails as its script says."""
import hashlib
import multiprocessing
import os
import re
import signal
import socket
import time

import house
from books import Ledger
from letters import chance
from proxy_house import OURS
from smtp_script import Downstream, Hangup, unstuffed

SENDER = re.compile(r"MAIL FROM:<a(\d+)\.(\d+)@", re.I)
VERDICT = re.compile(rb"dkim=(\w+)")
PATIENT = 5  # attempts of one message that may meet a fault
MIXED = ("250 2.0.0 {unit} kept", "452 4.2.2 {unit} over quota", "550-5.7.1 {unit} not wanted\n550 5.7.1 at all")


def describe(text):
    """(SHA-256 of the message without the field we added, its DKIM verdict)."""
    match = OURS.match(text)
    if not match:
        return hashlib.sha256(text).hexdigest(), "none"
    verdict = VERDICT.search(match.group())
    return hashlib.sha256(text[match.end():]).hexdigest(), verdict.group(1).decode() if verdict else "none"


def mixed_reply(number, attempt, recipient):
    """The final reply for one recipient when replies are mixed."""
    unit = f"<{number}.{attempt}.{recipient}>"
    return MIXED[int(chance("mixed", unit) * len(MIXED))].format(unit=unit)


def final_reply(number, attempt, recipient):
    return f"250 2.0.0 <{number}.{attempt}.{recipient}> kept"


class Store(Downstream):
    """script: {fault: share of the transactions}, greetings: {reply or "die" or "hang": share of the connections}. Faults, by place
    (MAIL, RCPT, DATA, dot: the end of data, before the copy is written; stored: after that):
    "die P", "hang P"; "die content", "hang content"; "refuse P" (4xx, P not stored); "early" (4xx in mid content), "half reply"
    (dies inside its final reply), "split" (replies octet by octet), "unasked" (421 behind the final reply), "garbage" for it.
    mixed: a final reply of its own kind for each recipient. late_s: a final reply after so many seconds may come too late."""

    def __init__(self, ledger, lmtp, port, script=None, greetings=None, mixed=False, late_s=1e9):
        self.ledger, self.script, self.greetings, self.mixed, self.late_s = ledger, script or {}, greetings or {}, mixed, late_s
        self.sessions = 0
        super().__init__(lmtp, port)

    def draw(self, number, attempt):
        value = chance("store", number, attempt)
        for fault, share in self.script.items():
            if value < share and int(attempt) < PATIENT:
                return fault
            value -= share
        return ""

    def fails_at(self, fault, place, wire):
        if fault == "die " + place:
            raise Hangup
        while fault == "hang " + place:
            wire.fill()

    def say(self, wire, text, fault=""):
        octets = text.replace("\n", "\r\n").encode() + b"\r\n"
        if fault == "split":
            for at in range(len(octets)):
                wire.send(octets[at:at + 1])
        else:
            wire.send(octets)

    def greet(self, wire):
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # several replies in a row must not wait for each other
        self.sessions += 1
        value = chance("greeting", self.port, self.sessions)
        for greeting, share in self.greetings.items():
            if value < share:
                self.fails_at(greeting, "greeting", wire)
                self.say(wire, greeting)
                raise Hangup
            value -= share
        self.say(wire, "220 store.test")

    def _talk(self, wire):
        self.greet(wire)
        number = attempt = fault = ""
        recipients = []
        while True:
            line = wire.line().decode()
            verb = line[:4].upper()
            if verb == "MAIL":
                number, attempt = SENDER.match(line).groups()
                fault, recipients = self.draw(number, attempt), []
            self.fails_at(fault, verb, wire)
            refused = fault == "refuse " + verb
            if verb in ("EHLO", "LHLO"):
                text = "250-store.test\n250-PIPELINING\n250-8BITMIME\n250-SMTPUTF8\n250 SIZE 104857600"
            elif verb == "QUIT":
                return self.say(wire, "221 2.0.0 Bye")
            elif verb == "RCPT" and not refused and "<no" not in line:
                recipients.append(line[9:line.index("@")])
                text = "250 2.1.5 Ok"
            elif verb == "RCPT":
                text = "550-5.1.1 not here:\n550 5.1.1 nobody" if "<no" in line else "450 4.2.0 later"
            elif verb == "DATA" and not refused:
                self.say(wire, "354 go ahead", fault)
                self.take(wire, number, attempt, fault, recipients)
                fault = ""
                continue
            else:
                text = f"45{len(verb) % 2} 4.7.1 not now" if refused else "250 2.0.0 Ok"
            self.say(wire, text, fault)

    def read_content(self, wire, number, attempt, fault):
        stop = int(chance("stop", number, attempt) ** 4 * 100000)
        while b"\r\n.\r\n" not in b"\r\n" + wire.buffer:
            if fault in ("early", "die content", "hang content") and len(wire.buffer) >= stop:
                if fault == "early":
                    self.say(wire, "452 4.3.1 full in the middle")
                self.fails_at(fault, "content", wire)
                raise Hangup
            wire.fill()
        text, wire.buffer = (b"\r\n" + wire.buffer).split(b"\r\n.\r\n", 1)
        return unstuffed((text + b"\r\n")[2:])

    def take(self, wire, number, attempt, fault, recipients):
        text = self.read_content(wire, number, attempt, fault)
        start = time.monotonic()
        self.fails_at(fault if fault not in ("die content", "hang content", "early") else "die dot", "dot", wire)
        if fault == "refuse dot":
            for _ in recipients if self.lmtp else ("*",):
                self.say(wire, "451 4.3.5 not now")
            return
        sha, verdict = describe(text)
        units = recipients if self.lmtp else ["*"]
        replies = [(unit, (mixed_reply if self.mixed else final_reply)(number, attempt, unit)) for unit in units]
        for unit, reply in replies:
            if reply.startswith("250"):
                self.ledger.note("stored", number, attempt, unit, sha, verdict)
        self.fails_at(fault, "stored", wire)
        if fault == "garbage":
            return self.say(wire, "fine by me")
        for unit, reply in replies:
            if fault == "half reply":
                wire.send(reply[:int(chance("half", number) * len(reply))].encode())
                raise Hangup
            self.say(wire, reply, fault)
            if reply.startswith("250") and time.monotonic() - start < self.late_s:
                self.ledger.note("replied", number, attempt, unit)
        if fault == "unasked":
            self.say(wire, "421 4.3.2 I am tired")
            raise Hangup


class StoreProcess:
    """A Store that can be killed and started again at the same port."""

    def __init__(self, ledger, lmtp=False, **script):
        self.ledger, self.lmtp, self.script = ledger, lmtp, script
        self.port, self.process = house.free_port(), None
        self.start()

    def start(self):
        self.process = multiprocessing.get_context("fork").Process(target=self.serve, daemon=True)
        self.process.start()
        house.wait_for(lambda: house.port_answers(self.port), "the store")

    def serve(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        Store(Ledger(self.ledger), self.lmtp, self.port, **self.script)
        while os.getppid() != 1:
            time.sleep(1)
        os._exit(0)

    def kill(self):
        self.process.kill()
        self.process.join()


def maildir_lines(texts):
    """The books of a Maildir, where a reverse-path stands on top of each copy."""
    for text in texts:
        match = OURS.match(text)
        path, rest = text[match.end() if match else 0:].split(b"\r\n", 1)
        known = re.match(rb"Return-Path: <a(\d+)\.(\d+)@there\.test>\Z", path)
        if not known:
            print("    a copy that is nobody's:", text[:500])
        number, attempt = known.groups() if known else (b"?", b"?")
        sha, verdict = describe((match.group() if match else b"") + rest)
        yield ["stored", number.decode(), attempt.decode(), "*", sha, verdict]
