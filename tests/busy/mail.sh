# A mail server starts, takes letters, delivers them to users here, and stops.
# needs: apt-get unshare
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends postfix bsd-mailx
    useradd -m reader
    unshare --net sh -eu <<'SH'
ip link set lo up
postconf -e inet_interfaces=loopback-only inet_protocols=ipv4 mydestination=localhost myhostname=localhost \
    maillog_file=/var/log/postfix.log smtputf8_enable=no
echo 'root: reader' > /etc/aliases
newaliases
postfix check
postfix start
for n in 1 2 3; do echo "Letter $n" | mail -s "Number $n" reader; done
echo "To root" | sendmail root
printf 'From: a@localhost\nTo: nobody-here@localhost\nSubject: back\n\nIt comes back.\n' | sendmail -f reader nobody-here
sleep 5
mailq
postqueue -f
postsuper -r ALL || true
grep -c '^From ' /var/mail/reader
su reader -c 'echo q | mail > /dev/null' || true
postfix reload
postfix flush
sleep 1
postfix stop
SH
}
