# Sourced by the run scripts: runs commands in turns and compares them. ROUNDS (5) is how often each is run. PYTHON_TOOLS is
# a checkout of the Python tools: if it is given, they run beside the others. PYTHON (python3) is what runs them. ONLY, a
# regular expression, chooses the comparisons by their titles (all of them).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/sstream" ./cmd/sstream
go build -o "$work/gen" ./bench/gen
sstream=$work/sstream

# python_tool NAME ARGS: the words that add that Python tool to a comparison, in the array peer; none without PYTHON_TOOLS.
python_tool() {
	peer=()
	if [ -n "${PYTHON_TOOLS:-}" ]; then
		peer=("Python's $1" "PYTHONPATH='$PYTHON_TOOLS' PYTHONDONTWRITEBYTECODE=1 ${PYTHON:-python3} '$PYTHON_TOOLS/bin/$1' $2")
	fi
}

# same A B: their outputs, by their place in the comparison, are the same.
same() { [ -z "$ran" ] || cmp "$work/out.$((2 * $1))" "$work/out.$((2 * $2))"; }

# compare TITLE NAME COMMAND [NAME COMMAND]...: medians of CPU seconds, wall seconds and MiB of memory, and the CPU
# seconds as a multiple of those of the first command. What the first round prints is kept, to be compared; the others print
# to nowhere, as to write a file takes the same time for all. Each round has its own order: what ran before counts, as a
# machine takes its time to hand out memory again that a large program has given back.
compare() {
	local title=$1 round i
	shift
	ran=
	[[ $title =~ ${ONLY:-} ]] || return 0
	ran=yes
	local -a words=("$@")
	for ((round = 0; round < ${ROUNDS:-5}; round++)); do
		for i in $(seq 0 2 $((${#words[@]} - 1)) | shuf --random-source=<(yes "$round")); do
			/usr/bin/time -q -o "$work/time" -f '%U %S %e %M' bash -c "${words[i + 1]}" > "$([ "$round" = 0 ] && echo "$work/out.$i" || echo /dev/null)"
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
