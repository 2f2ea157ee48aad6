"""The lines for other servers that docs/ gives: Postfix, Dovecot, HAProxy and Exim themselves find nothing wrong with them, and what
the rig needs of Postfix to prove a shape stands in them."""
import glob
import os
import re
import shutil
import subprocess
import sys

import house

BLOCK = re.compile(r"^.*?(?:In|in) (?:`([^`\n]+)`|the configuration)(?: of (\w+))?[^\n]*:\n((?:\n|    [^\n]*\n)+)", re.M)
MASTER_CF = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
lmtp unix - - n - - lmtp
"""
DOVECOT = "protocols = lmtp\nssl = no\npassdb {\n  driver = static\n}\nuserdb {\n  driver = static\n}\n"


def blocks():
    """(page, file or None, server or None, lines), as the pages introduce them."""
    for page in sorted(glob.glob(os.path.join(house.SOURCE, "docs", "*.md"))):
        with open(page, encoding="utf-8") as file:
            for name, server, block in BLOCK.findall(file.read()):
                lines = re.sub(r"^    ", "", block, flags=re.M).strip("\n") + "\n"
                yield os.path.basename(page), name, server, lines


def of(*names):
    found = [one for one in blocks() if one[1] in names or one[2] in names]
    assert found, names
    return found


def accepted(page, lines, argv):
    """The program reads it and has no word against it."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    words = [line for line in done.stderr.splitlines() if "keep_environment" not in line and "purging the environment" not in line]
    assert done.returncode == 0 and not words, f"{page}: {argv}: {done.returncode} {words}\n{lines}"
    print(f"   {page}: {len(lines.splitlines())} lines for {os.path.basename(argv[0])}")
    return done.stdout


def is_missing(program):
    if shutil.which(program):
        return False
    print(f"   {program} is not installed: its lines are not checked")
    return True


def postfix_takes_its_lines():
    if is_missing("postconf"):
        return
    for number, (page, name, _, lines) in enumerate(of("main.cf", "master.cf")):
        folder = os.path.dirname(house.put(f"postfix{number}/main.cf", "compatibility_level = 3.6\nmyhostname = mx.example.com\n" + (lines if name == "main.cf" else "")))
        house.put(f"postfix{number}/master.cf", MASTER_CF + (lines if name == "master.cf" else ""))
        for file in ("main.cf", "master.cf"):
            os.utime(os.path.join(folder, file), (0, 0))  # Postfix waits for a second when somebody may still be writing
        for what in ("-n", "-P"):  # which also tell of names that nobody uses
            accepted(page, lines, ["postconf", "-c", folder, what])


def dovecot_takes_its_lines():
    if is_missing("doveconf"):
        return
    for page, _, _, lines in of("Dovecot"):
        accepted(page, lines, ["doveconf", "-n", "-c", house.put("dovecot.conf", DOVECOT + lines)])


def haproxy_takes_its_lines():
    if is_missing("haproxy"):
        return
    for page, _, _, lines in of("haproxy.cfg"):
        accepted(page, lines, ["haproxy", "-c", "-q", "-f", house.put("haproxy.cfg", lines)])


def exim_takes_its_lines():
    found = of("Exim")
    assert len(found) == 2
    if is_missing("exim4"):
        return
    for page, _, _, lines in found:
        accepted(page, lines, ["exim4", "-C", house.put("exim.conf", lines), "-bV"])


def what_the_rig_needs_is_told():
    """Each option with which the rig makes Postfix work with a filter stands in a page."""
    rig = os.path.join(house.SHARED, "rig", "rig.py")
    if not os.path.exists(rig):
        print("   the rig (SCEAU_SHARED/rig) is not there")
        return
    with open(rig, encoding="utf-8") as file:
        services = re.search(r'MASTER_CF = """(.*?)"""', file.read(), re.S)[1]
    wanted = set(re.findall(r"-o (\w+)=", services)) - {"syslog_name", "smtpd_milters", "milter_default_action"}  # its own log; another shape
    told = {option for _, _, _, lines in of("main.cf", "master.cf") for option in re.findall(r"^(?:    -o )?(\w+) ?=", lines, re.M)}
    assert len(wanted) > 8 and wanted <= told, wanted - told


if __name__ == "__main__":
    sys.exit(house.main(postfix_takes_its_lines, dovecot_takes_its_lines, haproxy_takes_its_lines, exim_takes_its_lines, what_the_rig_needs_is_told))
