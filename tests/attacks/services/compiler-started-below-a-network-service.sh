# rule: Compiler started below a network service
# where: host
attack() {
    cp /bin/sh nginx
    cp /bin/true gcc
    ./nginx -c './gcc -o x x.c; :'
}
near_miss() {
    cp /bin/sh worker
    cp /bin/true gcc
    ./worker -c './gcc -o x x.c; :'
}
