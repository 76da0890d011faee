# rule: Linux Kernel Module Injection Detected
# where: container
# needs: setpriv
# What is given is no module, so no kernel loads it; the attempt is what counts.
attack() {
    "$TOOLS/load-module" /etc/hostname
}
near_miss() {
    setpriv --bounding-set=-sys_module --inh-caps=-sys_module \
        "$TOOLS/load-module" /etc/hostname
}
