# SPDX-License-Identifier: Apache-2.0
# Tables of events by day, and the counts of their windows: what the scenarios
# of hourglass.bats and hourglass_late.bats are made of.

# events [NAME]: an empty table of events, by day.
events()
{
	local name=${1:-events}
	cat > "$name.yaml" <<-END
	table: $name
	id: id
	time: ts
	zone: UTC
	partition: day
	buckets: 2
	columns:
	  id: bigint not null
	  ts: timestamp(3) not null
	END
	pf-put -q --create "$name.yaml" "$name"
}

# rows DAY ID:COUNT...: as JSON lines.
rows()
{
	local day=$1
	shift
	printf '%s\n' "$@" | awk -F: -v day="$day" '{
		for (i = 0; i < $2; i++)
			printf "{\"id\":%s,\"ts\":\"%sT%02d:%02d:%02d\"}\n", $1, day, n / 3600 % 24, n / 60 % 60, n++ % 60
	}'
}

# day DAY ID:COUNT...: such rows are loaded (into $table).
day()
{
	rows "$@" | pf-partition -I jsonl -S "${table:-events}.yaml" | pf-pack -qq |
		pf-put -q --append "${table:-events}"
}

# march DAY ID:COUNT...
march()
{
	local d=$1
	shift
	day "2013-03-$d" "$@"
}

# counts OPTION...: the run's answer as "ID:COUNT ...", and its range.
counts()
{
	pf-window -q -O tsv -s state -g id --stats stats.json "$@" count events |
		awk 'NR > 1 { printf "%s%s:%s", sep, $1, $NF; sep = " "; range = $2 ".." $3 }
			END { print "", range }'
}

# stat_of NAME: a number of what the last run took.
stat_of()
{
	sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" stats.json
}
