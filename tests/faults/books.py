"""The oracle: what clients were told against what lies downstream. Both sides write as they go, a line per fact:

    told NUMBER ATTEMPT RECIPIENT SHA256 whole|part REPLY...   by a client; REPLY "lost": the connection ended without one
    stored NUMBER ATTEMPT RECIPIENT SHA256 VERDICT             by the server behind, before it answers
    replied NUMBER ATTEMPT RECIPIENT                           by the server, once its 250 has gone out in time

A message is tried until somebody says 250; each attempt is known by its reverse-path. RECIPIENT is "*" where one reply
stands for all.

    lost      told 250, and no copy lies there
    altered   the copy is not octet for octet what the client sent
    ghost     a copy of what no client sent to its end, or of what was refused though the server's 250 had come in time
    doubled   more than one copy; explained when they are of attempts whose reply was lost on its way back"""
import collections
import os


class Ledger:
    """A file that several processes and threads append lines to."""

    def __init__(self, path):
        self.path = path
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, *words):
        os.write(self.file, (" ".join(map(str, words)) + "\n").encode())

    def lines(self):
        with open(self.path, encoding="ascii") as file:
            return [line.split() for line in file]


class Balance:
    """The books of one run, closed. lossy: the filter itself may have missed a reply of downstream, as when it has no memory."""

    def __init__(self, told, stored, lossy=False):
        self.told, self.replied, self.copies = {}, set(), collections.defaultdict(list)
        for word, *rest in told:
            if word == "told":
                self.told[tuple(rest[:3])] = (rest[3], rest[4] == "whole", " ".join(rest[5:]))
        for word, *rest in stored:
            if word == "replied":
                self.replied.add(tuple(rest[:3]))
            else:
                self.copies[tuple(rest[:3])].append(rest[3:])
        self.lossy = lossy
        self.acknowledged = {key for key, (_, _, reply) in self.told.items() if reply.startswith("250")}
        self.lost = sorted(key for key in self.acknowledged if key not in self.copies)
        self.altered, self.ghost = [], []
        for key, copies in sorted(self.copies.items()):
            sha, whole, reply = self.told.get(key, ("", False, ""))
            if not whole:
                self.ghost.append(key)
            elif any(copy[0] != sha for copy in copies):
                self.altered.append(key)
            elif reply[:1] in "45" and self.is_replied(key):
                self.ghost.append(key)
        self.doubled, self.unexplained = self.count_doubled()
        self.verdicts = collections.Counter(copy[1] for copies in self.copies.values() for copy in copies)

    def is_replied(self, key):
        return key in self.replied and not self.lossy

    def count_doubled(self):
        """(units with more than one copy, those of them that nothing explains)."""
        units = collections.defaultdict(list)
        for key in self.copies:
            units[key[0], key[2]].append(key)
        doubled, unexplained = [], []
        for unit, keys in sorted(units.items()):
            if len(keys) == 1 and len(self.copies[keys[0]]) == 1:
                continue
            doubled.append(unit)
            silent = [key for key in keys if key not in self.acknowledged]
            if any(len(self.copies[key]) > 1 for key in keys) or len(silent) < len(keys) - 1 or any(
                    self.told.get(key, "???")[2] != "lost" and self.is_replied(key) for key in silent):
                unexplained.append(unit)
        return doubled, unexplained

    def stored(self):
        return sum(map(len, self.copies.values()))

    def faults(self):
        """[(kind, first examples)] of what is wrong."""
        return [(kind, found[:5]) for kind, found in (("lost", self.lost), ("altered", self.altered), ("ghost", self.ghost),
                                                      ("doubled", self.unexplained)) if found]
