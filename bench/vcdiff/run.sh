#!/usr/bin/env bash
# Compares sstream with xdelta3 and zstd on the pairs that pairs.sh made, all in one run, and prints tables.
#
#   ./run.sh DIR [PAIR...]        PAIR = NAME of the list below; default: all
#
# Deltas of ours are decoded by stock xdelta3, as clients call it, and compared with the target; so are the others'.
# Raw results go to DIR/results.tsv: pair, tool, phase, size, wall, CPU, peak RSS, peak anonymous memory. What is there
# is not measured again: a run that was interrupted goes on where it was. Remove lines to have them measured anew.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(cd "${1:?usage: run.sh DIR [PAIR...]}" && pwd); shift
pairs() { cat <<P
squashfs-xz-daily    r2-xz.squashfs     r3-xz.squashfs
squashfs-xz-update   r1-xz.squashfs     r2-xz.squashfs
squashfs-zstd-update r1-zstd15.squashfs r2-zstd15.squashfs
squashfs-dropped     r2k-zstd3.squashfs r3-zstd3.squashfs
squashfs-order       r2-zstd3.squashfs  r3-order-zstd3.squashfs
squashfs-kernel      r1-zstd3.squashfs  r2k-zstd3.squashfs
qcow2-daily          r2-fresh.qcow2     r3-fresh.qcow2
qcow2-update         r1-fresh.qcow2     r2-fresh.qcow2
qcow2-kernel         r1-fresh.qcow2     r2k-fresh.qcow2
qcow2-daily-inplace  r2-inplace.qcow2   r3-inplace.qcow2
qcow2-update-inplace r1-inplace.qcow2   r2-inplace.qcow2
qcow2-compressed     r2-c.qcow2         r3-c.qcow2
P
}
work=$dir/run; mkdir -p "$work"
sstream=$work/sstream
(cd "$here/../.." && CGO_ENABLED=0 go build -o "$sstream" ./cmd/sstream)
results=$dir/results.tsv; [ -e "$results" ] || : > "$results"

# step PAIR TOOL PHASE TIMES RESULT COMMAND...: measures the command; RESULT is the file that it makes.
step() {
  local pair=$1 tool=$2 phase=$3 times=$4 result=$5 m; shift 5
  grep -qP "^$pair\t$tool\t$phase\t" "$results" && return
  m=$(python3 "$here/measure.py" "$times" nice "$@") || { echo "$pair $tool $phase failed" >&2; return 1; }
  # What was decoded has to be the target.
  case $phase in decode*) cmp "$result" "$target" || { echo "$pair $tool $phase: not the target" >&2; return 1; } ;; esac
  printf '%s\t%s\t%s\t%s\t%s\n' "$pair" "$tool" "$phase" "$(stat -c %s "$result")" "${m// /$'\t'}" >> "$results"
}

one() {
  local p=$1 s=$dir/$2 target=$dir/$3 d=$work/$1 o=$work/out
  local t=$target
  cat "$s" "$t" > /dev/null # all start with a warm page cache
  step $p sstream encode 3 $d.ours "$sstream" delta encode --no-verify "$s" "$t" $d.ours
  step $p sstream-verified encode 3 $d.ours "$sstream" delta encode "$s" "$t" $d.ours
  step $p xdelta3-9 encode 1 $d.x9 xdelta3 -f -e -9 -s "$s" "$t" $d.x9
  step $p xdelta3-1 encode 1 $d.x1 xdelta3 -f -e -1 -s "$s" "$t" $d.x1
  step $p zstd encode 1 $d.zst zstd -q -f -3 --long=31 --patch-from="$s" "$t" -o $d.zst
  step $p sstream decode-stock 5 $o xdelta3 -f -d -s "$s" $d.ours $o
  step $p sstream decode 5 $o "$sstream" delta decode "$s" $d.ours $o
  step $p xdelta3-9 decode-stock 5 $o xdelta3 -f -d -s "$s" $d.x9 $o
  step $p xdelta3-9 decode 3 $o "$sstream" delta decode "$s" $d.x9 $o
  step $p zstd decode 1 $o zstd -q -f -d --long=31 --patch-from="$s" $d.zst -o $o
  rm -f $d.*
}
pairs | while read -r name source target; do
  case " ${*:-$name} " in *" $name "*) one "$name" "$source" "$target" < /dev/null ;; esac
done
rm -rf "$work"
python3 "$here/table.py" "$results"
