# Sourced by the run scripts: runs commands in turns and compares them. ROUNDS (5) is how often each is run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/sstream" ./cmd/sstream
go build -o "$work/gen" ./bench/gen
sstream=$work/sstream

# compare TITLE NAME COMMAND [NAME COMMAND]...: medians of CPU seconds, wall seconds and MiB of memory, and the CPU
# seconds as a multiple of those of the first command.
compare() {
	local title=$1 round i
	shift
	local -a words=("$@")
	for ((round = 0; round < ${ROUNDS:-5}; round++)); do
		for ((i = 0; i < ${#words[@]}; i += 2)); do
			/usr/bin/time -q -o "$work/time" -f '%U %S %e %M' bash -c "${words[i + 1]}" > "$work/out.$i"
			printf '%s\t%s\n' "$i" "$(tail -n1 "$work/time")" >> "$work/results"
		done
	done
	printf '\n%s\n%-34s %8s %8s %8s %8s\n' "$title" '' 'CPU s' 'wall s' MiB ratio
	local first
	for ((i = 0; i < ${#words[@]}; i += 2)); do
		local cpu wall mem
		cpu=$(column_median "$i" '$2 + $3') wall=$(column_median "$i" '$4') mem=$(column_median "$i" '$5 / 1024')
		first=${first:-$cpu}
		printf '%-34s %8.2f %8.2f %8.0f %7.1fx\n' "${words[i]}" "$cpu" "$wall" "$mem" "$(awk "BEGIN { print $cpu / ($first > 0 ? $first : 0.01) }")"
	done
	rm "$work/results"
}

# column_median N EXPR: the median of an expression over the results of command N.
column_median() {
	awk -v n="$1" '$1 == n { print '"$2"' }' "$work/results" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}
