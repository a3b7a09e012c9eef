#!/bin/bash
# Queries over a catalogue of 55 MB, beside jq, a bare parse by Python and the Python tool: PYTHON_TOOLS=DIR bench/query/run.sh
. "$(dirname "$0")/../compare.sh"

"$work/gen" catalog "$work/files"
"$work/gen" catalog -images -items 13 "$work/images"
document=$work/files/streams/v1/com.example.bench:released:download.json
files=$work/files/streams/v1/index.json
images=$work/images/streams/v1/index.json
cat "$document" "$work/images/streams/v1/"* > /dev/null

# The same rows in the same fields, by jq.
cat > "$work/filter.jq" <<'J'
.products | to_entries[] | select(.value.arch == "amd64" and .value.release == "fjord") | .key as $product
| .value.versions | to_entries | max_by(.key) | .key as $version | .value.items | keys_unsorted[] | "\($product) \($version) \(.)"
J
cat > "$work/all.jq" <<'J'
def flat: with_entries(select(.value | scalars != null));
[ flat as $top | .products | to_entries[] | .key as $product | (.value | flat) as $p
| .value.versions | to_entries | sort_by(.key) | reverse[] | .key as $version | (.value | flat) as $v
| .value.items | to_entries[] | $top + $p + {product_name: $product} + $v + {version_name: $version} + .value + {item_name: .key} ]
J
parse="python3 -c 'import json, sys; json.loads(open(sys.argv[1]).read())' '$document'"
names="-o '%(product_name)s %(version_name)s %(item_name)s'"

python_tool sstream-query "--max=1 $names '$files' arch=amd64 release=fjord"
compare 'newest version of one release and architecture' \
	'sstream query' "'$sstream' query --max=1 $names '$files' arch=amd64 release=fjord" \
	'jq' "jq -r -f '$work/filter.jq' '$document'" \
	'json.loads' "$parse" "${peer[@]}"
same 0 1
[ -z "${peer[*]}" ] || same 0 3

python_tool sstream-query "$names '$files' 'product_name~server.*:(fjord|delta)' 'version_name~^2021'"
compare 'two regular expressions' \
	'sstream query' "'$sstream' query $names '$files' 'product_name~server.*:(fjord|delta)' 'version_name~^2021'" \
	'jq empty' "jq empty '$document'" \
	'json.loads' "$parse" "${peer[@]}"
[ -z "${peer[*]}" ] || same 0 3

python_tool sstream-query "--json '$files'"
compare 'everything as JSON' \
	'sstream query --json' "'$sstream' query --json '$files'" \
	'jq' "jq -f '$work/all.jq' '$document'" \
	'json.loads' "$parse" "${peer[@]}"
[ -z "${peer[*]}" ] || same 0 3

compare 'everything as a table' \
	'sstream query' "'$sstream' query '$files'" \
	'json.loads' "$parse"

parse="python3 -c 'import json, sys; json.loads(open(sys.argv[1]).read())' '$work/images/streams/v1/com.example.bench:released:download.json'"
python_tool sstream-query "--max=1 $names '$images' arch=amd64 release=fjord"
compare 'image ids, with aliases, 41 MB: newest version of some' \
	'sstream query' "'$sstream' query --max=1 $names '$images' arch=amd64 release=fjord" \
	'json.loads' "$parse" "${peer[@]}"
[ -z "${peer[*]}" ] || same 0 2

python_tool sstream-query "--json '$images'"
compare 'the same, everything as JSON' \
	'sstream query --json' "'$sstream' query --json '$images'" \
	'json.loads' "$parse" "${peer[@]}"
[ -z "${peer[*]}" ] || same 0 2
