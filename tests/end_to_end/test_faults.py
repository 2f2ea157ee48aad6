"""The fault table, each row under load, with fewer messages than tests/faults/run sends by itself: SCEAU_MESSAGES, 1,000 by default."""
import os
import subprocess
import sys

import house

try:
    import dkim  # noqa: F401
except ImportError:
    house.skip("python3-dkim is not installed")

if __name__ == "__main__":
    messages = os.environ.get("SCEAU_MESSAGES", "1000")
    done = subprocess.run([sys.executable, os.path.join(house.SOURCE, "tests", "faults", "run"), "--messages", messages],
                          env={**os.environ, "SCEAU_BUILD": house.BUILD}, check=False)
    sys.exit(done.returncode)
