"""`python -m tests.under_seccomp PROFILE COMMAND...`: run a command under a container's system-call filter.

A container engine does the same with the profile: everything that it does not name is answered with its errno. Uses
libseccomp through ctypes; exit code 77 where that library is missing.
"""

import ctypes
import ctypes.util
import json
import os
import sys
from pathlib import Path

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
UNKNOWN = -1
NO_LIBRARY = 77


def put_on(profile: Path) -> None:
    """Put the filter on this process and on all that it will start."""
    name = ctypes.util.find_library("seccomp")
    if name is None:
        sys.exit(NO_LIBRARY)
    library = ctypes.CDLL(name, use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    said = json.loads(profile.read_text())
    context = ctypes.c_void_p(library.seccomp_init(ERRNO | said["defaultErrnoRet"]))
    for rule in said["syscalls"]:
        action = ALLOW if rule["action"] == "SCMP_ACT_ALLOW" else ERRNO | rule["errnoRet"]
        for call in rule["names"]:
            number = library.seccomp_syscall_resolve_name(call.encode())
            if number != UNKNOWN:  # newer than the library: an engine passes over it, too
                failed = library.seccomp_rule_add(context, ctypes.c_uint32(action), ctypes.c_int(number), 0)
                assert failed == 0, (call, failed)
    assert library.seccomp_load(context) == 0


if __name__ == "__main__":
    put_on(Path(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
