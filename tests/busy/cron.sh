# Timers: the daily, weekly and hourly jobs as cron starts them, among them a backup by
# tar, and a crontab that an administrator wrote.
# needs: apt-get tar
# network: host
# right: Scheduled job planted: tables written by hand; who wrote them is asked once
# right: Package manager hook written: a setting of apt written by hand
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y cron logrotate man-db bsdextrautils anacron
    # The daily job of apt would wait for half an hour at random.
    echo 'APT::Periodic::RandomSleep "0";' > /etc/apt/apt.conf.d/00no-wait
    printf '#!/bin/sh\ndf -P > /var/log/disk-usage.log\nfind /tmp -mtime +10 -delete\n' > /etc/cron.hourly/usage
    printf '#!/bin/sh\nset -e\nmkdir -p /srv/backup\ntar -czf /srv/backup/etc.tar.gz /etc\n' > /etc/cron.hourly/backup
    chmod +x /etc/cron.hourly/usage /etc/cron.hourly/backup
    {
        echo '* * * * * root cd / && run-parts --report /etc/cron.hourly'
        echo '* * * * * root mkdir /run/begun && { run-parts /etc/cron.daily; run-parts /etc/cron.weekly; touch /run/all-done; }'
    } > /etc/cron.d/often
    echo '* * * * * date >> /root/date.log' | crontab -
    crontab -l
    cron -f &
    cron=$!
    for _ in $(seq 40); do
        [ -e /run/all-done ] && break
        sleep 5
    done
    kill "$cron"
    cat /root/date.log /var/log/disk-usage.log
    test -s /srv/backup/etc.tar.gz
    test -e /run/all-done
}
