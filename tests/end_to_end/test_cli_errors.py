#!/usr/bin/env python3
"""Whatever is wrong with a command line or its files, sceau says so in one clear sentence and ends with the right exit code."""
import os
import subprocess
import sys

from house import SCEAU, path, put

MESSAGE = b"From: a@example.com\r\nSubject: x\r\n\r\nbody\r\n"
ZONE = put("ok.zone", 'example.com. 300 IN TXT "x"\n')
GOOD = put("good.eml", MESSAGE)
EMPTY = put("empty.eml", b"")
BINARY = put("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0")
HUGE = put("huge.eml", b"From: a@example.com\r\n" + b"X-Long: " + b"x" * 70000 + b"\r\n\r\n")
BAD_ZONE = put("bad.zone", "example.com. 300 IN WRONG x\n")
BAD_FAULTS = put("bad.faults.json", "{")
MISSING = path("missing")
os.makedirs(path("empty/inside"), exist_ok=True)
FOLDER = path("empty")

# arguments, exit code, what the sentence must hold
ROWS = [
    ([], 2, "usage: sceau VERB"),
    (["verfy"], 2, "did you mean verify?"),
    (["frobnicate"], 2, "known verbs are verify, key, results, spf, dmarc and rules"),
    (["verify", "--ip", "192.0.2.300", GOOD], 2, "verify: --ip wants an IPv4 or IPv6 address, not '192.0.2.300'"),
    (["verify", "--results-style", "long", GOOD], 2, "--results-style knows standard and provider, not 'long'"),
    (["spf", "--ip", "192.0.2.1"], 2, "name the client with --ip and --helo"),
    (["spf", "--ip", "192.0.2.300", "--helo", "a.example"], 2, "--ip wants an IPv4 or IPv6 address, not '192.0.2.300'"),
    (["spf", "--ip", "192.0.2.1", "--helo", "a.example", "x"], 2, "name the client with --ip and --helo"),
    (["dmarc"], 2, "name the author's address or domain with --header-from"),
    (["dmarc", "--header-from", "a@b c"], 2, "--header-from 'a@b c' holds no domain name"),
    (["dmarc", "--header-from", "a.example", "--dkim", "a.example"], 2, "--dkim wants DOMAIN=RESULT"),
    (["dmarc", "--header-from", "a.example", "--spf", "a.example=good"], 2, "--spf wants DOMAIN=RESULT"),
    (["dmarc", "--header-from", "a.example", "--spf", "=pass"], 2, "--spf '=pass' holds no domain name"),
    (["dmarc", "--header-from", "a.example", *["--dkim", "b.example=pass"] * 17], 2, "at most 16 of --dkim and --spf together"),
    (["dmarc", "--header-from", "a.example", "b.example"], 2, "takes options only, not 'b.example'"),
    (["verify"], 2, "name a message file"),
    (["verify", "--zne", ZONE, GOOD], 2, "did you mean --zone?"),
    (["verify", "--qqqqqqqq", GOOD], 2, "'sceau verify --help' lists them"),
    (["verify", "-x", GOOD], 2, "has no option '-x'"),
    (["verify", "--zone"], 2, "--zone wants a value: FILE"),
    (["verify", "--json=yes", GOOD], 2, "--json takes no value"),
    (["verify", "--now", "1", "--now", "2", GOOD], 2, "--now stands twice"),
    (["verify", "--now", "today", GOOD], 2, "--now wants seconds since 1970, not 'today'"),
    (["verify", "--lang", "de", GOOD], 2, "--lang knows en and fr, not 'de'"),
    (["verify", "-j", "0", GOOD], 2, "-j wants a number from 1 to 256"),
    (["verify", "--cut", "random", GOOD], 2, "--cut wants octets, a number or random:SEED"),
    (["verify", "--authserv-id", "a b", GOOD], 2, "--authserv-id 'a b' is no domain name"),
    (["verify", "--faults", BAD_FAULTS, GOOD], 2, "--faults stands beside --zone only"),
    (["verify", "--expect-cname", "x", GOOD], 2, "has no option '--expect-cname'"),
    (["verify", "--arc-seal", "a:b", GOOD], 2, "--arc-seal wants SELECTOR:DOMAIN:KEYFILE, not 'a:b'"),
    (["verify", "--arc-seal", "a:no name:" + GOOD, GOOD], 2, "--arc-seal wants SELECTOR:DOMAIN:KEYFILE"),
    (["verify", "--arc-seal", "a:b.example:" + MISSING, GOOD], 2, f"cannot read {MISSING}: No such file or directory"),
    (["verify", "--arc-seal", "a:b.example:" + GOOD, "--arc-headers", "from:arc-seal", GOOD], 2, "--arc-headers wants field names"),
    (["verify", "--arc-plain", GOOD], 2, "stand beside --arc-seal only"),
    (["verify", "--zone", ZONE, MISSING], 2, f"cannot read {MISSING}: No such file or directory"),
    (["verify", "--zone", MISSING, GOOD], 2, f"{MISSING}: "),
    (["verify", "-j", "2", "--zone", BAD_ZONE, GOOD, GOOD], 2, f"{BAD_ZONE}:1: "),
    (["verify", "--zone", ZONE, "--faults", BAD_FAULTS, GOOD], 2, f"{BAD_FAULTS}:1: "),
    (["verify", "--trust-anchor", MISSING, GOOD], 2, MISSING),
    (["verify", "--forward", "nowhere", GOOD], 2, "nowhere"),
    (["verify", "--stub", "nowhere", GOOD], 2, "nowhere"),
    (["verify", "--zone", ZONE, EMPTY], 3, f"{EMPTY}: the file is empty"),
    (["verify", "--zone", ZONE, BINARY], 3, f"{BINARY}: not a message"),
    (["verify", "--zone", ZONE, HUGE], 3, f"{HUGE}: header field larger than its limit"),
    (["verify", "--zone", ZONE, FOLDER], 3, f"no message in folder {FOLDER}"),
    (["verify", "--zone", ZONE, GOOD], 3, ""),  # no signature: nothing to check, but a report
    (["key"], 2, "name a domain and its selectors"),
    (["key", "example.com"], 2, "name a domain and its selectors"),
    (["key", "exa mple.com", "s"], 2, "'s._domainkey.exa mple.com' is no domain name"),
    (["key", "--record", "p=", "example.com", "a", "b"], 2, "--record judges one selector"),
    (["key", "--expect-cname", "a", "--expect-cname", "b", "example.com", "s"], 2, "more often than there are selectors"),
    (["key", "-j", "2", "example.com", "s"], 2, "has no option '-j'"),
    (["key", "--record", "p=", "--record-file", "x", "example.com", "s"], 2, "give one of them"),
    (["key", "--record-file", "/nonexistent/x", "example.com", "s"], 2, "/nonexistent/x: No such file"),
    (["key", "--provider-answer", "/nonexistent/x", "example.com"], 2, "/nonexistent/x: No such file"),
    (["key", "--provider-answer", "/dev/null"], 2, "names no record: name the domain"),
    (["key", "--message", "/dev/null", "example.com", "s"], 2, "the file is empty"),
    (["key", "--seen", "s:1", "example.com", "s"], 2, "--seen wants SELECTOR:FIRST:LAST"),
    (["key", "--seen", "s:1:x", "example.com", "s"], 2, "not 's:1:x'"),
    (["key", "--zone", "/dev/null", "--resolver", "127.0.0.1@53", "example.com", "s"], 2, "not beside --zone"),
    (["key", "--trust-anchor", "none", "--server", "nonsense", "example.com", "s"], 2, "nonsense"),
    (["results"], 2, "name one file"),
    (["results", MISSING], 2, f"cannot read {MISSING}"),
    (["results", EMPTY], 1, "no authserv-id"),
]

failures = 0
for arguments, code, sentence in ROWS:
    done = subprocess.run([SCEAU, *arguments], capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
                          env={**os.environ, "LC_ALL": "C"})
    error = done.stderr.decode()
    lines = error.splitlines()
    usage = not arguments
    ok = done.returncode == code and sentence in error
    ok = ok and (len(lines) == (1 if sentence else 0) and (not sentence or lines[0].startswith("sceau: ")) or usage)
    if not ok:
        failures += 1
        print(f"sceau {' '.join(arguments)}: exit {done.returncode}, wanted {code} and {sentence!r}; it said:\n{error}")

# A file that cannot be used does not keep the others from being verified.
done = subprocess.run([SCEAU, "verify", "--json", "--zone", ZONE, MISSING, BINARY, GOOD], capture_output=True, timeout=60)
if done.returncode != 2 or len(done.stdout.splitlines()) != 1 or len(done.stderr.splitlines()) != 2:
    failures += 1
    print(f"three files, one good: exit {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")

# Nobody reads what is written.
with open("/dev/full", "wb") as full:
    done = subprocess.run([SCEAU, "verify", "--zone", ZONE, GOOD], stdout=full, stderr=subprocess.PIPE, timeout=60)
if done.returncode != 2 or b"cannot write to standard output" not in done.stderr:
    failures += 1
    print(f"full disk: exit {done.returncode}, {done.stderr.decode()}")

print(f"{len(ROWS) + 2} command lines, {failures} wrong")
sys.exit(1 if failures else 0)
