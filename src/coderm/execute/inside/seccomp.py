"""The system calls that a cell may not make, as a seccomp filter that the process forking the cells takes on.

The jail (namespaces) keeps the machine out of reach; this filter keeps a cell from its siblings, its
supervisor and the parts of the kernel that have the worst record. It is assembled here because libseccomp
is a shared library that the interpreter's environment cannot be counted on to have.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 4, 22, 36, 38
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_LD, _JEQ, _JGE, _JGT, _JSET, _RET = 0x20, 0x15, 0x35, 0x25, 0x45, 0x06
_NR, _ARCH, _ARGS = 0, 4, 16  # offsets in struct seccomp_data; arguments are 8 bytes each, low half first
_CLONE_NAMESPACES = 0x7E020080  # every CLONE_NEW* flag, CLONE_NEWTIME included

# name: (x86_64, aarch64); None where the architecture has no such call
_DENIED = {
    "socket": (41, 198), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "process_mrelease": (448, 448),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429),
    "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "bpf": (321, 280), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "quotactl": (179, 60), "acct": (163, 89),
    "swapon": (167, 224), "reboot": (169, 142), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "syslog": (103, 116),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "sethostname": (170, 161), "personality": (135, 92),
    "modify_ldt": (154, None), "iopl": (172, None), "ioperm": (173, None), "seccomp": (317, 277),
}
# A cell may only signal itself and what it started: process ids above the one that installed the filter.
_SIGNALS = {"kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
            "rt_tgsigqueueinfo": (297, 240)}
# Calls that act on another process unless the argument at that index is 0 or a process id above.
_SELF_ONLY = {"prlimit64": ((302, 261), 0), "sched_setaffinity": ((203, 122), 0), "sched_setscheduler": ((144, 119), 0),
              "sched_setparam": ((142, 118), 0), "sched_setattr": ((314, 274), 0), "setpriority": ((141, 140), 1),
              "ioprio_set": ((251, 30), 1), "migrate_pages": ((256, 238), 0), "move_pages": ((279, 239), 0),
              "setpgid": ((109, 154), 0)}
_CLONE, _CLONE3, _FCNTL, _IOCTL = (56, 220), (435, 435), (72, 25), (16, 29)
_FCNTL_OWNER = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals to whom one may not signal
_IOCTL_DENIED = (0x8901, 0x8902, 0x5412)  # FIOSETOWN, SIOCSPGRP, TIOCSTI

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_libc = ctypes.CDLL(None, use_errno=True)


def supported() -> bool:
    """Whether this machine's architecture has a filter here."""
    return os.uname().machine in _MACHINES


def protect() -> None:
    """Make this process unreadable to its children (no /proc/PID/mem, no ptrace) and reaper of orphans."""
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _op(code: int, k: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, k)


def _argument(index: int) -> bytes:
    return _op(_LD, _ARGS + 8 * index)


_NOT_PERMITTED = _op(_RET, _ERRNO | errno.EPERM)
_ALLOWED = _op(_RET, _ALLOW)


def _rule(number: int, body: bytes) -> bytes:
    """Run `body`, which must return, if the system call is `number`."""
    return _op(_JEQ, number, 0, len(body) // 8) + body


def _program(pid: int) -> bytes:
    column, arch = _MACHINES[os.uname().machine]
    code = _op(_LD, _ARCH) + _op(_JEQ, arch, 1, 0) + _op(_RET, _KILL) + _op(_LD, _NR)
    code += _op(_JGE, 0x40000000, 0, 1) + _NOT_PERMITTED  # the x32 calls, whose numbers are others
    for number in (numbers[column] for numbers in _DENIED.values()):
        if number is not None:
            code += _rule(number, _NOT_PERMITTED)
    for numbers in _SIGNALS.values():
        body = _argument(0) + _op(_JGT, 0x7FFFFFFF, 2, 0) + _op(_JGT, pid, 0, 1) + _ALLOWED + _NOT_PERMITTED
        code += _rule(numbers[column], body)
    for numbers, index in _SELF_ONLY.values():
        body = _argument(index) + _op(_JEQ, 0, 2, 0) + _op(_JGT, pid, 1, 0) + _NOT_PERMITTED + _ALLOWED
        code += _rule(numbers[column], body)
    code += _rule(_CLONE[column], _argument(0) + _op(_JSET, _CLONE_NAMESPACES, 0, 1) + _NOT_PERMITTED + _ALLOWED)
    # clone3's flags lie in memory, out of the filter's sight; libc falls back to clone
    code += _rule(_CLONE3[column], _op(_RET, _ERRNO | errno.ENOSYS))
    for numbers, denied in ((_FCNTL, _FCNTL_OWNER), (_IOCTL, _IOCTL_DENIED)):
        body = _argument(1) + b"".join(_op(_JEQ, command, 0, 1) + _NOT_PERMITTED for command in denied) + _ALLOWED
        code += _rule(numbers[column], body)
    return code + _ALLOWED


_PLACEHOLDER = 0x0BADF00D
_template = _program(_PLACEHOLDER) if supported() else b""


def install() -> None:
    """Filter this process and all it will start. Raises OSError where the kernel refuses.

    Takes most of a millisecond, so it is done once by the process that forks the cells, not by each cell.
    """
    code = _template.replace(struct.pack("<I", _PLACEHOLDER), struct.pack("<I", os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer)))
    _prctl(_PR_SET_SECCOMP, 2, ctypes.addressof(header))


def _prctl(option: int, value: int, pointer: int = 0) -> None:
    # prctl is variadic: every argument must be passed as a long
    if _libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(pointer), ctypes.c_ulong(0), ctypes.c_ulong(0)):
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}): {os.strerror(code)}")
