"""Clients that send every message until it is taken or refused for good, and write down what they were told."""
import collections
import random
import re
import socket
import struct
import threading
import time

import house
from letters import chance
from smtp_script import Client, Hangup
from store import PATIENT, final_reply, mixed_reply

ATTEMPTS = 60
PATIENCE_S = 20 * house.SLOW  # a client that waits longer for a reply calls it a stall
GREETING_S = 5 * house.SLOW  # the same for the first replies. A listening socket that closes in mid handshake may leave a client that never hears of it
UNIT = re.compile(r"<\d+\.\d+\.\S+>")


class Clients:
    """messages numbered from 0, sent by so many threads to the listeners in turn.

    wanted(number)  start of the reply to the end of data that ends the matter; "250" unless the row says otherwise
    vanish          share of the attempts whose client goes away before the end of data
    recipients      local parts; those that begin with "no" are refused downstream
    big_every       one to three of so many messages are big
    gone            says that the daemon has ended and will not come back
    restarts        says how often it was ended, on purpose
    mixed           downstream answers for each recipient on its own, and nothing is sent again"""

    def __init__(self, listeners, letters, ledger, messages, threads=16, per_session=8, vanish=0, recipients=("b",), mixed=False,
                 wanted=lambda number: "250", big_every=200, gone=lambda: False, restarts=lambda: 0):
        self.listeners, self.letters, self.ledger, self.messages = listeners, letters, ledger, messages
        self.per_session, self.vanish, self.recipients, self.mixed, self.wanted = per_session, vanish, recipients, mixed, wanted
        self.lock, self.next, self.big_every, self.gone, self.restarts = threading.Lock(), 0, big_every, gone, restarts
        self.trouble, self.replies, self.done = [], collections.defaultdict(collections.Counter), collections.Counter()
        self.threads = [threading.Thread(target=self.run, args=(listeners[i % len(listeners)], i), daemon=True) for i in range(threads)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def are_busy(self):
        return any(thread.is_alive() for thread in self.threads)

    def join(self, seconds):
        end = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0, end - time.monotonic()))
        if self.are_busy():
            self.complain("clients are still at it after", int(seconds), "s")

    def finished(self):
        return sum(self.done.values())

    def complain(self, *what):
        with self.lock:
            self.trouble.append(" ".join(map(str, what)))

    def count(self, listener, reply):
        """Notes a reply that is no success, by its code and enhanced code."""
        with self.lock:
            self.replies[listener.name][" ".join(reply.split(" ")[:2])] += 1

    def run(self, listener, seed):
        sender = Sender(self, listener, seed)
        while True:
            with self.lock:
                number, self.next = self.next, self.next + 1
            if number >= self.messages or len(self.trouble) > 20:
                sender.leave()
                return
            try:
                sender.deliver(number)
            except Exception as error:  # a thread's own would end nothing
                self.complain(listener.name, number, repr(error))
                sender.drop()


class Sender:
    """One thread's client."""

    def __init__(self, clients, listener, seed):
        self.clients, self.listener, self.draws = clients, listener, random.Random(seed)
        self.client, self.sent = None, 0

    def drop(self):
        if self.client:
            self.client.close()
        self.client, self.sent = None, 0

    def leave(self):
        if self.client:
            try:
                self.client.say("QUIT")
            except (Hangup, OSError):
                pass
        self.drop()

    def session(self):
        """A session that has said hello. Hangup: there is none to be had now."""
        if self.client and self.sent >= self.clients.per_session:
            self.leave()
        if self.client is None:
            self.client = Client(self.listener.port, timeout=GREETING_S)
            self.expect(220, self.client.greeting)
            self.expect(250, self.client.say(("LHLO" if self.listener.lmtp else "EHLO") + " client.test"))
            self.client.socket.settimeout(PATIENCE_S)
        self.sent += 1
        return self.client

    def expect(self, wanted, reply):
        if reply[0] != wanted:
            self.clients.count(self.listener, f"{reply[0]} {reply[1][0]}")
            raise Hangup

    def deliver(self, number):
        end = time.monotonic() + 120
        for attempt in range(ATTEMPTS):
            while True:
                restarts = self.clients.restarts()
                try:
                    self.session()
                    break
                except socket.timeout:
                    self.drop()
                    if self.clients.restarts() == restarts:
                        return self.clients.complain(self.listener.name, number, "waited for a greeting in vain")
                except (Hangup, OSError):
                    self.drop()
                    if self.clients.gone():
                        return self.clients.complain(self.listener.name, number, "has nobody to talk to: the daemon ended")
                    if time.monotonic() > end:
                        return self.clients.complain(self.listener.name, number, "found nobody to talk to for 120 s")
                    time.sleep(0.01 + 0.02 * self.draws.random())
            if self.attempt(number, attempt):
                self.clients.done[self.listener.name] += 1
                return None
            time.sleep(min(0.3, 0.002 * 2 ** attempt) * self.draws.random())
        return self.clients.complain(self.listener.name, number, "was never taken")

    def units(self):
        """What is stored on its own: a copy for each recipient behind LMTP, else one for all."""
        return [one for one in self.clients.recipients if not one.startswith("no")] if self.listener.lmtp_behind else ["*"]

    def attempt(self, number, attempt):
        """One transaction; True: the matter is settled."""
        sha, wire = self.clients.letters.make(number, self.clients.big_every)
        vanishes = attempt < PATIENT and chance("vanish", number, attempt) < self.clients.vanish
        told, extent = [], ["part"]
        try:
            told = self.vanish(number, attempt, wire) if vanishes else self.transact(number, attempt, wire, extent)
        except (Hangup, ConnectionError):
            self.drop()
        except socket.timeout:
            self.clients.complain(self.listener.name, number, attempt, "waited for a reply in vain")
            self.drop()
        units = self.units()
        for i, unit in enumerate(units):
            reply = told[i] if i < len(told) else "lost"
            self.clients.ledger.note("told", number, attempt, unit, sha, extent[0], reply)
            if not reply.startswith("250") and not vanishes:
                self.clients.count(self.listener, reply)
        if told and told[0].startswith("421"):
            self.drop()
        return self.clients.mixed and len(told) == len(units) or bool(told) and all(one.startswith(self.clients.wanted(number)) for one in told)

    def envelope(self, number, attempt):
        """Up to the reply to DATA, at once or step by step; the first reply that refuses, or None."""
        commands = [f"MAIL FROM:<a{number}.{attempt}@there.test>"]
        commands += [f"RCPT TO:<{one}@here.test>" for one in self.clients.recipients] + ["DATA"]
        refusal, pipelines = None, self.draws.random() < 0.6
        if pipelines:
            self.client.send("".join(command + "\r\n" for command in commands).encode())
        for command in commands:
            code, texts = self.client.reply() if pipelines else self.client.say(command)
            if "<no" in command:
                if (code, texts) != (550, ["5.1.1 not here:", "5.1.1 nobody"]) and not refusal:
                    self.clients.complain(self.listener.name, number, command, code, texts)
            elif code not in (250, 354) and not refusal:
                refusal = f"{code} {texts[0]}"
                if code == 421 or not pipelines:
                    break
            elif code == 354 and refusal:
                self.clients.complain(self.listener.name, number, attempt, "354 after", refusal)
        return refusal

    def settle(self):
        """After a refusal at MAIL, RCPT or DATA: the session must be as good as new."""
        code, texts = self.client.say("RSET")
        if code != 250 and code != 421:
            self.clients.complain(self.listener.name, "RSET:", code, texts)
        if code == 421:
            self.drop()

    def transact(self, number, attempt, wire, extent):
        refusal = self.envelope(number, attempt)
        units = self.units()
        if refusal:
            if not refusal.startswith("421"):
                self.settle()
            return [refusal] * len(units)
        extent[0] = "whole"
        self.client.send(wire)
        told = []
        for unit in units:
            code, texts = self.client.reply()
            told.append(f"{code} {texts[0]}")
            self.check_own(number, attempt, unit, code, texts)
        return told

    def check_own(self, number, attempt, unit, code, texts):
        """The reply must be the one that downstream gave to this message and recipient, word for word."""
        wanted = (mixed_reply if self.clients.mixed else final_reply)(number, attempt, unit)
        lines = [line[4:] for line in wanted.split("\n")]
        own = self.listener.is_store and (code == 250 or UNIT.search(texts[0]))
        if own and (str(code) != wanted[:3] or texts != lines):
            self.clients.complain(self.listener.name, "reply of another message:", wanted, "not", code, texts)

    def vanish(self, number, attempt, wire):
        """Goes away in mid content, be it one octet before the end; half of the time with a reset."""
        if self.envelope(number, attempt):
            self.settle()
            return []
        stop = self.draws.choice((len(wire) - 1 - self.draws.randrange(4), self.draws.randrange(len(wire) - 5)))
        self.client.send(wire[:stop])
        time.sleep(self.draws.choice((0, 0, 0.01)))
        if self.draws.random() < 0.5:
            self.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop()
        return []
