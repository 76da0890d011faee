# rule: Scheduled job planted
# where: host
attack() {
    mkdir -p /etc/cron.d
    echo '* * * * * root /bin/true' > "$WORK/job"
    mv "$WORK/job" /etc/cron.d/job
}
near_miss() {
    echo nobody > /etc/cron.deny
}
