# rule: One-line script started below a network service
# where: host
# needs: perl
attack() {
    ln -s /bin/sh nginx
    ./nginx -c 'perl -e "print 1" > /dev/null; :'
}
near_miss() {
    ln -s /bin/sh worker
    ./worker -c 'perl -e "print 1" > /dev/null; :'
}
