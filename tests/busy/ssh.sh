# People and programs log in over SSH, copy files, look around, and work with a repository.
# needs: apt-get unshare git
# network: host
# right: Account given administrator rights: it is put into the group sudo by hand
# right: SSH server configuration written: where keys come from is changed by hand
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
git init -q --bare /home/worker/project.git
chown -R worker: /home/worker/project.git
export GIT_SSH_COMMAND="ssh -o StrictHostKeyChecking=accept-new"
git clone -q worker@127.0.0.1:project.git "$WORK/project"
cd "$WORK/project"
echo line > file
git add file
git -c user.name=Dev -c user.email=dev@example.org commit -q -m First
git push -q origin HEAD
git pull -q origin HEAD
git ls-remote origin
kill "$(cat /run/sshd.pid)"
SH
}
