"""Runs a command for which socket(AF_NETLINK) fails, as under RestrictAddressFamilies= (seccomp(2))."""

import ctypes
import errno
import os
import socket
import struct
import sys

NUMBERS = {"x86_64": 41, "aarch64": 198}  # socket(2)
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
ALLOW, ERROR = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
NUMBER_AT, FIRST_ARGUMENT_AT = 0, 16  # struct seccomp_data


def program():
    """struct sock_filter: code, jump if true, jump if false, operand."""
    number = NUMBERS[os.uname().machine]
    lines = [(LOAD, 0, 0, NUMBER_AT), (EQUAL, 0, 3, number), (LOAD, 0, 0, FIRST_ARGUMENT_AT),
             (EQUAL, 0, 1, socket.AF_NETLINK), (RETURN, 0, 0, ERROR | errno.EAFNOSUPPORT),
             (RETURN, 0, 0, ALLOW)]
    return len(lines), b"".join(struct.pack("HBBI", *line) for line in lines)


class Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    length, code = program()
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
            PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(Program(length, code))):
        raise OSError(ctypes.get_errno(), "seccomp")
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
