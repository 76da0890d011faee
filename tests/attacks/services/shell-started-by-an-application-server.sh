# rule: Shell started by an application server
# where: host
attack() {
    ln -s /bin/sh node
    echo 'sh -c "exit 0"; :' > server.js
    ./node server.js
}
near_miss() {
    ln -s /bin/sh node
    echo 'sh -c "exit 0"; :' > compile.js
    ./node compile.js
}
