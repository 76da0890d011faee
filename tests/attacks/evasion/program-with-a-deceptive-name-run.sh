# rule: Program with a deceptive name run
# where: host
attack() {
    cp /bin/true invoice.pdf
    ./invoice.pdf
}
near_miss() {
    cp /bin/true invoice
    ./invoice
}
