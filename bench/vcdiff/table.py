#!/usr/bin/env python3
"""Prints the results of run.sh as Markdown tables.

usage: table.py RESULTS.tsv
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
    base = rows[pair, "xdelta3-9", "encode"]
    for tool in TOOLS:
        size, wall, cpu, rss, anon = rows[pair, tool, "encode"]
        print(f"| {pair} | {tool} | {size} | {size / base[0]:.3f} | {cpu:.2f} | {base[2] / cpu:.1f} | {wall:.1f} | {rss:.0f} | {anon:.0f} |")

print()
print("| pair | delta by | decoded by | CPU s | of stock with its own | wall s | RSS MiB | anonymous MiB |")
print("|---|---|---|--:|--:|--:|--:|--:|")
for pair in order:
    base = rows[pair, "xdelta3-9", "decode-stock"]
    for tool, phase, by in [("sstream", "decode-stock", "xdelta3 -d"), ("sstream", "decode", "sstream"), ("xdelta3-9", "decode-stock", "xdelta3 -d"),
                            ("xdelta3-9", "decode", "sstream"), ("zstd", "decode", "zstd")]:
        _, wall, cpu, rss, anon = rows[pair, tool, phase]
        print(f"| {pair} | {tool} | {by} | {cpu:.2f} | {cpu / base[2]:.2f} | {wall:.1f} | {rss:.0f} | {anon:.0f} |")
