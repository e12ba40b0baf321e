"""``python -m tests.saying CODE`` runs the code."""

import sys

if __name__ == "__main__":
    exec(sys.argv[1])
