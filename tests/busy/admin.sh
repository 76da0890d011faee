# An administrator at a terminal: accounts, passwords, services, the network, the disks.
work() {
    useradd -m -s /bin/bash newcomer
    echo 'newcomer:Some-long-Secret-3' | chpasswd
    usermod -aG users newcomer
    chage -l newcomer
    groupadd team
    gpasswd -a newcomer team
    su - newcomer -c 'id; ls -la; touch notes; mkdir -p bin'
    passwd -S newcomer
    chage -M 90 -W 7 newcomer
    passwd -l newcomer
    passwd -u newcomer
    passwd -e newcomer
    chsh -s /bin/sh newcomer
    usermod -c 'New Comer' newcomer
    getent passwd newcomer
    pwck -r || true
    grpck -r || true
    lastlog -u newcomer || true
    id; who; uptime; uname -a; hostname
    ps aux > "$WORK/ps"
    ss -tlnp > "$WORK/ss" || true
    ip address > "$WORK/ip"
    ip route >> "$WORK/ip"
    df -h; free -m || true; mount > "$WORK/mounts"; lsblk || true
    dmesg > "$WORK/dmesg" 2>&1 || true
    tail -n 3 /var/log/dpkg.log || true
    cat /etc/passwd /etc/group /etc/hosts /etc/resolv.conf > "$WORK/config"
    sysctl -a > "$WORK/sysctl" 2> /dev/null || true
    env | sort > "$WORK/env"
    cp /etc/hosts /etc/hosts.bak
    sed -i 's/localhost/localhost localhost.localdomain/' /etc/hosts
    chmod 644 /etc/hosts
    chown root:root /etc/hosts
    ln -s /etc/hosts "$WORK/link"
    bash -ic 'alias; history; exit' < /dev/null > "$WORK/interactive" 2>&1
    curl -s --max-time 2 http://127.0.0.1:9/ || true
    kill -0 $$
    nice -n 5 true
    timeout 1 true
    userdel -r newcomer
    groupdel team
}
