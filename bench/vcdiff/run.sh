#!/usr/bin/env bash
# Compares sstream with xdelta3 and zstd on the pairs that pairs.sh made, all in one run, and prints tables.
#
#   ./run.sh DIR [PAIR...]        PAIR = NAME of the list below; default: all
#
# Deltas of ours are decoded by stock xdelta3, as clients call it, and compared with the target; so are the others'.
# Raw results go to DIR/results.tsv: pair, tool, phase, size, wall, CPU, peak RSS, peak anonymous memory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(cd "${1:?usage: run.sh DIR [PAIR...]}" && pwd); shift
pairs() { cat <<P
squashfs-xz-daily    r2-xz.squashfs     r3-xz.squashfs
squashfs-xz-update   r1-xz.squashfs     r2-xz.squashfs
squashfs-zstd-update r1-zstd15.squashfs r2-zstd15.squashfs
qcow2-daily          r2.qcow2           r3.qcow2
qcow2-update         r1.qcow2           r2.qcow2
qcow2-kernel         r1.qcow2           r2k.qcow2
squashfs-kernel      r1-zstd3.squashfs  r2k-zstd3.squashfs
qcow2-compressed     r2-c.qcow2         r3-c.qcow2
P
}
work=$(mktemp -d "$dir/run.XXXXXX"); trap 'rm -rf "$work"' EXIT
sstream=$work/sstream
(cd "$here/../.." && CGO_ENABLED=0 go build -o "$sstream" ./cmd/sstream)
results=$dir/results.tsv; [ -e "$results" ] || : > "$results"

# step PAIR TOOL PHASE RESULT COMMAND...: measures the command; RESULT is the file that it makes.
step() {
  local pair=$1 tool=$2 phase=$3 result=$4 m; shift 4
  m=$(python3 "$here/measure.py" /dev/null nice "$@") || { echo "$pair $tool $phase failed" >&2; return 1; }
  printf '%s\t%s\t%s\t%s\t%s\n' "$pair" "$tool" "$phase" "$(stat -c %s "$result")" "${m// /$'\t'}" >> "$results"
}
same() { cmp "$1" "$2" || { echo "$1 is not $2" >&2; exit 1; }; rm "$1"; }

one() {
  local p=$1 s=$dir/$2 t=$dir/$3 d=$work/delta o=$work/out
  cat "$s" "$t" > /dev/null # all start with a warm page cache
  sed -i "/^$p\t/d" "$results"
  step $p sstream encode $d.ours "$sstream" delta encode --no-verify "$s" "$t" $d.ours
  step $p sstream-verified encode $d.ours "$sstream" delta encode "$s" "$t" $d.ours
  step $p xdelta3-9 encode $d.x9 xdelta3 -f -e -9 -s "$s" "$t" $d.x9
  step $p xdelta3-1 encode $d.x1 xdelta3 -f -e -1 -s "$s" "$t" $d.x1
  step $p zstd encode $d.zst zstd -q -f -3 --long=31 --patch-from="$s" "$t" -o $d.zst
  step $p sstream decode-stock $o xdelta3 -f -d -s "$s" $d.ours $o; same $o "$t"
  step $p sstream decode $o "$sstream" delta decode "$s" $d.ours $o; same $o "$t"
  step $p xdelta3-9 decode-stock $o xdelta3 -f -d -s "$s" $d.x9 $o; same $o "$t"
  step $p xdelta3-9 decode $o "$sstream" delta decode "$s" $d.x9 $o; same $o "$t"
  step $p xdelta3-1 decode-stock $o xdelta3 -f -d -s "$s" $d.x1 $o; same $o "$t"
  step $p zstd decode $o zstd -q -f -d --long=31 --patch-from="$s" $d.zst -o $o; same $o "$t"
  rm -f $d.*
}
pairs | while read -r name source target; do
  case " ${*:-$name} " in *" $name "*) one "$name" "$source" "$target" < /dev/null ;; esac
done
python3 "$here/table.py" "$results"
