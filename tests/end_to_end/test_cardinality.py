"""Random signing domains create no series, and every sum stays exact: SCEAU_MESSAGES messages (100,000 by default, fewer
under sanitizers) with random d= and, among them, messages of 300 domains whose key exists, sent through the real daemon. Then
/metrics and /api/v1/stats/domains are read back, and promtool looks at the page."""
import base64
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import threading

import house

COUNT = int(os.environ.get("SCEAU_MESSAGES", "100000" if house.SLOW == 1 else "4000"))
SENDERS = 4
REAL = 300
if os.path.isdir("/dev/shm"):  # 100,000 files: not on a disk
    house.FOLDER, unused = "/dev/shm/" + os.path.basename(house.FOLDER), house.FOLDER
    os.mkdir(house.FOLDER, 0o755)
    os.rmdir(unused)

CONF = """
authserv_id = "mx.here.test"
listener "smtp" { protocol = "smtp" listen = "127.0.0.1:{smtp}" downstream = "maildir:{folder}/Maildir" }
dns { mode = "zones" zone_files = { "%s" } }
http { listen = "127.0.0.1:{http}" domains = 100 }
"""
BODY = b"Hello\r\n"
HASH = base64.b64encode(hashlib.sha256(BODY).digest()).decode()


def one_message(domain):
    return (f"MAIL FROM:<a@{domain}>\r\nRCPT TO:<b@here.test>\r\nDATA\r\n",
            f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=sel; h=from;\r\n bh={HASH}; b=AAAA\r\n"
            f"From: a@{domain}\r\n\r\n".encode() + BODY + b".\r\n")


def send_all(port, domains, failures):
    with socket.create_connection(("127.0.0.1", port), timeout=120) as server:
        replies = server.makefile("rb")

        def expect(code):
            line = replies.readline()
            while line[3:4] == b"-":
                line = replies.readline()
            if line[:3] != code:
                failures.append(line)
                raise OSError(line)

        expect(b"220")
        server.sendall(b"EHLO sender.test\r\n")
        expect(b"250")
        for domain in domains:
            commands, content = one_message(domain)
            server.sendall(commands.encode())
            for code in (b"250", b"250", b"354"):
                expect(code)
            server.sendall(content)
            expect(b"250")


def series(text, family):
    """{labels: value} of one family."""
    out = {}
    for line in text.splitlines():
        if line.startswith(family + "{"):
            labels, value = line[len(family):].rsplit(" ", 1)
            out[labels] = float(value)
    return out


def random_domains_leave_series_bounded_and_sums_exact():
    pem, record = house.make_key()
    names = "".join(f"sel._domainkey.real{i} TXT {house.txt(record)}\n" for i in range(REAL))
    zone = house.put("zone", house.zone_text("here.test", names))
    daemon = house.Daemon(CONF % zone)
    chance = random.Random(6376)
    domains = [f"real{int(chance.paretovariate(0.7)) % REAL}.here.test" if chance.random() < 0.2
               else f"{chance.randrange(1 << 60):x}.junk.test" for _ in range(COUNT)]
    real = sum(domain.endswith(".here.test") for domain in domains)
    failures = []
    threads = [threading.Thread(target=send_all, args=(daemon.smtp, domains[i::SENDERS], failures)) for i in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    status, page = daemon.get("/metrics")
    text = page.decode()
    assert status == 200
    by_domain = series(text, "sceau_domain_dkim_results_total")
    print(f"{COUNT} messages, {real} of domains with a key; {len(text.splitlines())} lines, {len(page)} octets, "
          f"{len(by_domain)} series with a domain")
    assert len(by_domain) <= 101 * 3, len(by_domain)
    assert not any("junk" in labels for labels in by_domain)
    assert sum(by_domain.values()) == COUNT, sum(by_domain.values())
    assert sum(series(text, "sceau_dkim_signatures_total").values()) == COUNT
    assert sum(series(text, "sceau_messages_total").values()) == COUNT
    named = json.loads(daemon.get("/api/v1/stats/domains?limit=1000")[1])
    print("api:", json.dumps(named)[:160], "...")
    lines = len(text.splitlines())
    assert lines < 2000, lines
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True)
        print("promtool:", done.returncode, (done.stdout + done.stderr).decode().strip() or "no complaint")
        assert done.returncode == 0
    else:
        print("promtool is not installed: the page was not checked by it")
    assert daemon.stop() == 0, daemon.log_text()[-2000:]


if __name__ == "__main__":
    house.main(random_domains_leave_series_bounded_and_sums_exact)
