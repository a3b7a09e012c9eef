#!/bin/bash
# A stream out of 100,000 items, 53 MB, beside a bare parse by jq and by Python, and the Python tool: PYTHON_TOOLS=DIR bench/convert/run.sh
. "$(dirname "$0")/../compare.sh"

items=$work/items.json
"$work/gen" items 100000 "$items"
python3 - "$items" > "$work/items.tab" <<'P'
import json, sys
places = ("content_id", "product_name", "version_name", "item_name")
for item in json.load(open(sys.argv[1])):
    print("\t".join([item[p] for p in places] + ["%s=%s" % (k, v) for k, v in item.items() if k not in places and k != "item_url"]))
P
parse="python3 -c 'import json, sys; json.loads(open(sys.argv[1]).read())' '$items'"

# Each run writes a new tree: to remove what the last one wrote takes time too.
python_tool json2streams "'$items' '$work'/python/\$RANDOM 2>&1"
mkdir "$work/python" "$work/made.json" "$work/made.tab"
compare '100,000 items' \
	'sstream convert' "'$sstream' convert --datatype=content-download '$items' '$work'/made.json/\$RANDOM 2>&1" \
	'sstream convert, nothing new' "SOURCE_DATE_EPOCH=0 '$sstream' convert '$items' '$work/same' 2>&1" \
	'sstream convert, with tabs' "'$sstream' convert '$work/items.tab' '$work'/made.tab/\$RANDOM 2>&1" \
	'jq empty' "jq empty '$items'" \
	'json.loads' "$parse" "${peer[@]}"

# The same documents, but for the time.
texts() { grep -hv '"updated": ' "$1"/streams/v1/*.json; }
[ -z "${peer[*]}" ] || cmp <(texts "$(echo "$work"/made.json/* | cut -d' ' -f1)") <(texts "$(echo "$work"/python/* | cut -d' ' -f1)")
