# rule: Compiler started below a network service
# where: host
attack() {
    ln -s /bin/sh nginx
    ln -s /bin/true gcc
    ./nginx -c './gcc -o x x.c; :'
}
near_miss() {
    ln -s /bin/sh worker
    ln -s /bin/true gcc
    ./worker -c './gcc -o x x.c; :'
}
