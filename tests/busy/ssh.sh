# People and programs log in over SSH, copy files, and look around.
# needs: apt-get unshare
# network: host
work() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends openssh-server openssh-client openssh-sftp-server rsync sudo
    useradd -m -s /bin/bash -G sudo worker
    echo 'worker:Some-long-Secret-3' | chpasswd
    # Keys come from the machine's configuration; a key added by hand is for a rule to say.
    mkdir -p /etc/ssh/keys
    echo 'AuthorizedKeysFile /etc/ssh/keys/%u' > /etc/ssh/sshd_config.d/keys.conf
    visudo -c
    # From here on without a network but the loopback, where port 22 is free.
    unshare --net sh -eu <<'SH'
ip link set lo up
mkdir -p /run/sshd
/usr/sbin/sshd
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
su - worker -c 'ssh-keygen -q -t ed25519 -N "" -f ~/.ssh/id_ed25519'
cp /root/.ssh/id_ed25519.pub /etc/ssh/keys/worker
login="ssh -o StrictHostKeyChecking=accept-new worker@127.0.0.1"
$login 'id; uptime; ls -la; df -h; ps aux | head; w; last | head'
$login 'echo Some-long-Secret-3 | sudo -S sh -c "ls /root; tail /var/log/dpkg.log"'
script -qec "$login -tt bash -lc 'whoami; history | tail; cat /etc/os-release; exit'" /dev/null < /dev/null
scp -q /etc/hostname worker@127.0.0.1:/tmp/hostname
rsync -a /etc/apt worker@127.0.0.1:backup/
echo 'get /tmp/hostname' | sftp -q worker@127.0.0.1
pkill -x sshd || true
SH
}
