# What watches a machine for its owner: an exporter of measurements, who collects them,
# and the tools that ask the kernel and /proc about everything.
# needs: apt-get unshare
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends prometheus-node-exporter procps sysstat iproute2 lsof \
        curl monitoring-plugins-basic
    unshare --net sh -eu <<'SH'
ip link set lo up
prometheus-node-exporter --web.listen-address=127.0.0.1:9100 > "$WORK/exporter.log" 2>&1 &
exporter=$!
sleep 2
for round in 1 2 3 4 5; do
    curl -sf http://127.0.0.1:9100/metrics > "$WORK/metrics"
    sleep 1
done
/usr/lib/nagios/plugins/check_load || true
/usr/lib/nagios/plugins/check_disk -w 1% -c 1% -p / || true
/usr/lib/nagios/plugins/check_procs || true
/usr/lib/nagios/plugins/check_http -H 127.0.0.1 -p 9100 -u /metrics || true
/usr/lib/nagios/plugins/check_users -w 50 -c 100 || true
ps -eo pid,ppid,user,stat,rss,args > "$WORK/ps"
top -b -n 1 > "$WORK/top"
vmstat 1 2
iostat 1 2 || true
sar -u 1 1 || true
free -m; uptime; w
lsof -nP > "$WORK/lsof" 2> /dev/null || true
ss -anp > "$WORK/ss" 2> /dev/null
ip -s link
pgrep -a prometheus
cat /proc/loadavg /proc/meminfo /proc/stat /proc/net/dev /proc/diskstats > "$WORK/proc"
for directory in /proc/[0-9]*; do
    cat "$directory/stat" "$directory/status" "$directory/cmdline" > /dev/null 2>&1 || true
    ls -l "$directory/fd" > /dev/null 2>&1 || true
done
kill "$exporter"
SH
}
