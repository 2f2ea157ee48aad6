#!/usr/bin/python3
"""Verifies a message over and over with dkimpy (Debian: python3-dkim): CPU microseconds a message, on standard output. The key
record is a string at hand. Arguments: ZONE-FILE MESSAGE SECONDS; exit 77 where dkimpy is not installed."""
import re
import sys
import time

try:
    import dkim
except ImportError:
    sys.exit(77)

zone_path, message_path, seconds = sys.argv[1:]
with open(zone_path, encoding="ascii") as zone:
    records = {line.split()[0].encode(): "".join(re.findall('"([^"]*)"', line)).encode() for line in zone}
with open(message_path, "rb") as file:
    message = file.read()


def verify():
    if not dkim.verify(message, dnsfunc=lambda name, timeout=5: records.get(name)):
        sys.exit(f"{message_path} does not pass")


verify()
start, count = time.process_time(), 0
while (spent := time.process_time() - start) < float(seconds):
    verify()
    count += 1
print(f"{spent * 1e6 / count:.2f}")
