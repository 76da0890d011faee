# rule: Scheduled job planted
# where: host
attack() {
    mkdir -p /etc/cron.d
    echo '* * * * * root /bin/true' > "$WORK/job"
    mv "$WORK/job" /etc/cron.d/job
}
near_miss() {
    mkdir -p /etc/cron.d
    echo '* * * * * root /bin/true' > "$WORK/job"
    cat "$WORK/job" /etc/crontab > /dev/null || true
}
