# An administrator brings the machine up to date, installs a few services and tools,
# and removes some again. Maintainer scripts make users, write units, cron jobs and
# configuration; daemons that start end with the job.
# needs: apt-get
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends \
        cron logrotate man-db openssh-server sudo nginx-light rsync less vim-tiny
    apt-get install -q -y --reinstall passwd login util-linux
    dpkg -l | grep -c '^ii'
    dpkg -S /etc/cron.daily/logrotate
    dpkg -V cron logrotate || true
    apt-get remove -q -y vim-tiny nginx-light
    apt-get purge -q -y rsync
    apt-get autoremove -q -y
    apt-get clean
}
