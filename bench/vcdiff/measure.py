#!/usr/bin/env python3
"""Runs a command some times and prints what it took, as one line of medians: wall, CPU seconds (user and system), peak
RSS, peak RssAnon in KiB.

usage: measure.py TIMES COMMAND...
"""
import os
import statistics
import sys
import time


def run(command):
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.execvp(command[0], command)
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
    if status:
        sys.exit(os.waitstatus_to_exitcode(status))
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, anon


times = [run(sys.argv[2:]) for _ in range(int(sys.argv[1]))]
wall, cpu, rss, anon = (statistics.median(t) for t in zip(*times))
print(f"{wall:.2f} {cpu:.2f} {rss:.0f} {anon:.0f}")
