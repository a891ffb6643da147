#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the frequency of this processor's time stamp counter, in kHz. x86_64."""

import ctypes
import mmap
import time

# rdtsc; shl rdx, 32; or rax, rdx; ret
CODE = b"\x0f\x31\x48\xc1\xe2\x20\x48\x09\xd0\xc3"
LOOKS, SPAN = 100, 0.1

_page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
_page.write(CODE)
rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(_page)))


def look():
    """(ns, ticks) of one moment: of many looks the shortest, in which nobody else had the processor."""
    looks = ((time.monotonic_ns(), rdtsc(), time.monotonic_ns()) for _ in range(LOOKS))
    before, ticks, after = min(looks, key=lambda one: one[2] - one[0])
    return (before + after) // 2, ticks


began, first = look()
time.sleep(SPAN)
ended, last = look()
print(round((last - first) * 1_000_000 / (ended - began)))
