#!/usr/bin/env python3
"""Compares sstream with xdelta3 and zstd on the pairs that pairs.sh made, and prints the results as Markdown tables.

usage: run.py DIR [PAIR/TOOL...]

Without names it measures what DIR/results.tsv does not have yet. With names, which are patterns like 'qcow2-*/sstream',
it measures these anew. Each pair and tool is one row of that file, written when it is complete, so a run that was
interrupted goes on where it was, and several may run at once.

Whatever a tool writes is decoded and compared with the target: by xdelta3, called as LXD and Incus call it, and by sstream;
what zstd writes by zstd. What takes less than five seconds is done three times, and medians are kept.

SSTREAM names the program; without it it is built.
"""
import fcntl
import filecmp
import fnmatch
import os
import statistics
import subprocess
import sys
import tempfile
import time

# name: source, target, the goals: how many times less CPU than xdelta3 -9, what part of its size.
PAIRS = {
    "squashfs-xz-daily": ("r2-xz.squashfs", "r3-xz.squashfs", 20, 1.01),
    "squashfs-xz-update": ("r1-xz.squashfs", "r2-xz.squashfs", 20, 1.01),
    "squashfs-zstd-update": ("r1-zstd15.squashfs", "r2-zstd15.squashfs", 20, 1.01),
    "squashfs-dropped": ("r2k-zstd3.squashfs", "r3-zstd3.squashfs", 20, 0.45),
    "squashfs-order": ("r2-zstd3.squashfs", "r3-order-zstd3.squashfs", 20, 0.45),
    "squashfs-kernel": ("r1-zstd3.squashfs", "r2k-zstd3.squashfs", 20, 0.45),
    "qcow2-daily": ("r2-fresh.qcow2", "r3-fresh.qcow2", 6, 0.3),
    "qcow2-update": ("r1-fresh.qcow2", "r2-fresh.qcow2", 6, 0.3),
    "qcow2-kernel": ("r1-fresh.qcow2", "r2k-fresh.qcow2", 6, 0.3),
    "qcow2-daily-inplace": ("r2-inplace.qcow2", "r3-inplace.qcow2", 6, 0.3),
    "qcow2-update-inplace": ("r1-inplace.qcow2", "r2-inplace.qcow2", 6, 0.3),
    "qcow2-compressed": ("r2-c.qcow2", "r3-c.qcow2", 6, 1.01),
}
STOCK_GOAL, MEMORY_GOAL = 1.5, 256  # of what xdelta3 takes to decode its own; MiB

STOCK = "xdelta3 -f -d -s SOURCE DELTA OUT"
OURS = "SSTREAM delta decode SOURCE DELTA OUT"
# name: how it encodes; what decodes that in its stead, and what sstream does with it.
TOOLS = {
    "sstream": ("SSTREAM delta encode SOURCE TARGET DELTA", STOCK, OURS),
    "sstream-unverified": ("SSTREAM delta encode --no-verify SOURCE TARGET DELTA", None, None),
    "xdelta3-9": ("xdelta3 -f -e -9 -s SOURCE TARGET DELTA", STOCK, OURS),
    "xdelta3-1": ("xdelta3 -f -e -1 -s SOURCE TARGET DELTA", STOCK, OURS),
    "zstd": (
        "zstd -q -f -3 --long=31 --patch-from=SOURCE TARGET -o DELTA",
        "zstd -q -f -d --long=31 --patch-from=SOURCE DELTA -o OUT",
        None,
    ),
}
MEASURES = ("wall", "cpu", "rss", "anon")  # seconds, user and system seconds, peaks in KiB
COLUMNS = ["pair", "tool", "size"] + [f"{phase}.{m}" for phase in ("encode", "stock", "ours") for m in MEASURES]


def once(command, files):
    # What was written before is on the disk, and what is read is in memory, whatever the machine does with its page cache.
    os.sync()
    subprocess.run(["cat", files["SOURCE"], files["TARGET"]], stdout=subprocess.DEVNULL, check=True)
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
                anon = max([anon] + [int(line.split()[1]) for line in f if line.startswith("RssAnon:")])
        except OSError:
            pass
        time.sleep(0.02)
    if status:
        sys.exit(f"{' '.join(command)} failed")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, anon


def measure(command, files):
    """Runs a command, of which some words stand for files, and returns medians of what it took."""
    for name, path in files.items():
        command = command.replace(name, path)
    runs = [once(command.split(), files)]
    if runs[0][0] < 5:
        runs += [once(command.split(), files) for _ in range(2)]
    return [f"{statistics.median(r):.2f}" for r in zip(*runs)]


def row(directory, sstream, pair, tool):
    """Measures one tool on one pair."""
    source, target = (os.path.join(directory, f) for f in PAIRS[pair][:2])
    with tempfile.TemporaryDirectory(dir=directory) as work:
        delta, out = os.path.join(work, "delta"), os.path.join(work, "out")
        files = {"SSTREAM": sstream, "SOURCE": source, "TARGET": target, "DELTA": delta, "OUT": out}
        encode, *decoders = TOOLS[tool]
        measured = measure(encode, files)
        for decode in decoders:
            if decode is None:
                measured += [""] * len(MEASURES)
                continue
            measured += measure(decode, files)
            if not filecmp.cmp(out, target, shallow=False):
                sys.exit(f"{pair}/{tool}: {decode} does not make the target")
        return [pair, tool, str(os.path.getsize(delta)), *measured]


def load(path):
    try:
        with open(path) as f:
            rows = [line.rstrip("\n").split("\t") for line in f]
    except FileNotFoundError:
        return {}
    return {(r[0], r[1]): r for r in rows if len(r) == len(COLUMNS)}


def keep(path, new):
    """Puts a row in the place of what was measured before."""
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = load(path)
        rows[new[0], new[1]] = new
        with open(path + ".part", "w") as f:
            f.writelines("\t".join(r) + "\n" for r in rows.values())
        os.replace(path + ".part", path)


class Results:
    def __init__(self, path):
        self.rows = load(path)

    def get(self, pair, tool, column):
        """A number, of memory in MiB, None if it was not measured."""
        r = self.rows.get((pair, tool))
        text = r[COLUMNS.index(column)] if r else ""
        if not text:
            return None
        return float(text) / (1024 if column.endswith((".rss", ".anon")) else 1)

    def ratio(self, pair, column, tool, other):
        a, b = self.get(pair, tool, column), self.get(pair, other, column)
        return a / b if a is not None and b else None


def print_table(head, cells):
    """Prints a row for each pair and tool that was measured: the numbers that cells has for it, as (number, form)."""
    print(f"| pair | tool | {' | '.join(head)} |\n|---|---|{'--:|' * len(head)}")
    for pair, tool in ((p, t) for p in PAIRS for t in TOOLS):
        texts = ["" if number is None else format(number, form) for number, form in cells(pair, tool)]
        if any(texts):
            print(f"| {pair} | {tool} | {' | '.join(texts)} |")
    print()


def print_encoding(r):
    def cells(pair, tool):
        return [
            (r.get(pair, tool, "size"), ".0f"),
            (r.ratio(pair, "size", tool, "xdelta3-9"), ".3f"),
            (r.get(pair, tool, "encode.cpu"), ".2f"),
            (r.ratio(pair, "encode.cpu", "xdelta3-9", tool), ".1f"),
            (r.get(pair, tool, "encode.wall"), ".1f"),
            (r.get(pair, tool, "encode.rss"), ".0f"),
            (r.get(pair, tool, "encode.anon"), ".0f"),
        ]

    print_table(["delta, bytes", "of -9", "CPU s", "-9 / this", "wall s", "RSS MiB", "anon MiB"], cells)


def print_decoding(r):
    def cells(pair, tool):
        return [
            (r.get(pair, tool, "stock.cpu"), ".2f"),
            (r.ratio(pair, "stock.cpu", tool, "xdelta3-9"), ".2f"),
            (r.get(pair, tool, "stock.wall"), ".1f"),
            (r.get(pair, tool, "stock.anon"), ".0f"),
            (r.get(pair, tool, "ours.cpu"), ".2f"),
            (r.get(pair, tool, "ours.wall"), ".1f"),
            (r.get(pair, tool, "ours.anon"), ".0f"),
        ]

    print_table(["stock CPU s", "of -9's", "wall s", "anon MiB", "sstream CPU s", "wall s", "anon MiB"], cells)


def print_goals(r):
    print("| pair | CPU, times less | verified | goal | size | goal | stock decode | goal | anon MiB | goal | |")
    print("|---|" + "--:|" * 9 + "---|")
    for pair, (_, _, cpu_goal, size_goal) in PAIRS.items():
        cpu, verified = (r.ratio(pair, "encode.cpu", "xdelta3-9", tool) for tool in ("sstream-unverified", "sstream"))
        size = r.ratio(pair, "size", "sstream", "xdelta3-9")
        stock, anon = r.ratio(pair, "stock.cpu", "sstream", "xdelta3-9"), r.get(pair, "sstream", "encode.anon")
        if None in (cpu, verified, size, stock, anon):
            continue
        missed = [name for name, met in [
            ("CPU", cpu >= cpu_goal), ("size", size <= size_goal), ("stock decode", stock <= STOCK_GOAL), ("memory", anon <= MEMORY_GOAL),
        ] if not met]
        print(f"| {pair} | {cpu:.1f} | {verified:.1f} | {cpu_goal} | {size:.3f} | {size_goal} | {stock:.2f} | {STOCK_GOAL} | {anon:.0f} | {MEMORY_GOAL} |"
              f" {'not met: ' + ', '.join(missed) if missed else 'met'} |")


def wanted(patterns, known):
    every = [(p, t) for p in PAIRS for t in TOOLS]
    if not patterns:
        return [k for k in every if k not in known]
    for x in patterns:
        if not fnmatch.filter(map("/".join, every), x):
            sys.exit(f"no pair and tool is called {x}")
    return [k for k in every if any(fnmatch.fnmatch("/".join(k), x) for x in patterns)]


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    directory, patterns = os.path.abspath(sys.argv[1]), sys.argv[2:]
    path = os.path.join(directory, "results.tsv")
    with tempfile.TemporaryDirectory() as built:
        sstream = os.environ.get("SSTREAM")
        if sstream is None:
            sstream = os.path.join(built, "sstream")
            root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
            subprocess.run(["go", "build", "-o", sstream, "./cmd/sstream"], cwd=root, env=os.environ | {"CGO_ENABLED": "0"}, check=True)
        for pair, tool in wanted(patterns, load(path)):
            print(f"{pair}/{tool}", file=sys.stderr)
            keep(path, row(directory, sstream, pair, tool))
    results = Results(path)
    print_encoding(results)
    print_decoding(results)
    print_goals(results)


main()
