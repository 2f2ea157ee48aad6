"""tests/load/soak for a few seconds: each of its faults once, the books of the mail, what is given back. Memory is judged by the long run only."""
import os
import subprocess
import sys

import house

try:
    import dkim  # noqa: F401
except ImportError:
    house.skip("python3-dkim is not installed")

if __name__ == "__main__":
    done = subprocess.run([sys.executable, os.path.join(house.SOURCE, "tests", "load", "soak"), "--minutes", "0.22", "--every", "0.5", "--rate", "50"],
                          env={**os.environ, "SCEAU_BUILD": house.BUILD}, check=False)
    sys.exit(done.returncode)
