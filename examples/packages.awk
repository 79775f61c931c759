# /var/log/dpkg.log to TSV:
#   2025-06-24 14:36:25 upgrade libc6:amd64 2.36-9 2.36-10
#   2025-06-24 14:36:25 status unpacked libc6:amd64 2.36-10
BEGIN {
	OFS = "\t"
	print "package", "ts", "action", "state", "old_version", "version"
}
{
	ts = $1 " " $2
	if ($3 == "status")
		print $5, ts, $3, $4, "", $6
	else if ($3 != "startup" && NF >= 6)
		print $4, ts, $3, "", $5, $6
}
