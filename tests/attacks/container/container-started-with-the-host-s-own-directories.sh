# rule: Container started with the host's own directories
# where: host
attack() {
    ln -s /bin/true docker
    ./docker run --rm -it -v /:/mnt alpine chroot /mnt sh
}
near_miss() {
    ln -s /bin/true docker
    ./docker run --rm -d -v /srv/shop:/data shop:7
}
