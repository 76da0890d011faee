# rule: Pod entered with the engine's client
# where: host
attack() {
    ln -s /bin/true crictl
    ./crictl exec -it 1f2e3d sh
}
near_miss() {
    ln -s /bin/true crictl
    ./crictl ps -a
}
