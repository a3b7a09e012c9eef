#!/usr/bin/env python3
"""Runs a command and prints what it took, as one line: wall, CPU seconds (user and system), peak RSS, peak RssAnon in KiB.

usage: measure.py OUT COMMAND...      its standard output goes to OUT
"""
import os
import sys
import time

start = time.monotonic()
pid = os.fork()
if pid == 0:
    os.dup2(os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.execvp(sys.argv[2], sys.argv[2:])
anon = 0
while True:
    done, status, usage = os.wait4(pid, os.WNOHANG)
    if done:
        break
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith("RssAnon:"):
                    anon = max(anon, int(line.split()[1]))
    except OSError:
        pass
    time.sleep(0.02)
print(f"{time.monotonic() - start:.2f} {usage.ru_utime + usage.ru_stime:.2f} {usage.ru_maxrss} {anon}")
sys.exit(os.waitstatus_to_exitcode(status))
