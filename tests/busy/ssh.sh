# People and programs log in over SSH, copy files, and look around.
# needs: apt-get unshare
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
    apt-get update -q
    apt-get install -q -y --no-install-recommends openssh-server openssh-client openssh-sftp-server rsync sudo
    useradd -m -s /bin/bash worker
    echo 'worker ALL=(ALL) NOPASSWD: ALL' > "$WORK/worker"
    install -m 440 "$WORK/worker" /etc/sudoers.d/worker
    visudo -c
    # From here on without a network but the loopback, where port 22 is free.
    unshare --net sh -eu <<'SH'
ip link set lo up
mkdir -p /run/sshd
/usr/sbin/sshd
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
su - worker -c 'ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id_ed25519'
ssh-copy-id -f -o StrictHostKeyChecking=accept-new -i /root/.ssh/id_ed25519.pub root@127.0.0.1 || true
install -d -m 700 -o worker -g worker /home/worker/.ssh
install -m 600 -o worker -g worker /root/.ssh/id_ed25519.pub /home/worker/.ssh/authorized_keys
login="ssh -o StrictHostKeyChecking=accept-new worker@127.0.0.1"
$login 'id; uptime; ls -la; df -h; ps aux | head; w; last | head'
$login 'sudo -n ls /root; sudo -n systemctl status || true; sudo -n tail /var/log/dpkg.log'
script -qec "$login -tt bash -lc 'whoami; history | tail; cat /etc/os-release; exit'" /dev/null < /dev/null
scp -q /etc/hostname worker@127.0.0.1:/tmp/hostname
rsync -a /etc/apt worker@127.0.0.1:backup/
echo 'get /tmp/hostname' | sftp -q worker@127.0.0.1
pkill -x sshd || true
SH
}
