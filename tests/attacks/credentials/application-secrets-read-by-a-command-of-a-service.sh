# rule: Application secrets read by a command of a service
# where: host
attack() {
    cp /bin/sh nginx && echo PASSWORD=x > .env
    ./nginx -c 'cat .env > /dev/null; true'
}
near_miss() {
    cp /bin/sh nginx && echo hello > index.html
    ./nginx -c 'cat index.html > /dev/null; true'
}
