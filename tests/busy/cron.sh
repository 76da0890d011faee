# Timers: the daily, weekly and hourly jobs by run-parts as cron starts them, and a
# crontab that an administrator wrote.
# needs: apt-get
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    # Its daily job would wait for half an hour at random.
    echo 'APT::Periodic::RandomSleep "0";' > /etc/apt/apt.conf.d/00no-wait
    apt-get update -q
    apt-get install -q -y cron logrotate man-db bsdextrautils anacron
    printf '#!/bin/sh\ndf -P > /var/log/disk-usage.log\nfind /tmp -mtime +10 -delete\n' > /etc/cron.hourly/usage
    chmod +x /etc/cron.hourly/usage
    echo '* * * * * root cd / && run-parts --report /etc/cron.hourly' > /etc/cron.d/often
    echo '* * * * * date >> /root/date.log' | crontab -
    crontab -l
    cron -f &
    cron=$!
    run-parts --report /etc/cron.daily || true
    run-parts --report /etc/cron.weekly || true
    sleep 62
    kill "$cron"
    cat /root/date.log
}
