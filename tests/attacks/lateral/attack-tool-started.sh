# rule: Attack tool started
# where: host
attack() {
    ln -s /bin/true hydra
    ./hydra -L users -P words ssh://192.0.2.9
}
near_miss() {
    ln -s /bin/true less
    ./less /usr/share/doc/hydra/README
}
