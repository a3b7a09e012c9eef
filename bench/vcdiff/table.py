#!/usr/bin/env python3
"""Prints the results of run.sh as Markdown tables.

usage: table.py RESULTS.tsv

What was not measured is left out.
"""
import sys

rows, order = {}, []
for line in open(sys.argv[1]):
    pair, tool, phase, size, wall, cpu, rss, anon = line.rstrip("\n").split("\t")
    rows[pair, tool, phase] = (int(size), float(wall), float(cpu), int(rss) / 1024, int(anon) / 1024)
    if pair not in order:
        order.append(pair)

TOOLS = ["sstream", "sstream-verified", "xdelta3-9", "xdelta3-1", "zstd"]
print("| pair | tool | delta, bytes | of xdelta3 -9 | encode CPU s | xdelta3 -9 / this | wall s | RSS MiB | anonymous MiB |")
print("|---|---|--:|--:|--:|--:|--:|--:|--:|")
for pair in order:
    base = rows.get((pair, "xdelta3-9", "encode"))
    for tool in TOOLS:
        if (pair, tool, "encode") not in rows:
            continue
        size, wall, cpu, rss, anon = rows[pair, tool, "encode"]
        of, times = (f"{size / base[0]:.3f}", f"{base[2] / cpu:.1f}") if base else ("", "")
        print(f"| {pair} | {tool} | {size} | {of} | {cpu:.2f} | {times} | {wall:.1f} | {rss:.0f} | {anon:.0f} |")

print()
print("| pair | delta by | decoded by | CPU s | of stock with its own | wall s | RSS MiB | anonymous MiB |")
print("|---|---|---|--:|--:|--:|--:|--:|")
for pair in order:
    base = rows.get((pair, "xdelta3-9", "decode-stock"))
    for tool, phase, by in [("sstream", "decode-stock", "xdelta3 -d"), ("sstream", "decode", "sstream"), ("xdelta3-9", "decode-stock", "xdelta3 -d"),
                            ("xdelta3-9", "decode", "sstream"), ("zstd", "decode", "zstd")]:
        if (pair, tool, phase) not in rows:
            continue
        _, wall, cpu, rss, anon = rows[pair, tool, phase]
        of = f"{cpu / base[2]:.2f}" if base else ""
        print(f"| {pair} | {tool} | {by} | {cpu:.2f} | {of} | {wall:.1f} | {rss:.0f} | {anon:.0f} |")
