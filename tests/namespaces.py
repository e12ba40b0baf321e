"""Programs in a namespace of processes of their own, as a container has one, under the same host
name.
"""

import subprocess
import sys

_UNSHARE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
# Who may not make namespaces may make them where he is root.
_MAPPED = (*_UNSHARE, "--user", "--map-root-user")
# Where the system permits neither, the reading is another one. For python -m MODULE ARGUMENTS.
_READING = """
import runpy, sys
from incremental_resources import processes

processes._namespace = lambda: "pid:[1]"
module = sys.argv[3]
sys.argv = sys.argv[3:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""
_FEIGNED = (sys.executable, "-c", _READING)


def _works(command: tuple[str, ...]) -> bool:
    try:
        return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


UNSHARED = next((one for one in (_UNSHARE, _MAPPED) if _works(one)), _FEIGNED)
