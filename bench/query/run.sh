#!/bin/bash
# Queries over a catalogue of 55 MB, beside jq and a bare parse by Python: bench/query/run.sh
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

compare 'newest version of one release and architecture (Python tool: 5.6 times json.loads, 209 MiB)' \
	'sstream query' "'$sstream' query --max=1 $names '$files' arch=amd64 release=fjord" \
	'jq' "jq -r -f '$work/filter.jq' '$document'" \
	'json.loads' "$parse"
cmp "$work/out.0" "$work/out.2"

compare 'two regular expressions (Python tool: 5.8 times json.loads, 209 MiB)' \
	'sstream query' "'$sstream' query $names '$files' 'product_name~server.*:(fjord|delta)' 'version_name~^2021'" \
	'jq empty' "jq empty '$document'" \
	'json.loads' "$parse"

compare 'everything as JSON (Python tool: 21.5 times json.loads, 1171 MiB)' \
	'sstream query --json' "'$sstream' query --json '$files'" \
	'jq' "jq -f '$work/all.jq' '$document'" \
	'json.loads' "$parse"

compare 'everything as a table' \
	'sstream query' "'$sstream' query '$files'" \
	'json.loads' "$parse"

compare 'image ids, with aliases, 41 MB (Python tool: 7.6 times json.loads, 266 MiB; as JSON 23.6 times, 1656 MiB)' \
	'sstream query' "'$sstream' query --max=1 $names '$images' arch=amd64 release=fjord" \
	'sstream query --json' "'$sstream' query --json '$images'" \
	'json.loads' "python3 -c 'import json, sys; json.loads(open(sys.argv[1]).read())' '$work/images/streams/v1/com.example.bench:released:download.json'"
