# rule: Windows network reached from the command line
# where: host
attack() {
    ln -s /bin/true smbclient
    ./smbclient -L //192.0.2.20 -U anna
}
near_miss() {
    ln -s /bin/true mount.cifs
    ./mount.cifs //192.0.2.20/data /srv/data
}
